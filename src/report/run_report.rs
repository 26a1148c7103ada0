//! What `fargate-migrate run` did, and how it reads.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Annotation, ImageUsed, LogTail, OUTPUTS, Outputs, RevisionUsed, data};
use crate::database_name::DatabaseName;
use crate::diagnosis::Diagnosis;
use crate::document::printed;
use crate::failure::{ExitCode, Failure};

mod document;

/// The run so far.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    pub cluster: String,
    pub region: Option<String>,
    /// The command, with the name that it has in the configuration file.
    pub command: String,
    /// The image that was asked for instead of the one that runs now.
    pub image: Option<ImageUsed>,
    pub tag: Option<String>,
    /// What the tasks run.
    pub revision: Option<RevisionUsed>,
    /// One for each database; a single one without a database where none was named.
    pub tasks: Vec<RunTaskReport>,
    /// What ended the run before its tasks.
    pub error: Option<Failure>,
    pub notes: Vec<String>,
}

/// One task's row.
#[derive(Debug, Clone, Default)]
pub struct RunTaskReport {
    pub database: Option<DatabaseName>,
    /// Absent while it is under way.
    pub end: Option<RunEnd>,
    pub task_arn: Option<String>,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Lines of its output.
    pub lines: u64,
    pub log: LogTail,
    /// Links into the AWS console.
    pub task_url: Option<String>,
    pub log_url: Option<String>,
    pub stop_code: Option<String>,
    pub diagnosis: Option<Diagnosis>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// Its container left this exit code; `unread` says why its output was not passed on to its end.
    Exited { exit_code: u8, unread: Option<String> },
    /// Its container never ran.
    NeverStarted { reason: String },
    /// How it ended is not known.
    Unknown { why: String },
    /// It was still running at `--timeout`; `stopped` says whether StopTask was taken.
    TimedOut { stopped: bool },
    /// The run was interrupted; `stopped` says the same.
    Interrupted { stopped: bool },
    /// No task was started.
    NotRun { why: String },
}

impl RunEnd {
    /// Tells whether it has done its work, as far as its exit code tells, and its output is there.
    pub fn is_well(&self) -> bool {
        self.exit_code() == ExitCode::Container(0)
    }

    /// Returns the exit code of a run that has this task alone.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Exited { exit_code: 0, unread: Some(_) } => ExitCode::NotRun,
            Self::Exited { exit_code, .. } => ExitCode::Container(*exit_code),
            Self::NeverStarted { .. } | Self::Unknown { .. } | Self::NotRun { .. } => ExitCode::NotRun,
            Self::TimedOut { .. } => ExitCode::RunTimedOut,
            Self::Interrupted { .. } => ExitCode::Cancelled,
        }
    }
}

impl RunReport {
    /// Returns the exit code of the only task; of several it is 0 when all have ended with 0, and 1 otherwise, unless
    /// the run was interrupted, or ended before any task.
    pub fn exit_code(&self) -> ExitCode {
        if let Some(error) = &self.error {
            return error.exit_code.of_run();
        }
        let mut ends = self.tasks.iter().map(|task| task.end.as_ref());
        match self.tasks.as_slice() {
            [] => ExitCode::NotRun,
            [only] => only.end.as_ref().map_or(ExitCode::NotRun, RunEnd::exit_code),
            _ if ends.clone().any(|end| matches!(end, Some(RunEnd::Interrupted { .. }))) => {
                ExitCode::Cancelled
            }
            _ if ends.all(|end| end.is_some_and(RunEnd::is_well)) => ExitCode::Done,
            _ => ExitCode::MigrationFailed,
        }
    }

    /// Ends the run: a task without an end was not run.
    pub fn end(&mut self, error: Option<Failure>) {
        let why = error.as_ref().map_or("the run ended before it", |error| error.message.as_str());
        for task in self.tasks.iter_mut().filter(|task| task.end.is_none()) {
            task.end = Some(RunEnd::NotRun { why: why.to_owned() });
        }
        self.error = error.or_else(|| self.error.take());
    }

    /// Lists the names of the databases for which the command did not end well.
    fn failed(&self) -> impl Iterator<Item = &str> {
        let failed = self.tasks.iter().filter(|task| !task.end.as_ref().is_some_and(RunEnd::is_well));
        failed.filter_map(|task| task.database.as_deref())
    }

    /// Returns the result for programs, with the end of each log.
    pub fn data(&self) -> Value {
        self.data_with(true)
    }

