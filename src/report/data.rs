//! The run for programs: `--format json`, and the Action's output `result`. docs/reference/action.md
//! describes the shape, and [`VERSION`] grows when a field changes its meaning or goes.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use super::{DatabaseReport, ImageUsed, LogTail, PackLog, Report, ServiceReport, services, stages, words};
use crate::document::printed;
use crate::failure::Failure;

pub(super) const VERSION: u32 = 1;

/// Bytes of an output. A step that reads it by `env` is given it as one variable, and Linux starts no program with
/// one of more than 128 KiB, its name included (execve(2), MAX_ARG_STRLEN). All outputs of a job together may take 1
/// MB, in UTF-16 (GitHub's limits for `jobs.<job_id>.outputs`).
pub(crate) const OUTPUT_LIMIT: usize = 100 * 1024;

/// Returns everything, with the end of each log.
pub fn result(report: &Report) -> Value {
    let rows = report.databases.iter().map(|row| database(row, Detail::Whole)).collect();
    let mut result = run(report, rows, Detail::Whole);
    if !report.pack_logs.is_empty() {
        result["packs"] = report.pack_logs.iter().map(pack).collect();
    }
    result
}

/// Writes all of the run but its logs, however large it is: a row at a time, since all of them together would take
/// the memory of the run once more.
///
/// # Errors
/// It cannot be written.
pub fn write_result(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Value::Object(around) = run(report, Vec::new(), Detail::NoLog) else { return Ok(()) };
    let mut map = serde_json::Serializer::new(out);
    let mut map = serde::Serializer::serialize_map(&mut map, Some(around.len()))?;
    for (name, value) in &around {
        match name.as_str() {
            "databases" => map.serialize_entry(name, &Rows(&report.databases))?,
            _ => map.serialize_entry(name, value)?,
        }
    }
    Ok(map.end()?)
}

struct Rows<'a>(&'a [DatabaseReport]);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|row| database(row, Detail::NoLog)))
    }
}

fn pack(pack: &PackLog) -> Value {
    json!({ "databases": pack.databases, "log": log(&pack.log, true) })
}

pub(super) fn log(log: &LogTail, is_whole: bool) -> Value {
    let mut object = json!({ "lines": log.seen, "note": log.note });
    if is_whole {
        object["tail"] = log.lines().collect();
    }
    object
}

/// Returns what fits into an output, and whether it is all but the logs. A large fleet goes without the lists of
/// migrations, then without anything but names and verdicts.
pub(super) fn output(report: &Report) -> (Value, bool) {
    for detail in [Detail::NoLog, Detail::NoMigrations, Detail::Verdict] {
        let rows = fitting(report.databases.iter().map(|row| database(row, detail)), OUTPUT_LIMIT);
        if rows.len() == report.databases.len() {
            let value = run(report, rows, detail);
            if printed(&value).len() <= OUTPUT_LIMIT {
                return (value, detail == Detail::NoLog);
            }
        }
    }
    // Whoever needs more names than this reads `result-file`, or `--format json`.
    let some_services = left_out(&report.services, OUTPUT_LIMIT / 2);
    let room = OUTPUT_LIMIT - some_services.as_ref().map_or(0, |some| printed(some).len());
    let rows = words::failures_first(report).into_iter();
    let kept = fitting(rows.map(|row| database(row, Detail::Verdict)), room);
    let mut value = json!({
        "version": VERSION,
        "exit_code": report.exit_code().number(),
        "databases_left_out": report.databases.len() - kept.len(),
        "databases": kept,
    });
    if let (Value::Object(value), Some(Value::Object(some))) = (&mut value, some_services) {
        value.extend(some);
    }
    (value, false)
}

/// Returns `services` and `services_left_out`, in so many bytes; `None` for a run without services.
pub(super) fn left_out(rows: &[ServiceReport], room: usize) -> Option<Value> {
    let verdicts = rows.iter().map(|row| services::as_data(row, services::Detail::Verdict));
    let kept = fitting(verdicts, room);
    (!rows.is_empty()).then(|| json!({ "services": kept, "services_left_out": rows.len() - kept.len() }))
}

