//! What `fargate-migrate check` found, a row per database.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::outputs::list;
use super::{Annotation, ImageUsed, OUTPUTS, Outputs, RevisionUsed, data};
use crate::database_name::DatabaseName;
use crate::diagnosis::Diagnosis;
use crate::document::{LogTail, Mark, printed};
use crate::failure::{ExitCode, Failure};
use crate::ports::Account;
use crate::settings::Settings;
use crate::sql::SeenSql;
use crate::verdict::{Checked, Drift, SchemaSeen, Verdict, drifts, worst};

mod document;
#[cfg(test)]
mod tests;

/// The check so far. It is whole at any time: a killed run leaves what it had.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    pub cluster: String,
    /// Absent while AWS was not asked.
    pub account: Option<Account>,
    pub family: String,
    /// The container whose command is the check's.
    pub container: String,
    /// The commit or tag that names the image.
    pub tag: Option<String>,
    pub image: Option<ImageUsed>,
    pub revision: Option<RevisionUsed>,
    pub databases: Vec<CheckRow>,
    /// The logs of tasks that have not proved all of their databases, in the order in which they ended.
    pub logs: Vec<CheckLog>,
    /// What the SQL of the pending migrations will do; absent where nobody has looked.
    pub(crate) sql: Option<SeenSql>,
    /// What ended the run before its databases could be judged.
    pub error: Option<Failure>,
    /// Things said once.
    pub notes: Vec<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// One database's row. `verdict` is absent while it is under way.
#[derive(Debug, Clone, Default)]
pub struct CheckRow {
    pub database: String,
    pub verdict: Option<Checked>,
    /// How its schema differs from those of the others at its version.
    pub drift: Option<Drift>,
    /// The task that migrates it now, as far as that was seen before the check.
    pub migrating: Option<String>,
    pub task_arn: Option<String>,
    pub exit_code: Option<i32>,
    pub diagnosis: Option<Diagnosis>,
    /// Milliseconds from RunTask to the verdict. Databases that share a task have them in common.
    pub total_ms: Option<i64>,
    /// Links into the AWS console.
    pub task_url: Option<String>,
    pub log_url: Option<String>,
}

/// The end of a task's log.
#[derive(Debug, Clone)]
pub struct CheckLog {
    pub databases: Vec<DatabaseName>,
    pub log: LogTail,
    pub url: Option<String>,
}

impl CheckRow {
    pub(super) fn mark(&self) -> Mark {
        match &self.verdict {
            None => Mark::UnderWay,
            Some(checked) if checked.is_up_to_date() => Mark::Good,
            Some(checked) if checked.report().is_some() => Mark::Doubtful,
            Some(_) => Mark::Bad,
        }
    }

    pub(super) fn word(&self) -> &'static str {
        self.verdict.as_ref().map_or("under way", Checked::word)
    }

    /// Explains why it is not up to date, and what is to be known besides; empty where there is nothing to say.
    pub(super) fn explain(&self) -> String {
        let why = self.verdict.as_ref().map(Checked::explain);
        let drift = self.drift.as_ref().map(Drift::explain);
        let migrating = self
            .migrating
            .as_ref()
            .map(|arn| format!("task {arn} migrated it, or may have, when it was asked"));
        let parts: Vec<String> =
            [why, drift, migrating].into_iter().flatten().filter(|part| !part.is_empty()).collect();
        parts.join("; ")
    }
}

impl CheckReport {
    /// Makes the report of a check that begins now. Every database has its row from the start, so that it has one
    /// whatever happens.
    pub fn new(settings: &Settings) -> Self {
        let row =
            |database: &DatabaseName| CheckRow { database: database.to_string(), ..CheckRow::default() };
        Self {
            cluster: settings.cluster.clone(),
            container: settings.container.clone().unwrap_or_default(),
            tag: settings.image.tag.clone(),
            databases: settings.databases.iter().map(row).collect(),
            started_at: Timestamp::now(),
            ..Self::default()
        }
    }

