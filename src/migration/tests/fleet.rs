//! Many databases: waves, failures, no room, and what it costs in calls.

use super::*;
use crate::migration::tests::world::NO_VCPUS;

pub(super) fn fleet(size: usize, flags: &[&str]) -> Plan {
    let names: Vec<String> = (0..size).map(|n| format!("tenant_{n:04}")).collect();
    let names = format!("--database={}", names.join(","));
    plan(&[&[names.as_str()], flags].concat())
}

fn not_run(report: &Report) -> usize {
    report.databases.iter().filter(|row| matches!(row.verdict, Some(Verdict::NotRun { .. }))).count()
}

#[tokio::test(start_paused = true)]
async fn the_rest_starts_when_all_canaries_are_migrated() {
    let world = Fargate::running_for(MINUTE);
    let plan = fleet(10, &["--canary=tenant_0007,tenant_0003", "--max-parallel=8"]);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(report.migrated().count(), 10);
    let started = world.started();
    for (database, at) in &started {
        let is_canary = ["tenant_0003", "tenant_0007"].contains(&database.as_str());
        assert_eq!(*at < START + MINUTE, is_canary, "{database} after {at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_stops_the_rest_even_when_it_would_keep_going() {
    let world = Fargate { failing: vec!["tenant_0001".into()], ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &fleet(20, &["--canary=10%", "--max-parallel=9", "--keep-going"])).await;
    assert_eq!((report.migrated().count(), not_run(&report), world.runs.get()), (1, 18, 2));
    let why = report.databases[9].verdict.as_ref().expect("a verdict").explain();
    assert_eq!(why, "canary tenant_0001 was not migrated, and nothing starts after that");
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_after_so_many_failures() {
    let failing: Vec<String> = (0..40).map(|n| format!("tenant_{n:04}")).collect();
    for (flag, most) in [("--max-failures=3", 3 + 3), ("--max-parallel=4", 4), ("--keep-going", 40)] {
        let world = Fargate { failing: failing.clone(), ..Fargate::running_for(MINUTE) };
        let (report, _) =
            run(&world, &fleet(40, &["--max-parallel=4", flag][usize::from(flag.contains("parallel"))..]))
                .await;
        assert!(world.runs.get() <= most, "{flag}: {} started", world.runs.get());
        assert_eq!(not_run(&report), 40 - world.runs.get(), "{flag}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_the_account_has_no_vcpus_for_waits_its_turn_and_loses_no_time() {
    let world = Fargate { slots: 24, ..Fargate::running_for(20 * SECOND) };
    let (report, took) = run(&world, &fleet(240, &["--max-parallel=240"])).await;
    assert_eq!(report.migrated().count(), 240, "{:?}", report.notes);
    let floor = (START + 20 * SECOND + END) * 10;
    assert!(took < floor.mul_f64(1.10), "{took:?} for {floor:?}");
    assert!(world.runs.get() <= 240 + 240 / 2, "{} RunTask", world.runs.get());
    let waited: Vec<_> = report.databases.iter().filter_map(|row| row.waited.as_ref()).collect();
    assert!(!waited.is_empty() && waited.iter().all(|waited| waited.reason == NO_VCPUS && waited.ms > 0));
    assert_eq!(report.notes.iter().filter(|note| note.contains("vCPUs")).count(), 1, "{:?}", report.notes);
    // Whose turn it is goes by the plan.
    let started = world.started();
    let mut times: Vec<_> = plan_order(&report).map(|name| started[name]).collect();
    let in_order = times.clone();
    times.sort();
    assert_eq!(in_order, times);
}

fn plan_order(report: &Report) -> impl Iterator<Item = &str> {
    report.databases.iter().map(|row| row.database.as_str())
}

#[tokio::test(start_paused = true)]
async fn no_room_at_all_ends_at_the_timeout_for_all_of_them() {
    let world = Fargate { slots: 0, ..Fargate::running_for(MINUTE) };
    let flags = ["--max-parallel=50", "--keep-going", "--timeout=30m"];
    let (report, took) = run(&world, &fleet(200, &flags)).await;
    let verdicts = || report.databases.iter().filter_map(|row| row.verdict.as_ref());
    assert_eq!(verdicts().filter(|verdict| matches!(verdict, Verdict::NeverStarted { .. })).count(), 200);
    assert!((30 * MINUTE..31 * MINUTE).contains(&took), "{took:?}");
    assert!(world.runs.get() < 60, "{} RunTask", world.runs.get());
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_capacity_is_left_for_another_one() {
    let world = Fargate { dry_subnet: Some("subnet-1".into()), ..Fargate::running_for(MINUTE) };
    let (report, took) = run(&world, &fleet(3, &["--max-parallel=3"])).await;
    assert_eq!(report.migrated().count(), 3, "{:?}", report.notes);
    assert!(took < 3 * MINUTE, "{took:?}");
    assert!(report.databases[0].waited.as_ref().is_some_and(|waited| waited.reason.contains("Capacity")));
}

#[tokio::test(start_paused = true)]
async fn the_next_one_starts_while_a_log_is_still_read_unless_it_has_to_wait_for_the_verdict() {
    for (parallel, waits) in [("--max-parallel=2", false), ("--max-parallel=1", true)] {
        let world = Fargate { lines: Vec::new(), ..Fargate::running_for(MINUTE) };
        let (report, _) = run(&world, &fleet(3, &[parallel, "--log-drain=5m", "--proof=exit-code"])).await;
        assert_eq!(report.migrated().count(), 3);
        let last = world.started()["tenant_0002"];
        assert_eq!(last > 5 * MINUTE, waits, "{parallel}: {last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tasks_are_watched_with_less_than_two_calls_each() {
    for (parallel, most) in [(24, 1_900), (200, 700)] {
        let world = Fargate::running_for(20 * SECOND);
        let flags = [format!("--max-parallel={parallel}"), "--log-drain=1s".to_owned()];
        let (report, took) = run(&world, &fleet(1_000, &[&flags[0], &flags[1]])).await;
        assert_eq!(report.migrated().count(), 1_000);
        let calls = world.describes.get();
        println!(
            "{parallel} at a time: {calls} DescribeTasks, {} log reads, {took:?}",
            world.log_reads.get()
        );
        assert!(calls <= most, "{calls} DescribeTasks");
        let floor = (START + 20 * SECOND + END) * (1_000_u32.div_ceil(parallel));
        assert!(took < floor.mul_f64(1.10), "{took:?} for {floor:?}");
    }
}
