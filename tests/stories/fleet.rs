use std::time::Duration;

use sandbox::{Fault, Options, Quotas, Script, TaskFault, seed};

use crate::support::{FINTECH, HEALTH, PROD, World, database, migrates};

const THREE: [&str; 6] = ["--database", PROD, "--database", HEALTH, "--database", FINTECH];

fn failing_on_the_second(world: &World) {
    world.program(|context| match database(context).as_str() {
        HEALTH => Script::new().line("ERROR: relation \"orders\" already exists").exit(1),
        name => migrates(name.to_owned()),
    });
}

#[tokio::test]
async fn three_databases_are_three_tasks_of_one_revision() {
    let world = World::new().await;
    let run = world.migrate(&[THREE.as_slice(), &["--format=json"]].concat()).finish().await;
    run.exits(0);
    for name in [PROD, HEALTH, FINTECH] {
        assert_eq!(run.verdict(name), "migrated");
        assert_eq!(run.row(name)["migration_report"]["database"], name);
    }
    assert_eq!(world.called("RegisterTaskDefinition"), 1);
    assert_eq!(world.called("RunTask"), 3);
    let environment = &world.inputs("RegisterTaskDefinition")[0]["containerDefinitions"][0]["environment"];
    let value =
        environment.as_array().and_then(|list| list.iter().find(|entry| entry["name"] == "DATABASE_NAME"));
    assert_eq!(
        value.expect("the variable")["value"],
        "__set-by-fargate-migrate__",
        "a task that is started by hand must not land on a default"
    );
}

#[tokio::test]
async fn one_failure_stops_the_next_from_starting() {
    let world = World::new().await;
    failing_on_the_second(&world);
    let run = world.migrate(&[THREE.as_slice(), &["--format=json"]].concat()).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(PROD), "migrated");
    assert_eq!(run.verdict(HEALTH), "failed");
    assert_eq!(run.row(HEALTH)["exit_code"], 1);
    assert_eq!(run.verdict(FINTECH), "not run");
    assert_eq!(world.called("RunTask"), 2);
}

#[tokio::test]
async fn keep_going_migrates_what_can_be() {
    let world = World::new().await;
    failing_on_the_second(&world);
    let run = world.migrate(&[THREE.as_slice(), &["--keep-going"]].concat()).in_actions().finish().await;
    run.exits(1);
    assert_eq!(run.outputs["migrated"], format!("{PROD},{FINTECH}"));
    assert_eq!(run.outputs["failed"], HEALTH);
    assert!(run.summary.contains("already exists"), "{}", run.summary);
    assert_eq!(world.called("RunTask"), 3);
}

#[tokio::test]
async fn log_lines_carry_the_databases_name_when_there_is_more_than_one() {
    let world = World::new().await;
    let run = world.migrate(&THREE).finish().await;
    let tagged = |name: &str| {
        run.stdout.lines().any(|line| line.contains(name) && line.contains("applied V10__create_orders"))
    };
    run.exits(0);
    assert!([PROD, HEALTH, FINTECH].iter().all(|name| tagged(name)), "{}", run.stdout);
}

#[tokio::test]
async fn at_most_max_parallel_tasks_run_at_a_time_and_all_run() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new().sleep(Duration::from_millis(1500)).lines(migrated_lines(name))
    });
    let names: Vec<String> = (0..9).map(|n| format!("tenant_{n}")).collect();
    let list = format!("--database={}", names.join(","));
    let run = world.migrate(&[&list, "--max-parallel=3", "--format=json"]).finish().await;
    run.exits(0);
    let mut spans: Vec<(f64, f64)> = world
        .sandbox
        .tasks()
        .iter()
        .map(|task| {
            (
                task["createdAt"].as_f64().expect("created"),
                task["executionStoppedAt"].as_f64().expect("ended"),
            )
        })
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let most =
        spans.iter().map(|(at, _)| spans.iter().filter(|(from, to)| from <= at && at < to).count()).max();
    assert_eq!(spans.len(), 9);
    assert!(matches!(most, Some(2..=3)), "{most:?} at a time");
}

fn migrated_lines(name: String) -> Vec<String> {
    vec![crate::support::report(&name)]
}

#[tokio::test]
async fn a_lack_of_vcpus_is_waited_out() {
    let world = World::new().await;
    world
        .sandbox
        .faults()
        .push(Fault::run_task("You’ve reached the limit on the number of vCPUs you can run concurrently"));
    let run = world.migrate(&["--database", PROD]).finish().await;
    run.exits(0).says("limit on the number of vCPUs");
    assert_eq!(world.called("RunTask"), 2);
}

