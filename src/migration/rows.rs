//! Rows: what a task's end adds to the rows of its databases.

use jiff::Timestamp;

use super::Migration;
use super::judge::Whose;
use super::log_lines::Heard;
use crate::aws_console;
use crate::database_name::DatabaseName;
use crate::diagnosis::{SILENT_PACK, diagnose, diagnose_report, diagnose_words};
use crate::plan::Told;
use crate::ports::{MigrationWorld, Task};
use crate::report::{Times, ms_between};
use crate::steps::task::log::stream::{LogFollower, Read};
use crate::untrusted;
use crate::verdict::Verdict;

impl<W: MigrationWorld> Migration<'_, W> {
    /// Puts the addresses of the task and its log in the AWS console into the rows.
    pub(super) fn link(&self, databases: &[DatabaseName], task: &Task) {
        let Some(account) = &self.plan.account else { return };
        let caller = &account.caller.arn;
        let stream = self.plan.log_stream(&self.plan.container, task);
        let log_url = stream.map(|stream| aws_console::log_url(caller, &stream));
        self.record.rows(databases, |row| {
            row.task_url =
                Some(aws_console::task_url(caller, &account.region, &self.plan.cluster, task.id()));
            row.log_url.clone_from(&log_url);
        });
    }

    /// Does the same for a task that is followed, and adds the file of its log.
    pub(super) fn show(&self, heard: &Heard, task: &Task) {
        self.link(&heard.databases, task);
        if self.log_files.is_some() {
            self.record.rows(&heard.databases, |row| row.log_file = Some(heard.file.name.clone()));
        }
    }

    /// Fills in what the task's end says. `verdicts` are those of the databases that it was followed for, in their
    /// order.
    pub(super) fn fill_rows(&self, heard: &Heard, task: &Task, whose: Whose, verdicts: &[Verdict]) {
        let Heard { reports, told, databases, .. } = heard;
        let own = task.container(&self.plan.container);
        let is_silent = matches!(told, Told::Pack(_)) && reports.is_empty();
        for (database, verdict) in databases.iter().zip(verdicts) {
            let report = match told {
                Told::One(_) => reports.all().last(),
                Told::Pack(_) => reports.of(database),
            };
            self.record.row(database, |row| {
                row.exit_code = own.and_then(|own| own.exit_code);
                row.stop_code.clone_from(&task.stop_code);
                row.stopped_reason =
                    task.stopped_reason.clone().or_else(|| own.and_then(|own| own.reason.clone()));
                row.diagnosis = match verdict {
                    Verdict::Migrated(_) => None,
                    // What a database says of itself needs no other cause.
                    Verdict::Reported { .. } => report.and_then(diagnose_report),
                    // It says more than the exit code that goes with it.
                    Verdict::Failed { .. } => report
                        .and_then(diagnose_words)
                        .or_else(|| diagnose(task, &self.plan.container, &heard.last)),
                    Verdict::Unproved { .. } if is_silent && row.killed_tasks.is_empty() => Some(SILENT_PACK),
                    Verdict::Unproved { .. } => diagnose(task, &self.plan.container, &heard.last)
                        .or_else(|| report.and_then(diagnose_report)),
                    _ => diagnose(task, &self.plan.container, &heard.last),
                };
                let is_unproved = match verdict {
                    Verdict::Migrated(migrated) => migrated.report().is_none(),
                    Verdict::Failed { .. }
                    | Verdict::Reported { .. }
                    | Verdict::NeverStarted { .. }
                    | Verdict::Killed { .. }
                    | Verdict::TimedOut { .. }
                    | Verdict::Cancelled { .. }
                    | Verdict::AlreadyRunning { .. }
                    | Verdict::NotRun { .. } => false,
                    _ => true,
                };
                if is_unproved {
                    row.told_elsewhere.clone_from(&self.plan.told_elsewhere);
                }
                row.migration_report = report.cloned();
                row.times = times(task);
                row.total_ms = match whose {
                    Whose::Started => ms_between(row.started_at, Some(Timestamp::now())),
                    // This process has seen only its end.
                    _ => ms_between(row.times.created, row.times.ended),
                };
            });
        }
    }

    /// Reads what the task's other containers printed into the kept end of its log, one page of each. Called when a
    /// database is not migrated.
    pub(super) async fn hear_other_containers(&self, heard: &Heard, task: &Task) {
        let others = task
            .containers
            .iter()
            .filter(|other| other.name != self.plan.container && other.exit_code.is_some());
        for other in others {
            let Some(stream) = self.plan.log_stream(&other.name, task) else { continue };
            let mut log = LogFollower::new(stream);
            let read = tokio::select! {
                read = log.read_once(self.world) => read,
                () = self.interrupt.wait() => return,
            };
            let Ok(Read::Events(events)) = read else { continue };
            self.record.log(&heard.tail, |tail| {
                let lines = events.iter().flat_map(|event| untrusted::lines(&event.message));
                lines.for_each(|line| tail.push(&format!("[{}] {line}", other.name)));
            });
        }
    }
}

fn times(task: &Task) -> Times {
    Times {
        created: task.created_at,
        pull_started: task.pull_started_at,
        pull_stopped: task.pull_stopped_at,
        started: task.started_at,
        ended: task.execution_stopped_at.or(task.stopped_at),
    }
}
