//! The logs of a fleet: few calls, nothing lost, in order, and in files.

use super::fleet::fleet;
use super::*;

const LINES: usize = 40;

/// A line every half second, and a report at the end.
fn talkative() -> Fargate {
    let mut world = Fargate::running_for(20 * SECOND);
    world.lines = (0..LINES)
        .map(|n| (Duration::from_millis(500) * u32::try_from(n).expect("few"), format!("line {n:03} of %")))
        .chain([(20 * SECOND, report("%"))])
        .collect();
    world
}

fn written(directory: &tempfile::TempDir, database: &str) -> Vec<String> {
    let path = directory.path().join(crate::steps::task::log::files::file_name(database));
    let text = std::fs::read_to_string(path).expect("a log file");
    text.lines().map(str::to_owned).collect()
}

fn expected(database: &str) -> Vec<String> {
    let lines = (0..LINES).map(|n| format!("line {n:03} of {database}"));
    lines.chain([report(database)]).collect()
}

async fn all_lines_arrive(world: &Fargate, size: usize) -> Report {
    let directory = tempfile::tempdir().expect("a directory");
    let plan = fleet(size, &["--max-parallel=24", "--keep-going"]);
    let (report, _) = logged(world, &plan, &directory).await;
    for row in &report.databases {
        assert_eq!(written(&directory, &row.database), expected(&row.database), "{}", row.database);
        assert!(row.migration_report.is_some(), "{}", row.database);
    }
    report
}

#[tokio::test(start_paused = true)]
async fn a_thousand_logs_cost_less_than_a_call_each_and_lose_nothing() {
    let world = talkative();
    let report = all_lines_arrive(&world, 1_000).await;
    assert_eq!(report.migrated().count(), 1_000);
    let calls = world.describes.get() + world.filters.get() + world.log_reads.get();
    println!(
        "{} DescribeTasks, {} FilterLogEvents, {} GetLogEvents",
        world.describes.get(),
        world.filters.get(),
        world.log_reads.get()
    );
    assert!(calls <= 3_000, "{calls} calls");
    assert!(report.databases.iter().all(|row| row.log.lines().len() <= 50));
}

#[tokio::test(start_paused = true)]
async fn lines_that_come_out_of_order_are_read_again_in_order() {
    let late = (0..40).map(|n| (format!("tenant_{n:04}"), n)).collect();
    let world = Fargate { late, ..talkative() };
    let report = all_lines_arrive(&world, 60).await;
    assert_eq!(report.migrated().count(), 60);
    assert!(world.log_reads.get() >= 2 * 20, "{} reads", world.log_reads.get());
}

#[tokio::test(start_paused = true)]
async fn a_report_that_the_fleets_log_never_shows_is_found_in_its_stream() {
    let world = Fargate { late: vec![("tenant_0003".into(), LINES)], log_delay: END, ..talkative() };
    let report = all_lines_arrive(&world, 30).await;
    assert_eq!(report.migrated().count(), 30);
}

#[tokio::test(start_paused = true)]
async fn where_the_fleets_log_may_not_be_read_each_stream_is() {
    let world = Fargate { filter_denied: true, ..talkative() };
    let report = all_lines_arrive(&world, 30).await;
    assert_eq!((report.migrated().count(), world.filters.get()), (30, 1));
    assert!(report.notes.iter().any(|note| note.contains("read one by one")), "{:?}", report.notes);
}

/// From the start, or when the first reports have been seen and may have something behind them.
#[tokio::test(start_paused = true)]
async fn where_others_flood_the_log_group_each_stream_is_read() {
    let after = START + 20 * SECOND + 15 * SECOND;
    for (foreign, flooded) in
        [((20, Duration::ZERO), false), ((40, Duration::ZERO), true), ((40, after), true)]
    {
        let world = Fargate { foreign, ..talkative() };
        let report = all_lines_arrive(&world, 30).await;
        assert_eq!(report.migrated().count(), 30);
        assert!(world.epoch.elapsed() < 10 * MINUTE, "{:?}", world.epoch.elapsed());
        let note =
            "read one by one: log group /ecs/startupwebapp-migrations gets more events, others' included";
        assert_eq!(report.notes.iter().any(|text| text.contains(note)), flooded, "{:?}", report.notes);
        assert_eq!(world.log_reads.get() >= 30, flooded, "{} reads", world.log_reads.get());
    }
}
