//! migrate.yml, deploy.yml, rollback.yml and admin.yml, as they stand, run by act: from the form that a person fills in to what
//! PostgreSQL then has, and what the service runs.
//!
//! act runs each job in a container, with the sandbox as AWS and the image of our Dockerfile as the Action. What it does
//! not have of GitHub: OIDC, reviewers, and the check that a choice is one of the dropdown's.

use sandbox::seed;
use serde_json::{Value, json};

mod repository;

use repository::Repository;

const PROD: &str = seed::DATABASES[0];
const HEALTH: &str = seed::DATABASES[1];
const FINTECH: &str = seed::DATABASES[2];

/// In one test, because act gives the containers of a job the same names in every run.
#[tokio::test(flavor = "multi_thread")]
async fn from_the_form_to_migrated_databases() {
    let Some(repository) = Repository::new().await else { return };
    a_plan_changes_nothing(&repository).await;
    one_database_is_migrated(&repository).await;
    the_others_follow_with_the_same_image(&repository).await;
    a_command_runs_in_a_database(&repository).await;
    a_command_runs_in_no_database(&repository).await;
    the_service_is_deployed(&repository).await;
    a_rollback_without_the_name_is_a_plan(&repository).await;
    the_service_is_rolled_back(&repository).await;
    a_failed_migration_fails_the_run(&repository).await;
}

async fn a_plan_changes_nothing(repository: &Repository) {
    let run = repository.run(&[("database", "all"), ("plan", "true")]).await;
    run.results(&[
        ("plan", Some("success")),
        ("test", None),
        ("build", None),
        ("migrate", None),
        ("summary", Some("success")),
    ]);
    assert_eq!(run.code, Some(0));
    let plan = run.summary("plan");
    for database in seed::DATABASES {
        assert!(plan.contains(database), "{plan}");
    }
    assert!(run.summary("summary").contains("| plan | success | nothing was changed |"), "{}", run.log());
    for operation in ["PutImage", "RegisterTaskDefinition", "RunTask"] {
        assert_eq!(repository.called(operation), 0, "{operation}");
    }
}

async fn one_database_is_migrated(repository: &Repository) {
    let run = repository.run(&[("database", HEALTH), ("skip-tests", "true")]).await;
    run.results(&[
        ("plan", None),
        ("test", None),
        ("build", Some("success")),
        ("migrate", Some("success")),
        ("summary", Some("success")),
    ]);
    assert_eq!(run.code, Some(0));

    let tables = repository.tables(HEALTH).await;
    assert!(tables > 50, "{HEALTH} has {tables} tables");
    for untouched in [PROD, FINTECH, repository.system.postgres.default_database()] {
        assert_eq!(repository.tables(untouched).await, 0, "{untouched}");
    }

    // What was built is what ran, by its digest.
    let built = run.output("build", "image").expect("the image that was built");
    assert!(built.starts_with(&format!("{}@sha256:", repository.image())), "{built}");
    assert_eq!(run.output("migrate", "image"), Some(built));
    let tasks = repository.system.sandbox.tasks();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0]["containers"][0]["imageDigest"], *built.split_once('@').expect("a digest").1);

    assert_eq!(run.output("migrate", "migrated"), Some(HEALTH));
    assert_eq!(run.output("migrate", "exit-code"), Some("0"));
    let result: Value =
        run.output("migrate", "result").and_then(|text| serde_json::from_str(text).ok()).expect("JSON");
    let report = &result["databases"][0]["migration_report"];
    assert_eq!((&report["database"], &report["tables"]), (&json!(HEALTH), &json!(tables)), "{result}");
    assert!(run.summary("migrate").contains(HEALTH), "{}", run.log());
    let summary = run.summary("summary");
    let uploaded = format!("migration-logs-1 has migration-logs/db-{HEALTH}.log: 1 reports");
    assert!(run.log().contains(&uploaded), "{}", run.log());
    for line in [
        "| test | skipped | |".to_owned(),
        format!("| build | success | `{built}` |"),
        format!("| migrate | success | migrated: {HEALTH}  (exit code 0) |"),
    ] {
        assert!(summary.contains(&line), "{summary}");
    }
}

async fn the_others_follow_with_the_same_image(repository: &Repository) {
    let pushed = repository.called("PutImage");
    let run = repository.run(&[("database", "all"), ("skip-tests", "true")]).await;
    run.results(&[("build", Some("success")), ("migrate", Some("success")), ("summary", Some("success"))]);
    for database in seed::DATABASES {
        assert!(repository.tables(database).await > 50, "{database}");
    }
    let migrated: Vec<&str> = run.output("migrate", "migrated").unwrap_or_default().split(',').collect();
    assert_eq!(migrated, seed::DATABASES);
    assert_eq!(repository.called("PutImage"), pushed, "the same commit was pushed again");
}

