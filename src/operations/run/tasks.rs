//! The tasks of a run: their lines to where they go, their ends to their rows.

use std::cell::{Cell, RefCell};

use jiff::Timestamp;

use super::output::Output;
use crate::adapters::github::TaskList;
use crate::aws_console;
use crate::database_name::is_fleet;
use crate::ending::LogEnd;
use crate::errand::{Client, Errand, ErrandEnd, Followed};
use crate::failure::Failure;
use crate::plan::run_plan::RunPlan;
use crate::ports::{LogStream, Task};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::LogTail;
use crate::report::run_report::{RunEnd, RunReport, RunTaskReport};
use crate::session::Session;
use crate::steps::task::follow::{End, Stop};
use crate::steps::task::launch::no_answer;
use crate::steps::task::log::files::{LogFiles, file_part};
use crate::verdict::ContainerEnd;

pub(super) struct OfRun<'a> {
    plan: &'a RunPlan,
    recorder: &'a Recorder<'a, RunReport>,
    progress: &'a Progress,
    output: &'a Output,
    log_files: Option<&'a LogFiles>,
    /// For the post stage.
    list: Option<TaskList>,
    failures: Cell<u32>,
    first_failed: RefCell<String>,
}

impl<'a> OfRun<'a> {
    pub(super) fn new<W>(
        plan: &'a RunPlan,
        session: &Session<'a, W, RunReport>,
        output: &'a Output,
        log_files: Option<&'a LogFiles>,
        list: Option<TaskList>,
    ) -> Self {
        if is_fleet(plan.databases.len()) {
            session.recorder.update(|report| {
                report.tasks.iter_mut().for_each(|row| row.log = LogTail::of_fleet());
            });
        }
        Self {
            plan,
            recorder: session.recorder,
            progress: session.progress,
            output,
            log_files,
            list,
            failures: Cell::new(0),
            first_failed: RefCell::default(),
        }
    }

    fn row<T>(&self, errand: &Errand, change: impl FnOnce(&mut RunTaskReport) -> T + Send) {
        let place = errand.place;
        self.recorder.update(|report| report.tasks.get_mut(place).map(change));
    }

    /// Writes to the files of logs, where there are any. A file that cannot be written is noted once.
    fn file(&self, write: impl FnOnce(&LogFiles) -> anyhow::Result<()>) {
        if let Some(files) = self.log_files
            && let Err(error) = write(files)
        {
            self.recorder.note(format!("{error:#}"));
        }
    }
}

/// Takes note that the output could not be written: no exit code 0 then says that all of it is there.
pub(super) fn cut(report: &mut RunReport, why: &str) {
    for row in &mut report.tasks {
        if let Some(RunEnd::Exited { unread, .. }) = &mut row.end {
            unread.get_or_insert_with(|| why.to_owned());
        }
    }
}

