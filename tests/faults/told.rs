//! A day in sentences.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use sandbox::{Disturbance, TaskFault};

use crate::day::{Day, Event};
use crate::people::{Act, When};

fn disturbance(what: &Disturbance) -> &'static str {
    match what {
        Disturbance::Throttle => "is throttled",
        Disturbance::ServerError => "is answered with a 500",
        Disturbance::AccessDenied => "is denied",
        Disturbance::ExpiredToken => "meets expired credentials",
        Disturbance::DropBefore => "is dropped before it has an effect",
        Disturbance::DropAfter => "has its effect, and the answer is lost",
        Disturbance::Hang => "gets no answer",
        Disturbance::MalformedBody => "is answered with half a document",
        Disturbance::Error { .. } => "is refused",
    }
}

fn task(fault: &TaskFault) -> &'static str {
    match fault {
        TaskFault::FailToStart(_) => "cannot start",
        TaskFault::OutOfMemory { .. } => "uses too much memory",
        TaskFault::SpotInterruption { .. } => "loses its Spot capacity",
        TaskFault::NoExitCode => "leaves no exit code",
        TaskFault::EarlyExitCode => "shows its exit code early",
        TaskFault::LateExitCode => "shows its exit code late",
        TaskFault::RestartShown { .. } => "shows that it starts again",
        TaskFault::StuckIn(_) => "does not get beyond a state",
        TaskFault::MissingFor { .. } => "is missing after RunTask",
        TaskFault::Forgotten => "is forgotten when it is stopped",
        TaskFault::StaleReads { .. } => "is read as it was before",
        TaskFault::ImageShownAs { .. } => "shows another digest",
        TaskFault::LateLogs { .. } => "has a late log",
        TaskFault::OutOfOrderLogs => "has a log out of order",
    }
}

fn act(act: &Act) -> &'static str {
    match act {
        Act::Cancel(_) => "cancels the run",
        Act::Kill(_) => "kills the run with SIGKILL",
        Act::Resume(_) => "runs it again",
        Act::AnotherRun { .. } => "starts a run from another machine",
        Act::StopTask { .. } => "stops a task",
        Act::ByHand { restarts: false, .. } => "starts a task by hand",
        Act::ByHand { restarts: true, .. } => "starts a task by hand that restarts",
    }
}

/// The kind of an event, for the figures.
pub fn kind(event: &Event) -> String {
    match event {
        Event::Call { what, .. } => format!("a call {}", disturbance(what)),
        Event::Weather { .. } => "any call fails now and then".into(),
        Event::Neighbour(_) => "others use the API buckets".into(),
        Event::NoRoom { .. } => "RunTask finds no capacity".into(),
        Event::ListsLag(_) => "ListTasks and DescribeTasks lag".into(),
        Event::Task { fault, .. } | Event::AnyTask { fault, .. } => format!("a task {}", task(fault)),
        Event::EmptyPages { .. } => "a page of a log is empty".into(),
        Event::RepeatedEvents { .. } => "a page of a log repeats an event".into(),
        Event::Person(done) => format!("a person {}", act(done)),
    }
}

fn times(after: u32, times: u32) -> String {
    let after = if after > 0 { format!(", after {after} that are spared") } else { String::new() };
    match times {
        u32::MAX => format!("always{after}"),
        _ => format!("{times} times{after}"),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// One event, in a sentence.
fn sentence(event: &Event) -> String {
    match event {
        Event::Call { operation, what, after, times: count } => {
            format!("A call of {operation} {}, {}.", disturbance(what), times(*after, *count))
        }
        Event::Weather { throttle, server_error } => format!(
            "{:.1} % of all calls are throttled, and {:.1} % are answered with a 500.",
            throttle * 100.0,
            server_error * 100.0
        ),
        Event::Neighbour(share) => format!("Others use {:.0} % of every API bucket.", share * 100.0),
        Event::NoRoom { after, times: count } => {
            format!("RunTask finds no capacity, {}.", times(*after, *count))
        }
        Event::ListsLag(by) => format!("ListTasks and DescribeTasks know a task after {}.", seconds(*by)),
        Event::Task { database, fault } => {
            format!("The first task of {database} {} ({fault:?}).", task(fault))
        }
        Event::AnyTask { after, fault } => {
            format!("A task after {after} others {} ({fault:?}).", task(fault))
        }
        Event::EmptyPages { after, times: count } => {
            format!("FilterLogEvents answers an empty page, {}.", times(*after, *count))
        }
        Event::RepeatedEvents { after, times: count } => {
            format!("FilterLogEvents repeats an event, {}.", times(*after, *count))
        }
        Event::Person(done) => {
            let when = match done {
                Act::Cancel(after) => format!("After {}", seconds(*after)),
                Act::Kill(killed) => {
                    let when = match killed.when {
                        When::After(after) => format!("After {}", seconds(after)),
                        When::Started(tasks) => format!("When {tasks} more tasks are started"),
                    };
                    let cuts = if killed.cuts { ", in the middle of a line of the state file" } else { "" };
                    return format!(
                        "{when} a person kills the run with SIGKILL{cuts}, and runs it again {} later.",
                        seconds(killed.pause)
                    );
                }
                Act::Resume(pause) => format!("{} after its end", seconds(*pause)),
                Act::AnotherRun { after, every, on_running, lanes, packing } => {
                    return format!(
                        "After {} a person starts a run from another machine over every {every}. database from the last \
                         one on: --on-running={on_running} --max-parallel={lanes} --databases-per-task={packing}.",
                        seconds(*after)
                    );
                }
                Act::StopTask { after, .. } => format!("After {}", seconds(*after)),
                Act::ByHand { after, database, .. } => {
                    return format!("After {} a person {}, for {database}.", seconds(*after), act(done));
                }
            };
            format!("{when} a person {}.", act(done))
        }
    }
}

/// The whole day, for whoever reads of a violation.
pub fn story(day: &Day) -> String {
    let how = &day.how;
    let mut story = format!("Seed {}: {} databases, ", day.seed, day.databases.len());
    match &how.packing {
        Some(size) => _ = write!(story, "{size} a task, "),
        None => story += "a task each, ",
    }
    let _ = write!(story, "{} tasks at a time, ", how.lanes);
    if how.canary > 0 {
        let _ = write!(story, "{} canaries, ", how.canary);
    }
    if how.stages > 0 {
        let _ = write!(story, "{} stages, ", how.stages);
    }
    if how.by_exit_code {
        story += "with --proof exit-code, ";
    }
    match how.max_failures {
        Some(most) => _ = write!(story, "until {most} have failed, "),
        None => story += "whatever fails, ",
    }
    let _ = writeln!(
        story,
        "{}a timeout of {}, --on-running={} --on-timeout={} --on-cancel={}, {} vCPUs.",
        if how.has_state { "with a state file, " } else { "" },
        seconds(how.timeout),
        how.on_running,
        how.on_timeout,
        how.on_cancel,
        how.vcpus
    );
    let mut alike: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for one in &day.databases {
        let name = format!("{} ({} s, {} lines)", one.name, one.takes, one.lines);
        alike.entry((one.first, one.later)).or_default().push(name);
    }
    for ((first, later), names) in alike {
        let later = if later == first { String::new() } else { format!(", and later it {later}") };
        let _ = writeln!(story, "  The image {first}{later}: {}.", names.join(", "));
    }
    for event in &day.events {
        let _ = writeln!(story, "  {}", sentence(event));
    }
    story
}
