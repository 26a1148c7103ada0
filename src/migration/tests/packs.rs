//! Tasks that migrate many databases each.

use super::fleet::fleet;
use super::*;
use crate::document::{self, Colour};

#[tokio::test(start_paused = true)]
async fn a_pack_is_one_task_and_each_database_has_its_own_proof() {
    let world = Fargate::running_for(MINUTE);
    let plan = fleet(10, &["--databases-per-task=4"]);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(report.migrated().count(), 10, "{report:#?}");
    assert_eq!(world.runs.get(), 3);
    for row in &report.databases {
        let own = row.migration_report.as_ref().expect("a report");
        assert_eq!(own.database, *row.database);
        assert!(row.times.started.is_some() && row.task_url.is_some(), "{row:#?}");
    }
    // Its log is kept once.
    assert_eq!(report.pack_logs.iter().map(|pack| pack.databases.len()).collect::<Vec<_>>(), [4, 4, 2]);
    assert!(report.databases.iter().all(|row| row.log.seen == 0 && report.log_of(row).seen > 0));
}

#[tokio::test(start_paused = true)]
async fn a_canary_is_packed_apart() {
    let world = Fargate::running_for(MINUTE);
    let flags = ["--databases-per-task=auto", "--canary=tenant_0003,tenant_0005", "--max-parallel=3"];
    let (report, _) = run(&world, &fleet(20, &flags)).await;
    assert_eq!(report.migrated().count(), 20, "{report:#?}");
    for (database, at) in world.started() {
        let is_canary = ["tenant_0003", "tenant_0005"].contains(&database.as_str());
        assert_eq!(at < START + MINUTE, is_canary, "{database} after {at:?}");
    }
}

fn words(report: &Report) -> Vec<&'static str> {
    report.databases.iter().filter_map(|row| row.verdict.as_ref()).map(Verdict::word).collect()
}

