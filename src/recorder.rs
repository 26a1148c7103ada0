//! Keeps the report while a run goes on, and writes it out after each step: a killed run leaves what it had.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;

use crate::adapters::github::GitHub;
use crate::database_name::is_fleet;
use crate::document;
use crate::failure::{ExitCode, Failure};
use crate::github::deployments::DeploymentQueue;
use crate::operations::post;
use crate::plan::{Plan, Told};
use crate::progress::Progress;
use crate::report::{DatabaseReport, LogTail, PackLog, Report, outputs};
use crate::settings::{Settings, TaskDefinitionSource};
use crate::state::State;
use crate::verdict::Verdict;
use crate::workflow_commands::SUMMARY_LIMIT;

mod journal;
mod pace;

use pace::SavePace;

/// Where the end of a task's log is kept.
#[derive(Debug, Clone)]
pub enum Tail {
    /// In the row of this database.
    Row(String),
    /// In [`Report::pack_logs`].
    Pack(usize),
}

pub struct Recorder<'a> {
    report: RefCell<Report>,
    /// Where each database's row is.
    rows: HashMap<String, usize>,
    progress: &'a Progress,
    github: Option<&'a GitHub>,
    deployments: Option<&'a DeploymentQueue>,
    state: Option<&'a State>,
    summary_file: Option<PathBuf>,
    save_pace: SavePace,
    started: Cell<usize>,
}

impl<'a> Recorder<'a> {
    /// Every database has its row from the start, so that it has one whatever happens.
    pub fn new(settings: &Settings, progress: &'a Progress, github: Option<&'a GitHub>) -> Self {
        let mut rows: Vec<_> = settings.databases.iter().map(|name| DatabaseReport::new(name)).collect();
        if is_fleet(rows.len()) {
            rows.iter_mut().for_each(|row| row.log = LogTail::of_fleet());
        }
        let report = Report {
            cluster: settings.cluster.clone(),
            region: settings.region.clone(),
            account: None,
            family: match &settings.task_definition {
                TaskDefinitionSource::File(path) => path.display().to_string(),
                TaskDefinitionSource::Ecs(name) => name.clone(),
            },
            container: settings.container.clone().unwrap_or_default(),
            tag: settings.image.tag.clone(),
            image: None,
            revision: None,
            diff: String::new(),
            databases: rows,
            pack_logs: Vec::new(),
            is_resumable: false,
            never_ran: 0,
            error: None,
            notes: Vec::new(),
            started_at: Timestamp::now(),
            ended_at: None,
        };
        let places = settings.databases.iter().cloned().zip(0..).collect();
        Self {
            report: RefCell::new(report),
            rows: places,
            progress,
            github,
            deployments: None,
            state: None,
            summary_file: settings.summary_file.clone(),
            save_pace: SavePace::default(),
            started: Cell::default(),
        }
    }

    /// Also tells `deployments` of every task that starts, and of every verdict.
    pub fn with_deployments(mut self, deployments: Option<&'a DeploymentQueue>) -> Self {
        self.deployments = deployments;
        self
    }

    pub fn planned(&self, plan: &Plan) {
        if let Some(deployments) = self.deployments {
            deployments.planned(plan);
        }
        self.update(|report| {
            report.region = plan.account.as_ref().map(|account| account.region.clone());
            report.account = plan.account.as_ref().map(|account| account.caller.account.clone());
            report.family = plan.family().to_owned();
            report.container.clone_from(&plan.container);
            report.tag = plan.image.tag().map(str::to_owned);
            report.notes.extend(plan.notes.iter().cloned());
        });
        for note in &plan.notes {
            self.progress.note(note);
        }
    }

    /// Tasks are about to start: what the post stage needs to stop them is in the step's state first.
    pub fn leave_for_post(&self, run: &post::Run) {
        if let Some(github) = self.github
            && let Err(error) = post::begins(github, run)
        {
            self.note(format!("the step's state was not written: {error:#}"));
        }
    }

    pub fn update<T>(&self, change: impl FnOnce(&mut Report) -> T) -> T {
        change(&mut self.report.borrow_mut())
    }

    /// Changes a database's row.
    pub fn row<T>(&self, database: &str, change: impl FnOnce(&mut DatabaseReport) -> T) -> Option<T> {
        let row = *self.rows.get(database)?;
        self.report.borrow_mut().databases.get_mut(row).map(change)
    }

    /// Changes the rows of a pack's databases.
    pub fn rows(&self, databases: &[String], mut change: impl FnMut(&mut DatabaseReport)) {
        for database in databases {
            self.row(database, &mut change);
        }
    }

    /// A place for the end of a task's log: the row of its only database, or one that a pack's databases share.
    pub fn tail(&self, databases: &[String], told: &Told) -> Tail {
        if let Told::One(database) = told {
            return Tail::Row(database.clone());
        }
        let index = self.update(|report| {
            let of_fleet = is_fleet(report.databases.len());
            let log = if of_fleet { LogTail::of_fleet() } else { LogTail::default() };
            report.pack_logs.push(PackLog { databases: databases.to_vec(), log });
            report.pack_logs.len() - 1
        });
        self.rows(databases, |row| row.pack_log = Some(index));
        Tail::Pack(index)
    }

    /// The log of a task that others follow is the log of these databases too.
    pub fn share(&self, databases: &[String], tail: &Tail) {
        if let Tail::Pack(index) = *tail {
            self.update(|report| {
                report.pack_logs.get_mut(index).map(|pack| pack.databases.extend_from_slice(databases))
            });
            self.rows(databases, |row| row.pack_log = Some(index));
        }
    }

