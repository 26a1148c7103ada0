//! The running tasks of a deployment, and whether each has the image.

use super::proof::Deployed;
use super::{Evidence, ServiceVerdict};
use crate::arn;
use crate::ports::{Task, TaskStatus};
use crate::untrusted::phrase;

/// What running tasks are looked at for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The deployment that has started them: `ecs-svc/<digits>`.
    pub deployment: &'a str,
    /// The revision that they run, as an ARN.
    pub task_definition: &'a str,
    /// Containers, and a digest that each may have: one that is there twice may have either, such as that of an index
    /// and that of its image for the platform.
    pub digests: &'a [(String, String)],
    /// Containers whose image the revision names by a digest of these: what such a task runs does not depend on a
    /// tag.
    pub pinned: &'a [String],
    /// How many tasks the service wants.
    pub tasks: usize,
    pub evidence: Evidence,
}

/// What the running tasks prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Running {
    /// As many as are wanted have the image.
    Proved(Deployed),
    /// Those that are seen have it, and there are fewer than are wanted.
    Fewer(Deployed),
    /// None is seen: the stores of ECS may not agree yet.
    None,
    /// ECS does not say the digest of a container (yet), and its revision does not pin it either.
    NoDigest { task: String, container: String },
    /// ECS says that a container's own health check fails.
    Unhealthy { task: String, container: String },
    /// A task runs another image.
    Other { task: String, container: String, digest: String },
}

/// Judges the running tasks of a service. Those of other deployments do not count.
pub(crate) fn running(tasks: &[Task], wanted: &Wanted<'_>) -> Running {
    let own = tasks.iter().filter(|task| {
        task.started_by.as_deref() == Some(wanted.deployment)
            && task.task_definition.as_deref() == Some(wanted.task_definition)
            && task.last_status == TaskStatus::Running
            && task.desired_status == TaskStatus::Running
    });
    let (mut count, mut by_pin, mut silent, mut sick) = (0, 0, None, None);
    for task in own {
        let mut names: Vec<&str> = wanted.digests.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        let mut is_pinned = false;
        for name in names {
            let digest = task.container(name).and_then(|own| own.image_digest.as_deref());
            match digest {
                Some(digest) if wanted.digests.iter().any(|(of, may)| of == name && may == digest) => {}
                Some(digest) => {
                    return Running::Other {
                        task: task.id().to_owned(),
                        container: name.to_owned(),
                        digest: digest.to_owned(),
                    };
                }
                None if task.container(name).is_some()
                    && wanted.pinned.iter().any(|pinned| pinned == name) =>
                {
                    is_pinned = true;
                }
                None => {
                    silent.get_or_insert((task.id().to_owned(), name.to_owned()));
                }
            }
        }
        if let Some(one) = task.containers.iter().find(|one| one.health.as_deref() == Some("UNHEALTHY")) {
            sick.get_or_insert((task.id().to_owned(), one.name.clone()));
        }
        count += 1;
        by_pin += usize::from(is_pinned);
    }
    if let Some((task, container)) = silent {
        return Running::NoDigest { task, container };
    }
    if let Some((task, container)) = sick {
        return Running::Unhealthy { task, container };
    }
    let proof = || Deployed::of(wanted.task_definition, count, by_pin, wanted.tasks, wanted.evidence);
    match count {
        0 => Running::None,
        _ if wanted.digests.is_empty() => Running::None,
        _ if count < wanted.tasks => Running::Fewer(proof()),
        _ => Running::Proved(proof()),
    }
}

