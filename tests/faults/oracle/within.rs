use std::time::Duration;

use serde_json::Value;

use crate::account::{Ended, short};
use crate::databases::Container;
use crate::day::Event;
use crate::people::Act;
use crate::trial::Over;

/// RunTask relies on a look of this age; and what passes between a look and the task that it allows.
const UNSEEN: Duration = Duration::from_secs(65);
/// Milliseconds that a container may go on after StopTask: ECS's 30 s, and what a task that had no container yet takes
/// to be told.
const STOPPED_WITHIN: i64 = 60_000;
/// The part of each bucket that a run may use, as the default of `--api-share` says.
const SHARE: f64 = 0.5;
/// Burst of the buckets that a migration uses, as AWS documents them.
const BURSTS: [(&str, f64); 7] = [
    ("task definition modify", 20.0),
    ("task definition read", 50.0),
    ("cluster resource modify", 100.0),
    ("cluster resource read", 100.0),
    ("cluster read", 50.0),
    ("FilterLogEvents", 10.0),
    ("GetLogEvents", 25.0),
];

pub fn check(over: &Over<'_>, found: &mut Vec<String>) {
    twice(over, found);
    left(over, found);
    share(over, found);
    lanes(over, found);
    canaries(over, found);
}

fn task<'a>(over: &'a Over<'_>, id: &str) -> &'a Value {
    over.tasks.iter().find(|task| short(&task["taskArn"]) == id).unwrap_or(&Value::Null)
}

/// Two containers at work on one database. Runs of different machines know of each other by what they see in ECS, and
/// nobody hinders a person who starts a task by hand.
fn twice(over: &Over<'_>, found: &mut Vec<String>) {
    for (index, second) in over.containers.iter().enumerate() {
        for first in &over.containers[..index] {
            let both = first.told.iter().find(|name| second.told.contains(name));
            let Some(name) = both.filter(|_| first.task != second.task) else { continue };
            let is_over = first.ended.is_some_and(|ended| ended <= second.began);
            if !is_over && !is_excused(over, first, second) {
                let (one, other) = (task(over, &first.task), task(over, &second.task));
                found.push(format!(
                    "{name} has two containers at once: of {} since {}, of {} since {}",
                    one["startedBy"], one["createdAt"], other["startedBy"], other["createdAt"]
                ));
            }
        }
    }
}

fn is_excused(over: &Over<'_>, first: &Container, second: &Container) -> bool {
    let (one, other) = (task(over, &first.task), task(over, &second.task));
    let created = |task: &Value| task["createdAt"].as_f64().unwrap_or_default();
    let (earlier, later) = if created(one) <= created(other) { (one, other) } else { (other, one) };
    if later["startedBy"] == "hand" {
        return true;
    }
    let day = &over.account.day;
    let slow = if day.disturbs_calls() { Duration::from_secs(75) } else { Duration::ZERO };
    let unseen = (UNSEEN + day.lag() + slow).as_secs_f64();
    earlier["startedBy"] != later["startedBy"] && created(later) - created(earlier) <= unseen
}

/// Tasks of a run that go on long after its end, although they were to be stopped.
fn left(over: &Over<'_>, found: &mut Vec<String>) {
    let day = &over.account.day;
    let stops_are_refused = day.events.iter().any(|event| match event {
        Event::Call { operation, .. } => matches!(*operation, "ecs:StopTask" | "ecs:*" | "*"),
        Event::Weather { .. } => true,
        _ => false,
    });
    if stops_are_refused || over.killed > 0 {
        return;
    }
    for run in over.runs {
        // Those of the run that it resumes have the same name.
        let alike = || over.runs.iter().filter(|other| other.started_by == run.started_by);
        if alike().map(|other| other.ended).max() != Some(run.ended) {
            continue;
        }
        let rows: Vec<(String, Value)> = alike().flat_map(rows).collect();
        for one in over.tasks.iter().filter(|task| task["startedBy"] == *run.started_by) {
            let id = short(&one["taskArn"]);
            let container = over.containers.iter().rfind(|container| container.task == id);
            let runs = match container {
                Some(container) => container.ended.is_none_or(|ended| ended > run.ended + STOPPED_WITHIN),
                None => one["desiredStatus"] != "STOPPED",
            };
            let of_it: Vec<&Value> = rows.iter().filter(|(task, _)| task == id).map(|(_, row)| row).collect();
            if runs && !of_it.iter().any(|row| may_go_on(over, row)) {
                let said: Vec<_> = of_it.iter().map(|row| (&row["verdict"], &row["explanation"])).collect();
                found.push(format!("task {id} goes on after run {}, whose rows say {said:?}", run.name));
            }
        }
    }
}

