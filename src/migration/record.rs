//! Record: what is written down while databases are migrated, in the report's rows, the state file ([`state_file`])
//! and as GitHub Deployments.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use jiff::Timestamp;

use crate::adapters::github::{GitHub, TaskList};
use crate::database_name::{DatabaseName, is_fleet};
use crate::failure::Failure;
use crate::github::deployments::{DeploymentQueue, Ran};
use crate::plan::{Plan, PlannedStage, Told};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::{DatabaseReport, LogTail, PackLog, Report, StageEnd, StageReport};
use crate::session::Session;
use crate::state::State;
use crate::verdict::Verdict;

mod state_file;

/// Where the end of a task's log is kept.
#[derive(Debug, Clone)]
pub(crate) enum Tail {
    /// In the row of this database.
    Row(DatabaseName),
    /// In [`Report::pack_logs`].
    Pack(usize),
}

/// Keeps the rows of a run's databases.
pub(crate) struct Record<'a> {
    recorder: &'a Recorder<'a, Report>,
    progress: &'a Progress,
    github: Option<&'a GitHub>,
    /// Where each database's row is.
    rows: HashMap<DatabaseName, usize>,
    github_deployments: Option<&'a DeploymentQueue>,
    state: Option<&'a State>,
    /// A digest of what each task is told in addition to its databases.
    told: RefCell<Option<String>>,
    /// The tasks that this run has started, for the post stage.
    task_list: OnceCell<TaskList>,
}

impl<'a> Record<'a> {
    pub(crate) fn new<W>(session: &Session<'a, W, Report>) -> Self {
        let names = |report: &mut Report| {
            report.databases.iter().zip(0..).map(|(row, place)| (row.database.clone(), place)).collect()
        };
        Self {
            recorder: session.recorder,
            progress: session.progress,
            github: session.github,
            rows: session.recorder.update(names),
            github_deployments: None,
            state: None,
            told: RefCell::default(),
            task_list: OnceCell::new(),
        }
    }

    /// Passes every task that starts, and every verdict, to the queue as well.
    pub(crate) fn with_github_deployments(mut self, queue: Option<&'a DeploymentQueue>) -> Self {
        self.github_deployments = queue;
        self
    }

    /// Writes everything that happens into the state file as well.
    pub(crate) fn with_state(mut self, state: Option<&'a State>) -> Self {
        self.state = state;
        self
    }

    /// Adds every task that starts to this list as well.
    pub(crate) fn lists_tasks(&self, list: Option<TaskList>) {
        if let Some(list) = list {
            self.task_list.get_or_init(|| list);
        }
    }

    pub(crate) fn planned(&self, plan: &Plan) {
        self.told.replace(Some(plan.told_digest()));
        if let Some(queue) = self.github_deployments {
            queue.planned(plan);
        }
        self.update(|report| {
            report.region = plan.account.as_ref().map(|account| account.region.clone());
            report.account = plan.account.as_ref().map(|account| account.caller.account.clone());
            report.family = plan.family().to_owned();
            report.container.clone_from(&plan.container);
            report.tag = plan.image.tag().map(str::to_owned);
        });
        if plan.has_rollout() {
            self.stages_planned(plan);
        }
        for note in &plan.notes {
            self.note(note.clone());
        }
    }

    fn stages_planned(&self, plan: &Plan) {
        let title = |planned: &PlannedStage| planned.stage.name.title().unwrap_or_default().to_owned();
        let report = |planned| StageReport { name: title(planned), end: None, pauses_until: None };
        self.update(|all| all.stages = plan.stages.iter().map(report).collect());
        let mut proved = plan.proved.iter();
        for (index, (planned, packs)) in plan.stages().enumerate() {
            let of_packs = packs.iter().flat_map(|pack| &pack.databases);
            for database in proved.by_ref().take(planned.proved).map(|one| &one.database).chain(of_packs) {
                self.row(database, |row| row.stage = Some(index));
            }
        }
    }

    pub(crate) fn stage_ended(&self, index: usize, end: StageEnd) {
        self.stage(index, |stage| stage.end = Some(end));
    }

    /// Records until when the pause after a stage lasts; `None` when it is over.
    pub(crate) fn stage_pauses(&self, index: usize, until: Option<Timestamp>) {
        self.stage(index, |stage| stage.pauses_until = until);
        self.recorder.save();
    }

    /// Changes a stage's row, where there are stages.
    fn stage(&self, index: usize, change: impl FnOnce(&mut StageReport) + Send) {
        self.update(|report| report.stages.get_mut(index).map(change));
    }

