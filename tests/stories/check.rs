use std::time::Duration;

use nix::sys::signal::Signal;
use sandbox::{Fault, Script, TaskContext, TaskFault, seed};
use serde_json::{Value, json};

use crate::hostile::{forms, harmless, visible};
use crate::support::{FINTECH, HEALTH, PROD, World, database, report};

const THREE: [&str; 1] = ["--database=startupwebapp_prod,healthtech_experiment,fintech_experiment"];

/// A report of a database that is at version 57, with these fields besides.
fn at_57(name: &str, more: Value) -> Script {
    let mut fields = json!({"version": 1, "database": name, "applied": [], "pending": 0, "current": "57"});
    for (field, value) in more.as_object().expect("fields") {
        fields[field] = value.clone();
    }
    Script::new().line(json!({ "migration_report": fields }).to_string())
}

/// The databases that a container is told by DATABASE_NAMES.
fn databases(context: &TaskContext) -> Vec<String> {
    let list = context.environment.get("DATABASE_NAMES").map_or("[]", String::as_str);
    serde_json::from_str(list).expect("a list")
}

#[tokio::test]
async fn all_are_up_to_date() {
    let world = World::new().await;
    world.program(|context| {
        assert_eq!(context.command, ["app", "status", "--report"]);
        at_57(&database(context), json!({"schema": "sha256:a", "unknown": [], "missing": []}))
    });
    let run = world.check(&[THREE.as_slice(), &["--format=json"]].concat()).in_actions().finish().await;
    run.exits(0);
    for name in [PROD, HEALTH, FINTECH] {
        assert_eq!(run.verdict(name), "up to date");
        assert_eq!(run.row(name)["current"], "57");
    }
    assert!(run.summary.contains("3 of 3 databases up to date"), "{}", run.summary);
    assert_eq!(run.outputs["failed"], "");
    for input in world.inputs("RunTask") {
        let by = input["startedBy"].as_str().expect("startedBy");
        assert!(by.starts_with("fargate-migrate-check/") && by.contains("4242"), "{by}");
    }
}

#[tokio::test]
async fn each_verdict_says_what_is_wrong_and_ends_with_1() {
    let pending = json!({"pending": 2, "missing": [{"version": 58, "name": "add_orders"}]});
    let unknown = json!({"unknown": [{"version": 58, "name": "gone"}]});
    let cases: [(Value, &str, &str); 4] = [
        (pending, "behind", "it lacks 2 migrations: 58 add_orders and 1 more"),
        (unknown, "ahead", "it has 1 migration that the image does not know: 58 gone"),
        (json!({"database": "production"}), "wrong database", "connected to production"),
        (json!({"error": "no connection"}), "unproved", "it reports: no connection"),
    ];
    for (fields, verdict, why) in cases {
        let world = World::new().await;
        world.program(move |context| at_57(&database(context), fields.clone()));
        let run = world.check(&["--database", HEALTH]).in_actions().finish().await;
        run.exits(1).says(verdict).says(why);
        assert!(
            run.summary.contains(verdict) && run.summary.contains("0 of 1 database up to date"),
            "{}",
            run.summary
        );
        assert_eq!((run.outputs["failed"].as_str(), run.outputs["exit-code"].as_str()), (HEALTH, "1"));
    }
}

#[tokio::test]
async fn who_has_another_schema_than_most_has_drifted() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        let schema = if name == HEALTH { "sha256:b" } else { "sha256:a" };
        at_57(&name, json!({ "schema": schema }))
    });
    let run = world.check(&[THREE.as_slice(), &["--format=json"]].concat()).finish().await;
    run.exits(1);
    assert_eq!(
        [PROD, HEALTH, FINTECH].map(|name| run.verdict(name)),
        ["up to date", "drifted", "up to date"]
    );
    let why = run.row(HEALTH)["explanation"].as_str().expect("why").to_owned();
    assert_eq!(why, "its schema is not the one that 2 of 3 databases at its version have");
    // In a migration it is a note and a column, and decides nothing.
    let migrated = world.migrate(&THREE).in_actions().finish().await;
    migrated.exits(0).says("the schema of healthtech_experiment is another one than that of others");
    assert!(migrated.summary.contains("| schema |"), "{}", migrated.summary);
    assert!(migrated.summary.contains("3 of 3 databases proved migrated"), "{}", migrated.summary);
}

