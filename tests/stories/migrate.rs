use sandbox::{Engine, Options, Script, seed};
use serde_json::json;

use crate::support::program::static_program;
use crate::support::{HEALTH, PROD, World, database, migrates, report};

#[tokio::test]
async fn one_database_is_migrated_and_proved() {
    let world = World::new().await;
    let run = world.migrate(&["--database", HEALTH]).in_actions().finish().await;
    run.exits(0).says("applied V10__create_orders in 12 ms");
    assert_eq!(run.outputs["migrated"], HEALTH);
    assert_eq!(run.outputs["failed"], "");
    assert_eq!(run.outputs["exit-code"], "0");
    let result: serde_json::Value = serde_json::from_str(&run.outputs["result"]).expect("JSON");
    assert_eq!(result["databases"][0]["migration_report"]["database"], HEALTH);
    assert_eq!(result["databases"][0]["migration_report"]["tables"], 57);
    assert!(run.summary.contains("proved"), "{}", run.summary);
    assert_eq!(run.state.len(), 2, "however many tasks: {:?}", run.state);
    assert_eq!(run.state["ended"], "true");
    let state: serde_json::Value = serde_json::from_str(&run.state["run"]).expect("JSON");
    let list = std::fs::read_to_string(state["task_list"].as_str().expect("a path")).expect("the list");
    assert_eq!(format!("\n{};\n", world.sandbox.tasks()[0]["taskArn"].as_str().expect("an ARN")), list);
}

#[tokio::test]
async fn a_database_that_the_task_was_not_asked_for_is_no_success() {
    let world = World::new().await;
    world.program(|_| migrates("startupwebapp_prod".into()));
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(HEALTH), "wrong database");
    let explanation = run.row(HEALTH)["explanation"].to_string();
    assert!(explanation.contains(HEALTH) && explanation.contains(PROD), "{explanation}");
}

