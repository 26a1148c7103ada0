use std::collections::BTreeMap;

use serde_json::Value;

use crate::account::{Ended, short};
use crate::databases::{Container, End};
use crate::day::{Day, Event};
use crate::image::Behaviour;
use crate::trial::Over;

pub fn check(over: &Over<'_>, run: &Ended, found: &mut Vec<String>) {
    let result = run.result();
    let rows = result["databases"].as_array().cloned().unwrap_or_default();
    let mut named: Vec<&str> = rows.iter().filter_map(|row| row["database"].as_str()).collect();
    named.sort_unstable();
    let mut asked: Vec<&str> = run.asked.iter().map(String::as_str).collect();
    asked.sort_unstable();
    if named != asked {
        found.push(format!("it was asked for {asked:?}, and has rows of {named:?}"));
    }
    for row in &rows {
        let name = row["database"].as_str().unwrap_or_default();
        let word = row["verdict"].as_str().unwrap_or_default();
        let because = || format!("{name} is {word:?} ({})", row["explanation"]);
        let so = match word {
            "" => Err("it has no verdict".to_owned()),
            "migrated" => migrated(over, run, name),
            "migrated, not proved" => not_proved(over, run, name),
            "wrong database" => wrong_database(over, name),
            "never started" | "not run" => never_started(over, run, row),
            "cancelled" if !run.was_interrupted => Err("nobody has interrupted the run".to_owned()),
            "failed" => failed(over, run, name),
            "killed" => killed(over, run, name),
            "timed out" => timed_out(over, run, row),
            "already running" => already_running(over, run, row),
            _ => Ok(()),
        };
        if let Err(why) = so {
            found.push(format!("{}, but {why}", because()));
        }
        if let Some(expected) = expected(over, run, name)
            && word != expected
        {
            found.push(format!("{}, and it is {expected:?}: nothing went wrong", because()));
        }
    }
}

/// Containers that were told this database and had ended when the run did.
fn of<'a>(over: &'a Over<'_>, run: &Ended, name: &str) -> impl Iterator<Item = &'a Container> {
    let until = run.ended;
    let name = name.to_owned();
    over.containers.iter().filter(move |one| one.told.contains(&name) && one.began <= until)
}

fn migrated(over: &Over<'_>, run: &Ended, name: &str) -> Result<(), String> {
    let migrated: Vec<_> =
        of(over, run, name).filter(|one| one.migrated.iter().any(|it| it == name)).collect();
    if migrated.is_empty() {
        return Err("no container has migrated it".into());
    }
    let clean: Vec<_> = migrated.into_iter().filter(|one| one.clean.get(name) == Some(&true)).collect();
    if clean.is_empty() {
        return Err("no container that migrated it has said so, and nothing else".into());
    }
    if clean.iter().any(|one| one.is_list && one.told.len() > 1) {
        return Ok(());
    }
    let ended: Vec<_> = clean.iter().filter(|one| proves(over, one)).collect();
    if ended.is_empty() { Err("no container that migrated it has exited with 0".into()) } else { Ok(()) }
}

/// Whether the end of a container that was told one database proves what it reported.
fn proves(over: &Over<'_>, one: &Container) -> bool {
    let exited = one.end == End::Exited(0);
    // A list of one that something has killed after its report has still reported.
    let killed = one.is_list && !matches!(one.end, End::Exited(code) if !(129..160).contains(&code));
    (exited && (one.is_list || shown(over, one) == Some(0))) || killed
}

/// The exit code that ECS has shown of it.
fn shown(over: &Over<'_>, one: &Container) -> Option<i64> {
    let task = over.tasks.iter().find(|task| short(&task["taskArn"]) == one.task)?;
    task["containers"][0]["exitCode"].as_i64()
}

fn not_proved(over: &Over<'_>, run: &Ended, name: &str) -> Result<(), String> {
    if !over.account.day.how.by_exit_code || !run.is_ours {
        return Err("the run was not asked for --proof exit-code".into());
    }
    let ended_well = of(over, run, name).any(|one| one.end == End::Exited(0) && shown(over, one) == Some(0));
    if ended_well { Ok(()) } else { Err("no container of it has exited with 0".into()) }
}

/// A container of a list that reports on another one twice, and on this one never, looks the same from outside.
fn wrong_database(over: &Over<'_>, name: &str) -> Result<(), String> {
    let instead = |one: &Container| {
        one.is_list && !one.clean.contains_key(name) && one.reports.values().any(|count| *count > 1)
    };
    let strayed = |one: &Container| {
        one.told.iter().any(|told| told == name) && (!one.strayed.is_empty() || instead(one))
    };
    if over.containers.iter().any(strayed) {
        Ok(())
    } else {
        Err("no container has worked on another one".into())
    }
}