impl Running {
    /// Returns the verdict when the run does not wait for a better look.
    pub(crate) fn verdict(self, deployment: &str) -> ServiceVerdict {
        let unproved = |why: String| ServiceVerdict::Unproved { why };
        match self {
            Self::Proved(proof) | Self::Fewer(proof) => ServiceVerdict::Deployed(proof),
            Self::None => unproved(format!(
                "ECS has completed the deployment, and no running task of {} is to be seen, so no image is proved",
                phrase(deployment)
            )),
            Self::NoDigest { task, container } => unproved(format!(
                "ECS does not say which image digest container {} of task {} has, and the revision names none",
                phrase(&container),
                phrase(arn::name(&task))
            )),
            Self::Unhealthy { task, container } => ServiceVerdict::Unhealthy {
                why: format!(
                    "ECS has completed the deployment, and container {} of task {} is UNHEALTHY",
                    phrase(&container),
                    phrase(arn::name(&task))
                ),
            },
            Self::Other { task, container, digest } => unproved(format!(
                "container {} of task {} runs the image {}, which is not the one that was asked for",
                phrase(&container),
                phrase(arn::name(&task)),
                phrase(&digest)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Container;

    const OURS: &str = "ecs-svc/2";

    fn task(id: &str, by: &str, definition: &str, status: &str, digest: Option<&str>) -> Task {
        Task {
            arn: format!("arn:aws:ecs:us-east-1:1:task/c/{id}"),
            started_by: Some(by.into()),
            task_definition: Some(definition.into()),
            last_status: status.into(),
            desired_status: "RUNNING".into(),
            containers: vec![Container {
                name: "app".into(),
                image_digest: digest.map(str::to_owned),
                ..Container::default()
            }],
            ..Task::default()
        }
    }

    fn words(tasks: &[Task], wanted: usize, pinned: bool) -> String {
        let digests = [("app".to_owned(), "sha256:1".to_owned()), ("app".to_owned(), "sha256:2".to_owned())];
        let pinned = if pinned { vec!["app".to_owned()] } else { Vec::new() };
        let wanted = Wanted {
            deployment: OURS,
            task_definition: "td:2",
            digests: &digests,
            pinned: &pinned,
            tasks: wanted,
            evidence: Evidence::ServiceDeployment,
        };
        running(tasks, &wanted).verdict(OURS).explain()
    }

    #[test]
    fn each_running_task_of_the_deployment_has_the_image_and_no_other_counts() {
        let good = || task("a", OURS, "td:2", "RUNNING", Some("sha256:1"));
        let of_index = task("b", OURS, "td:2", "RUNNING", Some("sha256:2"));
        let old = task("c", "ecs-svc/1", "td:1", "RUNNING", Some("sha256:9"));
        let coming = task("d", OURS, "td:2", "PENDING", None);
        let other = task("e", OURS, "td:2", "RUNNING", Some("sha256:9"));
        let silent = task("f", OURS, "td:2", "RUNNING", None);
        let bare = Task { containers: Vec::new(), ..silent.clone() };
        let mut sick = good();
        sick.containers[0].health = Some("UNHEALTHY".into());
        for (tasks, wanted, pinned, said) in [
            (
                vec![good(), of_index.clone()],
                2,
                false,
                "td:2 in 2 running tasks, each with the image's digest",
            ),
            (vec![good(), old.clone(), coming], 1, false, "td:2 in 1 running task, each"),
            (vec![good()], 3, false, "1 running task of 3 wanted"),
            (vec![old], 1, false, "no running task of ecs-svc/2"),
            (vec![], 1, false, "no running task of ecs-svc/2"),
            (vec![good(), other.clone()], 2, false, "container app of task e runs the image sha256:9"),
            (vec![other], 1, true, "container app of task e runs the image sha256:9"),
            (
                vec![good(), silent.clone()],
                2,
                false,
                "does not say which image digest container app of task f has",
            ),
            (vec![good(), silent], 2, true, "the revision names their image by digest"),
            (vec![good(), sick], 2, false, "container app of task a is UNHEALTHY"),
            (vec![bare], 1, true, "does not say which image digest"),
        ] {
            let explained = words(&tasks, wanted, pinned);
            assert!(explained.contains(said), "{said}: {explained}");
        }
    }
}