    /// Changes a database's row.
    pub(crate) fn row<T>(
        &self,
        database: &DatabaseName,
        change: impl FnOnce(&mut DatabaseReport) -> T + Send,
    ) -> Option<T> {
        let row = *self.rows.get(database)?;
        self.update(|report| report.databases.get_mut(row).map(change))
    }

    /// Changes the rows of a pack's databases.
    pub(crate) fn rows(
        &self,
        databases: &[DatabaseName],
        mut change: impl FnMut(&mut DatabaseReport) + Send,
    ) {
        for database in databases {
            self.row(database, &mut change);
        }
    }

    /// Returns where the end of a task's log is kept: in the row of its only database, or in a new place that the
    /// pack's databases share.
    pub(crate) fn tail(&self, databases: &[DatabaseName], told: &Told) -> Tail {
        if let (Told::One(_), [only]) = (told, databases) {
            return Tail::Row(only.clone());
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

    /// Makes the log of a task that others follow the log of these databases too.
    pub(crate) fn share(&self, databases: &[DatabaseName], tail: &Tail) {
        if let Tail::Pack(index) = *tail {
            self.update(|report| {
                report.pack_logs.get_mut(index).map(|pack| pack.databases.extend_from_slice(databases))
            });
            self.rows(databases, |row| row.pack_log = Some(index));
        }
    }

    /// Changes the end of a task's log.
    pub(crate) fn log(&self, tail: &Tail, change: impl FnOnce(&mut LogTail) + Send) {
        match tail {
            Tail::Row(database) => drop(self.row(database, |row| change(&mut row.log))),
            Tail::Pack(index) => {
                self.update(|report| report.pack_logs.get_mut(*index).map(|pack| change(&mut pack.log)));
            }
        }
    }

    pub(crate) fn note(&self, text: String) {
        self.recorder.note(text);
    }

    /// Records the run's own error, unless it has one.
    pub(crate) fn failed(&self, failure: Failure) {
        self.recorder.update(|report| report.error.get_or_insert(failure).exit_code);
    }

    fn update<T>(&self, change: impl FnOnce(&mut Report) -> T + Send) -> T {
        self.recorder.update(change)
    }

    /// Records that a task of these databases runs, with the run's image.
    pub(crate) fn runs(&self, databases: &[DatabaseName], arn: &str) {
        let (tag, digest) = (self.update(|report| report.tag.clone()), self.image_digest());
        self.rows(databases, |row| {
            row.tag.clone_from(&tag);
            row.image_digest.clone_from(&digest);
            row.task_arn = Some(arn.to_owned());
            row.started_at = Some(Timestamp::now());
        });
    }

    /// Records the same of a task that the run has started; adds its ARN to the list at once, for the post stage to
    /// find.
    pub(crate) fn started(&self, databases: &[DatabaseName], arn: &str) {
        self.runs(databases, arn);
        if let Some(queue) = self.github_deployments {
            let ran = self.update(|report| Ran::of(report));
            databases.iter().for_each(|database| queue.started(database, &ran));
        }
        if let Some(list) = self.task_list.get()
            && let Err(error) = list.add(arn)
        {
            self.note(format!("the post stage will have to ask ECS for a task: {error:#}"));
        }
    }

    pub(crate) fn judged(&self, database: &DatabaseName, verdict: Verdict) {
        self.progress.database_verdict(database, &verdict);
        if let Some(queue) = self.github_deployments {
            queue.judged(database, &verdict);
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
        self.recorder.save_if_due();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::settings::samples;

    #[tokio::test(start_paused = true)]
    async fn the_last_summary_has_every_verdict_however_soon_after_another_one_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("summary.md");
        let summary = format!("--summary-file={}", file.display());
        let settings = samples::of(&["--database=shop,blog,docs", &summary]);
        let progress = Progress::silent();
        let file_of = Some(file.clone());
        let recorder = Recorder::new(Report::new(&settings), &progress, None, file_of);
        let (_keep, interrupt) = Interrupt::by_hand();
        let session = Session {
            world: (),
            progress: &progress,
            interrupt: &interrupt,
            recorder: &recorder,
            github: None,
        };
        let record = Record::new(&session);
        let failed_in_summary = || {
            let text = std::fs::read_to_string(&file).expect("a summary");
            ["first", "second", "third"].map(|why| text.contains(&format!("it was the {why}")))
        };
        let judged = |database: &str, why: &str| {
            let database = &DatabaseName::from(database);
            let reason = format!("it was the {why}");
            record.row(database, |row| row.stopped_reason = Some(reason.clone()));
            record.judged(database, Verdict::NeverStarted { reason });
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