#[tokio::test]
async fn nothing_is_known_of_a_database_whose_task_proves_nothing() {
    let program = |script: fn(&str) -> Script| move |context: &TaskContext| script(&database(context));
    let silent = program(|_| Script::new().line("all is well"));
    let migrates = program(|name| Script::new().line(report(name)));
    let failed = program(|name| at_57(name, json!({})).exit(1));
    for (case, why) in [
        (0, "no migration report names this database"),
        (1, "it has applied 1 migration"),
        (2, "exit code 1"),
    ] {
        let world = World::new().await;
        match case {
            0 => world.program(silent),
            1 => world.program(migrates),
            _ => world.program(failed),
        }
        world.check(&["--database", HEALTH]).finish().await.exits(1).says("unproved").says(why);
    }
    let world = World::new().await;
    world.program(|context| at_57(&database(context), json!({})).sleep(Duration::from_secs(60)));
    let late = world.check(&["--database", HEALTH, "--timeout=3s"]).finish().await;
    late.exits(4).says("still running at --timeout");
    let world = World::new().await;
    world
        .sandbox
        .faults()
        .push(Fault::task(TaskFault::FailToStart("CannotPullContainerError: no such image".into())));
    world.check(&["--database", HEALTH]).finish().await.exits(3).says("its container never ran");
}

#[tokio::test]
async fn one_task_asks_many_and_another_one_is_asked_whatever_becomes_of_it() {
    let world = World::new().await;
    world.program(|context| {
        let names = databases(context);
        let lacks = |name: &str| if name == HEALTH { 1 } else { 0 };
        let line = |name: &String| {
            json!({"migration_report": {"version": 1, "database": name, "pending": lacks(name), "current": 57}})
        };
        Script::new().lines(names.iter().map(|name| line(name).to_string()).collect::<Vec<_>>())
    });
    let logs = world.directory.path().join("logs");
    let log_dir = format!("--log-dir={}", logs.display());
    let flags = [&THREE[..], &["--databases-per-task=2", "--format=json", &log_dir]].concat();
    let run = world.check(&flags).finish().await;
    run.exits(1);
    assert_eq!([PROD, HEALTH, FINTECH].map(|name| run.verdict(name)), ["up to date", "behind", "up to date"]);
    assert_eq!(world.called("RunTask"), 2);
    let logs = std::fs::read_dir(&logs).expect("logs").flatten();
    let lines = logs.map(|log| std::fs::read_to_string(log.path()).expect("a log").lines().count());
    assert_eq!(lines.sum::<usize>(), 3);
}

#[tokio::test]
async fn a_check_is_no_migration_and_waits_for_none() {
    let world = World::new().await;
    world.program(|context| match context.command.contains(&"status".to_owned()) {
        true => at_57(&database(context), json!({})),
        false => Script::new().sleep(Duration::from_secs(60)),
    });
    let migrating = world.migrate(&["--database", HEALTH]).spawn();
    while world.sandbox.tasks().is_empty() {
        tokio::task::yield_now().await;
    }
    let run = world.check(&["--database", HEALTH]).finish().await;
    run.exits(0).says("migrates healthtech_experiment now, or may");
    migrating.signal(Signal::SIGINT);
    migrating.finish().await.exits(130);
}

#[tokio::test]
async fn a_migration_starts_beside_a_check() {
    let world = World::new().await;
    world.program(|context| match context.command.contains(&"status".to_owned()) {
        true => Script::new().sleep(Duration::from_secs(60)),
        false => Script::new().line(report(&database(context))),
    });
    let checking = world.check(&["--database", HEALTH]).spawn();
    while world.sandbox.tasks().is_empty() {
        tokio::task::yield_now().await;
    }
    world.migrate(&["--database", HEALTH]).finish().await.exits(0);
    checking.signal(Signal::SIGINT);
    checking.finish().await.exits(130).says("the run was interrupted, so its task was stopped");
}

