//! The plan of a rollback for programs.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{BackPlan, ServiceBack, Side, Way};
use crate::plan::RevisionPlan;
use crate::sql::SeenSql;

pub(super) fn data(plan: &BackPlan) -> Value {
    json!({
        "version": 1,
        "operation": "rollback",
        "account": plan.account.caller.account,
        "region": plan.account.region,
        "cluster": plan.cluster,
        "services": plan.services.iter().map(service).collect::<Vec<_>>(),
        "accept_newer_schema": plan.accepted,
        "notes": plan.notes,
    })
}

fn service(one: &ServiceBack) -> Value {
    let stays =
        one.stays.iter().map(|stays| json!({"setting": stays.setting, "then": stays.was, "now": stays.is}));
    json!({
        "service": one.service.name,
        "from": side(&one.from, one.to.as_ref()),
        "to": one.to.as_ref().map(|to| side(to, Some(&one.from))),
        "way": way(&one.way),
        "diff": one.diff,
        "stays": stays.collect::<Vec<_>>(),
        "schema": {
            "since": text(one.schema.since),
            "from": one.schema.from,
            "known": one.schema.known,
            "newer": one.schema.newer,
            "perhaps_newer": one.schema.perhaps_newer,
            "unknown": one.schema.unknown,
        },
        "sql": one.sql.as_ref().map(SeenSql::data),
        "timeout_seconds": one.timeout.as_secs(),
    })
}

fn side(side: &Side, other: Option<&Side>) -> Value {
    let images = side.images.iter().map(|image| {
        json!({
            "container": image.container,
            "image": image.reference,
            "digest": image.digest,
            "tags": image.tags,
        })
    });
    let image = side.image(other);
    json!({
        "task_definition": side.task_definition,
        "service_revision": side.revision,
        "tag": image.and_then(|image| image.tag()),
        "image_digest": image.and_then(|image| image.digest.as_deref()),
        "images": images.collect::<Vec<_>>(),
        "ran_from": text(side.span.and_then(|span| span.from)),
        "ran_until": text(side.span.and_then(|span| span.until)),
    })
}

fn way(way: &Way) -> Value {
    match way {
        Way::TakeBack { deployment, status, paused } => json!({
            "action": "take-back",
            "deployment": deployment,
            "status": status.name(),
            "paused_at": paused,
        }),
        Way::Update(update) => {
            let (action, arn) = match &update.revision {
                RevisionPlan::Reuse(arn) => ("reuse", Some(arn)),
                RevisionPlan::Register(_) => ("register", None),
            };
            json!({
                "action": "update",
                "revision": {"action": action, "arn": arn},
                "force": update.force,
            })
        }
    }
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
