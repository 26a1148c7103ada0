//! What a fleet costs the machine that it is run from. Its logs are long, and are kept in files.

use std::time::Duration;

use sandbox::stand_in::{Ends, Migration};
use sandbox::{Options, Pace, StandIn, seed};
use tokio::time::interval;

use crate::support::{IMAGE, World};

/// Between two looks at the process: what it needs at most is the kernel's to keep (VmHWM).
///
/// The process runs on a real clock: so the sandbox is twenty times as fast as AWS, and its rates as high.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the binary over so many databases with so many lines each; the most memory that it had, in MiB, and all
/// figures.
async fn peak(databases: usize, lines: usize, lanes: usize) -> (u64, String) {
    let options = Options { pace: Pace::Realistic { scale: 20.0 }, keep_calls: false, ..Options::default() };
    let world = World::with(options).await;
    let image = StandIn::new(1, move |_| Migration {
        lines,
        ..Migration::new(Duration::from_secs(10), Ends::Migrated)
    });
    world.program(move |context| image.script(context));
    let names: Vec<String> = (0..databases).map(|n| format!("tenant_{n:05}")).collect();
    let list = world.directory.path().join("databases");
    std::fs::write(&list, names.join("\n")).expect("write the list");
    let list = format!("--databases-file={}", list.display());
    let logs = world.directory.path().join("logs");
    let lanes = format!("--max-parallel={lanes}");
    let log_dir = format!("--log-dir={}", logs.display());
    let flags = [list.as_str(), &log_dir, &lanes, "--api-share=2000%"];
    let running =
        world.command(&[seed::MIGRATE.as_slice(), &["--image", IMAGE], &flags].concat()).in_actions().spawn();
    let status = format!("/proc/{}/status", running.pid());
    let began = std::time::Instant::now();
    let mut run = std::pin::pin!(running.finish_within(Duration::from_secs(600)));
    let (mut peak, mut looks) = (0, interval(LOOK));
    let run = loop {
        tokio::select! {
            run = &mut run => break run,
            _ = looks.tick() => peak = peak.max(high_water_mark(&status).unwrap_or_default()),
        }
    };
    run.exits(0);
    let figures = world.sandbox.figures();
    let took = format!(
        "{databases} databases of {lines} lines: {} MiB, {:?}\n{figures}",
        peak / 1024,
        began.elapsed()
    );
    for name in &names {
        let log = std::fs::read_to_string(logs.join(format!("db-{name}.log"))).expect("a log");
        assert_eq!(log.lines().count(), lines + 1, "{name}");
    }
    (peak / 1024, took)
}

/// In KiB.
fn high_water_mark(status: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_long_logs_fit_into_a_hundred_megabytes() {
    let (peak, took) = peak(1_000, 2_000, 250).await;
    println!("{took}");
    assert!(peak <= 95, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_databases_fit_into_two_hundred_megabytes() {
    let (peak, took) = peak(5_000, 60, 1_000).await;
    println!("{took}");
    assert!(peak <= 190, "{peak} MiB");
}
