use std::time::Duration;

use sandbox::{Fault, Script, TaskFault, seed};

use crate::support::{Finished, HEALTH, Run, World, database, report};

/// Bytes of memory that a run may take, whatever a container prints.
const PEAK_RSS: u64 = 100 * 1024 * 1024;

#[tokio::test]
async fn two_hundred_thousand_lines_arrive_once_in_order_and_without_memory() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new()
            .lines((0..200_000).map(|n| format!("row {n:06} of the backfill of client_events")))
            .line(report(&name))
    });
    let run = in_bounded_memory(world.migrate(&["--database", HEALTH])).await;
    run.exits(0);
    let rows: Vec<&str> = run.stdout.lines().filter_map(|line| line.split_once("row ")?.1.get(..6)).collect();
    assert_eq!(rows.len(), 200_000);
    assert!(rows.iter().zip(0..).all(|(row, n)| row.parse() == Ok(n)), "each once, in order");
}

#[tokio::test]
async fn sixty_megabytes_leave_a_summary_that_still_shows_the_error() {
    const LINES: usize = 15_000;
    let world = World::new().await;
    world.program(|_| {
        let filler = "'<x>&`|".repeat(572);
        Script::new()
            .lines((0..LINES).map(move |n| format!("{n:05} {filler}")))
            .line("ERROR: relation \"orders\" already exists")
            .exit(1)
    });
    let run = in_bounded_memory(world.migrate(&["--database", HEALTH]).in_actions()).await;
    run.exits(1);
    assert!(run.stdout.len() > 60_000_000, "{} bytes of log", run.stdout.len());
    assert!(run.summary.len() <= 900 * 1024, "{} bytes", run.summary.len());
    assert!(run.summary.contains("ERROR: relation &quot;orders&quot; already exists"));
    assert!(run.summary.contains(" of 15,001 lines"));
    assert!(run.outputs.contains_key("result"));
}

/// Samples the run's peak memory while it goes on.
async fn in_bounded_memory(run: Run) -> Finished {
    let running = run.spawn();
    let status = format!("/proc/{}/status", running.pid());
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let sampler = std::thread::spawn(move || {
        let mut peak = 0;
        while stopped.recv_timeout(Duration::from_millis(20)).is_err() {
            let Ok(text) = std::fs::read_to_string(&status) else { break };
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib: u64 =
                line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0);
            peak = peak.max(kib * 1024);
        }
        peak
    });
    let run = running.finish().await;
    drop(stop);
    let peak = sampler.join().expect("sampled");
    assert!(peak > 0 && peak < PEAK_RSS, "peak RSS {peak}");
    run
}

#[tokio::test]
async fn lines_that_arrive_after_the_task_has_stopped_are_read() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::task(TaskFault::LateLogs { by: Duration::from_millis(1500) }));
    let more = ["--image", crate::support::IMAGE, "--database", HEALTH, "--log-drain=10s"];
    world
        .command(&[seed::MIGRATE.as_slice(), &more].concat())
        .finish()
        .await
        .exits(0)
        .says("applied V10__create_orders");
}

#[tokio::test]
async fn lines_are_shown_while_the_task_still_runs() {
    let world = World::new().await;
    world.program(|_| Script::new().line("early line").until_stopped());
    let run = world.migrate(&["--database", HEALTH, "--timeout=6s"]).finish().await;
    run.exits(4);
    let early = run.stdout.find("early line").expect("shown");
    let verdict = run.stdout.find("timed out").expect("judged");
    assert!(early < verdict);
}