#[tokio::test]
async fn the_quota_of_a_new_account_is_a_queue_and_no_failure() {
    let world = World::with(Options { quotas: Quotas::Documented, ..Options::default() }).await;
    world.program(|context| {
        let name = database(context);
        Script::new().sleep(Duration::from_secs(5)).lines(migrated_lines(name))
    });
    let names: Vec<String> = (0..40).map(|n| format!("tenant_{n}")).collect();
    let list = format!("--database={}", names.join(","));
    let run = world.migrate(&[&list, "--max-parallel=40", "--canary=2", "--format=json"]).finish().await;
    run.exits(0);
    let waited = names.iter().filter(|name| run.row(name)["waited"].is_object()).count();
    assert!(waited > 0, "none waited: {:?}", run.result()["notes"]);
    let notes = run.result()["notes"].to_string();
    assert_eq!(notes.matches("limit on the number of vCPUs").count(), 1, "{notes}");
    let canaries: Vec<String> = world.inputs("RunTask")[..2].iter().map(|input| input.to_string()).collect();
    assert!(canaries[0].contains("tenant_0") && canaries[1].contains("tenant_1"), "{canaries:?}");
    println!("RunTask {}, DescribeTasks {}", world.called("RunTask"), world.called("DescribeTasks"));
}

#[tokio::test]
async fn a_canary_that_fails_is_all_that_runs() {
    let world = World::new().await;
    failing_on_the_second(&world);
    let flags = ["--canary", HEALTH, "--keep-going", "--max-parallel=3", "--format=json"];
    let run = world.migrate(&[THREE.as_slice(), &flags].concat()).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(HEALTH), "failed");
    assert_eq!((run.verdict(PROD), run.verdict(FINTECH)), ("not run".into(), "not run".into()));
    assert_eq!(world.called("RunTask"), 1);
}

#[tokio::test]
async fn a_refused_launch_is_a_row_with_its_reason() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::run_task("INACTIVE"));
    let run = world
        .migrate(&["--database", PROD, "--database", HEALTH, "--keep-going", "--format=json"])
        .finish()
        .await;
    run.exits(3);
    assert_eq!(run.verdict(PROD), "never started");
    assert!(run.row(PROD)["stopped_reason"].to_string().contains("INACTIVE"));
    assert_eq!(run.verdict(HEALTH), "migrated");
}

#[tokio::test]
async fn ecs_may_not_know_a_task_right_after_it_started_it() {
    let world = World::new().await;
    world.sandbox.faults().push(Fault::task(TaskFault::MissingFor { reads: 3 }));
    world.migrate(&["--database", PROD]).finish().await.exits(0);
}

#[tokio::test]
async fn a_fleets_logs_come_by_filter_log_events_and_go_to_files() {
    let world = World::new().await;
    for fault in [Fault::empty_page(), Fault::repeated_events()] {
        world.sandbox.faults().push(fault);
    }
    let names: Vec<String> = (0..25).map(|n| format!("tenant_{n}")).collect();
    let list = format!("--database={}", names.join(","));
    let logs = tempfile::tempdir().expect("a directory");
    let log_dir = format!("--log-dir={}", logs.path().display());
    let image = ["--image", crate::support::IMAGE];
    let flags = [list.as_str(), &log_dir, "--max-parallel=25", "--log-drain=30s"];
    let run = world.command(&[seed::MIGRATE.as_slice(), &image, &flags].concat()).finish().await;
    run.exits(0).says("25 of 25: 25 migrated").says("the logs of all databases are in");
    run.never_says("applied V10__create_orders");
    for name in &names {
        let log = std::fs::read_to_string(logs.path().join(format!("db-{name}.log"))).expect("a log");
        assert_eq!(log.matches("applied V10__create_orders").count(), 1, "{name}: {log}");
        assert_eq!(log.lines().count(), 2, "{name}: {log}");
    }
    let calls = ["DescribeTasks", "FilterLogEvents", "GetLogEvents"].map(|call| world.called(call));
    println!("DescribeTasks, FilterLogEvents, GetLogEvents: {calls:?}");
    assert!(calls[1] > 0 && calls[2] == 0, "{calls:?}");
}

#[tokio::test]
async fn a_directory_that_takes_no_logs_is_said_before_anything_is_changed() {
    let world = World::new().await;
    let run = world.migrate(&["--database", PROD, "--log-dir=/proc/nowhere"]).finish().await;
    run.exits(2).says("no logs can be written to /proc/nowhere").says("--log-dir");
    assert_eq!(world.called("RegisterTaskDefinition") + world.called("RunTask"), 0);
}

#[tokio::test]
async fn in_a_job_the_logs_of_a_fleet_outlive_the_actions_container() {
    let world = World::new().await;
    let temporary = tempfile::tempdir().expect("a directory");
    let list = format!("--database={}", (0..25).map(|n| format!("tenant_{n}")).collect::<Vec<_>>().join(","));
    let run = world.migrate(&[&list, "--max-parallel=25"]).in_actions();
    let run = run.variable("RUNNER_TEMP", &temporary.path().display().to_string()).finish().await;
    run.exits(0).says(&format!("the logs of all databases are in {}", temporary.path().display()));
}
