//! What the tasks of a check print, and what their ends say of their databases.

use std::cell::RefCell;
use std::collections::HashMap;

use jiff::Timestamp;

use crate::adapters::github::TaskList;
use crate::aws_console;
use crate::choices::Proof;
use crate::database_name::{DatabaseName, is_fleet};
use crate::diagnosis::{Diagnosis, diagnose_report};
use crate::document::LogTail;
use crate::errand::{Client, Errand, ErrandEnd, Followed};
use crate::failure::{ExitCode, Failure};
use crate::migration_report::{Reports, about, shown};
use crate::plan::Plan;
use crate::ports::{Account, LogStream, Task};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::check_report::{CheckLog, CheckReport, CheckRow};
use crate::report::ms_between;
use crate::session::Session;
use crate::steps::task::follow::{End, Stop};
use crate::steps::task::launch::no_answer;
use crate::steps::task::log::files::{LogFiles, file_name, pack_file_name};
use crate::verdict::{Asked, Checked, Verdict, judge_check};

/// What the tasks have printed, and the rows that come of it.
pub(super) struct Hearing<'a> {
    plan: &'a Plan,
    recorder: &'a Recorder<'a, CheckReport>,
    progress: &'a Progress,
    /// For the post stage.
    list: Option<TaskList>,
    /// Where logs go besides the report.
    files: Option<&'a LogFiles>,
    /// Where each database's row is.
    rows: HashMap<DatabaseName, usize>,
    is_essential: bool,
    /// The other essential containers.
    essential: Vec<String>,
    /// By the place of the errand.
    tasks: RefCell<HashMap<usize, Printed>>,
}

#[derive(Default)]
struct Printed {
    reports: Reports,
    tail: LogTail,
    url: Option<String>,
    /// The file that its log goes to, and the lines that are not there yet.
    file: String,
    unwritten: Vec<String>,
    started_at: Option<Timestamp>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new<W>(
        plan: &'a Plan,
        session: &Session<'a, W, CheckReport>,
        list: Option<TaskList>,
        files: Option<&'a LogFiles>,
    ) -> Self {
        let names = plan.packs.iter().flat_map(|pack| &pack.databases);
        let place = |report: &mut CheckReport| -> HashMap<String, usize> {
            report.databases.iter().zip(0..).map(|(row, place)| (row.database.clone(), place)).collect()
        };
        let places = session.recorder.update(place);
        Self {
            plan,
            recorder: session.recorder,
            progress: session.progress,
            list,
            files,
            rows: names.filter_map(|name| Some((name.clone(), *places.get(name.as_str())?))).collect(),
            is_essential: plan.base.part(&plan.container).unwrap_or_default().is_essential,
            essential: plan.base.essential_beside(&plan.container),
            tasks: RefCell::default(),
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            container: &self.plan.container,
            image_digest: None,
            is_essential: self.is_essential,
            essential: &self.essential,
            proof: Proof::Report,
        }
    }

    fn printed<T>(&self, errand: &Errand, change: impl FnOnce(&mut Printed) -> T) -> T {
        let is_of_fleet = is_fleet(self.rows.len());
        let new = || Printed {
            tail: if is_of_fleet { LogTail::of_fleet() } else { LogTail::default() },
            ..Printed::default()
        };
        change(self.tasks.borrow_mut().entry(errand.place).or_insert_with(new))
    }

    /// Writes to the files of logs, where there are any. A log that cannot be written is noted once; the check goes
    /// on.
    fn file(&self, write: impl FnOnce(&LogFiles) -> anyhow::Result<()>) {
        if let Some(files) = self.files
            && let Err(error) = write(files)
        {
            self.recorder.note(format!("{error:#}"));
        }
    }

    fn rows(&self, errand: &Errand, mut change: impl FnMut(&mut CheckRow) + Send) {
        let places: Vec<usize> =
            errand.databases.iter().filter_map(|name| self.rows.get(name).copied()).collect();
        self.recorder.update(|report| {
            for place in places {
                report.databases.get_mut(place).map(&mut change);
            }
        });
    }