#[tokio::test]
async fn what_would_migrate_is_refused_before_anything_is_asked_or_started() {
    let world = World::new().await;
    let none = world.command(&[&["check"], &seed::MIGRATE[1..], &["--database", HEALTH]].concat());
    none.finish()
        .await
        .exits(2)
        .says("no check command given")
        .says("check-command in the configuration file");
    for (flags, why) in
        [(&["--check"][..], "--check without --plan"), (&["--check", "--plan"], "no check command given")]
    {
        world.migrate(&[&["--database", HEALTH], flags].concat()).finish().await.exits(2).says(why);
    }
    assert!(world.operations().is_empty());
    let unknown = world.check(&["--database", HEALTH, "--canary=1"]).finish().await;
    unknown.exits(2);
}

#[tokio::test]
async fn a_plan_of_a_check_starts_nothing() {
    let world = World::new().await;
    let run = world.check(&["--database", HEALTH, "--plan", "--format=json"]).finish().await;
    run.exits(0);
    assert_eq!((&run.result()["operation"], world.called("RunTask")), (&json!("check"), 0));
    let task = &run.result()["databases"][0]["run_task"];
    let command = json!(["app", "status", "--report"]);
    assert_eq!(task["overrides"]["containerOverrides"][0]["command"], command);
}

#[tokio::test]
async fn a_plan_of_a_migration_says_what_is_pending_where_it_is_asked_to() {
    let world = World::new().await;
    world.program(|context| {
        assert_eq!(context.command, ["app", "status", "--report"]);
        at_57(&database(context), json!({"pending": 1, "missing": [{"version": 58, "name": "add_orders"}]}))
    });
    let flags = ["--database", HEALTH, "--plan", "--check", "--check-command=app status --report"];
    let run = world.migrate(&flags).in_actions().finish().await;
    run.exits(0).says("Plan: migrate 1 database").says("it lacks 1 migration: 58 add_orders");
    assert!(
        run.summary.contains("58 add\\_orders") || run.summary.contains("58 add_orders"),
        "{}",
        run.summary
    );
    assert_eq!(world.called("RunTask"), 1);
    // An image that is to be built cannot be asked.
    let world = World::new().await;
    let binary = crate::support::program::static_program().display().to_string();
    let built = world.migrate(&[&flags[..], &["--tag=v1", "--binary", &binary]].concat()).finish().await;
    built.exits(0).says("no database was checked, because image").says("a plan builds nothing");
    assert_eq!(world.called("RunTask"), 0);
}

/// So many forms in a report: as many as one sentence names.
const FORMS: usize = 8;

#[tokio::test]
async fn names_in_reports_are_text() {
    let world = World::new().await;
    let names: Vec<String> =
        (0..forms::all().count().div_ceil(FORMS)).map(|number| format!("d{number}")).collect();
    world.program(|context| {
        let name = database(context);
        let number: usize = name.trim_start_matches('d').parse().expect("a number");
        let forms: Vec<&str> = forms::all().skip(number * FORMS).take(FORMS).collect();
        let known: Vec<Value> = forms.iter().map(|form| json!({"version": "1", "name": form})).collect();
        let schema: String = forms[0].chars().take(100).collect();
        let fields =
            json!({"pending": 9, "missing": known, "unknown": known, "current": forms[0], "schema": schema});
        let mut report = json!({"version": 1, "database": name});
        for (field, value) in fields.as_object().expect("fields") {
            report[field] = value.clone();
        }
        Script::new().lines(forms).line(json!({ "migration_report": report }).to_string())
    });
    let database = format!("--database={}", names.join(","));
    for format in ["--format=text", "--format=json", "--format=markdown"] {
        let run = world.check(&[&database, "--max-parallel=4", format]).in_actions().finish().await;
        run.exits(1);
        let seen = harmless(&run);
        forms::all().filter(|form| form.len() < 90).for_each(|form| visible(&seen, form));
    }
}