    /// Compares the schemas of the databases, when all have been asked. Doing it again changes nothing.
    pub fn compare(&mut self) {
        let seen = |row: &CheckRow| row.verdict.as_ref().and_then(Checked::report).cloned();
        let reports: Vec<_> = self.databases.iter().map(seen).collect();
        let seen = reports.iter().map(|report| SchemaSeen {
            current: report.as_ref().and_then(|report| report.current.as_deref()),
            schema: report.as_ref().and_then(|report| report.schema.as_deref()),
        });
        let found = drifts(&seen.collect::<Vec<_>>());
        for (row, drift) in self.databases.iter_mut().zip(found) {
            if drift.is_some() {
                row.verdict = row.verdict.take().map(Checked::drifted);
            }
            row.drift = drift;
        }
    }

    /// Ends the run: a database without a verdict was not asked.
    pub fn end(&mut self, error: Option<Failure>) {
        let why = error.as_ref().map_or("the run ended before it", |error| error.message.as_str());
        for row in self.databases.iter_mut().filter(|row| row.verdict.is_none()) {
            row.verdict = Some(Checked::from_end(Verdict::NotRun { why: why.to_owned() }));
        }
        self.compare();
        self.error = error.or_else(|| self.error.take());
        self.ended_at = Some(Timestamp::now());
    }

    /// Returns how the run ends: interrupted first, then by the verdicts on its databases, then by the error that
    /// kept the others from being asked, and by what was found in the SQL where nothing else is wrong.
    pub fn exit_code(&self) -> ExitCode {
        let verdicts = self.databases.iter().filter_map(|row| row.verdict.as_ref());
        let judged = worst(verdicts.map(Checked::exit_code));
        let error = self.error.as_ref().map(|error| error.exit_code);
        match (error, judged) {
            (Some(ExitCode::Cancelled), _) => ExitCode::Cancelled,
            (_, Some(code @ (ExitCode::Cancelled | ExitCode::MigrationFailed | ExitCode::TimedOut))) => code,
            (Some(code), _) => code,
            (None, Some(ExitCode::Done)) => self.sql.as_ref().map_or(ExitCode::Done, SeenSql::exit_code),
            (None, Some(code)) => code,
            (None, None) => ExitCode::Service,
        }
    }

    /// Returns the rows, those that need a person first: of which nothing is known, then those that are not up to
    /// date.
    pub(super) fn rows(&self) -> Vec<&CheckRow> {
        let mut rows: Vec<&CheckRow> = self.databases.iter().collect();
        rows.sort_by_key(|row| match row.mark() {
            Mark::Bad => 0,
            Mark::Doubtful => 1,
            Mark::UnderWay => 2,
            Mark::Good => 3,
        });
        rows
    }

    /// Returns everything, with the end of each log that says why.
    pub fn data(&self) -> Value {
        let mut data = self.run(self.databases.iter().map(whole).collect());
        data["logs"] = self
            .logs
            .iter()
            .map(|one| {
                let log: Vec<&str> = one.log.lines().collect();
                json!({ "databases": one.databases, "lines": one.log.seen, "note": one.log.note, "tail": log })
            })
            .collect();
        data
    }

    /// Returns the same without logs: what is kept for later steps.
    pub fn without_logs(&self) -> Value {
        self.run(self.databases.iter().map(whole).collect())
    }

    fn run(&self, databases: Vec<Value>) -> Value {
        let account = self.account.as_ref();
        json!({
            "version": data::VERSION,
            "operation": "check",
            "exit_code": self.exit_code().number(),
            "cluster": self.cluster,
            "region": account.map(|account| &account.region),
            "account": account.map(|account| &account.caller.account),
            "family": self.family,
            "container": self.container,
            "image": self.image.as_ref().map(|used| data::image(used, self.tag.as_deref())),
            "task_definition": self.revision.as_ref().map(|revision| json!({
                "arn": revision.arn,
                "registered": revision.registered,
            })),
            "databases": databases,
            "sql": self.sql.as_ref().map(SeenSql::data),
            "error": self.error.as_ref().map(data::error),
            "notes": self.notes,
            "started_at": self.started_at.to_string(),
            "ended_at": self.ended_at.map(|at| at.to_string()),
        })
    }