/// Returns the first rows, as many as fit into `room` bytes with what stands around them.
pub(super) fn fitting(rows: impl Iterator<Item = Value>, room: usize) -> Vec<Value> {
    const AROUND: usize = 1024;
    let mut used = AROUND;
    rows.take_while(|row| {
        used += printed(row).len() + 1;
        used <= room
    })
    .collect()
}

/// Returns the run with these rows. Stages, services and `no_migration` stand there only where the run has them.
fn run(report: &Report, databases: Vec<Value>, detail: Detail) -> Value {
    let of_services = match detail {
        Detail::Verdict => services::Detail::Verdict,
        Detail::NoMigrations => services::Detail::Short,
        Detail::NoLog => services::Detail::NoLog,
        Detail::Whole => services::Detail::Whole,
    };
    let services: Vec<Value> =
        report.services.iter().map(|row| services::as_data(row, of_services)).collect();
    let mut run = json!({
        "version": VERSION,
        "exit_code": report.exit_code().number(),
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
        "stages": stages::data(report),
        "services": Some(services).filter(|rows| !rows.is_empty()),
        "no_migration": report.no_migration.then_some(true),
        "error": report.error.as_ref().map(error),
        "notes": report.notes,
        "started_at": report.started_at.to_string(),
        "ended_at": report.ended_at.map(|at| at.to_string()),
    });
    without_nulls(&mut run, &["stages", "services", "no_migration"]);
    run
}

/// Removes those of the `sometimes` fields that say nothing.
fn without_nulls(object: &mut Value, sometimes: &[&str]) {
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|name, value| !(value.is_null() && sometimes.contains(&name.as_str())));
    }
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

fn database(row: &DatabaseReport, detail: Detail) -> Value {
    const SOMETIMES: [&str; 7] = [
        "stage",
        "earlier_tasks",
        "told_elsewhere",
        "proved_by_earlier_run_at",
        "waited",
        "other_run_url",
        "has_drifted",
    ];
    let verdict = words::verdict(row);
    if detail == Detail::Verdict {
        return json!({ "database": row.database, "verdict": verdict });
    }
    let mut migrations = json!(row.migration_report);
    if detail == Detail::NoMigrations
        && let Some(applied) = migrations.get_mut("applied")
    {
        *applied = json!(applied.as_array().map_or(0, Vec::len));
    }
    let mut log = match row.pack_log {
        Some(index) => json!({ "pack": index }),
        None => log(&row.log, detail == Detail::Whole),
    };
    if let Some(file) = &row.log_file {
        log["file"] = json!(file);
    }
    let [queue, pull, run] = row.times.stages_ms();
    let mut object = json!({
        "database": row.database,
        "stage": row.stage,
        "verdict": verdict,
        "explanation": row.verdict.as_ref().map(|verdict| verdict.explain()),
        "task_arn": row.task_arn,
        "earlier_tasks": Some(&row.killed_tasks).filter(|tasks| !tasks.is_empty()),
        "tag": row.tag,
        "image_digest": row.image_digest,
        "exit_code": row.exit_code,
        "stop_code": row.stop_code,
        "stopped_reason": row.stopped_reason,
        "diagnosis": row.diagnosis.map(|found| json!({ "cause": found.cause, "fix": found.fix })),
        "told_elsewhere": Some(&row.told_elsewhere).filter(|names| !names.is_empty()),
        "migration_report": migrations,
        "has_drifted": row.drift.is_some().then_some(true),
        "durations": { "queue_ms": queue, "pull_ms": pull, "run_ms": run, "total_ms": row.total_ms },
        "proved_by_earlier_run_at": words::proved_earlier(row).map(|at| at.to_string()),
        "waited": row.waited,
        "log": log,
        "task_url": row.task_url,
        "other_run_url": row.other_run_url,
        "log_url": row.log_url,
        "started_at": row.started_at.map(|at| at.to_string()),
        "ended_at": row.ended_at.map(|at| at.to_string()),
    });
    without_nulls(&mut object, &SOMETIMES);
    object
}

#[cfg(test)]
mod tests;
