//! The run for programs: `--format json`, and the Action's output `result`. README.md describes the shape, and
//! [`VERSION`] grows when a field changes its meaning or goes.

use serde_json::{Map, Value, json};

use super::{DatabaseReport, ImageUsed, LogTail, PackLog, Report, words};
use crate::document::printed;
use crate::failure::Failure;

pub const VERSION: u32 = 1;

/// All outputs of a job together may take 1 MB, in UTF-16 (GitHub's limits for `jobs.<job_id>.outputs`): this is
/// less than half of it as UTF-16.
pub const OUTPUT_LIMIT: usize = 200 * 1024;

/// Everything, with the end of each log.
pub fn result(report: &Report) -> Value {
    let rows = report.databases.iter().map(|row| database(report, row, Detail::Whole)).collect();
    let mut result = run(report, rows);
    if !report.pack_logs.is_empty() {
        result["packs"] = report.pack_logs.iter().map(pack).collect();
    }
    result
}

fn pack(pack: &PackLog) -> Value {
    json!({ "databases": pack.databases, "log": log(&pack.log, Detail::Whole) })
}

fn log(log: &LogTail, detail: Detail) -> Value {
    let mut object = json!({ "lines": log.seen, "note": log.note });
    if detail == Detail::Whole {
        object["tail"] = log.lines().collect();
    }
    object
}

/// What fits into an output: without logs; of a large fleet without the lists of migrations, then without anything
/// but names and verdicts.
pub fn output(report: &Report) -> Value {
    for detail in [Detail::NoLog, Detail::NoMigrations, Detail::Verdict] {
        let rows = fitting(report, report.databases.iter(), detail);
        if rows.len() == report.databases.len() {
            let value = run(report, rows);
            if printed(&value).len() <= OUTPUT_LIMIT {
                return value;
            }
        }
    }
    // Whoever needs more names than this reads `--format json`.
    let kept = fitting(report, words::failures_first(report).into_iter(), Detail::Verdict);
    json!({
        "version": VERSION,
        "exit_code": report.exit_code() as u8,
        "databases_left_out": report.databases.len() - kept.len(),
        "databases": kept,
    })
}

/// As many rows as fit into an output, with room for what stands around them.
fn fitting<'a>(
    report: &Report,
    rows: impl Iterator<Item = &'a DatabaseReport>,
    detail: Detail,
) -> Vec<Value> {
    const AROUND: usize = 1024;
    let mut used = AROUND;
    rows.map(|row| database(report, row, detail))
        .take_while(|row| {
            used += printed(row).len() + 1;
            used <= OUTPUT_LIMIT
        })
        .collect()
}

fn run(report: &Report, databases: Vec<Value>) -> Value {
    json!({
        "version": VERSION,
        "exit_code": report.exit_code() as u8,
        "cluster": report.cluster,
        "region": report.region,
        "account": report.account,
        "family": report.family,
        "container": report.container,
        "image": report.image.as_ref().map(|used| image(used, report.tag.as_deref())),
        "task_definition": report.revision.as_ref().map(|revision| json!({
            "arn": revision.arn,
            "registered": revision.registered,
        })),
        "databases": databases,
        "error": report.error.as_ref().map(error),
        "notes": report.notes,
        "started_at": report.started_at.to_string(),
        "ended_at": report.ended_at.map(|at| at.to_string()),
    })
}

pub(super) fn image(image: &ImageUsed, tag: Option<&str>) -> Value {
    json!({ "reference": image.reference, "digest": image.digest, "tag": tag, "source": image.source.word() })
}

pub(super) fn error(failure: &Failure) -> Value {
    json!({ "message": failure.message, "hint": failure.hint, "evidence": failure.evidence })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Verdict,
    NoMigrations,
    NoLog,
    Whole,
}

fn database(report: &Report, row: &DatabaseReport, detail: Detail) -> Value {
    let mut object = Map::new();
    let mut field = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    field("database", json!(row.database));
    field("verdict", json!(words::verdict(report, row)));
    if detail == Detail::Verdict {
        return Value::Object(object);
    }
    field("explanation", json!(row.verdict.as_ref().map(|verdict| verdict.explain())));
    field("task_arn", json!(row.task_arn));
    if !row.killed_tasks.is_empty() {
        field("earlier_tasks", json!(row.killed_tasks));
    }
    field("tag", json!(row.tag));
    field("image_digest", json!(row.image_digest));
    field("exit_code", json!(row.exit_code));
    field("stop_code", json!(row.stop_code));
    field("stopped_reason", json!(row.stopped_reason));
    let diagnosis = row.diagnosis.map(|found| json!({ "cause": found.cause, "fix": found.fix }));
    field("diagnosis", json!(diagnosis));
    let mut migrations = json!(row.migration_report);
    if detail == Detail::NoMigrations
        && let Some(applied) = migrations.get_mut("applied")
    {
        *applied = json!(applied.as_array().map_or(0, Vec::len));
    }
    field("migration_report", migrations);
    field("durations", json!(row.durations));
    if let Some(at) = words::proved_earlier(row) {
        field("proved_by_earlier_run_at", json!(at.to_string()));
    }
    if let Some(waited) = &row.waited {
        field("waited", json!(waited));
    }
    let mut log = match row.pack_log {
        Some(index) => json!({ "pack": index }),
        None => log(&row.log, detail),
    };
    if let Some(file) = &row.log_file {
        log["file"] = json!(file);
    }
    field("log", log);
    field("task_url", json!(row.task_url));
    if let Some(url) = &row.other_run_url {
        field("other_run_url", json!(url));
    }
    field("log_url", json!(row.log_url));
    field("started_at", json!(row.started_at.map(|at| at.to_string())));
    field("ended_at", json!(row.ended_at.map(|at| at.to_string())));
    Value::Object(object)
}

#[cfg(test)]
mod tests;
