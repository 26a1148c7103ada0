//! A plan for programs.

use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::{Begun, ImagePlan, Pack, Plan, PlannedStage, Proved, RevisionPlan, names, run_task_input};
use crate::database_name::list_variable;
use crate::ports::RunTask;

/// What stands for a hidden value, as in the diff of a task definition.
pub(super) const HIDDEN: &str = "(hidden)";

/// Returns the plan as JSON. `databases[].run_task`, or `packs[].run_task` where databases share tasks, is RunTask's
/// own input without the values of `--env`.
pub(super) fn data(plan: &Plan, revision: &RevisionPlan, diff: &str, requests: &[Request<'_>]) -> Value {
    let reused = match revision {
        RevisionPlan::Reuse(arn) => Some(arn),
        RevisionPlan::Register(_) => None,
    };
    json!({
        "version": 1,
        "operation": "migrate",
        "account": plan.account.as_ref().map(|account| &account.caller.account),
        "region": plan.account.as_ref().map(|account| &account.region),
        "cluster": plan.cluster,
        "container": plan.container,
        "image": image_json(&plan.image, plan.account.is_some()),
        "task_definition": {
            "family": plan.family(),
            "base": plan.base.arn(),
            "action": reused.map_or("register", |_| "reuse"),
            "arn": reused,
            "diff": diff,
        },
        "databases": requests
            .iter()
            .enumerate()
            .flat_map(|(index, request)| databases_json(plan, index, request))
            .collect::<Vec<_>>(),
        "packs": plan.packed.then(|| requests.iter().map(pack_json).collect::<Vec<_>>()),
        "proved": plan.proved.iter().map(proved_json).collect::<Vec<_>>(),
        "max_parallel": *plan.fleet.max_parallel,
        "waves": plan.waves().map(|wave| names(wave).collect::<Vec<_>>()).collect::<Vec<_>>(),
        "stages": plan.has_rollout().then(|| plan.stages().map(stage_json).collect::<Vec<_>>()),
        "on_running": plan.fleet.on_running.to_possible_value().map(|value| value.get_name().to_owned()),
        "max_failures": plan.fleet.stops_after(),
        "keep_going": plan.fleet.stops_after().is_none(),
        "timeout_seconds": plan.task.common.timeout.as_secs(),
        "notes": plan.notes,
        "told_elsewhere": plan.told_elsewhere,
    })
}

/// Returns a stage as JSON; its `databases` are those that are left to migrate.
fn stage_json((planned, packs): (&PlannedStage, &[Pack])) -> Value {
    let stage = &planned.stage;
    json!({
        "name": stage.name.title(),
        "databases": names(packs).collect::<Vec<_>>(),
        "proved": planned.proved,
        "max_parallel": stage.max_parallel,
        "max_failures": stage.failures.stops_after,
        "pause_seconds": stage.pause.as_secs(),
    })
}

fn databases_json(plan: &Plan, index: usize, request: &Request<'_>) -> Vec<Value> {
    let Request { pack, input, already_running } = request;
    let earlier = pack.begun.as_ref().map(begun_json);
    let database = |name| match plan.packed {
        true => json!({"database": name, "already_running": already_running, "pack": index}),
        false => {
            json!({"database": name, "already_running": already_running, "earlier": earlier, "run_task": input})
        }
    };
    pack.databases.iter().map(database).collect()
}

fn pack_json(Request { pack, input, already_running }: &Request<'_>) -> Value {
    let run_task = already_running.is_none().then_some(input);
    let earlier = pack.begun.as_ref().map(begun_json);
    json!({"databases": pack.databases, "already_running": already_running, "earlier": earlier, "run_task": run_task})
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

pub(super) fn image_json(image: &ImagePlan, is_known: bool) -> Value {
    let exists = is_known.then_some(false);
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

/// The RunTask call for a pack.
pub(super) struct Request<'a> {
    pub pack: &'a Pack,
    /// RunTask's input, without the values of `--env`: plans end up in pull requests.
    pub input: Value,
    /// The task that migrates the databases now, so that none is started.
    pub already_running: Option<&'a str>,
}

pub(super) fn requests<'a>(plan: &'a Plan, revision: &RevisionPlan) -> Vec<Request<'a>> {
    let new = format!("{}:<new revision>", plan.family());
    let (revision, known) = match revision {
        RevisionPlan::Reuse(arn) => (arn, true),
        RevisionPlan::Register(_) => (&new, false),
    };
    let request = |pack: &'a Pack| {
        let mut call = plan.run_task(revision, &pack.databases, pack.attempt);
        plan.hide_values(&mut call);
        let mut input = run_task_input(&call);
        if let Some(Begun::Call { token, .. }) = &pack.begun {
            input["clientToken"] = json!(token);
        } else if !known {
            input["clientToken"] = json!("<derived from run, database and new revision>");
        }
        let running = pack.running.as_ref().filter(|_| !plan.may_start(pack));
        Request { pack, input, already_running: running.map(|task| task.arn.as_str()) }
    };
    plan.packs.iter().map(request).collect()
}

impl Plan {
    /// Hides the values of a call's variables, except those that tell a task its databases.
    fn hide_values(&self, call: &mut RunTask) {
        let one = self.task.common.database_variable.as_str();
        let list = list_variable(one);
        for (name, value) in &mut call.environment {
            if name != one && *name != list {
                *value = HIDDEN.to_owned();
            }
        }
    }
}