/// No container of a task that the run has started has had the database, nor, where that is claimed, one of a process
/// that was killed before and has recorded no verdict on it.
fn never_started(over: &Over<'_>, run: &Ended, row: &Value) -> Result<(), String> {
    let name = row["database"].as_str().unwrap_or_default();
    let is_before = |other: &&Ended| other.started_by == run.started_by && other.ended < run.ended;
    let others = || over.runs.iter().filter(is_before).map(|other| other.ended).max().unwrap_or_default();
    let since = if row["verdict"] == "not run" { run.began } else { others() };
    let is_of_run = |one: &&Container| {
        let task = over.tasks.iter().find(|task| short(&task["taskArn"]) == one.task);
        task.is_some_and(|task| {
            let created = task["createdAt"].as_f64().unwrap_or_default() * 1000.0;
            task["startedBy"] == *run.started_by && created > since as f64
        })
    };
    let is_judged = |one: &&Container| is_judged(run, name, &one.task) && short(&row["task_arn"]) != one.task;
    let mut began = of(over, run, name).filter(is_of_run).filter(|one| !is_judged(one));
    match began.next() {
        Some(one) => Err(format!("the container of task {} has run", one.task)),
        None => Ok(()),
    }
}

/// Whether the state file has a verdict on the database, by this task.
fn is_judged(run: &Ended, name: &str, task: &str) -> bool {
    let records = run.state.iter().flat_map(|text| text.lines());
    records.filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|record| {
        record["record"] == "verdict" && record["database"] == name && short(&record["task"]) == task
    })
}

/// By its exit code, or by its report.
fn failed(over: &Over<'_>, run: &Ended, name: &str) -> Result<(), String> {
    let has_failed = |one: &Container| {
        one.clean.get(name) == Some(&false) || matches!(one.end, End::Exited(code) if code != 0 && code < 129)
    };
    if of(over, run, name).any(has_failed) { Ok(()) } else { Err("no container of it has failed".into()) }
}

/// A container that ended just before ECS would have ended it looks like one that was killed.
fn killed(over: &Over<'_>, run: &Ended, name: &str) -> Result<(), String> {
    let was_killed = |one: &Container| match one.end {
        End::Exited(code) if code < 129 => {
            let task = over.tasks.iter().find(|task| short(&task["taskArn"]) == one.task);
            task.is_some_and(|task| task["stopCode"] != "EssentialContainerExited")
        }
        _ => true,
    };
    if of(over, run, name).any(was_killed) {
        Ok(())
    } else {
        Err("nothing has ended a container of it".into())
    }
}

fn timed_out(over: &Over<'_>, run: &Ended, row: &Value) -> Result<(), String> {
    let of_row = over.tasks.iter().find(|task| task["taskArn"] == row["task_arn"]);
    let created = of_row.and_then(|task| task["createdAt"].as_f64()).unwrap_or_default();
    let seconds = run.ended as f64 / 1000.0 - created;
    let timeout = over.account.day.how.timeout.as_secs_f64();
    if seconds + 1.0 >= timeout { Ok(()) } else { Err(format!("its task is {seconds:.0} s old")) }
}

fn already_running(over: &Over<'_>, run: &Ended, row: &Value) -> Result<(), String> {
    let is_other = |task: &Value| task["startedBy"] != *run.started_by;
    let is_doubt = row["explanation"].as_str().is_some_and(|said| said.contains(" may migrate it now: "));
    if is_doubt || over.killed > 0 || over.tasks.iter().any(is_other) {
        Ok(())
    } else {
        Err("only this run has started tasks".into())
    }
}

/// The word for a database on a day that leaves no doubt about it: nobody interferes, no call is disturbed, and what
/// ECS and CloudWatch Logs do to it is within what is usual.
fn expected(over: &Over<'_>, run: &Ended, name: &str) -> Option<&'static str> {
    let day = &over.account.day;
    let is_calm = day.events.iter().all(is_harmless) && over.killed == 0 && over.runs.len() == 1;
    if !is_calm || day.is_packed() || !run.is_ours || day.lag() > std::time::Duration::ZERO {
        return None;
    }
    let all = day.how.max_failures.is_none() && day.how.canary == 0 && day.how.stages == 0;
    let by_name: BTreeMap<_, _> = run.verdicts().into_iter().collect();
    if !all && by_name.get(name).is_some_and(|word| word == "not run") {
        return None;
    }
    // Those before it may have had the quota of vCPUs until --timeout.
    if day.how.vcpus < 62.5 && by_name.get(name).is_some_and(|word| word == "never started") {
        return None;
    }
    Some(word(day, day.databases.iter().find(|one| one.name == name)?.first))
}

fn is_harmless(event: &Event) -> bool {
    use sandbox::TaskFault::{EarlyExitCode, LateExitCode, LateLogs, MissingFor};
    match event {
        Event::Task { fault, .. } | Event::AnyTask { fault, .. } => match fault {
            EarlyExitCode | LateExitCode => true,
            MissingFor { reads } => *reads < 4,
            LateLogs { by } => by.as_secs() < 4,
            _ => false,
        },
        Event::EmptyPages { .. } | Event::RepeatedEvents { .. } => true,
        _ => false,
    }
}

fn word(day: &Day, behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::Migrates => "migrated",
        Behaviour::Fails => "failed",
        Behaviour::Hangs | Behaviour::IgnoresSigterm => "timed out",
        Behaviour::Lies | Behaviour::TwoReports | Behaviour::CutReport => "unproved",
        Behaviour::WrongDatabase => "wrong database",
        Behaviour::NoReport if day.how.by_exit_code => "migrated, not proved",
        Behaviour::NoReport => "unproved",
        Behaviour::ReportThenDeath => "killed",
    }
}