    /// Returns what fits into an output, and whether it is all but the logs: else names and verdicts, as many as fit.
    fn result(&self) -> (Value, bool) {
        let all = self.without_logs();
        if printed(&all).len() <= data::OUTPUT_LIMIT {
            return (all, true);
        }
        let short = |row: &CheckRow| json!({ "database": row.database, "verdict": row.word() });
        let kept = data::fitting(self.rows().into_iter().map(short), data::OUTPUT_LIMIT);
        let value = json!({
            "version": data::VERSION,
            "operation": "check",
            "exit_code": self.exit_code().number(),
            "databases_left_out": self.databases.len() - kept.len(),
            "databases": kept,
        });
        (value, false)
    }
}

fn whole(row: &CheckRow) -> Value {
    let report = row.verdict.as_ref().and_then(Checked::report);
    json!({
        "database": row.database,
        "verdict": row.word(),
        "explanation": row.explain(),
        "current": report.and_then(|report| report.current.as_ref()),
        "pending": report.map(|report| report.pending),
        "missing": report.and_then(|report| report.missing.as_ref()),
        "unknown": report.and_then(|report| report.unknown.as_ref()),
        "tables": report.and_then(|report| report.tables),
        "schema": report.and_then(|report| report.schema.as_ref()),
        "has_drifted": row.drift.is_some(),
        "migrating_task": row.migrating,
        "task_arn": row.task_arn,
        "exit_code": row.exit_code,
        "diagnosis": row.diagnosis.map(|found| json!({ "cause": found.cause, "fix": found.fix })),
        "total_ms": row.total_ms,
        "task_url": row.task_url,
        "log_url": row.log_url,
    })
}

/// Returns all outputs of the Action but `result-file`, those of other operations empty: the runner keeps the last
/// value of each. `failed` names the databases that are not up to date.
pub fn outputs(report: &CheckReport) -> Outputs {
    let (result, is_whole) = report.result();
    let not_up_to_date = report.databases.iter().filter(|row| row.mark() != Mark::Good);
    let (failed, has_all) = list(&mut not_up_to_date.map(|row| row.database.as_str()));
    let image = report.image.as_ref();
    let value = |name: &str| match name {
        "image" => image.map(|image| image.reference.clone()).unwrap_or_default(),
        "image-digest" => image.and_then(|image| image.digest.clone()).unwrap_or_default(),
        "task-definition-arn" => {
            report.revision.as_ref().map(|revision| revision.arn.clone()).unwrap_or_default()
        }
        "failed" => failed.clone(),
        "exit-code" => report.exit_code().number().to_string(),
        "result" => printed(&result),
        _ => String::new(),
    };
    let names = OUTPUTS.iter().filter(|name| **name != "result-file");
    let shortened = [("failed", has_all), ("result", is_whole)];
    Outputs {
        values: names.map(|name| (*name, value(name))).collect(),
        shortened: shortened.into_iter().filter(|(_, whole)| !whole).map(|(name, _)| name).collect(),
    }
}

/// Returns what the run's page on GitHub shows above everything else: the run's own error, else the databases in one
/// line; nothing where the exit code is 0.
pub fn annotations(report: &CheckReport) -> Vec<Annotation> {
    let message = match &report.error {
        Some(error) => error.message.clone(),
        None if report.exit_code() == ExitCode::Done => return Vec::new(),
        None => report.headline(),
    };
    vec![Annotation { title: "fargate-migrate".into(), message, file: None, line: None }]
}
