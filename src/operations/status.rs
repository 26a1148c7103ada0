//! `fargate-migrate status`: which commit each database is proved migrated with, and which one each service runs.
//!
//! ```text
//! records ─► observe ─► compare (--check) ─► report
//! ```
//!
//! It has a reading half alone: what its plan has seen is its report.

use anyhow::Result;

use self::reported::StatusReport;
use super::{Operation, Planned, migrate::github_api};
use crate::adapters::github::GitHub;
use crate::cli;
use crate::document::Document;
use crate::failure::Failure;
use crate::github::deployments::past::newest;
use crate::plan::status::{Recorded, Status as Seen, document};
use crate::ports::{Reads, Writes};
use crate::progress::Progress;
use crate::session::Session;
use crate::settings::{Common, StatusSettings};
use crate::state::Journal;
use crate::steps::observe::observe_status;

mod reported;

pub struct Status {
    settings: StatusSettings,
}

impl Status {
    /// Reads the flags.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::StatusFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        Ok(Self { settings: StatusSettings::new(flags, super::identity(github))? })
    }

    /// Reads what the state file and GitHub's Deployments say, as far as the settings name them.
    ///
    /// # Errors
    /// The state file cannot be read. What GitHub does not say is not an error, and not known.
    async fn recorded(&self, progress: &Progress, github: Option<&GitHub>) -> Result<Recorded> {
        let StatusSettings { state, github: flags, databases, .. } = &self.settings;
        let look = state.as_deref().map(Journal::look).transpose()?;
        let (state, in_use, note) =
            look.map(|look| (Some(look.history), look.in_use, look.note)).unwrap_or_default();
        let deployments = match github_api(github, progress) {
            _ if !flags.deployments || databases.is_empty() => None,
            Err(failure) => Some(Err(format!("GitHub's Deployments were not asked: {}", failure.sentence()))),
            Ok(api) => {
                let prefix = flags.environment_prefix.as_deref().unwrap_or_default();
                Some(Ok(newest(&api, databases, prefix).await))
            }
        };
        Ok(Recorded { state, in_use, github: deployments, notes: note.into_iter().collect() })
    }
}

impl Operation for Status {
    type Plan = Seen;
    type Report = StatusReport;

    fn common(&self) -> &Common {
        &self.settings.common
    }

    fn report(&self) -> StatusReport {
        StatusReport::default()
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, StatusReport>) -> Result<Seen> {
        let Some(aws) = session.world else {
            return Err(Failure::input("a status cannot be read without AWS").into());
        };
        let recorded = self.recorded(session.progress, session.github).await?;
        observe_status(&self.settings, &recorded, aws).await
    }

    async fn apply<W: Reads + Writes>(
        &self,
        plan: &Seen,
        session: &Session<'_, &W, StatusReport>,
    ) -> Result<()> {
        let seen = plan.clone();
        session.recorder.update(|report| report.status = Some(seen));
        Ok(())
    }
}

impl Planned for Seen {
    fn document(&self) -> Result<Document, Failure> {
        Ok(document(Some(self), None, &[]))
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }
}