impl Client for OfRun<'_> {
    fn nothing_starts(&self) -> Option<String> {
        let most = self.plan.fleet.stops_after()?;
        (self.failures.get() >= most).then(|| {
            format!(
                "the command has failed for {}, and nothing starts after that",
                self.first_failed.borrow()
            )
        })
    }

    fn started(&self, errand: &Errand, task: &Task, log: Option<&LogStream>) {
        let caller = &self.plan.account.caller.arn;
        let region = &self.plan.account.region;
        let task_url = aws_console::task_url(caller, region, &self.plan.cluster, task.id());
        let log_url = log.map(|log| aws_console::log_url(caller, log));
        let arn = task.arn.clone();
        self.row(errand, |row| {
            (row.task_url, row.log_url) = (Some(task_url), log_url);
            (row.task_arn, row.started_at) = (Some(arn), Some(Timestamp::now()));
        });
        self.file(|files| files.begin(&file_of(errand)).map(drop));
        if let Some(list) = &self.list
            && let Err(error) = list.add(&task.arn)
        {
            self.note(format!("the post stage will have to ask ECS for a task: {error:#}"));
        }
        self.recorder.save_if_due();
    }

    fn line(&self, errand: &Errand, timestamp_ms: i64, line: &str) {
        let name = errand.databases.first().map_or("", |database| database);
        match self.output.takes_lines() {
            true => self.output.line(name, line),
            false => self.progress.log_line(name, timestamp_ms, line),
        }
        self.file(|files| files.append(&file_of(errand), [line].into_iter()));
        self.row(errand, |row| {
            row.lines += 1;
            row.log.push(line);
        });
    }

    fn page_ended(&self, _errand: &Errand) {
        self.output.flush();
        self.progress.flush();
    }

    fn unreadable(&self, errand: &Errand, failure: Failure) {
        let why = failure.message.clone();
        self.row(errand, |row| row.log.note = Some(why));
        self.note(format!("output could not be read: {}", failure.sentence()));
    }

    fn ended(&self, errand: &Errand, end: ErrandEnd) {
        let (end, diagnosis, stop_code) = match end {
            ErrandEnd::Refused { reason, failure, diagnosis, may_run } => {
                if let Some(hint) = failure.and_then(|failure| failure.hint) {
                    self.note(format!("{reason}: {hint}"));
                }
                let end = match may_run {
                    true => RunEnd::Unknown { why: no_answer(&reason) },
                    false => RunEnd::NeverStarted { reason },
                };
                (end, diagnosis, None)
            }
            ErrandEnd::NotRun { why } => (RunEnd::NotRun { why }, None, None),
            ErrandEnd::Interrupted { may_run } => (RunEnd::Interrupted { stopped: !may_run }, None, None),
            ErrandEnd::Followed(followed) => {
                let end = run_end(&followed);
                let diagnosis = followed.diagnosis(&self.plan.container).filter(|_| !end.is_well());
                (end, diagnosis, followed.task.stop_code)
            }
        };
        if !end.is_well() && !matches!(end, RunEnd::NotRun { .. }) {
            if self.failures.replace(self.failures.get() + 1) == 0 {
                self.first_failed.replace(errand.name());
            }
            if errand.databases.len() == 1 && self.plan.databases.len() > 1 {
                self.progress.note(&format!("{}: {}", errand.name(), end.in_words()));
            }
        }
        self.row(errand, |row| {
            row.ended_at = row.started_at.map(|_| Timestamp::now());
            (row.end, row.diagnosis, row.stop_code) = (Some(end), diagnosis, stop_code);
        });
        self.recorder.save_if_due();
    }

    fn note(&self, text: String) {
        self.recorder.note(text);
    }
}

/// Returns how the command of a followed task has ended.
fn run_end(followed: &Followed) -> RunEnd {
    let stopped = |stop: &Stop| matches!(stop, Stop::Taken);
    match &followed.end {
        End::TimedOut(stop) => return RunEnd::TimedOut { stopped: stopped(stop) },
        End::Interrupted(stop) => return RunEnd::Interrupted { stopped: stopped(stop) },
        End::Lost(why) => {
            return RunEnd::Unknown {
                why: format!("its task can no longer be described, and may still be running: {why}"),
            };
        }
        End::Decided | End::Unread => {}
    }
    let exit_code = match &followed.container {
        ContainerEnd::Exited(exit_code) | ContainerEnd::Killed { exit_code: Some(exit_code), .. } => {
            *exit_code
        }
        ContainerEnd::Killed { by, exit_code: None } => {
            return RunEnd::Unknown {
                why: format!("its container was ended from outside, without an exit code ({by:?})"),
            };
        }
        ContainerEnd::NeverStarted { reason } => return RunEnd::NeverStarted { reason: reason.clone() },
        ContainerEnd::Untold { why } => return RunEnd::Unknown { why: why.clone() },
    };
    let Ok(exit_code) = u8::try_from(exit_code) else {
        return RunEnd::Unknown { why: format!("exit code {exit_code} is none that a process can pass on") };
    };
    let unread = match &followed.ending.log {
        LogEnd::Whole => None,
        // A container that prints nothing may have no stream; the plan says of other drivers that nothing is shown.
        LogEnd::Unread(_) | LogEnd::BrokenOff(_) if followed.is_silent || !followed.has_log => None,
        LogEnd::Unread(why) | LogEnd::BrokenOff(why) => Some(why.clone()),
    };
    RunEnd::Exited { exit_code, unread }
}

/// Returns the name of the file of a task's output, below `--log-dir`.
fn file_of(errand: &Errand) -> String {
    match errand.databases.first() {
        Some(database) => format!("db-{}.log", file_part(database)),
        None => "run.log".to_owned(),
    }
}
