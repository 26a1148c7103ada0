//! What a plan comes to, in sentences: the lines above the diff, in text and Markdown alike.

use super::listing::brief;
use super::{Begun, ImagePlan, Pack, Plan, RevisionPlan, RunningTask, names};
use crate::choices::OnRunning;
use crate::database_name::list_variable;
use crate::words::{counted, duration};

pub(super) fn facts(plan: &Plan, revision: &RevisionPlan) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(account) = &plan.account {
        facts.push(("account", format!("{} in {}", account.caller.account, account.region)));
    }
    facts.push(("cluster", plan.cluster.clone()));
    facts.push(("image", image_sentence(&plan.image, plan.account.is_some())));
    facts.push((
        "revision",
        match revision {
            RevisionPlan::Reuse(arn) => format!("reuse {arn}: it is already what is wanted"),
            RevisionPlan::Register(_) => {
                format!("register a new revision of {}, made from {}", plan.family(), plan.base.name())
            }
        },
    ));
    facts.push(("container", plan.container.clone()));
    facts.push(("databases", brief(&plan.databases().collect::<Vec<_>>())));
    if plan.databases().next().is_some() {
        facts.push(("told", told(plan)));
    }
    if plan.packed {
        facts.push(("tasks", tasks(plan)));
    }
    facts.extend(running_now(plan).into_iter().map(|sentence| ("running now", sentence)));
    facts.extend(resumed(plan).map(|sentence| ("resumed", sentence)));
    if plan.canaries > 0 {
        facts.push(("waves", waves(plan)));
    }
    facts.push(("network", network(plan)));
    facts.push(("order", order(plan)));
    facts
}

/// How each task is told what to migrate, which the diff of the revision does not show.
fn told(plan: &Plan) -> String {
    let variable = plan.task.database_variable.as_str();
    let told = match &plan.databases().collect::<Vec<_>>()[..] {
        [only] if !plan.packed => format!("{variable} = {only} by RunTask"),
        _ if plan.packed => format!("{} by RunTask, for each task its own", list_variable(variable)),
        _ => format!("{variable} by RunTask, for each task its own"),
    };
    format!("{told}; the revision names no database")
}

/// `3, told by DATABASE_NAMES, of 200 databases at most`.
fn tasks(plan: &Plan) -> String {
    let started = plan.packs.iter().filter(|pack| plan.may_start(pack));
    let sizes: Vec<usize> = started.map(|pack| pack.databases.len()).collect();
    let most = counted(sizes.iter().copied().max().unwrap_or_default(), "database");
    format!("{} of at most {most}, named in {}", sizes.len(), list_variable(&plan.task.database_variable))
}

/// Databases that a task migrates now, by what is done about it.
fn running_now(plan: &Plan) -> Vec<String> {
    let of = |is_meant: fn(&RunningTask) -> bool| {
        of_packs(plan, |pack| pack.running.as_ref().is_some_and(|task| is_meant(task)))
    };
    let of_other_run = match plan.fleet.on_running {
        OnRunning::Wait => "migrated by another task: its end is waited for",
        OnRunning::Adopt => {
            "migrated by another task: it is followed and judged, when it runs the same revision and is told the same"
        }
        OnRunning::Fail => "migrated by another task: nothing is started beside it",
    };
    counts([
        (of(|task| !(task.ending || task.ours && task.alike)), of_other_run),
        (
            of(|task| task.ours && task.alike && !task.ending),
            "migrated by a task of this run: it is followed",
        ),
        (of(|task| task.ending), "migrated by a task that is being stopped: its end is waited for"),
    ])
}

/// What is left of a run that goes on; none for one that begins.
fn resumed(plan: &Plan) -> Option<String> {
    let of = |is_meant: fn(&Begun) -> bool| of_packs(plan, |pack| pack.begun.as_ref().is_some_and(is_meant));
    let parts = counts([
        (plan.proved.len(), "proved migrated by an earlier run, and skipped"),
        (of(|begun| matches!(begun, Begun::Task { has_ended: false, .. })), "begun, and followed"),
        (
            of(|begun| matches!(begun, Begun::Task { has_ended: true, .. })),
            "begun by a task that has ended, and started again where that did not migrate them",
        ),
        (of(|begun| matches!(begun, Begun::Call { .. })), "begun, perhaps, which RunTask will tell"),
    ]);
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// How many databases such packs have.
fn of_packs(plan: &Plan, is_meant: impl Fn(&Pack) -> bool) -> usize {
    plan.packs.iter().filter(|pack| is_meant(pack)).map(|pack| pack.databases.len()).sum()
}

/// `2 databases begun, and followed`, where there are any.
fn counts<const N: usize>(of: [(usize, &str); N]) -> Vec<String> {
    let some = of.into_iter().filter(|(count, _)| *count > 0);
    some.map(|(count, what)| format!("{} {what}", counted(count, "database"))).collect()
}

fn waves(plan: &Plan) -> String {
    let (canaries, rest) = plan.packs.split_at(plan.canaries);
    let first = brief(&names(canaries).collect::<Vec<_>>());
    match names(rest).count() {
        0 => format!("{first}, and no others"),
        others => format!("first {first}; when all of them are migrated, the other {others}"),
    }
}

/// What happens to the image. `is_known`: somebody has looked whether its tag is there.
pub(super) fn image_sentence(image: &ImagePlan, is_known: bool) -> String {
    let absent = |tag: &str| match is_known {
        true => format!("the repository has no image {tag} yet"),
        false => format!("whether the repository has {tag} is not known"),
    };
    match image {
        ImagePlan::Reuse { tag, digest } => {
            format!("reuse {}@{digest}: the repository has tag {} already", tag.repository.uri, tag.tag)
        }
        ImagePlan::Build { build, to } => format!(
            "build {}{} and push {}: {}",
            build.dockerfile.display(),
            build.target.as_ref().map(|target| format!(" (target {target})")).unwrap_or_default(),
            to.reference(),
            absent(&to.tag)
        ),
        ImagePlan::Package { binary, to } => {
            format!("package {} and push {}: {}", binary.path.display(), to.reference(), absent(&to.tag))
        }
        ImagePlan::Given { reference, .. } => format!("use {reference}"),
    }
}

fn network(plan: &Plan) -> String {
    let network = &plan.network;
    let groups = if network.security_groups.is_empty() {
        "the VPC's default security group".to_owned()
    } else {
        network.security_groups.join(", ")
    };
    let public = if network.assign_public_ip { "public IP" } else { "no public IP" };
    format!("{} · {groups} · {public}", network.subnets.join(", "))
}

fn order(plan: &Plan) -> String {
    if plan.packs.is_empty() {
        return "nothing is left to start".to_owned();
    }
    let at_once = match plan.fleet.max_parallel.min(plan.packs.len()) {
        1 => "one at a time".to_owned(),
        n if plan.packed => format!("{n} tasks at a time"),
        n => format!("{n} at a time"),
    };
    let after_failure = match plan.fleet.stops_after() {
        None => "go on after a failure".to_owned(),
        Some(1) => "start no more after a failure".to_owned(),
        Some(most) => format!("start no more after {most} failures"),
    };
    format!("{at_once}, {after_failure}, {} each at most", duration(plan.task.timeout.as_millis() as i64))
}