    fn data_with(&self, has_logs: bool) -> Value {
        let tasks = self.tasks.iter().map(|task| {
            let mut row = json!({
                "database": task.database,
                "end": task.end.as_ref().map(RunEnd::word),
                "exit_code": match task.end {
                    Some(RunEnd::Exited { exit_code, .. }) => Some(exit_code),
                    _ => None,
                },
                "why": task.end.as_ref().map(RunEnd::in_words),
                "cause": task.diagnosis.map(|diagnosis| diagnosis.cause),
                "fix": task.diagnosis.map(|diagnosis| diagnosis.fix),
                "stop_code": task.stop_code,
                "task_arn": task.task_arn,
                "started_at": task.started_at.map(|at| at.to_string()),
                "ended_at": task.ended_at.map(|at| at.to_string()),
                "lines": task.lines,
            });
            if has_logs {
                row["log"] = task.log.lines().collect();
            }
            row
        });
        json!({
            "version": data::VERSION,
            "operation": "run",
            "exit_code": self.exit_code().number(),
            "cluster": self.cluster,
            "region": self.region,
            "command": self.command,
            "image": self.image.as_ref().map(|image| data::image(image, self.tag.as_deref())),
            "task_definition": self.revision.as_ref().map(|revision| &revision.arn),
            "tasks": tasks.collect::<Vec<_>>(),
            "error": self.error.as_ref().map(data::error),
            "notes": self.notes,
        })
    }

    /// Returns the Action's outputs; those of other operations are empty.
    pub fn outputs(&self) -> Outputs {
        let image = self.image.as_ref();
        let failed = self.failed().collect::<Vec<_>>().join(",");
        let result = printed(&self.data_with(false));
        let mut shortened = Vec::new();
        let mut fitting = |name: &'static str, text: String| match text.len() <= data::OUTPUT_LIMIT {
            true => text,
            false => {
                shortened.push(name);
                String::new()
            }
        };
        let (failed, result) = (fitting("failed", failed), fitting("result", result));
        let value = |name: &str| match name {
            "image" => image.map(|image| image.reference.clone()).unwrap_or_default(),
            "image-digest" => image.and_then(|image| image.digest.clone()).unwrap_or_default(),
            "task-definition-arn" => {
                self.revision.as_ref().map(|revision| revision.arn.clone()).unwrap_or_default()
            }
            "failed" => failed.clone(),
            "exit-code" => self.exit_code().number().to_string(),
            "result" => result.clone(),
            _ => String::new(),
        };
        let names = OUTPUTS.iter().filter(|name| **name != "result-file");
        let values = names.map(|name| (*name, value(name))).collect();
        Outputs { values, shortened }
    }

    /// Returns at most ten, as GitHub shows them.
    pub fn annotations(&self) -> Vec<Annotation> {
        let error = self.error.iter().map(|error| ("fargate-migrate".to_owned(), error.sentence()));
        let tasks = self.tasks.iter().filter_map(|task| {
            let end = task.end.as_ref().filter(|end| !end.is_well())?;
            let is_told = self.error.is_some() && matches!(end, RunEnd::NotRun { .. });
            let of = task.database.as_ref().map_or_else(|| "run".to_owned(), ToString::to_string);
            let fix = task.diagnosis.map(|known| format!(": {}. {}", known.cause, known.fix));
            (!is_told).then(|| (of, format!("{}{}", end.in_words(), fix.unwrap_or_default())))
        });
        let all = error.chain(tasks).take(10);
        all.map(|(title, message)| Annotation { title, message, file: None, line: None }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ends: &[RunEnd]) -> RunReport {
        let task = |end: &RunEnd| RunTaskReport { end: Some(end.clone()), ..RunTaskReport::default() };
        RunReport { tasks: ends.iter().map(task).collect(), ..RunReport::default() }
    }

    fn exited(exit_code: u8) -> RunEnd {
        RunEnd::Exited { exit_code, unread: None }
    }

    #[test]
    fn one_task_s_exit_code_is_the_run_s() {
        let why = || "x".to_owned();
        for (end, number) in [
            (exited(0), 0),
            (exited(7), 7),
            (exited(255), 255),
            (RunEnd::Exited { exit_code: 0, unread: Some(why()) }, 125),
            (RunEnd::Exited { exit_code: 3, unread: Some(why()) }, 3),
            (RunEnd::NeverStarted { reason: why() }, 125),
            (RunEnd::Unknown { why: why() }, 125),
            (RunEnd::NotRun { why: why() }, 125),
            (RunEnd::TimedOut { stopped: true }, 124),
            (RunEnd::Interrupted { stopped: true }, 130),
        ] {
            assert_eq!(of(std::slice::from_ref(&end)).exit_code().number(), number, "{end:?}");
            let several = of(&[exited(0), end.clone()]).exit_code().number();
            let expected = match number {
                0 => 0,
                130 => 130,
                _ => 1,
            };
            assert_eq!(several, expected, "{end:?}");
        }
    }

    #[test]
    fn what_ended_the_run_before_its_tasks_is_no_exit_code_of_a_container() {
        for (failure, number) in [(Failure::input("x"), 125), (Failure::service("x"), 125)] {
            let mut report = of(&[]);
            report.tasks.push(RunTaskReport::default());
            report.end(Some(failure));
            assert_eq!(report.exit_code().number(), number);
            assert_eq!(report.annotations().len(), 1, "the task was not run for the same reason");
        }
    }
}
