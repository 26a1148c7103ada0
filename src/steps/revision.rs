//! Revision: the task definition with the image and the database variable, registered, or reused when it is there.

use anyhow::Result;

use super::image::Image;
use crate::arn;
use crate::plan::{Plan, RevisionPlan};
use crate::ports::DefinitionWrites;
use crate::progress::Progress;
use crate::report::RevisionUsed;

/// A registered task definition that runs an [`Image`]. Only this step makes one, and no task runs without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    arn: String,
    registered: bool,
    image_digest: Option<String>,
}

impl Revision {
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// `sha256:…` of the image that it runs; absent when its image is named by a tag of another registry.
    pub(crate) fn image_digest(&self) -> Option<&str> {
        self.image_digest.as_deref()
    }

    pub(crate) fn used(&self) -> RevisionUsed {
        RevisionUsed { arn: self.arn.clone(), registered: self.registered }
    }
}

pub(crate) async fn revision(
    plan: &Plan,
    image: &Image,
    writes: &impl DefinitionWrites,
    progress: &Progress,
) -> Result<Revision> {
    let image_digest = image.digest().map(str::to_owned);
    Ok(match plan.revision(image.reference())? {
        RevisionPlan::Reuse(arn) => {
            progress.step(&format!("revision: reuse {}", arn::name(&arn)));
            Revision { arn, registered: false, image_digest }
        }
        RevisionPlan::Register(wanted) => {
            progress.step(&format!("revision: register {}", wanted.family()));
            let arn = writes.register_task_definition(wanted.register_input()).await?;
            Revision { arn, registered: true, image_digest }
        }
    })
}