    /// Changes the end of a task's log.
    pub fn log(&self, tail: &Tail, change: impl FnOnce(&mut LogTail)) {
        match tail {
            Tail::Row(database) => drop(self.row(database, |row| change(&mut row.log))),
            Tail::Pack(index) => {
                self.update(|report| report.pack_logs.get_mut(*index).map(|pack| change(&mut pack.log)));
            }
        }
    }

    /// Says something once, however many databases run into it.
    pub fn note(&self, text: String) {
        let new = self.update(|report| !report.notes.contains(&text));
        if new {
            self.progress.note(&text);
            self.update(|report| report.notes.push(text));
        }
    }

    /// A task of these databases runs, with the run's image.
    pub fn runs(&self, databases: &[String], arn: &str) {
        let (tag, digest) = self.update(|report| {
            (report.tag.clone(), report.image.as_ref().and_then(|image| image.digest.clone()))
        });
        self.rows(databases, |row| {
            row.tag.clone_from(&tag);
            row.image_digest.clone_from(&digest);
            row.task_arn = Some(arn.to_owned());
            row.started_at = Some(Timestamp::now());
        });
    }

    /// The same of one that the run has started: its ARN goes to the step's state at once, for the post step to find.
    pub fn started(&self, databases: &[String], arn: &str) {
        self.runs(databases, arn);
        if let Some(deployments) = self.deployments {
            let report = self.report.borrow();
            databases.iter().for_each(|database| deployments.started(database, &report));
        }
        let count = self.started.replace(self.started.get() + 1);
        if let Some(github) = self.github
            && let Err(error) = github.save_state(&format!("task_{count}"), arn)
        {
            self.note(format!("the step's state was not written: {error:#}"));
        }
    }

    pub fn judged(&self, database: &str, verdict: Verdict) {
        self.progress.verdict(database, &verdict);
        if let Some(deployments) = self.deployments {
            deployments.judged(database, &verdict);
        }
        let other_run = match &verdict {
            Verdict::AlreadyRunning { started_by: Some(by), .. } => {
                self.github.and_then(|github| github.url_of_run(by))
            }
            _ => None,
        };
        self.row(database, |row| {
            row.ended_at = Some(Timestamp::now());
            row.other_run_url = other_run;
            row.verdict = Some(verdict);
        });
        self.record_verdict(database);
        if self.save_pace.is_due() {
            self.save();
        }
    }

    /// Writes the summary as it is now.
    pub fn save(&self) {
        if self.github.is_none() && self.summary_file.is_none() {
            return;
        }
        let began = Instant::now();
        let summary = document::markdown(&self.report.borrow().document(), SUMMARY_LIMIT);
        if let Some(github) = self.github
            && let Err(error) = github.write_summary(&summary)
        {
            self.note(format!("the job summary was not written: {error:#}"));
        }
        if let Some(path) = &self.summary_file
            && let Err(error) = std::fs::write(path, &summary)
        {
            self.note(format!("the summary was not written to {}: {error}", path.display()));
        }
        self.save_pace.saved(began.elapsed());
    }

    /// Ends the report: what has no verdict was not run. Writes summary and outputs for the last time.
    pub fn close(self, error: Option<Failure>) -> Report {
        let why = error
            .as_ref()
            .map_or_else(|| "the run ended before it".to_owned(), |error| error.message.clone());
        self.update(|report| {
            report.error = error.or_else(|| report.error.take());
            report.ended_at = Some(Timestamp::now());
            for row in report.databases.iter_mut().filter(|row| row.verdict.is_none()) {
                row.verdict = Some(Verdict::NotRun { why: why.clone() });
            }
        });
        self.save();
        if let Some(github) = self.github
            && let Err(error) = github.write_outputs(&outputs(&self.report.borrow()))
        {
            self.note(format!("the outputs were not written: {error:#}"));
        }
        // After an interrupt the post stage looks whether everything has stopped.
        let interrupted = self.report.borrow().exit_code() == ExitCode::Cancelled;
        if let Some(github) = self.github.filter(|_| !interrupted)
            && let Err(error) = post::ended(github)
        {
            self.note(format!("the step's state was not written: {error:#}"));
        }
        self.report.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli;
    use crate::settings::RunIdentity;

    #[tokio::test(start_paused = true)]
    async fn the_last_summary_has_every_verdict_however_soon_after_another_one_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("summary.md");
        let summary = format!("--summary-file={}", file.display());
        let base = ["fargate-migrate", "migrate", "--cluster=c", "--task-definition=t", "--subnets=subnet-1"];
        let arguments = base.into_iter().chain(["--database=shop,blog,docs", &summary]).map(Into::into);
        let cli::Command::Migrate(flags) =
            cli::parse(arguments.collect(), &|_| None, Path::new("/nowhere")).expect("flags").command
        else {
            panic!("migrate")
        };
        let settings = Settings::new(flags, None, RunIdentity::local("test")).expect("settings");
        let progress = Progress::silent();
        let recorder = Recorder::new(&settings, &progress, None);
        let failed_in_summary = || {
            let text = std::fs::read_to_string(&file).expect("a summary");
            ["first", "second", "third"].map(|why| text.contains(&format!("it was the {why}")))
        };
        let judged = |database: &str, why: &str| {
            let reason = format!("it was the {why}");
            recorder.row(database, |row| row.stopped_reason = Some(reason.clone()));
            recorder.judged(database, Verdict::NeverStarted { reason });
        };
        judged("shop", "first");
        assert_eq!(failed_in_summary(), [true, false, false]);
        judged("blog", "second");
        judged("docs", "third");
        assert_eq!(failed_in_summary(), [true, false, false], "no time has passed");
        recorder.close(None);
        assert_eq!(failed_in_summary(), [true; 3]);
    }
}