fn may_go_on(over: &Over<'_>, row: &Value) -> bool {
    let how = &over.account.day.how;
    let explanation = row["explanation"].as_str().unwrap_or_default();
    let is_said =
        explanation.contains("may still be running") || explanation.contains("could not be stopped");
    match row["verdict"].as_str().unwrap_or_default() {
        "already running" => true,
        "timed out" => how.on_timeout == "leave" || is_said,
        "cancelled" => how.on_cancel == "leave" || is_said,
        _ => is_said,
    }
}

fn rows(run: &Ended) -> Vec<(String, Value)> {
    let result = run.result();
    let rows = result["databases"].as_array().cloned().unwrap_or_default();
    rows.into_iter().map(|row| (short(&row["task_arn"]).to_owned(), row)).collect()
}

/// A run alone takes its share of every bucket and no more.
fn share(over: &Over<'_>, found: &mut Vec<String>) {
    let day = &over.account.day;
    let is_alone = over.runs.len() == 1
        && over.killed == 0
        && !day.events.iter().any(|event| matches!(event, Event::Neighbour(_)))
        && !day.acts().any(|act| matches!(act, Act::AnotherRun { .. }));
    if !is_alone {
        return;
    }
    for (name, used) in over.account.sandbox.figures().buckets {
        let Some((_, burst)) = BURSTS.iter().find(|(of, _)| *of == name) else { continue };
        let least = burst * (1.0 - SHARE) - 1.0;
        if used.refused > 0 || used.lowest < least {
            found.push(format!("bucket {name} was used beyond the share: {used:?}"));
        }
    }
}

/// Containers of one run at a time, where all of its tasks are seen to end.
fn lanes(over: &Over<'_>, found: &mut Vec<String>) {
    let lanes = over.account.day.how.lanes;
    let is_watched = |run: &&Ended| {
        let seen = ["migrated", "migrated, not proved", "failed", "wrong database", "not run"];
        run.is_ours && run.verdicts().iter().all(|(_, word)| seen.contains(&word.as_str()))
    };
    let (Some(run), 0, 1) = (over.runs.iter().find(is_watched), over.killed, over.runs.len()) else { return };
    let of_run = |one: &&Container| task(over, &one.task)["startedBy"] == *run.started_by;
    let containers: Vec<&Container> = over.containers.iter().filter(of_run).collect();
    for one in &containers {
        let runs = |other: &&&Container| {
            other.began <= one.began && other.ended.is_none_or(|ended| ended > one.began)
        };
        let at_once = containers.iter().filter(runs).count();
        if at_once > lanes {
            found.push(format!("{at_once} containers run at once, and --max-parallel is {lanes}"));
            return;
        }
    }
}

/// Nothing starts after a canary that was not migrated.
fn canaries(over: &Over<'_>, found: &mut Vec<String>) {
    let how = &over.account.day.how;
    let Some(run) = over.runs.iter().find(|run| run.is_ours && run.name == "1") else { return };
    let verdicts = run.verdicts();
    let (canaries, others) = verdicts.split_at(how.canary.min(verdicts.len()));
    let failed = canaries.iter().find(|(_, word)| !word.starts_with("migrated"));
    let started = others.iter().find(|(_, word)| !matches!(word.as_str(), "not run" | "already running"));
    if let (Some((canary, _)), Some((name, word))) = (failed, started) {
        found.push(format!("canary {canary} was not migrated, and {name} is {word:?}"));
    }
}
