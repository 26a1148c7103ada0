//! Revision: the task definition with the image and the database variable, registered, or reused when it is there.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::image::Image;
use crate::arn;
use crate::backoff::jittered;
use crate::failure::{is_throttled, is_transient};
use crate::plan::{Plan, RevisionPlan};
use crate::ports::{DefinitionReads, DefinitionWrites};
use crate::progress::Progress;
use crate::report::RevisionUsed;
use crate::task_definition::TaskDefinition;

/// A registered task definition that runs an [`Image`]. Only this step makes one, and no task runs without it.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    arn: String,
    definition: TaskDefinition,
    registered: bool,
    image_digest: Option<String>,
}

impl Revision {
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// What it says.
    pub(crate) fn definition(&self) -> &TaskDefinition {
        &self.definition
    }

    /// `sha256:…` of the image that it runs; absent when its image is named by a tag of another registry.
    pub(crate) fn image_digest(&self) -> Option<&str> {
        self.image_digest.as_deref()
    }

    pub(crate) fn used(&self) -> RevisionUsed {
        RevisionUsed { arn: self.arn.clone(), registered: self.registered }
    }
}

/// How often a registration is tried that AWS refuses for the moment, and for how long at the most.
const TRIES: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries, doubled each time up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// AWS refuses in less. What took longer got no answer, and was tried for as long as one call may take already.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Registers what the plan says, or takes the revision that is there; `note` is told what is worth saying.
pub(crate) async fn revision(
    plan: &Plan,
    image: &Image,
    world: &(impl DefinitionReads + DefinitionWrites),
    progress: &Progress,
    note: &dyn Fn(String),
) -> Result<Revision> {
    let image_digest = image.digest().map(str::to_owned);
    Ok(match plan.revision(image.reference())? {
        RevisionPlan::Reuse(arn) => {
            progress.step(&format!("revision: reuse {}", arn::name(&arn)));
            let definition = plan.current.clone().unwrap_or_else(|| plan.base.clone());
            Revision { arn, definition, registered: false, image_digest }
        }
        RevisionPlan::Register(wanted) => {
            progress.step(&format!("revision: register {}", wanted.family()));
            let (arn, registered) = register(&wanted, world, note).await?;
            Revision { arn, definition: wanted, registered, image_digest }
        }
    })
}

/// Registers, and looks before every further try: another run of the same commit registers the same document, and a try
/// of our own may have had its effect without an answer. Answers the ARN, and whether the revision is ours.
async fn register(
    wanted: &TaskDefinition,
    world: &(impl DefinitionReads + DefinitionWrites),
    note: &dyn Fn(String),
) -> Result<(String, bool)> {
    let (family, began) = (wanted.family(), Instant::now());
    let (mut tries, mut wait) = (1, FIRST_WAIT);
    loop {
        let tried = Instant::now();
        let error = match world.register_task_definition(wanted.register_input()).await {
            Ok(arn) => return Ok((arn, true)),
            Err(error) if is_transient(&error) => error,
            Err(error) => return Err(error),
        };
        let was_refused = tried.elapsed() < REFUSED_WITHIN;
        if let Some(arn) = newest_if_same(wanted, world).await {
            let name = arn::name(&arn);
            note(format!("{name} is used: it was registered meanwhile, and is what was wanted ({error})"));
            return Ok((arn, false));
        }
        if !was_refused || tries >= TRIES || began.elapsed() >= PATIENCE || is_throttled(&error) {
            return Err(error);
        }
        note(format!("a revision of {family} could not be registered yet, it is tried again: {error}"));
        sleep(jittered(wait)).await;
        (tries, wait) = (tries + 1, (wait * 2).min(LONGEST_WAIT));
    }
}

/// The family's newest revision where it is what is wanted. One that cannot be read is none.
async fn newest_if_same(wanted: &TaskDefinition, reads: &impl DefinitionReads) -> Option<String> {
    let family = wanted.family();
    let document = reads.describe_task_definition(family).await.ok()??;
    let newest = TaskDefinition::from_json(document, family).ok()?;
    newest.arn().filter(|_| newest.same_as(wanted)).map(str::to_owned)
}

#[cfg(test)]
mod tests;
