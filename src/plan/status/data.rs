//! The status for programs. docs/status.md describes the shape.

use serde_json::{Value, json};

use super::document::{is_calm, is_clear};
use super::{Compared, DatabaseRow, Image, SeenService, ServiceRow, Status};
use crate::arn;
use crate::plan::RunningTask;

const VERSION: u32 = 1;

pub(crate) fn data(status: &Status) -> Value {
    json!({
        "version": VERSION,
        "operation": "status",
        "at": status.at.to_string(),
        "account": status.account.caller.account,
        "region": status.account.region,
        "cluster": status.cluster,
        "databases": status.databases.iter().map(database).collect::<Vec<_>>(),
        "services": status.services.iter().map(service).collect::<Vec<_>>(),
        "state_in_use": status.in_use,
        "check": status.check.as_ref().map(|check| check.iter().map(compared).collect::<Vec<_>>()),
        "notes": status.notes,
    })
}

fn database(row: &DatabaseRow) -> Value {
    let standing = row.standing.as_ref().ok();
    let proved = standing.and_then(|standing| standing.proved.as_ref());
    let later = standing.and_then(|standing| standing.later.as_ref());
    json!({
        "database": row.name,
        "clear": is_clear(row),
        "proved": proved.map(|proved| json!({
            "at": proved.at.to_string(),
            "image": image(&proved.image),
            "by": if proved.by_report { "report" } else { "exit-code" },
            "from": proved.from.words(),
            "task_definition": proved.revision,
        })),
        "later": later.map(|later| json!({"at": later.at.map(|at| at.to_string()), "what": later.what})),
        "unknown": row.standing.as_ref().err(),
        "running": row.running.as_ref().ok().map(|tasks| tasks.iter().map(task).collect::<Vec<_>>()),
        "running_unknown": row.running.as_ref().err(),
    })
}

fn task(task: &RunningTask) -> Value {
    json!({
        "task": task.arn,
        "started_by": task.started_by,
        "task_definition": task.task_definition,
        "ending": task.ending,
        "doubt": task.told.as_ref().err(),
    })
}

fn image(image: &Image) -> Value {
    json!({
        "reference": image.reference,
        "digest": image.digest,
        "commit": image.tag(),
        "tags": image.tags,
        "tags_unknown": image.unread,
    })
}

fn service(row: &ServiceRow) -> Value {
    match &row.seen {
        Ok(seen) => seen_service(row, seen),
        Err(why) => json!({"service": row.name, "stable": false, "unknown": why}),
    }
}

fn seen_service(row: &ServiceRow, seen: &SeenService) -> Value {
    let SeenService { service, tasks, deployments, rollout } = seen;
    let tasks = tasks.as_ref();
    let image = |one: &super::RunningImage| json!({"container": one.container, "image": image(&one.image), "tasks": one.tasks});
    json!({
        "service": row.name,
        "stable": is_calm(row),
        "unknown": null,
        "status": service.status,
        "task_definition": service.task_definition.as_deref().map(arn::name),
        "desired": service.desired,
        "running": service.running,
        "pending": service.pending,
        "tasks": tasks.ok().map(|tasks| json!({
            "running": tasks.running,
            "healthy": tasks.healthy,
            "unhealthy": tasks.unhealthy,
            "images": tasks.images.iter().map(image).collect::<Vec<_>>(),
        })),
        "tasks_unknown": tasks.err(),
        "deployments": deployments.as_ref().ok().map(|ended| {
            let ended = ended.iter().map(|one| json!({
                "deployment": one.deployment,
                "status": one.status,
                "task_definition": one.task_definition.as_ref().ok(),
                "task_definition_unknown": one.task_definition.as_ref().err(),
                "at": one.at.map(|at| at.to_string()),
                "reason": one.reason.as_ref().ok(),
                "reason_unknown": one.reason.as_ref().err(),
            }));
            ended.collect::<Vec<_>>()
        }),
        "deployments_unknown": deployments.as_ref().err(),
        "rollout": rollout.as_ref().map(|rollout| {
            let progress = rollout.progress.as_ref().ok();
            let tasks = progress.and_then(|progress| progress.tasks);
            json!({
                "what": rollout.what,
                "stage": progress.map(|progress| &progress.stage),
                "paused_at": progress.map(|progress| &progress.paused_at),
                "tasks_running": tasks.map(|(running, _)| running),
                "tasks_wanted": tasks.map(|(_, wanted)| wanted),
                "progress_unknown": rollout.progress.as_ref().err(),
            })
        }),
    })
}

fn compared(one: &Compared) -> Value {
    let reasons = one
        .reasons
        .iter()
        .map(|reason| json!({"database": reason.database, "why": reason.why, "differs": reason.differs}));
    json!({
        "service": one.service,
        "same": one.reasons.is_empty(),
        "reasons": reasons.collect::<Vec<_>>(),
    })
}
