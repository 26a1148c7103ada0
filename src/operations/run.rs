//! `fargate-migrate run`: a command in a one-off task, or in one for each database. It migrates nothing, and is never
//! taken for a migration.

use anyhow::Result;
use serde_json::Value;
use std::cell::OnceCell;

use self::output::Output;
use self::tasks::OfRun;
use super::{Operation, Planned, post};
use crate::adapters::ThisMachine;
use crate::adapters::github::GitHub;
use crate::adapters::identity::Access;
use crate::choices::Format;
use crate::cli;
use crate::document::Document;
use crate::errand::{Errand, Errands, Terms};
use crate::failure::{ExitCode, Failure};
use crate::interrupt::interrupted;
use crate::plan::run_plan::{RunPlan, commands_in_words};
use crate::ports::{Reads, Writes};
use crate::recorder::Reported;
use crate::report::run_report::{RunReport, RunTaskReport};
use crate::report::{Annotation, Outputs, RevisionUsed};
use crate::session::Session;
use crate::settings::{Common, RunSettings};
use crate::steps::image::image;
use crate::steps::observe::observe_run;
use crate::steps::revision::revision;
use crate::steps::task::Patience;
use crate::steps::task::log::files::LogFiles;
use crate::workflow_commands::random_token;

mod output;
mod tasks;

pub struct Run {
    settings: RunSettings,
    log_files: OnceCell<LogFiles>,
}

impl Run {
    /// Reads the flags. The commit of the workflow's run is the tag of another image where there is none and nothing
    /// is checked out.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::RunFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        let commit = github.and_then(|github| github.sha.clone());
        let settings = RunSettings::new(flags, commit, super::identity(github))?;
        Ok(Self { settings, log_files: OnceCell::new() })
    }

    /// Returns the ARN of the revision that the tasks run: that of the task definition as it is, or one with another
    /// image.
    async fn revision<W: Reads + Writes>(
        &self,
        plan: &RunPlan,
        session: &Session<'_, &W, RunReport>,
    ) -> Result<String> {
        let Session { world, progress, interrupt, recorder, .. } = *session;
        let (Some(other), Some(terms)) = (&plan.other_image, plan.revision_terms()) else {
            let arn = plan.base.arn().unwrap_or_default().to_owned();
            let used = RevisionUsed { arn: arn.clone(), registered: false };
            recorder.update(|report| report.revision = Some(used));
            return Ok(arn);
        };
        let note = |text: String| recorder.note(text);
        let image = interrupt.unless(image(&other.image, None, world, progress, &note)).await?;
        let tag = other.image.tag().map(str::to_owned);
        let used = image.used();
        recorder.update(|report| (report.image, report.tag) = (Some(used), tag));
        let revision = interrupt.unless(revision(&terms, &image, world, progress, &note)).await?;
        let used = revision.used();
        recorder.update(|report| report.revision = Some(used));
        Ok(revision.arn().to_owned())
    }

    fn output(&self, github: Option<&GitHub>) -> Output {
        let names = self.settings.target.databases.iter().map(|name| name.chars().count());
        let width = names.max().filter(|_| self.settings.target.databases.len() > 1);
        let reads_commands = github.is_some_and(|github| github.reads_commands);
        Output::new(self.common().output.format == Format::Text, width, reads_commands)
    }
}

impl Operation for Run {
    type Plan = RunPlan;
    type Report = RunReport;

    fn common(&self) -> &Common {
        &self.settings.target.common
    }

    fn access(&self) -> Access {
        Access { api_share: *self.settings.target.fleet.api_share, ..Access::of(self.common()) }
    }

    fn report(&self) -> RunReport {
        let databases = &self.settings.target.databases;
        let named = databases.iter().map(|database| Some(database.clone()));
        let rows: Vec<_> = if databases.is_empty() { vec![None] } else { named.collect() };
        let row = |database| RunTaskReport { database, ..RunTaskReport::default() };
        RunReport {
            cluster: self.settings.target.cluster.clone(),
            command: commands_in_words(&self.settings.words, self.settings.named.as_deref()),
            tasks: rows.into_iter().map(row).collect(),
            ..RunReport::default()
        }
    }

    fn prepare(&self, session: &Session<'_, (), RunReport>) -> Result<()> {
        if let Some(directory) = &self.common().output.log_dir {
            let files = LogFiles::within(directory)?;
            self.log_files.get_or_init(|| files);
        }
        session.progress.databases(&self.settings.target.databases);
        Ok(())
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, RunReport>) -> Result<RunPlan> {
        let Some(aws) = session.world else {
            return Err(Failure::input("a run cannot be planned without AWS").into());
        };
        let observed = observe_run(&self.settings, &ThisMachine, aws).await?;
        Ok(RunPlan::new(&self.settings, observed)?)
    }

    async fn apply<W: Reads + Writes>(
        &self,
        plan: &RunPlan,
        session: &Session<'_, &W, RunReport>,
    ) -> Result<()> {
        let Session { progress, interrupt, recorder, github, .. } = *session;
        recorder.update(|report| report.region = Some(plan.account.region.clone()));
        plan.notes.iter().for_each(|note| recorder.note(note.clone()));
        let list = github.and_then(|github| {
            let list = github.begin_task_list().unwrap_or_else(|error| {
                recorder.note(format!("the post stage will have to ask ECS for the run's tasks: {error:#}"));
                None
            });
            let run = post::StepState::of_run(&self.settings, plan);
            recorder.note_unwritten("the step's state was", post::begins(github, run, list.as_ref()));
            list
        });
        recorder.save();
        let ended = async {
            let revision = self.revision(plan, session).await?;
            progress.step("run");
            let output = self.output(github);
            let client = OfRun::new(plan, session, &output, self.log_files.get(), list);
            Errands::new(terms(plan), session, &client).run(errands(plan, &revision)).await;
            if let Some(why) = output.end(interrupt).await {
                recorder.update(|report| tasks::cut(report, &why));
            }
            if interrupt.is_set() { Err(anyhow::Error::from(interrupted())) } else { Ok(()) }
        };
        let ended = ended.await;
        post::ends(session, ended.as_ref().err());
        ended
    }
}

fn terms(plan: &RunPlan) -> Terms<'_> {
    Terms {
        definition: &plan.base,
        container: &plan.container,
        cluster: &plan.cluster,
        region: &plan.account.region,
        patience: Patience {
            timeout: *plan.task.common.timeout,
            log_drain: *plan.task.common.log_drain,
            lanes: plan.fleet.max_parallel.min(plan.tasks().len()),
        },
        on_timeout: plan.task.common.on_timeout,
        on_cancel: plan.on_cancel,
        // Each line is passed on once.
        fleet_log: None,
    }
}

fn errands(plan: &RunPlan, revision: &str) -> Vec<Errand> {
    let errand = |(place, databases): (usize, Vec<_>)| {
        let request = plan.run_task(revision, &databases, random_token());
        Errand { databases, request, place }
    };
    plan.tasks().into_iter().enumerate().map(errand).collect()
}

impl Planned for RunPlan {
    fn document(&self) -> Result<Document, Failure> {
        self.document()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }
}

impl Reported for RunReport {
    fn document(&self) -> Document {
        self.document()
    }

    fn data(&self) -> Value {
        self.data()
    }

    fn outputs(&self) -> Outputs {
        self.outputs()
    }

    fn exit_code(&self) -> ExitCode {
        self.exit_code()
    }

    fn annotations(&self) -> Vec<Annotation> {
        self.annotations()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn end(&mut self, error: Option<Failure>) {
        self.end(error);
    }
}
