//! `fargate-migrate check`: image → revision → tasks that ask every database how far it is, and change nothing in it.

use std::cell::OnceCell;
use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use self::tasks::Checks;
use super::migrate::{comment_on_pull_request, log_files};
use super::sql::{self, Known};
use super::{Operation, Planned, post};
use crate::adapters::github::GitHub;
use crate::adapters::identity::Access;
use crate::adapters::{Aws, ThisMachine};
use crate::cli;
use crate::document::Document;
use crate::failure::{ExitCode, Failure};
use crate::github::comment::Commented;
use crate::interrupt::interrupted;
use crate::plan::check_plan::CheckPlan;
use crate::plan::{ImagePlan, Plan};
use crate::ports::{Account, Reads, Writes};
use crate::recorder::{Recorder, Reported};
use crate::report::check_report::{self, CheckReport};
use crate::report::{Annotation, Outputs, Report};
use crate::session::Session;
use crate::settings::{CheckSettings, Common};
use crate::steps::image::image;
use crate::steps::observe::{observe, observe_revisions};
use crate::steps::revision::revision;
use crate::steps::task::log::files::LogFiles;

mod hearing;
mod tasks;

pub struct Check {
    settings: CheckSettings,
    /// Where the logs of all databases go.
    log_files: OnceCell<LogFiles>,
}

impl Check {
    /// Reads the flags. The commit of the workflow's run is the image's tag where there is none and nothing is
    /// checked out.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::CheckFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        let commit = github.and_then(|github| github.sha.clone());
        Ok(Self::of(CheckSettings::new(flags, commit, super::identity(github))?))
    }

    /// Makes a check with these settings, for instance that of `migrate --plan --check`.
    pub(super) fn of(settings: CheckSettings) -> Self {
        Self { settings, log_files: OnceCell::new() }
    }

    async fn check<W: Reads + Writes>(
        &self,
        CheckPlan { plan, migrating }: &CheckPlan,
        session: &Session<'_, &W, CheckReport>,
    ) -> Result<()> {
        let Session { progress, interrupt, recorder, github, .. } = *session;
        let note = |text: String| recorder.note(text);
        recorder.update(|report| {
            report.account.clone_from(&plan.account);
            report.family = plan.family().to_owned();
            report.container.clone_from(&plan.container);
            report.tag = plan.image.tag().map(str::to_owned);
            for row in &mut report.databases {
                row.migrating = migrating.get(&row.database).map(|task| task.arn.clone());
            }
        });
        plan.notes.iter().for_each(|text| recorder.note(text.clone()));
        let list = github.and_then(|github| {
            let list = github.begin_task_list().unwrap_or_else(|error| {
                recorder.note(format!("the post stage will have to ask ECS for the run's tasks: {error:#}"));
                None
            });
            let run = post::StepState::new(&self.settings.target, plan, session.world.region());
            recorder.note_unwritten("the step's state was", post::begins(github, run, list.as_ref()));
            list
        });
        let made = image(&plan.image, plan.witness.as_ref(), session.world, progress, &note);
        let image = interrupt.unless(made).await?;
        recorder.update(|report| report.image = Some(image.used()));
        let revision = interrupt
            .unless(revision(&plan.revision_terms(), &image, session.world, progress, &note))
            .await?;
        recorder.update(|report| report.revision = Some(revision.used()));
        recorder.save();
        progress.step("check");
        let files = self.log_files.get();
        Checks::new(plan, &revision, session, list, files).run().await;
        if let Some(files) = files {
            recorder.note(format!("the logs of all databases are in {}", files.directory().display()));
        }
        recorder.update(CheckReport::compare);
        match recorder.update(|report| report.exit_code()) {
            // The post stage then looks whether every task has stopped.
            ExitCode::Cancelled => Err(interrupted().into()),
            _ => Ok(()),
        }
    }

    /// Looks at the SQL of what is pending, and adds to the report what it will do.
    async fn look_at_sql<W>(&self, session: &Session<'_, W, CheckReport>) {
        let Session { progress, github, recorder, .. } = *session;
        let (data, mut notes) = (recorder.update(|report| report.data()), Vec::new());
        let known = Known { checked: Some(&data), ..Known::default() };
        let seen = sql::look(&self.settings.target.sql, known, &mut notes, session).await;
        if let Some(seen) = &seen {
            sql::annotated(seen, progress, github);
        }
        recorder.update(|report| {
            report.notes.append(&mut notes);
            report.sql = seen;
        });
    }

    async fn comment<W>(&self, session: &Session<'_, W, CheckReport>) {
        let report = session.recorder.update(|report| report.clone());
        let posted = comment_on_pull_request(&report, session.progress, session.github).await;
        if let Err(error) = posted {
            let why = Failure::from_error(&error).sentence();
            session.recorder.note(format!("the check is not on the pull request: {why}"));
        }
    }
}