    /// Returns the verdicts on the errand's databases, in their order.
    fn judge(&self, errand: &Errand, followed: &Followed, reports: &Reports) -> Vec<Checked> {
        let Errand { databases, .. } = errand;
        let all = |verdict: Verdict| vec![Checked::from_end(verdict); databases.len()];
        let judged = || {
            judge_check(databases, self.plan.packed, &self.asked(), &followed.task, reports, &followed.ending)
        };
        match &followed.end {
            End::Decided | End::Unread => judged(),
            End::Lost(why) => {
                vec![
                    Checked::unproved(format!(
                        "its task can no longer be described, and may still be running: {why}"
                    ));
                    databases.len()
                ]
            }
            // What a pack's task had reported by then is true.
            End::TimedOut(stop) => {
                let late = all(Verdict::TimedOut { stopped: matches!(stop, Stop::Taken) });
                let known = |(late, judged): (Checked, Checked)| {
                    let is_known = self.plan.packed && judged.report().is_some();
                    if is_known { judged } else { late }
                };
                late.into_iter().zip(judged()).map(known).collect()
            }
            End::Interrupted(stop) => all(Verdict::Cancelled { stopped: matches!(stop, Stop::Taken) }),
        }
    }

    fn followed(&self, errand: &Errand, followed: &Followed) {
        let Printed { reports, tail, url, started_at, .. } =
            self.tasks.borrow_mut().remove(&errand.place).unwrap_or_default();
        let verdicts = self.judge(errand, followed, &reports);
        let own = followed.task.container(&self.plan.container);
        let exit_code = own.and_then(|own| own.exit_code);
        let total_ms = ms_between(started_at, Some(Timestamp::now()));
        self.rows(errand, |row| {
            row.exit_code = exit_code;
            row.total_ms = total_ms;
        });
        let by_task = followed.diagnosis(&self.plan.container);
        if verdicts.iter().any(|checked| checked.report().is_none()) {
            let mut log = tail;
            if followed.is_silent && log.note.is_none() {
                log.note = Some("the container printed nothing".to_owned());
            }
            let databases = errand.databases.clone();
            self.recorder.update(|report| report.logs.push(CheckLog { databases, log, url }));
        }
        let diagnosis = |name: &DatabaseName| reports.of(name).and_then(diagnose_report).or(by_task);
        self.conclude(errand, verdicts, diagnosis);
    }

    /// Gives each database its verdict, and the cause of one of which nothing is known.
    fn conclude(
        &self,
        errand: &Errand,
        verdicts: Vec<Checked>,
        diagnosis: impl Fn(&DatabaseName) -> Option<Diagnosis>,
    ) {
        for (database, checked) in errand.databases.iter().zip(verdicts) {
            self.progress.database_checked(database, &checked);
            let Some(place) = self.rows.get(database).copied() else { continue };
            let cause = diagnosis(database).filter(|_| matches!(checked, Checked::Unproved { .. }));
            self.recorder.update(|report| {
                if let Some(row) = report.databases.get_mut(place) {
                    row.verdict = Some(checked);
                    row.diagnosis = cause;
                }
            });
        }
        self.recorder.save_if_due();
    }
}

