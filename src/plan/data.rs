//! A plan for programs.

use serde_json::{Value, json};

use super::{Begun, ImagePlan, Pack, Plan, Proved, RevisionPlan, run_task_input};
use crate::choices::OnRunning;
use crate::database_name::DatabaseName;
use crate::failure::Failure;

/// `databases[].run_task` is RunTask's own input; where databases share tasks,
/// `packs[].run_task`.
///
/// # Errors
/// As [`Plan::revision`].
pub(super) fn data(plan: &Plan) -> Result<Value, Failure> {
    let revision = plan.revision(&plan.image.reference())?;
    let image = image_json(&plan.image, exists(plan));
    let (databases, packs) = tasks_json(plan)?;
    Ok(json!({
        "version": 1,
        "operation": "migrate",
        "account": plan.account.as_ref().map(|account| &account.caller.account),
        "region": plan.account.as_ref().map(|account| &account.region),
        "cluster": plan.cluster,
        "container": plan.container,
        "image": image,
        "task_definition": {
            "family": plan.family(),
            "base": plan.base.arn(),
            "action": match &revision { RevisionPlan::Reuse(_) => "reuse", RevisionPlan::Register(_) => "register" },
            "arn": match &revision { RevisionPlan::Reuse(arn) => Some(arn), RevisionPlan::Register(_) => None },
            "diff": plan.diff(&plan.image.reference())?,
        },
        "databases": databases,
        "packs": packs,
        "proved": plan.proved.iter().map(proved_json).collect::<Vec<_>>(),
        "max_parallel": *plan.fleet.max_parallel,
        "waves": plan.waves().map(|wave| names(wave).collect::<Vec<_>>()).collect::<Vec<_>>(),
        "on_running": match plan.fleet.on_running {
            OnRunning::Wait => "wait",
            OnRunning::Adopt => "adopt",
            OnRunning::Fail => "fail",
        },
        "max_failures": plan.fleet.stops_after(),
        "keep_going": plan.fleet.stops_after().is_none(),
        "timeout_seconds": plan.task.timeout.as_secs(),
        "notes": plan.notes,
    }))
}

/// The databases, and the packs where tasks are told lists.
fn tasks_json(plan: &Plan) -> Result<(Vec<Value>, Option<Vec<Value>>), Failure> {
    let requests = requests(plan)?;
    if !plan.packed {
        let each = requests.into_iter().flat_map(|Request { pack, input, already_running }| {
            let names = pack.databases.iter();
            names.map(
                move |name| json!({"database": name, "already_running": already_running, "earlier": pack.begun.as_ref().map(begun_json), "run_task": input}),
            )
        });
        return Ok((each.collect(), None));
    }
    let databases = requests.iter().enumerate().flat_map(|(index, request)| {
        let running = request.already_running;
        let names = request.pack.databases.iter();
        names.map(move |name| json!({"database": name, "already_running": running, "pack": index}))
    });
    let databases = databases.collect();
    let pack = |Request { pack, input, already_running }: Request<'_>| {
        let run_task = already_running.is_none().then_some(input);
        let begun = pack.begun.as_ref().map(begun_json);
        json!({"databases": pack.databases, "already_running": already_running, "earlier": begun, "run_task": run_task})
    };
    Ok((databases, Some(requests.into_iter().map(pack).collect())))
}

pub(super) fn names(packs: &[Pack]) -> impl Iterator<Item = &str> {
    packs.iter().flat_map(|pack| &pack.databases).map(DatabaseName::as_str)
}

fn proved_json(Proved { database, by, .. }: &Proved) -> Value {
    json!({"database": database, "task_arn": by.task, "proved_at": by.at.to_string(), "report": by.report})
}

fn begun_json(begun: &Begun) -> Value {
    match begun {
        Begun::Task { arn, has_ended, .. } => json!({ "task_arn": arn, "ended": has_ended }),
        Begun::Call { token, .. } => json!({ "client_token": token }),
    }
}

pub(super) fn image_json(image: &ImagePlan, exists: Option<bool>) -> Value {
    match image {
        ImagePlan::Reuse { tag, digest } => {
            json!({"action": "reuse", "reference": image.reference(), "tag": tag.tag, "digest": digest, "exists": true})
        }
        ImagePlan::Build { build, to } => {
            json!({"action": "build", "reference": to.reference(), "tag": to.tag, "exists": exists, "build": build})
        }
        ImagePlan::Package { binary, to } => {
            json!({"action": "package", "reference": to.reference(), "tag": to.tag, "exists": exists, "binary": binary})
        }
        ImagePlan::Given { reference, digest } => {
            json!({"action": "use", "reference": reference, "digest": digest})
        }
    }
}

/// Whether the tag is there; none when nobody looked.
pub(super) fn exists(plan: &Plan) -> Option<bool> {
    plan.account.as_ref().map(|_| matches!(plan.image, ImagePlan::Reuse { .. }))
}

/// What will be asked of ECS for a pack.
pub(super) struct Request<'a> {
    pub pack: &'a Pack,
    /// RunTask's input.
    pub input: Value,
    /// The task that migrates the databases now: none is started.
    pub already_running: Option<&'a str>,
}

pub(super) fn requests(plan: &Plan) -> Result<Vec<Request<'_>>, Failure> {
    let (revision, known) = match plan.revision(&plan.image.reference())? {
        RevisionPlan::Reuse(arn) => (arn, true),
        RevisionPlan::Register(_) => (format!("{}:<new revision>", plan.family()), false),
    };
    let packs = plan.packs.iter();
    Ok(packs
        .map(|pack| {
            let mut input = run_task_input(&plan.run_task(&revision, &pack.databases, pack.attempt));
            if let Some(Begun::Call { token, .. }) = &pack.begun {
                input["clientToken"] = json!(token);
            } else if !known {
                input["clientToken"] = json!("<derived from run, database and new revision>");
            }
            let running = pack.running.as_ref().filter(|_| !plan.may_start(pack));
            Request { pack, input, already_running: running.map(|task| task.arn.as_str()) }
        })
        .collect())
}