impl Operation for Check {
    type Plan = CheckPlan;
    type Report = CheckReport;

    fn common(&self) -> &Common {
        &self.settings.target.common
    }

    fn access(&self) -> Access {
        Access { api_share: *self.settings.target.fleet.api_share, ..Access::of(self.common()) }
    }

    fn report(&self) -> CheckReport {
        CheckReport::new(&self.settings.target)
    }

    fn prepare(&self, session: &Session<'_, (), CheckReport>) -> Result<()> {
        if let Some(files) = log_files(&self.settings.target, session.github)? {
            self.log_files.get_or_init(|| files);
        }
        session.progress.databases(&self.settings.target.databases);
        Ok(())
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, CheckReport>) -> Result<CheckPlan> {
        let Some(aws) = session.world else {
            return Err(Failure::input("a check cannot be planned without AWS").into());
        };
        let settings = &self.settings.target;
        let mut observed = observe(settings, &ThisMachine, Some(aws)).await?;
        observe_revisions(settings, &mut observed, aws).await?;
        Ok(CheckPlan::new(settings, observed)?)
    }

    async fn apply<W: Reads + Writes>(
        &self,
        plan: &CheckPlan,
        session: &Session<'_, &W, CheckReport>,
    ) -> Result<()> {
        let ended = self.check(plan, session).await;
        if ended.is_ok() && !session.interrupt.is_set() {
            self.look_at_sql(session).await;
        }
        if self.settings.comment && ended.is_ok() && !session.interrupt.is_set() {
            self.comment(session).await;
        }
        post::ends(session, ended.as_ref().err());
        ended
    }
}

/// Adds to the plan of a migration what its databases have now. That starts tasks, with an image that is there; where
/// it is not, the plan notes that nothing was checked.
///
/// # Errors
/// The run was interrupted, or AWS cannot be reached.
pub(super) async fn add_to_plan(
    plan: &mut Plan,
    settings: &CheckSettings,
    session: &Session<'_, (), Report>,
) -> Result<()> {
    if !matches!(plan.image, ImagePlan::Reuse { .. } | ImagePlan::Given { .. }) {
        let image = plan.image.reference();
        plan.notes.push(format!(
            "--check: no database was checked, because image {image} is not there, and a plan builds nothing"
        ));
        return Ok(());
    }
    let Session { progress, interrupt, github, .. } = *session;
    let check = Check::of(settings.clone());
    let recorder = Recorder::new(check.report(), progress, None, None);
    let own = Session { world: (), progress, interrupt, recorder: &recorder, github };
    check.prepare(&own)?;
    let aside = progress.aside();
    let access = check.access();
    let planned = Box::pin(interrupt.unless(async {
        let aws = Aws::connect(&access, &aside).await?;
        let planned = Box::pin(check.plan(&own.on(Some(&aws)))).await?;
        Ok((planned, aws))
    }));
    let (planned, aws) = planned.await?;
    let ended = Box::pin(check.apply(&planned, &own.on(&aws))).await;
    let report = recorder.close(ended.err().map(|error| Failure::from_error(&error)));
    if interrupt.is_set() {
        return Err(interrupted().into());
    }
    plan.checked = Some(Box::new(report.document()));
    Ok(())
}

impl Planned for CheckPlan {
    fn document(&self) -> Result<Document, Failure> {
        self.document()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.plan.notes
    }
}

impl Commented for CheckReport {
    fn document(&self) -> Result<Document, Failure> {
        Ok(self.document())
    }

    fn about(&self) -> (Option<&Account>, &str, String) {
        (self.account.as_ref(), &self.cluster, self.family.clone())
    }

    fn kind(&self) -> &'static str {
        "check"
    }

    fn said(&self) -> &'static str {
        "The check"
    }
}

impl Reported for CheckReport {
    fn document(&self) -> Document {
        self.document()
    }

    fn data(&self) -> Value {
        self.data()
    }

    fn write_result(&self, out: &mut dyn Write) -> std::io::Result<()> {
        write!(out, "{}", self.without_logs())
    }

    fn outputs(&self) -> Outputs {
        check_report::outputs(self)
    }

    fn exit_code(&self) -> ExitCode {
        self.exit_code()
    }

    fn annotations(&self) -> Vec<Annotation> {
        check_report::annotations(self)
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn end(&mut self, error: Option<Failure>) {
        self.end(error);
    }
}