#[tokio::test]
async fn a_report_of_pending_migrations_is_no_success() {
    let world = World::new().await;
    world.program(|context| {
        migrates(database(context))
            .line(report(&database(context)).replace(r#""pending":0"#, r#""pending":2"#))
    });
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(HEALTH), "unproved");
}

#[tokio::test]
async fn an_image_without_the_protocol_is_unproved_unless_its_exit_code_is_taken_for_a_proof() {
    let world = World::new().await;
    world.program(|_| Script::new().line("No migrations to apply."));
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1).says("docs/migration-report.md").says("--proof exit-code");
    assert_eq!(run.verdict(HEALTH), "unproved");

    let state = world.directory.path().join("state.jsonl");
    let flag = format!("--state={}", state.display());
    let by_exit_code = ["--database", HEALTH, "--format=json", "--proof=exit-code", &flag];
    let run = world.migrate(&by_exit_code).in_actions().finish().await;
    run.exits(0).says("1 of 1 database migrated, not proved");
    assert_eq!(run.verdict(HEALTH), "migrated, not proved");
    assert!(run.summary.starts_with("## ⚠️ 1 of 1 database migrated, not proved\n"), "{}", run.summary);
    let outputs = ["migrated", "not-proved", "failed"].map(|name| run.outputs[name].as_str());
    assert_eq!(outputs, [HEALTH, HEALTH, ""]);
    assert!(run.outputs["result"].contains(r#""verdict":"migrated, not proved""#), "{run:#?}");
    let journal = std::fs::read_to_string(&state).expect("a journal");
    assert!(journal.contains(r#""verdict":"migrated, not proved""#), "{journal}");

    let tasks = world.called("RunTask");
    world.migrate(&[&by_exit_code[..], &["--resume"]].concat()).finish().await.exits(0).says("not proved");
    assert_eq!(world.called("RunTask"), tasks, "as good as it was asked for");
    world.migrate(&["--database", HEALTH, &flag, "--resume"]).finish().await.exits(1);
    assert_eq!(world.called("RunTask"), tasks + 1, "that record is no proof");
}

#[tokio::test]
async fn a_failed_migration_shows_its_exit_code_and_last_lines() {
    let world = World::new().await;
    world.program(|_| {
        Script::new()
            .lines((0..500).map(|n| format!("line {n}")))
            .line("ERROR: column \"total\" of relation \"orders\" already exists")
            .exit(3)
    });
    let run = world.migrate(&["--database", HEALTH]).in_actions().finish().await;
    run.exits(1).says("exit code 3");
    assert_eq!(run.outputs["failed"], HEALTH);
    assert_eq!(run.outputs["exit-code"], "1");
    assert!(run.summary.contains("already exists"), "{}", run.summary);
    assert!(run.summary.contains("❌ **failed**<br><sub>exit code 3</sub> |"), "{}", run.summary);
}

#[tokio::test]
async fn neither_an_absent_exit_code_nor_a_sidecars_zero_is_a_success() {
    let world = World::new().await;
    world.program(|context| migrates(database(context)).no_exit_code("CannotInspectContainerError: lost"));
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(HEALTH), "unproved");
}

#[tokio::test]
async fn out_of_memory_is_said_with_its_fix() {
    let world = World::new().await;
    world.program(|_| Script::new().line("loading").out_of_memory());
    let run = world.migrate(&["--database", HEALTH, "--format=json"]).finish().await;
    run.exits(1);
    assert_eq!(run.verdict(HEALTH), "killed");
    assert!(run.row(HEALTH)["diagnosis"]["fix"].to_string().contains("memory"));
}

#[tokio::test]
async fn a_task_that_is_over_before_anyone_looks_is_judged_all_the_same() {
    let world = World::new().await;
    world.program(|context| Script::new().line(report(&database(context))));
    world.migrate(&["--database", HEALTH]).finish().await.exits(0);
}

#[tokio::test]
async fn a_task_definition_from_a_file_is_registered_as_it_is_plus_our_change() {
    let world = World::new().await;
    let mut definition = seed::task_definition().expect("the seed's");
    definition["taskDefinition"]["containerDefinitions"][0]["futureField"] = json!({"a": [1, {"b": null}]});
    definition["taskDefinition"]["futureField"] = json!({"c": "d"});
    let path = world.directory.path().join("task.json");
    std::fs::write(&path, definition.to_string()).expect("write it");
    let path = path.display().to_string();
    let run = world.command(&[
        "migrate",
        "--cluster",
        seed::CLUSTER,
        "--task-definition",
        &path,
        "--subnets",
        seed::SUBNETS,
        "--image",
        crate::support::IMAGE,
        "--database",
        HEALTH,
    ]);
    run.finish().await.exits(0);
    let registered = world.inputs("RegisterTaskDefinition").remove(0);
    assert_eq!(registered["containerDefinitions"][0]["futureField"], json!({"a": [1, {"b": null}]}));
    assert_eq!(registered["futureField"], json!({"c": "d"}));
    assert_eq!(registered["tags"], definition["tags"]);
    assert!(registered.get("revision").is_none());
}

#[tokio::test]
async fn the_image_really_runs_with_its_secrets_and_its_own_database_name() {
    let world = World::with(Options { engine: Engine::Process, ..Options::default() }).await;
    let definition = {
        let mut definition = seed::task_definition().expect("the seed's");
        definition["taskDefinition"]["family"] = json!("real-migration-task");
        definition["taskDefinition"]["taskDefinitionArn"] =
            json!("arn:aws:ecs:us-east-1:123456789012:task-definition/real-migration-task:1");
        definition["taskDefinition"]["revision"] = json!(1);
        definition
    };
    world.sandbox.register_task_definition(&definition).expect("register");
    let binary = static_program().display().to_string();
    let run = world.command(&[
        "migrate",
        "--cluster",
        seed::CLUSTER,
        "--task-definition=real-migration-task",
        "--subnets",
        seed::SUBNETS,
        "--binary",
        &binary,
        "--tag=v1",
        "--database",
        HEALTH,
        "--format=json",
    ]);
    let run = run.finish().await;
    run.exits(0).says("password set");
    let result = run.result();
    assert_eq!(result["image"]["source"], "packaged");
    let digest = result["image"]["digest"].as_str().expect("a digest");
    let revision = &world.inputs("RegisterTaskDefinition")[0];
    let image = revision["containerDefinitions"][0]["image"].as_str().expect("an image");
    assert!(image.ends_with(&format!("startupwebapp-backend@{digest}")), "{image}");
    run.never_says("hunter2hunter2");
}

#[tokio::test]
async fn the_migration_that_failed_is_named_with_what_the_server_said() {
    let world = World::new().await;
    world.program(|context| {
        let report = json!({"migration_report": {
            "version": 1, "database": database(context), "applied": [], "pending": 1, "current": "9",
            "failed": {
                "version": "10", "name": "create_orders", "file": "migrations/V10__create_orders.sql",
                "line": 3, "error": "relation \"orders\" already exists (SQLSTATE 42P07)",
            },
        }});
        Script::new().line(report.to_string()).exit(1)
    });
    let workspace = tempfile::tempdir().expect("a directory");
    for directory in ["shop/migrations", "archive"] {
        let directory = workspace.path().join(directory);
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join("V10__create_orders.sql"), "create table orders ();")
            .expect("write it");
    }
    let workspace = workspace.path().display().to_string();
    let run = world.migrate(&["--database", HEALTH]).in_actions();
    let run = run.variable("GITHUB_WORKSPACE", &workspace).finish().await;
    run.exits(1).says("migrations/V10__create_orders.sql, line 3: relation \"orders\" already exists");
    let annotations: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(annotations.len(), 1, "{annotations:?}");
    let place =
        "::error file=shop/migrations/V10__create_orders.sql,line=3,title=healthtech_experiment%3A failed::";
    assert!(annotations[0].starts_with(place), "{annotations:?}");
    let named = run.summary.lines().find(|line| line.contains("Failed migration")).unwrap_or_default();
    assert!(named.contains("V10") && named.contains("SQLSTATE 42P07"), "{}", run.summary);
}