#[tokio::test(start_paused = true)]
async fn what_fails_fails_alone_and_counts_alone() {
    let failing = vec!["tenant_0001".into(), "tenant_0004".into()];
    let world = Fargate { failing, ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &fleet(9, &["--databases-per-task=3", "--max-failures=2"])).await;
    let (yes, no, not_run) = ("migrated", "failed", "not run");
    assert_eq!(words(&report), [yes, no, yes, yes, no, yes, not_run, not_run, not_run]);
    let why = report.databases[1].verdict.as_ref().expect("a verdict").explain();
    assert_eq!(why, "migration 2 add_orders failed: relation already exists");
    assert_eq!((world.runs.get(), world.tasks_of("tenant_0001")), (2, 1), "it ended by itself");
    // Its neighbours' exit code says nothing of it, and its report does.
    let fix = report.databases[1].diagnosis.expect("a diagnosis").fix;
    assert!(fix.contains("find out who made it"), "{fix}");
    let document = report.document();
    assert!(document::markdown(&document, 100_000).contains("- **Fix:** find out who made it"));
    assert!(document::text(&document, Colour::Never).contains("  fix: find out who made it"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_pack_is_never_migrated_and_says_what_the_image_lacks() {
    let world = Fargate { lines: Vec::new(), ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &fleet(3, &["--databases-per-task=auto"])).await;
    assert_eq!((words(&report), world.runs.get()), (vec!["unproved"; 3], 1));
    let fix = report.databases[0].diagnosis.expect("a diagnosis").fix;
    assert!(fix.contains("DATABASE_NAMES") && fix.contains("docs/migration-report.md"), "{fix}");
}

#[tokio::test(start_paused = true)]
async fn a_report_of_a_database_that_was_not_asked_for_makes_all_of_the_pack_wrong() {
    let mut world = Fargate::running_for(MINUTE);
    world.lines.push((MINUTE, report("production")));
    let (report, _) = run(&world, &fleet(4, &["--databases-per-task=2", "--keep-going"])).await;
    assert_eq!(words(&report), ["wrong database"; 4]);
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_host_left_is_run_again_and_only_that() {
    let world = Fargate { doomed: 1, ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &fleet(8, &["--databases-per-task=8"])).await;
    assert_eq!(report.migrated().count(), 8, "{report:#?}");
    assert_eq!(world.runs.get(), 2, "one more task, of what was left");
    for (number, row) in report.databases.iter().enumerate() {
        assert_eq!(world.tasks_of(&row.database), if number < 4 { 1 } else { 2 }, "{}", row.database);
        assert_eq!(row.killed_tasks.len(), usize::from(number >= 4), "{}", row.database);
        assert!(!row.killed_tasks.contains(row.task_arn.as_ref().expect("a task")));
    }
    assert!(report.notes.iter().any(|note| note.contains("run again")), "{:?}", report.notes);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_kills_every_container_is_killed_alone() {
    for exit_code in [137, 139] {
        let poison = [("tenant_0050".to_owned(), exit_code)].into();
        let world = Fargate { poison, ..Fargate::running_for(MINUTE) };
        let flags = ["--databases-per-task=100", "--max-parallel=4", "--keep-going"];
        let (report, _) = run(&world, &fleet(200, &flags)).await;
        let left: Vec<&str> = report.not_migrated().collect();
        assert_eq!(left, ["tenant_0050"], "exit code {exit_code}");
        assert_eq!(world.tasks_of("tenant_0050"), 3);
        let most = report.databases.iter().map(|row| world.tasks_of(&row.database)).max();
        assert_eq!(most, Some(3));
        assert!(world.runs.get() <= 2 + 8 + 8, "{} tasks", world.runs.get());
        let verdict = report.databases[50].verdict.as_ref().expect("a verdict");
        assert!(matches!(verdict, Verdict::Killed { .. } | Verdict::Unproved { .. }), "{verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_run_again_when_a_person_or_the_run_has_stopped_the_task() {
    let world = Fargate::running_for(90 * MINUTE);
    let (timed_out, _) = run(&world, &fleet(4, &["--databases-per-task=4", "--timeout=10m"])).await;
    assert_eq!((words(&timed_out), world.runs.get()), (vec!["timed out"; 4], 1));

    // Someone else stops it after a minute of work: two databases have reported by then.
    let mut world = Fargate::running_for(90 * MINUTE);
    world.lines = vec![(SECOND, report("tenant_0000"))];
    let plan = fleet(3, &["--databases-per-task=3"]);
    let stopped = async {
        tokio::time::sleep(START + MINUTE).await;
        let arns: Vec<String> = world.tasks.borrow().keys().cloned().collect();
        world.stopped.borrow_mut().extend(arns.into_iter().map(|arn| (arn, Instant::now())));
    };
    let ((report, _), ()) = tokio::join!(run(&world, &plan), stopped);
    assert_eq!((words(&report), world.runs.get()), (vec!["migrated", "killed", "killed"], 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_reported_before_the_timeout_is_true() {
    let mut world = Fargate::running_for(90 * MINUTE);
    world.lines = vec![(MINUTE, report("tenant_0001"))];
    let (report, _) = run(&world, &fleet(3, &["--databases-per-task=auto", "--timeout=10m"])).await;
    assert_eq!(words(&report), ["timed out", "migrated", "timed out"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_report_of_a_pack_is_waited_for() {
    let mut world = Fargate { log_delay: SHOWN + SECOND, ..Fargate::running_for(MINUTE) };
    world.lines = vec![(SECOND, report("tenant_0000")), (MINUTE, report("tenant_0001"))];
    let (report, _) = run(&world, &fleet(2, &["--databases-per-task=2"])).await;
    assert_eq!(words(&report), ["migrated"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_in_packs_has_a_file_for_each_task_and_loses_no_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut world = Fargate::running_for(MINUTE);
    let lines = (1..20).map(|n| (n * SECOND, format!("line {n} of %")));
    world.lines = lines.chain([(MINUTE, report("%"))]).collect();
    let flags = ["--databases-per-task=8", "--max-parallel=5"];
    let (ran, _) = logged(&world, &fleet(40, &flags), &directory).await;
    assert_eq!(ran.migrated().count(), 40, "{:?}", ran.notes);
    assert!(world.filters.get() > 0, "they are read together");
    let files = std::fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(files, 5);
    for row in &ran.databases {
        let file = row.log_file.as_ref().expect("a file");
        let text = std::fs::read_to_string(directory.path().join(file)).expect("a log");
        let own = text.lines().filter(|line| line.ends_with(&format!(" of {}", row.database)));
        let expected: Vec<String> = (1..20).map(|n| format!("line {n} of {}", row.database)).collect();
        assert_eq!(own.collect::<Vec<_>>(), expected);
        assert!(text.contains(&report(&row.database)));
    }
    assert!(
        ran.databases[9]
            .log_file
            .as_deref()
            .is_some_and(|file| file.starts_with("pack-tenant_0008-and-7-more-"))
    );
    assert!(ran.pack_logs.iter().all(|pack| pack.log.lines().len() <= 50));
}
