//! A service for programs.

use serde_json::{Value, json};

use super::words;
use crate::report::data::log;
use crate::report::{Cause, ServiceContent, ServiceReport, Stage, ms_between};
use crate::verdict::service::{Evidence, ServiceVerdict};

/// How much of a service is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum Detail {
    Verdict,
    /// Without the timeline and the events.
    Short,
    NoLog,
    Whole,
}

pub(in crate::report) fn service(row: &ServiceReport, detail: Detail) -> Value {
    let verdict = words::word(row);
    let done = row.verdict.as_ref().is_some_and(ServiceVerdict::is_done);
    if detail == Detail::Verdict {
        return json!({ "service": row.service, "verdict": verdict, "done": done });
    }
    let proof = row.verdict.as_ref().and_then(ServiceVerdict::proof);
    let evidence = proof.map(|proof| proof.evidence()).or(row.evidence);
    let mut object = json!({
        "service": row.service,
        "verdict": verdict,
        // "rolled back" is a deployment that failed, or what `rollback` was asked for.
        "done": done,
        "explanation": row.verdict.as_ref().map(ServiceVerdict::explain),
        "from": row.from.as_ref().map(content),
        "to": row.to.as_ref().map(content),
        "registered": row.registered,
        "deployment": row.deployment,
        "evidence": evidence.map(|evidence| match evidence {
            Evidence::ServiceDeployment => "service deployment",
            Evidence::Classic => "classic",
        }),
        "proved_tasks": proof.map(|proof| proof.tasks()),
        "stage": row.stage.as_ref().map(stage),
        "cause": row.cause.as_ref().map(|one| cause(one, detail)),
        "health": row.health,
        "durations": {
            "total_ms": words::total_ms(row),
            "seen_after_ms": ms_between(row.finished_at, row.seen_at),
        },
        "url": row.url,
        "started_at": row.started_at.map(|at| at.to_string()),
        "finished_at": row.finished_at.map(|at| at.to_string()),
        "ended_at": row.ended_at.map(|at| at.to_string()),
    });
    if detail > Detail::Short {
        let moments = row.timeline.iter();
        object["timeline"] =
            moments.map(|moment| json!({ "at": moment.at.to_string(), "what": moment.what })).collect();
        let events = row.events.iter().map(
            |event| json!({ "at": event.created_at.map(|at| at.to_string()), "message": event.message }),
        );
        object["events"] = events.collect();
    }
    object
}

fn content(one: &ServiceContent) -> Value {
    json!({
        "task_definition": one.task_definition,
        "image": one.image,
        "digest": one.digest,
        "tag": one.tag,
    })
}

fn stage(one: &Stage) -> Value {
    json!({
        "status": one.status,
        "lifecycle_stage": one.stage,
        "running": one.running,
        "pending": one.pending,
        "wanted": one.wanted,
        "failed": one.failed,
        "traffic": one.traffic,
        "waits_for": one.waits_for,
    })
}

fn cause(one: &Cause, detail: Detail) -> Value {
    json!({
        "events": one.events,
        "task_arn": one.task_arn,
        "container": one.container,
        "exit_code": one.exit_code,
        "stop_code": one.stop_code,
        "stopped_reason": one.stopped_reason,
        "diagnosis": one.diagnosis.map(|found| json!({ "cause": found.cause, "fix": found.fix })),
        "log": log(&one.log, detail == Detail::Whole),
        "log_url": one.log_url,
    })
}
