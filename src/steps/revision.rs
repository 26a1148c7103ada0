//! Revision: the task definition with the image and the database variable, registered, or reused when it is there.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use super::image::Image;
use crate::arn;
use crate::backoff::jittered;
use crate::failure::{is_throttled, is_transient};
use crate::plan::{RevisionPlan, RevisionTerms};
use crate::ports::{DefinitionReads, DefinitionWrites};
use crate::progress::Progress;
use crate::report::RevisionUsed;
use crate::task_definition::{InFront, TaskDefinition};

/// A registered task definition that runs an [`Image`]. Only this step makes one, and no task runs without it.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    arn: String,
    definition: TaskDefinition,
    registered: bool,
    image_digest: Option<String>,
    /// Empty where the revision is taken as it is.
    diff: String,
}

impl Revision {
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// Returns the task definition that was registered, or taken as it is.
    pub(crate) fn definition(&self) -> &TaskDefinition {
        &self.definition
    }

    /// Returns `sha256:…` of the image that it runs; `None` when its image is named by a tag of another registry.
    pub(crate) fn image_digest(&self) -> Option<&str> {
        self.image_digest.as_deref()
    }

    /// Returns the unified diff that it makes; empty where this run has not registered it.
    pub(crate) fn diff(&self) -> &str {
        if self.registered { &self.diff } else { "" }
    }

    pub(crate) fn used(&self) -> RevisionUsed {
        RevisionUsed { arn: self.arn.clone(), registered: self.registered }
    }
}

/// How often a registration is tried that AWS refuses for the moment, and for how long at the most.
const TRIES: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(60);
/// The wait between two tries, doubled each time up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// AWS refuses in less. What took longer got no answer, and was already tried for as long as one call may take.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Registers what the plan says, or takes the revision that is there. Calls `note` with what a person should know of
/// the tries.
pub(crate) async fn revision(
    terms: &RevisionTerms<'_>,
    image: &Image,
    world: &(impl DefinitionReads + DefinitionWrites),
    progress: &Progress,
    note: &dyn Fn(String),
) -> Result<Revision> {
    let image_digest = image.digest().map(str::to_owned);
    let witness = terms.witness.zip(image.process()).map(|(witness, image)| InFront { image, ..witness });
    let terms = RevisionTerms { witness, ..*terms };
    let planned = terms.revision(image.in_revision())?;
    let diff = terms.diff_of(&planned);
    Ok(match planned {
        RevisionPlan::Reuse(arn) => {
            progress.step(&format!("revision: reuse {}", arn::name(&arn)));
            let definition = terms.current.unwrap_or(terms.base).clone();
            Revision { arn, definition, registered: false, image_digest, diff }
        }
        RevisionPlan::Register(wanted) => {
            progress.step(&format!("revision: register {}", wanted.family()));
            let (arn, registered) = register(&wanted, world, note).await?;
            Revision { arn, definition: wanted, registered, image_digest, diff }
        }
    })
}

/// Registers, and looks before every further try: another run of the same commit registers the same document, and an
/// earlier try may have had its effect without an answer. Returns the ARN, and whether this run has registered the
/// revision.
pub(crate) async fn register(
    wanted: &TaskDefinition,
    world: &(impl DefinitionReads + DefinitionWrites),
    note: &dyn Fn(String),
) -> Result<(String, bool)> {
    let (family, began) = (wanted.family(), Instant::now());
    let (mut tries, mut wait) = (1, FIRST_WAIT);
    loop {
        let tried = Instant::now();
        let mut asked = Asked { family, note, has_answer: false };
        let answer = world.register_task_definition(wanted.register_input()).await;
        asked.has_answer = true;
        let error = match answer {
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

/// A registration that is under way. What is dropped before ECS has answered may have been carried out.
struct Asked<'a> {
    family: &'a str,
    note: &'a dyn Fn(String),
    has_answer: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if !self.has_answer {
            let family = self.family;
            (self.note)(format!(
                "the run ended before ECS had answered: a new revision of {family} may be there, and nothing uses it"
            ));
        }
    }
}

/// Returns the family's newest revision where it is what is wanted; `None` when it is not, or cannot be read.
async fn newest_if_same(wanted: &TaskDefinition, reads: &impl DefinitionReads) -> Option<String> {
    let family = wanted.family();
    let document = reads.describe_task_definition(family).await.ok()??;
    let newest = TaskDefinition::from_json(document, family).ok()?;
    newest.arn().filter(|_| newest.same_as(wanted)).map(str::to_owned)
}

#[cfg(test)]
mod tests;
