//! `fargate-migrate migrate`: image → revision → migration, for every database that is asked for.

use std::cell::OnceCell;
use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use tokio::try_join;

use self::github::github_history;
use super::sql::{self, Code, Known};
use super::{Operation, Planned, check, post};
use crate::adapters::ThisMachine;
use crate::adapters::github::GitHub;
use crate::adapters::identity::Access;
use crate::choices::SqlLevel;
use crate::cli;
use crate::database_name::is_fleet;
use crate::document::Document;
use crate::failure::{ExitCode, Failure};
use crate::github::deployments::{DeploymentQueue, Recording};
use crate::interrupt::interrupted;
use crate::migration::Migration;
use crate::migration::record::Record;
use crate::plan::Plan;
use crate::ports::{Reads, Writes};
use crate::recorder::Reported;
use crate::report::{self, Annotation, Outputs, Report};
use crate::session::Session;
use crate::settings::{CheckSettings, Common, Settings, TaskDefinitionSource};
use crate::sql::SeenSql;
use crate::state::State;
use crate::steps::image::{Image, image};
use crate::steps::observe::{observe, observe_revisions, past};
use crate::steps::revision::revision;
use crate::steps::task::log::files::LogFiles;
use crate::verdict::{AllMigrated, Migrated, NotAll};

pub(super) use self::github::{comment_on_pull_request, comment_plan, github_api, record_at_github};

mod github;

pub struct Migrate {
    settings: Settings,
    state: Option<State>,
    /// Why the state file cannot be used: then nothing else is done.
    refused: Option<Failure>,
    /// Where the logs of all databases go.
    log_files: OnceCell<LogFiles>,
    /// `--plan --check`
    check: Option<CheckSettings>,
}

