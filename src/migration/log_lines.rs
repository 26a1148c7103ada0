//! The log of a migration task: into its row, its file and the terminal, and searched for migration reports.

use super::Migration;
use super::judge::Followed;
use super::log_file::LogFile;
use super::record::Tail;
use crate::database_name::{DatabaseName, short_list};
use crate::diagnosis::LastLines;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::migration_report::{MigrationReport, Reports, about, shown};
use crate::plan::{Pack, Told};
use crate::ports::{LogEvent, LogStream, MigrationWorld, Task};
use crate::progress::TaskPhase;
use crate::report::LogTail;
use crate::steps::task::follow::Listener;
use crate::steps::task::log::files::{LogFiles, file_name, pack_file_name};
use crate::untrusted;
use crate::verdict::is_decided;

/// What a task was told, and what it has printed.
pub(super) struct Heard {
    /// Those that it is followed for; it may have been told others as well.
    pub databases: Vec<DatabaseName>,
    pub told: Told,
    /// Where the end of its log is kept.
    pub tail: Tail,
    pub reports: Reports,
    /// What was seen of its end, once it is over.
    pub ending: Ending,
    /// The last lines of the migration container alone.
    pub last: LastLines,
    /// Where its log is written.
    pub file: LogFile,
}

/// Listens to a migration task.
pub(super) struct MigrationLog<'m, 'a, W> {
    migration: &'m Migration<'a, W>,
    pub heard: Heard,
    /// Called when the task is decided and its log is still to be read.
    when_ended: &'m dyn Fn(&Task),
}

impl Heard {
    /// Returns the name that its log lines are shown with: a short list of its databases.
    pub(super) fn name(&self) -> String {
        short_list(&self.databases)
    }

    /// Takes note of a log line; returns the report where the line is one.
    fn line(&mut self, line: &str) -> Option<&MigrationReport> {
        let known = self.reports.all().len();
        self.reports.line(line);
        self.reports.all().get(known)
    }
}

impl<'a, W: MigrationWorld> Migration<'a, W> {
    /// Begins the log of a task. The log of an earlier task of the same database stays apart: in a file of its own,
    /// and above a line in what is kept of its end.
    pub(super) fn listen<'m>(
        &'m self,
        pack: &Pack,
        followed: &Followed,
        when_ended: &'m dyn Fn(&Task),
    ) -> MigrationLog<'m, 'a, W> {
        let Followed { task, told, .. } = followed;
        let file = match told {
            Told::One(database) => file_name(database),
            Told::Pack(list) => pack_file_name(list, task.id()),
        };
        let heard = Heard {
            databases: pack.databases.clone(),
            tail: self.record.tail(&pack.databases, told),
            told: told.clone(),
            reports: Reports::default(),
            ending: Ending::default(),
            last: LastLines::default(),
            file: LogFile::new(file, &task.arn),
        };
        self.show(&heard, task);
        let id = untrusted::one_line(task.id()).into_owned();
        self.record.log(&heard.tail, |tail| tail.begin(&format!("── from here on task {id} ──")));
        self.file(|files| self.written.begin(files, &heard.file));
        MigrationLog { migration: self, heard, when_ended }
    }

    /// Writes to the log files, where there are any. A note says that they cannot be written, once; the migration
    /// goes on.
    fn file(&self, write: impl FnOnce(&LogFiles) -> anyhow::Result<()>) {
        if let Some(files) = self.log_files
            && let Err(error) = write(files)
        {
            self.record.note(format!("{error:#}"));
        }
    }
}

impl<W: MigrationWorld> Listener for MigrationLog<'_, '_, W> {
    fn seen(&mut self, task: &Task) {
        self.migration.progress.task_phase(&self.heard.databases, TaskPhase::of(task));
    }

    fn is_decided(&self, task: &Task) -> bool {
        is_decided(&self.migration.asked(), task)
    }

    fn ended(&mut self, task: &Task) {
        self.migration.record.task_ended(&task.arn);
        if !self.has_heard_all() {
            self.migration.progress.task_phase(&self.heard.databases, TaskPhase::Reading);
        }
        (self.when_ended)(task);
    }

    fn is_being_stopped(&mut self) {
        self.migration.progress.task_phase(&self.heard.databases, TaskPhase::Stopping);
    }

    fn printed(&mut self, events: &[LogEvent]) {
        let Self { migration: Migration { progress, record, .. }, heard, .. } = self;
        let of_all = heard.name();
        for event in events {
            for line in untrusted::lines(&event.message) {
                let report = heard.line(line).cloned();
                let shown = shown(line, report.as_ref());
                let mut told = (of_all.as_str(), &*shown);
                if let Told::Pack(pack) = &heard.told {
                    if let Some(report) = &report {
                        progress.database_reported(&heard.databases, &report.database);
                    }
                    told = about(&shown, report.as_ref(), pack.iter().map(String::as_str)).unwrap_or(told);
                }
                let (name, said) = told;
                progress.log_line(name, event.timestamp, said);
                heard.last.push(line);
                record.log(&heard.tail, |tail| tail.push(&shown));
            }
        }
        progress.flush();
        let lines = events.iter().flat_map(|event| untrusted::lines(&event.message));
        let written = &self.migration.written;
        self.migration.file(|files| written.append(files, &mut self.heard.file, lines));
    }

    /// Returns whether the last line of the protocol has come: a migration report, or one for each database of a
    /// pack.
    fn has_heard_all(&self) -> bool {
        let Heard { told, reports, .. } = &self.heard;
        match told {
            Told::One(_) => !reports.is_empty(),
            Told::Pack(list) => list.iter().all(|database| reports.of(database).is_some()),
        }
    }

    fn begin_again(&mut self) {
        self.heard.reports = Reports::default();
        self.heard.last.clear();
        self.migration.record.log(&self.heard.tail, LogTail::clear);
        let written = &self.migration.written;
        self.migration.file(|files| written.restart(files, &mut self.heard.file));
    }

    fn unreadable(&mut self, failure: Failure) {
        let record = self.migration.record;
        record.log(&self.heard.tail, |tail| tail.note = Some(failure.message.clone()));
        record.note(format!(
            "logs could not be read, so a migration report in them could not be seen: {}",
            failure.hint.unwrap_or(failure.message)
        ));
    }

    /// Notes that the log has no line, with the name of the stream that was looked for.
    fn silent(&mut self, stream: &LogStream) {
        self.migration.record.log(&self.heard.tail, |tail| {
            if tail.is_silent() {
                tail.note = Some(format!(
                    "the container printed nothing: log stream {} of log group {} is empty or was never made",
                    stream.name, stream.group
                ));
            }
        });
    }
}
