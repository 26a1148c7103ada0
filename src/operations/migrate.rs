//! `fargate-migrate migrate`: image → revision → migration, for every database that is asked for.

use std::cell::OnceCell;
use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use tokio::try_join;

use self::github::{github_api, github_history, post_plan};
use super::{Operation, Planned, post};
use crate::adapters::ThisMachine;
use crate::adapters::github::GitHub;
use crate::adapters::identity::Access;
use crate::cli;
use crate::database_name::is_fleet;
use crate::document::Document;
use crate::failure::{ExitCode, Failure};
use crate::github::deployments::DeploymentQueue;
use crate::interrupt::interrupted;
use crate::migration::Migration;
use crate::migration::record::Record;
use crate::plan::Plan;
use crate::ports::{Reads, Writes};
use crate::recorder::Reported;
use crate::report::{self, Annotation, Outputs, Report};
use crate::session::Session;
use crate::settings::{Common, Settings, TaskDefinitionSource};
use crate::state::State;
use crate::steps::image::image;
use crate::steps::observe::{observe, observe_revisions, past};
use crate::steps::revision::revision;
use crate::steps::task::log::files::LogFiles;
use crate::verdict::{AllMigrated, Migrated, NotAll};

mod github;

pub struct Migrate {
    settings: Settings,
    state: Option<State>,
    /// Why the state file cannot be used: then nothing else is done.
    refused: Option<Failure>,
    /// Where the logs of all databases go.
    log_files: OnceCell<LogFiles>,
}

impl Migrate {
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::MigrateFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        let commit = github.and_then(|github| github.sha.clone());
        Ok(Self::of(Settings::new(flags, commit, super::identity(github))?))
    }

    /// Takes the state file over, where the settings name one.
    pub fn of(settings: Settings) -> Self {
        let (settings, state, refused) = match State::take_up(&settings) {
            Ok((settings, state)) => (settings, state, None),
            Err(failure) => (settings, None, Some(failure)),
        };
        Self { settings, state, refused, log_files: OnceCell::new() }
    }

    /// Does what was planned; returns the proofs of the databases that are migrated.
    async fn migrate<W: Reads + Writes>(
        &self,
        plan: &Plan,
        session: &Session<'_, &W, Report>,
        record: &Record<'_>,
    ) -> Result<Vec<Migrated>> {
        let Session { progress, interrupt, recorder, .. } = *session;
        let note = |text: String| recorder.note(text);
        let image = interrupt.unless(image(&plan.image, session.world, progress, &note)).await?;
        recorder.update(|report| report.image = Some(image.used()));
        recorder.save();

        let diff = plan.diff(image.reference())?;
        let revision = interrupt.unless(revision(plan, &image, session.world, progress, &note)).await?;
        let used = revision.used();
        recorder.update(|report| {
            report.diff = if used.registered { diff } else { String::new() };
            report.revision = Some(used);
        });
        recorder.save();

        record.begins(plan, revision.arn())?;
        progress.step("migrate");
        let log_files = self.log_files.get();
        let proofs = Migration::new(plan, &revision, session, record, log_files).run().await;
        if let Some(files) = log_files {
            recorder.note(format!("the logs of all databases are in {}", files.directory().display()));
        }
        Ok(proofs)
    }

    /// Migrates while GitHub Deployments are recorded, where they are wanted.
    async fn migrate_and_record<W: Reads + Writes>(
        &self,
        plan: &Plan,
        session: &Session<'_, &W, Report>,
    ) -> Result<Vec<Migrated>> {
        let Session { progress, interrupt, recorder, github, .. } = *session;
        let github_deployments =
            self.settings.github.deployments.then(|| DeploymentQueue::new(&self.settings));
        let record = Record::new(session)
            .with_github_deployments(github_deployments.as_ref())
            .with_state(self.state.as_ref());
        record.planned(plan);
        if let Some(github) = github {
            let list = github.begin_task_list().unwrap_or_else(|error| {
                recorder.note(format!("the post stage will have to ask ECS for the run's tasks: {error:#}"));
                None
            });
            let run = post::StepState::new(&self.settings, plan, session.world.region());
            recorder.note_unwritten("the step's state was", post::begins(github, run, list.as_ref()));
            record.lists_tasks(list);
        }
        recorder.save();
        let migrate = async {
            let migrated = self.migrate(plan, session, &record).await;
            recorder.save();
            migrated
        };
        let Some(github_deployments) = &github_deployments else { return migrate.await };
        match github_api(github, progress) {
            Ok(api) => {
                let migrated = github_deployments.record_during(&api, migrate, interrupt).await;
                github_deployments.notes().into_iter().for_each(|note| recorder.note(note));
                migrated
            }
            Err(failure) => {
                recorder.note(format!("no GitHub Deployment is recorded: {}", failure.sentence()));
                migrate.await
            }
        }
    }
}

