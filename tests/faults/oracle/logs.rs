use std::collections::BTreeMap;

use sandbox::TaskFault;
use serde_json::Value;

use crate::account::{Ended, short};
use crate::day::Event;
use crate::trial::Over;

/// Each line of a container is `TASK NUMBER`; the files of a run together have each of them once, and each file has
/// those of a task in order.
pub fn check(over: &Over<'_>, run: &Ended, found: &mut Vec<String>) {
    let mut told: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let entries = std::fs::read_dir(run.logs()).into_iter().flatten().flatten();
    for entry in entries {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let file = entry.file_name().to_string_lossy().into_owned();
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (task, number) in text.lines().filter_map(numbered) {
            if let Some(before) = last.insert(task, number)
                && number <= before
                && is_in_order(over)
            {
                found.push(format!("{file} has line {number} of task {task} after line {before}"));
            }
            told.entry(task.to_owned()).or_default().push(number);
        }
    }
    for (task, numbers) in &mut told {
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        if numbers.len() < count {
            found.push(format!("lines of task {task} are in two files, or twice in one"));
        }
    }
    let result = run.result();
    let rows = result["databases"].as_array().cloned().unwrap_or_default();
    let task_of = |row: &Value| short(&row["task_arn"]).to_owned();
    for row in &rows {
        let task = task_of(row);
        // The log of a pack may break off behind the report that proves a database.
        let is_whole =
            rows.iter().filter(|other| task_of(other) == task).all(|other| other["verdict"] == "migrated");
        let mut containers = over.containers.iter().filter(|one| one.task == task);
        // A container that was started again begins its numbers again.
        let (Some(only), None) = (containers.next(), containers.next()) else { continue };
        let has_all_rows = only.told.iter().all(|name| run.asked.contains(name));
        let have = told.get(&task).map_or(0, Vec::len);
        if is_whole && has_all_rows && row["log"]["file"].is_string() && have < only.lines {
            let name = &row["database"];
            found.push(format!("{name} is migrated, and its log file has {have} of {} lines", only.lines));
        }
    }
}

/// A stream of its own is written down as CloudWatch Logs shows it while the task runs; that of a fleet is read again
/// when its events were out of order.
fn is_in_order(over: &Over<'_>) -> bool {
    let day = &over.account.day;
    let is_fleet = day.databases.len() > 20 && day.how.lanes > 4 && !day.disturbs_calls();
    let has_such = |wanted: fn(&TaskFault) -> bool| {
        day.events.iter().any(|event| match event {
            Event::Task { fault, .. } | Event::AnyTask { fault, .. } => wanted(fault),
            _ => false,
        })
    };
    let is_late = has_such(|fault| matches!(fault, TaskFault::LateLogs { .. }));
    !has_such(|fault| matches!(fault, TaskFault::OutOfOrderLogs)) || (is_fleet && !is_late)
}

fn numbered(line: &str) -> Option<(&str, usize)> {
    let (task, number) = line.split_once(' ')?;
    let is_task = task.len() == 32 && task.bytes().all(|byte| byte.is_ascii_hexdigit());
    number.parse().ok().filter(|_| is_task).map(|number| (task, number))
}
