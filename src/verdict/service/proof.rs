//! What may be put on a service, and the proof that it runs there.

use std::fmt;

use crate::arn;
use crate::ports::{RevisionImage, ServiceRevision};
use crate::settings::NoMigration;
use crate::verdict::AllMigrated;
use crate::words::counted;

/// The permission to put an image on a service. Only proof that all databases are migrated gives it; or the word of a
/// person that they are proved elsewhere (`--no-migration`); or that ECS ran it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployable {
    /// `sha256:…` of the image; absent where the content that ran before is more than one image.
    digest: Option<String>,
    images: Vec<RevisionImage>,
}

impl Deployable {
    /// Allows the image that has migrated all databases.
    pub fn migrated(all: &AllMigrated) -> Self {
        Self { digest: Some(all.image_digest().to_owned()), images: Vec::new() }
    }

    /// Allows an image whose databases a person says are proved elsewhere.
    pub fn proved_elsewhere(digest: &str, _word: &NoMigration) -> Self {
        Self { digest: Some(digest.to_owned()), images: Vec::new() }
    }

    /// Allows what a service ran before, as ECS has recorded it.
    pub(crate) fn ran_before(revision: &ServiceRevision) -> Self {
        Self { digest: None, images: revision.images.clone() }
    }

    /// Allows what a person has named that no recorded deployment has put on the service: an older revision of what
    /// it runs.
    pub(crate) fn named_by_a_person(images: Vec<RevisionImage>) -> Self {
        Self { digest: None, images }
    }

    /// Returns the digest of the one image that is new; none for what ran before.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Tells whether these are the images that it is about: each container, with the digests of which it may have
    /// any.
    pub(crate) fn is_of(&self, digests: &[(String, String)]) -> bool {
        let is_one = |container: &str, digest: &str| match &self.digest {
            Some(only) => only == digest,
            None => self.images.iter().any(|image| image.container == container && has(image, digest)),
        };
        let is_its =
            |container: &str| digests.iter().any(|(of, digest)| of == container && is_one(container, digest));
        // What ran before is taken where ECS knows no digest of it; that nothing proves it then is said in the end.
        (self.digest.is_none() || !digests.is_empty())
            && digests.iter().all(|(container, _)| is_its(container))
    }
}

/// Tells whether a container's image has this digest, by ECS's record, or by its name.
fn has(image: &RevisionImage, digest: &str) -> bool {
    let named = image.image.split_once('@').map(|(_, digest)| digest);
    image.digest.as_deref() == Some(digest) || named == Some(digest)
}

/// What says that a deployment has landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The run's service deployment is SUCCESSFUL.
    ServiceDeployment,
    /// The service's PRIMARY deployment is the run's and COMPLETED: DescribeServices alone, where the newer calls are
    /// denied or have no record. The weaker proof.
    Classic,
}

/// Proof that a service runs what was asked for: its deployment has landed, and its running tasks have the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    task_definition: String,
    tasks: usize,
    /// How many of these have no digest from ECS, and a revision that names the image by digest.
    pinned: usize,
    wanted: usize,
    evidence: Evidence,
}

impl Deployed {
    /// Makes the proof; the numbers are of running tasks that were looked at.
    pub(super) fn of(
        task_definition: &str,
        tasks: usize,
        pinned: usize,
        wanted: usize,
        evidence: Evidence,
    ) -> Self {
        Self { task_definition: task_definition.to_owned(), tasks, pinned, wanted, evidence }
    }

    /// Returns the revision that the service runs, as an ARN.
    pub fn task_definition(&self) -> &str {
        &self.task_definition
    }

    /// Counts the running tasks that were looked at, each with the image.
    pub fn tasks(&self) -> usize {
        self.tasks
    }

    /// Returns how many tasks the service wants.
    pub fn wanted(&self) -> usize {
        self.wanted
    }

    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// Makes a proof for tests of what shows one.
    #[cfg(test)]
    pub(crate) fn sample(task_definition: &str, tasks: usize, wanted: usize, evidence: Evidence) -> Self {
        Self::of(task_definition, tasks, 0, wanted, evidence)
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = arn::name(&self.task_definition);
        let of = if self.tasks < self.wanted { format!(" of {} wanted", self.wanted) } else { String::new() };
        write!(f, "{name} in {}{of}, each with the image's digest", counted(self.tasks, "running task"))?;
        if self.pinned > 0 {
            write!(
                f,
                "; ECS does not say that of {}, and the revision names their image by digest",
                self.pinned
            )?;
        }
        match self.evidence {
            Evidence::ServiceDeployment => Ok(()),
            Evidence::Classic => f.write_str(
                "; the service's own record of the deployment could not be read, so this is the weaker proof",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(container, digest)| ((*container).to_owned(), (*digest).to_owned())).collect()
    }

    #[test]
    fn leave_for_one_image_is_leave_for_no_other() {
        let leave = Deployable::proved_elsewhere("sha256:1", &NoMigration::given());
        assert_eq!(leave.digest(), Some("sha256:1"));
        for (of, expected) in [
            (&[("web", "sha256:1"), ("cron", "sha256:1")][..], true),
            (&[("web", "sha256:1"), ("web", "sha256:2")], true),
            (&[("web", "sha256:1"), ("cron", "sha256:2")], false),
            (&[("web", "sha256:2")], false),
            (&[], false),
        ] {
            assert_eq!(leave.is_of(&digests(of)), expected, "{of:?}");
        }
    }

    #[test]
    fn leave_for_what_ran_before_is_for_each_container_what_it_ran() {
        let image = |container: &str, image: &str, digest: Option<&str>| RevisionImage {
            container: container.into(),
            image: image.into(),
            digest: digest.map(Into::into),
        };
        let images = [
            image("web", "app@sha256:1", Some("sha256:2")),
            image("proxy", "proxy:1", Some("sha256:3")),
            image("logs", "logs:1", None),
        ];
        let ran = Deployable::ran_before(&ServiceRevision { images: images.to_vec(), ..Default::default() });
        for leave in [ran, Deployable::named_by_a_person(images.to_vec())] {
            for (of, expected) in [
                (&[("web", "sha256:1"), ("proxy", "sha256:3")][..], true),
                (&[("web", "sha256:2"), ("web", "sha256:4")], true),
                (&[], true),
                (&[("web", "sha256:3")], false),
                (&[("web", "sha256:1"), ("proxy", "sha256:1")], false),
                (&[("logs", "sha256:1")], false),
                (&[("other", "sha256:1")], false),
            ] {
                assert_eq!(leave.is_of(&digests(of)), expected, "{of:?}");
            }
        }
    }
}
