//! How a plan reads: text for a terminal, JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::facts::facts;
use super::listing::{is_long, listing, number};
use super::{Earlier, ImagePlan, Pack, Plan, Proved, RevisionPlan, run_task_input};
use crate::choices::OnRunning;
use crate::failure::Failure;
use crate::untrusted::one_line;

/// What is said of a call that an earlier process of the run made, or was about to.
pub(super) const AGAIN: &str = " again (it names the task of the first call, if that started one)";

/// What is made of a task that an earlier process of the run has started.
pub(super) fn becomes(has_ended: bool) -> &'static str {
    if has_ended {
        "has ended: it is judged first, and what it did not migrate is started again"
    } else {
        "is followed"
    }
}

/// # Errors
/// As [`Plan::revision`].
pub fn text(plan: &Plan) -> Result<String, Failure> {
    let mut out =
        format!("Plan: migrate {}. Nothing has been changed.\n\n", counted(plan.databases().count()));
    for (name, value) in facts(plan)? {
        let _ = writeln!(out, "  {name:<12} {}", one_line(&value));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "  note         {}", one_line(note));
    }
    out.push_str("\nTask definition\n");
    let diff = plan.diff(&plan.image.reference())?;
    if diff.is_empty() {
        out.push_str("  no change\n");
    }
    for line in diff.lines() {
        let _ = writeln!(out, "  {}", one_line(line));
    }
    let listing = listing(plan);
    if !listing.is_empty() {
        out.push_str("\nDatabases\n");
    }
    for line in listing {
        let _ = writeln!(out, "  {line}");
    }
    let mut shown = false;
    for request in requests(plan)? {
        let mut pack = one_line(&request.pack.name()).into_owned();
        if let Some(Earlier::Task { arn, has_ended, .. }) = &request.pack.earlier {
            let becomes = becomes(*has_ended);
            let _ = writeln!(out, "\nNo RunTask for {pack}: task {} of this run {becomes}", one_line(arn));
            continue;
        }
        if request.pack.earlier.is_some() && request.already_running.is_none() {
            pack.push_str(AGAIN);
        }
        match request.already_running {
            Some(arn) => {
                let _ = writeln!(out, "\nNo RunTask for {pack}: task {} migrates it now", one_line(arn));
            }
            // They differ in nothing else, and a fleet's plan is to be read.
            None if shown => {
                let token = request.input["clientToken"].as_str().unwrap_or_default();
                let variable = variable(plan, request.pack);
                let _ =
                    writeln!(out, "\nRunTask for {pack}: the same, with {variable}, clientToken = {token}");
            }
            None => {
                shown = true;
                let _ = writeln!(out, "\nRunTask for {pack}");
                for line in pretty(&request.input).lines() {
                    let _ = writeln!(out, "  {}", one_line(line));
                }
            }
        }
    }
    Ok(out)
}

/// What a task is told, as it differs from the one before it.
fn variable(plan: &Plan, pack: &Pack) -> String {
    let told = plan.told(&pack.databases).environment(&plan.task.database_variable);
    match told.last() {
        Some((name, _)) if plan.packed && is_long(plan) => {
            format!("{name} = pack {} above ({})", number(pack), counted(pack.databases.len()))
        }
        Some((name, value)) => format!("{name} = {}", one_line(value)),
        None => String::new(),
    }
}

/// The plan as a document: `databases[].run_task` is RunTask's own input; where databases share tasks,
/// `packs[].run_task`.
///
/// # Errors
/// As [`Plan::revision`].
pub fn json(plan: &Plan) -> Result<Value, Failure> {
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
        "max_parallel": plan.fleet.max_parallel,
        "waves": plan.waves().map(|wave| names(wave).collect::<Vec<_>>()).collect::<Vec<_>>(),
        "on_running": match plan.fleet.on_running {
            OnRunning::Wait => "wait",
            OnRunning::Adopt => "adopt",
            OnRunning::Fail => "fail",
        },
        "max_failures": plan.fleet.max_failures,
        "keep_going": plan.fleet.max_failures.is_none(),
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
                move |name| json!({"database": name, "already_running": already_running, "earlier": pack.earlier.as_ref().map(earlier_json), "run_task": input}),
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
        let earlier = pack.earlier.as_ref().map(earlier_json);
        json!({"databases": pack.databases, "already_running": already_running, "earlier": earlier, "run_task": run_task})
    };
    Ok((databases, Some(requests.into_iter().map(pack).collect())))
}

pub(super) fn names(packs: &[Pack]) -> impl Iterator<Item = &str> {
    packs.iter().flat_map(|pack| &pack.databases).map(String::as_str)
}

fn proved_json(Proved { database, by, .. }: &Proved) -> Value {
    json!({"database": database, "task_arn": by.task, "proved_at": by.at.to_string(), "report": by.report})
}

fn earlier_json(earlier: &Earlier) -> Value {
    match earlier {
        Earlier::Task { arn, has_ended, .. } => json!({ "task_arn": arn, "ended": has_ended }),
        Earlier::Call { token, .. } => json!({ "client_token": token }),
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
            if let Some(Earlier::Call { token, .. }) = &pack.earlier {
                input["clientToken"] = json!(token);
            } else if !known {
                input["clientToken"] = json!("<derived from run, database and new revision>");
            }
            let running = pack.running.as_ref().filter(|_| !plan.may_start(pack));
            Request { pack, input, already_running: running.map(|task| task.arn.as_str()) }
        })
        .collect())
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

pub(super) fn counted(databases: usize) -> String {
    if databases == 1 { "1 database".to_owned() } else { format!("{databases} databases") }
}