impl Client for Hearing<'_> {
    fn started(&self, errand: &Errand, task: &Task, log: Option<&LogStream>) {
        if let Some(list) = &self.list
            && let Err(error) = list.add(&task.arn)
        {
            self.note(format!("the post stage will have to ask ECS for a task: {error:#}"));
        }
        let account = self.plan.account.as_ref();
        let caller = |account: &Account| account.caller.arn.clone();
        let log_url = account.zip(log).map(|(account, log)| aws_console::log_url(&caller(account), log));
        let task_url = account.map(|account| {
            aws_console::task_url(&caller(account), &account.region, &self.plan.cluster, task.id())
        });
        let file = match (self.plan.packed, errand.databases.as_slice()) {
            (false, [only]) => file_name(only),
            (_, all) => {
                pack_file_name(&all.iter().map(DatabaseName::to_string).collect::<Vec<_>>(), task.id())
            }
        };
        self.file(|files| files.begin(&file).map(drop));
        self.printed(errand, |printed| {
            printed.file = file;
            printed.url.clone_from(&log_url);
            printed.started_at = Some(Timestamp::now());
        });
        let arn = task.arn.clone();
        self.rows(errand, |row| {
            row.task_arn = Some(arn.clone());
            row.task_url.clone_from(&task_url);
            row.log_url.clone_from(&log_url);
        });
    }

    fn line(&self, errand: &Errand, timestamp_ms: i64, line: &str) {
        let (report, shown) = self.printed(errand, |printed| {
            let known = printed.reports.all().len();
            printed.reports.line(line);
            if self.files.is_some() {
                printed.unwritten.push(line.to_owned());
            }
            let report = printed.reports.all().get(known).cloned();
            let shown = shown(line, report.as_ref());
            printed.tail.push(&shown);
            (report, shown)
        });
        let of_all = errand.name();
        let mut told = (of_all.as_str(), &*shown);
        if self.plan.packed {
            if let Some(report) = &report {
                self.progress.database_reported(&errand.databases, &report.database);
            }
            let pack = errand.databases.iter().map(|database| &**database);
            told = about(&shown, report.as_ref(), pack).unwrap_or(told);
        }
        let (name, said) = told;
        self.progress.log_line(name, timestamp_ms, said);
    }

    fn page_ended(&self, errand: &Errand) {
        self.progress.flush();
        self.file(|files| {
            self.printed(errand, |printed| {
                let lines = std::mem::take(&mut printed.unwritten);
                files.append(&printed.file, lines.iter().map(String::as_str))
            })
        });
    }

    fn has_heard_all(&self, errand: &Errand) -> bool {
        self.printed(errand, |printed| errand.databases.iter().all(|name| printed.reports.of(name).is_some()))
    }

    fn begin_again(&self, errand: &Errand) {
        self.printed(errand, |printed| {
            printed.reports = Reports::default();
            printed.tail.clear();
            printed.unwritten.clear();
        });
        self.file(|files| files.restart(&self.printed(errand, |printed| printed.file.clone())));
    }

    fn unreadable(&self, errand: &Errand, failure: Failure) {
        self.printed(errand, |printed| printed.tail.note = Some(failure.message.clone()));
        self.note(format!(
            "logs could not be read, so a migration report in them could not be seen: {}",
            failure.hint.unwrap_or(failure.message)
        ));
    }

    fn ended(&self, errand: &Errand, end: ErrandEnd) {
        let all = |checked: Checked| vec![checked; errand.databases.len()];
        match end {
            ErrandEnd::Followed(followed) => self.followed(errand, &followed),
            ErrandEnd::Refused { reason, failure, diagnosis, may_run } => {
                if let Some(failure) = failure {
                    self.recorder.update(|report| report.error.get_or_insert(failure).exit_code);
                }
                let checked = match may_run {
                    true => Checked::Unproved { why: no_answer(&reason), exit_code: ExitCode::Service },
                    false => Checked::from_end(Verdict::NeverStarted { reason }),
                };
                self.conclude(errand, all(checked), |_| diagnosis);
            }
            ErrandEnd::NotRun { why } => {
                self.conclude(errand, all(Checked::from_end(Verdict::NotRun { why })), |_| None);
            }
            ErrandEnd::Interrupted { may_run } => {
                let why = match may_run {
                    true => "the run was interrupted, and its task may run",
                    false => "the run was interrupted before it started",
                };
                let checked = Checked::Unproved { why: why.to_owned(), exit_code: ExitCode::Cancelled };
                self.conclude(errand, all(checked), |_| None);
            }
        }
    }

    fn note(&self, text: String) {
        self.recorder.note(text);
    }
}