impl Operation for Migrate {
    type Plan = Plan;
    type Report = Report;

    fn common(&self) -> &Common {
        &self.settings.common
    }

    fn access(&self) -> Access {
        Access { api_share: *self.settings.fleet.api_share, ..Access::of(self.common()) }
    }

    fn report(&self) -> Report {
        let mut report = Report::new(&self.settings);
        if let Some(state) = &self.state {
            report.is_resumable = state.journal.is_some();
            report.never_ran = state.never_ran;
        }
        report
    }

    fn plans_without_aws(&self) -> bool {
        matches!(self.settings.task_definition, TaskDefinitionSource::File(_))
    }

    fn prepare(&self, session: &Session<'_, (), Report>) -> Result<()> {
        self.refused.clone().map_or(Ok(()), Err)?;
        if let Some(files) = log_files(&self.settings, session.github)? {
            self.log_files.get_or_init(|| files);
        }
        session.progress.databases(&self.settings.databases);
        Ok(())
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, Report>) -> Result<Plan> {
        self.refused.clone().map_or(Ok(()), Err)?;
        let (settings, state) = (&self.settings, self.state.as_ref());
        let aws = session.world;
        let (mut observed, github) = try_join!(
            observe(settings, &ThisMachine, aws),
            github_history(settings, session.progress, session.github)
        )?;
        observed.past = past(state, settings, aws).await?;
        if let Some(reads) = aws {
            observe_revisions(settings, &mut observed, reads).await?;
        }
        observed.takes(github);
        let mut plan = Plan::new(settings, observed)?;
        if let Some(state) = state {
            state.check(plan.target().as_ref())?;
            plan.notes.extend(state.notes.iter().cloned());
        }
        Ok(plan)
    }

    async fn only_planned(&self, plan: &mut Plan, session: &Session<'_, (), Report>) -> Result<()> {
        if self.settings.github.comment
            && let Err(error) = post_plan(plan, session.progress, session.github).await
        {
            plan.notes.push(format!(
                "the plan is not on the pull request: {}",
                Failure::from_error(&error).sentence()
            ));
        }
        Ok(())
    }

    async fn apply<W: Reads + Writes>(&self, plan: &Plan, session: &Session<'_, &W, Report>) -> Result<()> {
        let ended = self.migrate_and_record(plan, session).await.and_then(|proofs| {
            match AllMigrated::of(&self.settings.databases, proofs) {
                Err(NotAll::Missing(_)) if session.interrupt.is_set() => Err(interrupted().into()),
                _ => Ok(()),
            }
        });
        // After an interrupt the post stage looks whether everything has stopped.
        let is_cancelled =
            |error: &anyhow::Error| Failure::from_error(error).exit_code == ExitCode::Cancelled;
        if let Some(github) = session.github
            && !ended.as_ref().is_err_and(is_cancelled)
        {
            session.recorder.note_unwritten("the step's state was", post::ended(github));
        }
        ended
    }
}

impl Planned for Plan {
    fn document(&self) -> Result<Document, Failure> {
        self.document()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }
}

impl Reported for Report {
    fn document(&self) -> Document {
        self.document()
    }

    fn data(&self) -> Value {
        report::result(self)
    }

    fn write_result(&self, out: &mut dyn Write) -> std::io::Result<()> {
        report::write_result(self, out)
    }

    fn outputs(&self) -> Outputs {
        report::outputs(self)
    }

    fn exit_code(&self) -> ExitCode {
        self.exit_code()
    }

    fn annotations(&self) -> Vec<Annotation> {
        report::annotations(self)
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn end(&mut self, error: Option<Failure>) {
        self.end(error);
    }
}

/// Where `--log-dir` says; a fleet's logs would be lost without it, so they have a place in any case.
fn log_files(settings: &Settings, github: Option<&GitHub>) -> Result<Option<LogFiles>, Failure> {
    match &settings.common.output.log_dir {
        Some(directory) => LogFiles::within(directory).map(Some),
        None if is_fleet(settings.databases.len()) => {
            let below = github.and_then(|github| github.temporary.as_deref());
            LogFiles::temporary(below).map(Some)
        }
        None => Ok(None),
    }
}