async fn a_command_runs_in_a_database(repository: &Repository) {
    let run = repository.run_workflow("admin", &[("named", "status"), ("database", HEALTH)]).await;
    run.results(&[("run", Some("success")), ("summary", Some("success"))]);
    assert_eq!(run.code, Some(0));
    assert!(run.log().contains(&format!("database  {HEALTH}")), "{}", run.log());
    assert!(run.summary("run").contains(HEALTH), "{}", run.log());
    let summary = run.summary("summary");
    assert!(summary.contains("| run | success |  (exit code 0) |"), "{summary}");

    let other = repository.run_workflow("admin", &[("named", "drop"), ("database", HEALTH)]).await;
    other.results(&[("run", Some("failure")), ("summary", Some("failure"))]);
    assert!(
        other.log().contains("--named drop is not a command of the configuration file"),
        "{}",
        other.log()
    );
}

async fn a_command_runs_in_no_database(repository: &Repository) {
    const DEMO: &str = "demo_experiment";
    let run = repository.run_workflow("admin", &[("named", "create-demo"), ("database", "none")]).await;
    run.results(&[("run", Some("success")), ("summary", Some("success"))]);
    assert!(repository.system.postgres.has_database(DEMO).await.expect("look for it"), "{}", run.log());
    repository.system.postgres.drop_database(DEMO).await.expect("drop it");
}

async fn a_failed_migration_fails_the_run(repository: &Repository) {
    repository.system.postgres.drop_database(FINTECH).await.expect("drop it");
    let run = repository.run(&[("database", FINTECH), ("skip-tests", "true")]).await;
    run.results(&[("build", Some("success")), ("migrate", Some("failure")), ("summary", Some("failure"))]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.output("migrate", "failed"), Some(FINTECH));
    let summary = run.summary("summary");
    assert!(summary.contains(&format!("**not migrated: {FINTECH}** (exit code 1)")), "{summary}");
    assert!(run.log().contains(&format!("migration-logs/db-{FINTECH}.log")), "{}", run.log());
}

/// The service has served another image until now; a script stands in for it and for the commit's.
async fn the_service_is_deployed(repository: &Repository) {
    let sandbox = &repository.system.sandbox;
    sandbox.set_program(seed::SERVICE_FAMILY, |_| sandbox::Script::new().until_stopped());
    let before = seed::push_image(sandbox, "before").expect("push an image");
    seed::create_service(sandbox, &before).expect("create the service");

    let run = repository.run_workflow("deploy", &[("skip-tests", "true")]).await;
    run.results(&[
        ("test", None),
        ("build", Some("success")),
        ("deploy", Some("success")),
        ("summary", Some("success")),
    ]);
    assert_eq!(run.code, Some(0));
    let built = run.output("build", "image").expect("the image");
    assert_eq!(run.output("deploy", "image"), Some(built));
    assert_eq!(run.output("deploy", "deployed"), Some(seed::SERVICE));
    let migrated: Vec<&str> = run.output("deploy", "migrated").unwrap_or_default().split(',').collect();
    assert_eq!(migrated, seed::DATABASES);
    let digest = built.split_once('@').expect("a digest").1;
    assert_eq!(serving(repository), [digest, digest]);
    assert_eq!(repository.called("UpdateService"), 1);
    let summary = run.summary("summary");
    assert!(summary.contains(&format!("deployed: {} (exit code 0)", seed::SERVICE)), "{summary}");
}

async fn a_rollback_without_the_name_is_a_plan(repository: &Repository) {
    let updates = repository.called("UpdateService");
    let run = repository.run_workflow("rollback", &[("service", seed::SERVICE)]).await;
    run.results(&[("plan", Some("success")), ("rollback", None), ("summary", Some("success"))]);
    assert!(run.summary("plan").contains(seed::SERVICE), "{}", run.log());
    let typed = [("service", seed::SERVICE), ("confirm", "startupwebapp")];
    let run = repository.run_workflow("rollback", &typed).await;
    run.results(&[("plan", Some("success")), ("rollback", None), ("summary", Some("failure"))]);
    assert_eq!(repository.called("UpdateService"), updates);
}

async fn the_service_is_rolled_back(repository: &Repository) {
    let typed = [("service", seed::SERVICE), ("confirm", seed::SERVICE)];
    let run = repository.run_workflow("rollback", &typed).await;
    run.results(&[("plan", Some("success")), ("rollback", Some("success")), ("summary", Some("success"))]);
    let before = seed::push_image(&repository.system.sandbox, "before").expect("push the image again");
    let digest = before.split_once('@').expect("a digest").1;
    assert_eq!(serving(repository), [digest, digest]);
    let back = run.output("rollback", "rolled-back-to").expect("what it runs");
    assert!(back.contains(seed::SERVICE_FAMILY), "{back}");
}

/// The digests of the service's running tasks.
fn serving(repository: &Repository) -> Vec<String> {
    let group = format!("service:{}", seed::SERVICE);
    let tasks = repository.system.sandbox.tasks().into_iter();
    let running = tasks.filter(|task| task["group"] == *group && task["lastStatus"] == "RUNNING");
    running.map(|task| task["containers"][0]["imageDigest"].as_str().unwrap_or_default().to_owned()).collect()
}