impl Migrate {
    /// Reads the flags. The commit of the workflow's run is the image's tag where there is none and nothing is
    /// checked out.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::MigrateFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        let commit = github.and_then(|github| github.sha.clone());
        let (checks, command) = (flags.check, flags.check_command.check_command.clone());
        let migrate = Self::of(Settings::new(flags, commit, super::identity(github))?);
        let check = checks.then(|| CheckSettings::of_plan(&migrate.settings, command)).transpose()?;
        Ok(Self { check, ..migrate })
    }

    /// Makes a migration with these settings, and takes the state file over where they name one. Where the file
    /// cannot be used, the run fails before it does anything.
    pub fn of(settings: Settings) -> Self {
        let (settings, state, refused) = match State::take_up(&settings) {
            Ok((settings, state)) => (settings, state, None),
            Err(failure) => (settings, None, Some(failure)),
        };
        Self { settings, state, refused, log_files: OnceCell::new(), check: None }
    }

    /// Makes the queue of the databases' GitHub Deployments; `None` where they are not wanted.
    pub(super) fn github_deployments(&self) -> Option<DeploymentQueue> {
        self.settings.github.deployments.then(|| DeploymentQueue::new(&self.settings))
    }

    /// Tells whether the SQL of files is to be looked at.
    pub(super) fn looks_at_files(&self) -> bool {
        self.settings.sql.sql_level != SqlLevel::Off && !self.settings.sql.files.migrations.is_empty()
    }

    /// Adds to the plan what the SQL of its migrations will do; `running` is what services run.
    pub(super) async fn look_at_sql(
        &self,
        plan: &mut Plan,
        running: &[Code<'_>],
        session: &Session<'_, (), Report>,
    ) {
        let known = Known { running, checked: plan.checked.as_ref().map(|checked| &checked.data) };
        plan.sql = sql::look(&self.settings.sql, known, &mut plan.notes, session).await.map(Box::new);
    }

    /// Does all of a migration but its end in the step's state and at GitHub: does what was planned, and tells
    /// `queue` of it. Returns the image that was run, and whether every database that was asked for is proved
    /// migrated by it.
    ///
    /// # Errors
    /// What kept it from being done to its end.
    pub(super) async fn run<W: Reads + Writes>(
        &self,
        plan: &Plan,
        queue: Option<&DeploymentQueue>,
        session: &Session<'_, &W, Report>,
    ) -> Result<(Image, Result<AllMigrated, NotAll>)> {
        let (image, proofs) = self.migrate_and_record(plan, queue, session).await?;
        match AllMigrated::of(&self.settings.databases, proofs) {
            Err(NotAll::Missing(_)) if session.interrupt.is_set() => Err(interrupted().into()),
            all => Ok((image, all)),
        }
    }

    /// Does what was planned; returns the image, and the proofs of the databases that are migrated.
    async fn migrate<W: Reads + Writes>(
        &self,
        plan: &Plan,
        session: &Session<'_, &W, Report>,
        record: &Record<'_>,
    ) -> Result<(Image, Vec<Migrated>)> {
        let Session { progress, interrupt, recorder, .. } = *session;
        let note = |text: String| recorder.note(text);
        let made = image(&plan.image, plan.witness.as_ref(), session.world, progress, &note);
        let image = interrupt.unless(made).await?;
        recorder.update(|report| report.image = Some(image.used()));
        recorder.save();

        let revision = interrupt
            .unless(revision(&plan.revision_terms(), &image, session.world, progress, &note))
            .await?;
        recorder.update(|report| {
            report.diff = revision.diff().to_owned();
            report.revision = Some(revision.used());
        });
        recorder.save();

        record.begins(plan, revision.arn())?;
        progress.step("migrate");
        let log_files = self.log_files.get();
        let proofs = Migration::new(plan, &revision, session, record, log_files).run().await;
        if let Some(files) = log_files {
            recorder.note(format!("the logs of all databases are in {}", files.directory().display()));
        }
        Ok((image, proofs))
    }

    /// Migrates, and writes down what happens wherever that is wanted.
    async fn migrate_and_record<W: Reads + Writes>(
        &self,
        plan: &Plan,
        queue: Option<&DeploymentQueue>,
        session: &Session<'_, &W, Report>,
    ) -> Result<(Image, Vec<Migrated>)> {
        let Session { recorder, github, .. } = *session;
        let record = Record::new(session).with_github_deployments(queue).with_state(self.state.as_ref());
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
        let migrated = self.migrate(plan, session, &record).await;
        recorder.save();
        migrated
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

    async fn add_to_plan(&self, plan: &mut Plan, session: &Session<'_, (), Report>) -> Result<()> {
        match &self.check {
            Some(settings) => Box::pin(check::add_to_plan(plan, settings, session)).await,
            None => Ok(()),
        }
    }

    async fn only_planned(&self, plan: &mut Plan, session: &Session<'_, (), Report>) -> Result<()> {
        self.look_at_sql(plan, &[], session).await;
        if self.settings.github.comment {
            comment_plan(plan, session).await;
        }
        Ok(())
    }

    async fn apply<W: Reads + Writes>(&self, plan: &Plan, session: &Session<'_, &W, Report>) -> Result<()> {
        let recording = Recording::new(self.github_deployments(), None);
        let running = self.run(plan, recording.databases(), session);
        let ended = record_at_github(&recording, running, session).await.map(drop);
        post::ends(session, ended.as_ref().err());
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

    fn sql(&self) -> Option<&SeenSql> {
        self.sql.as_deref()
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

/// Opens the files of logs where `--log-dir` says. Without it a fleet's logs would be lost, so they go to a temporary
/// directory; `None` for a few databases.
pub(super) fn log_files(settings: &Settings, github: Option<&GitHub>) -> Result<Option<LogFiles>, Failure> {
    match &settings.common.output.log_dir {
        Some(directory) => LogFiles::within(directory).map(Some),
        None if is_fleet(settings.databases.len()) => {
            let below = github.and_then(|github| github.temporary.as_deref());
            LogFiles::temporary(below).map(Some)
        }
        None => Ok(None),
    }
}
