//! Checks of a task definition: what it is not fit for, and what a person should know of it.

use super::Plan;
use crate::choices::Proof;
use crate::failure::Failure;
use crate::task_definition::{Logs, Part, TaskDefinition};
use crate::values::Assignment;

/// Checks that ECS would run the task definition on Fargate.
///
/// # Errors
/// ECS would not: its networkMode is not awsvpc, it is not made for Fargate, or it is being deleted.
pub(super) fn fit_for_fargate(base: &TaskDefinition) -> Result<(), Failure> {
    let unfit = |what: &str, fix: &str| {
        Err(Failure::input(format!("task definition {} {what}", base.name())).hint(fix))
    };
    let mode = base.network_mode().unwrap_or("unset");
    if mode != "awsvpc" {
        let fix = "Fargate runs awsvpc only: set networkMode to awsvpc";
        return unfit(&format!("has networkMode {mode}"), fix);
    }
    if !base.is_fargate_compatible() {
        return unfit("is not made for Fargate", "add FARGATE to its requiresCompatibilities");
    }
    if base.status() == Some("DELETE_IN_PROGRESS") {
        return unfit("is being deleted", "name another revision");
    }
    Ok(())
}

/// Checks that `--env` sets no variable that the container takes from a secret.
///
/// # Errors
/// It sets one.
pub(super) fn secrets_stay(
    base: &TaskDefinition,
    container: &str,
    env: &[Assignment],
) -> Result<(), Failure> {
    let mut names = env.iter().map(|pair| pair.name.as_str());
    let Some(name) = names.find(|name| base.takes_from_secret(container, name)) else { return Ok(()) };
    Err(Failure::input(format!(
        "--env sets {name}, which container {container} of task definition {} takes from a secret",
        base.name()
    ))
    .hint(format!(
        "ECS refuses a variable that is also a secret: remove {name} from --env (the input env, or env in the \
         configuration file), or from the container's `secrets`"
    )))
}

/// Says what happens when a migration container ends that is not essential; none for one that is.
pub(super) fn outlived(base: &TaskDefinition, container: &str) -> Option<String> {
    let Part { is_essential: false, awaited_by, .. } = base.part(container)? else { return None };
    let next = match awaited_by.as_slice() {
        [] => String::new(),
        names => format!(" {} may start in between.", names.join(" and ")),
    };
    Some(format!(
        "container {container} is not essential, so its task would run on when it has ended: its end decides, and the task \
         is stopped then.{next} A task definition whose only essential container migrates needs no stop"
    ))
}

/// Says what the container's log configuration means for the log that can be shown, and for the proof in it; none
/// where every line is kept.
pub(super) fn log_notes(
    base: &TaskDefinition,
    container: &str,
    proof: Proof,
    packed: bool,
) -> Option<String> {
    let unreadable = match base.logs(container) {
        Logs::Awslogs { blocking: true, .. } => return None,
        Logs::Awslogs { blocking: false, .. } => {
            return Some(format!(
                "container {container} logs in non-blocking mode (the account's default since June 2025): when its \
                 buffer is full, lines are lost. `mode: blocking` in its logConfiguration keeps every line"
            ));
        }
        Logs::Unlocatable { missing } => {
            format!("the log of container {container} cannot be found: its logConfiguration has no {missing}")
        }
        Logs::OtherDriver(driver) => {
            format!("container {container} logs with {driver}, not to CloudWatch Logs: no log can be shown")
        }
        Logs::None => format!("container {container} has no logConfiguration: no log can be shown"),
    };
    let so = match proof {
        // One exit code does not prove each of several databases.
        _ if packed => "no migration report can be read, so no database can be proved. Log with awslogs",
        Proof::ExitCode => "the exit code alone will decide",
        Proof::Report => {
            "no migration report can be read, so no database can be proved. Log with awslogs, or take the exit code \
             for it with --proof exit-code"
        }
    };
    Some(format!("{unreadable}, and {so}"))
}

/// Says that all packs start at the same time, so that no failure can keep another one from starting; none where one
/// can.
pub(super) fn start_at_once(plan: &Plan) -> Option<String> {
    let limits_failures = plan.fleet.stops_after().is_some() && plan.databases().count() > 1;
    let at_once = plan.packed && plan.waves().count() == 1 && plan.packs.len() <= plan.most_parallel();
    let first = if plan.has_rollout() { "let a stage of few databases go first" } else { "use --canary" };
    (limits_failures && at_once).then(|| {
        format!("all tasks start at the same time, so --max-failures cannot keep any of them from starting; {first}")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_log_that_cannot_be_read_is_said_with_what_then_decides() {
        let document = json!({"family": "f", "containerDefinitions": [{"name": "c"}]});
        let base = TaskDefinition::from_json(document, "test").expect("a definition");
        for (proof, packed, said, not_said) in [
            (Proof::Report, false, "with --proof exit-code", "alone will decide"),
            (Proof::ExitCode, false, "the exit code alone will decide", "can be proved"),
            (Proof::Report, true, "no database can be proved", "exit-code"),
            (Proof::ExitCode, true, "no database can be proved", "alone will decide"),
        ] {
            let note = log_notes(&base, "c", proof, packed).expect("a note");
            assert!(note.contains(said) && !note.contains(not_said), "{note}");
        }
    }
}
