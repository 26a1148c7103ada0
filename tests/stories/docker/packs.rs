//! A pack in a task of its own: the real app, as Docker runs it, on a real PostgreSQL.

use serde_json::json;

use super::BUILD_DEADLINE;
use super::world::DockerWorld;
use crate::support::{FINTECH, HEALTH, PROD};

const GONE: &str = "gone_experiment";
const BROKEN: &str = "broken_experiment";

#[tokio::test]
async fn a_task_migrates_a_pack_and_each_database_is_judged_by_itself() {
    let Some(world) = DockerWorld::new().await else { return };
    let system = &world.system;
    // Somebody has made a table by hand that V7 wants to make, and a tenant has left.
    system.postgres.create_database(BROKEN).await.expect("create a database");
    let by_hand = system.postgres.connect(BROKEN).await.expect("connect");
    by_hand.batch_execute("create table page_views (id bigint)").await.expect("make a table");

    let databases = [PROD, FINTECH, GONE, BROKEN].join(",");
    let logs = world.directory.path().join("logs");
    let log_dir = format!("--log-dir={}", logs.display());
    let run =
        world.migrate(&["--database", &databases, "--databases-per-task=auto", "--keep-going", &log_dir]);
    let run = run.in_actions().spawn().finish_within(BUILD_DEADLINE).await;

    run.exits(1).never_says(system.postgres.password());
    assert_eq!(system.sandbox.tasks().len(), 1, "nothing is run again: the container came to its own end");
    for database in [PROD, FINTECH, HEALTH] {
        assert_eq!(run.verdict(database), "migrated");
        let tables = system.postgres.count_tables(database).await.expect("count tables");
        assert!(tables > 50, "{database} has {tables} tables");
        let report = &run.row(database)["migration_report"];
        assert_eq!((&report["database"], &report["tables"]), (&json!(database), &json!(tables)));
    }
    assert_eq!((run.verdict(GONE), run.verdict(BROKEN)), ("failed".to_owned(), "failed".to_owned()));
    let why = |database: &str| run.row(database)["explanation"].as_str().unwrap_or_default().to_owned();
    assert!(why(GONE).contains("does not exist"), "{}", why(GONE));
    assert!(why(BROKEN).contains("migration 7 create_client_events failed"), "{}", why(BROKEN));
    assert_eq!(run.outputs["failed"], format!("{GONE},{BROKEN}"));

    // One log for all of them: in one file, and once in the summary.
    let result = run.result();
    assert_eq!(result["packs"].as_array().map(Vec::len), Some(1), "{result:#}");
    let file = run.row(GONE)["log"]["file"].as_str().expect("a file").to_owned();
    assert_eq!(file, run.row(PROD)["log"]["file"]);
    let log = std::fs::read_to_string(logs.join(&file)).expect("the log");
    for database in [PROD, FINTECH, HEALTH, BROKEN] {
        assert!(log.contains(&format!(r#""database":"{database}""#)), "{database} in {log}");
    }
    assert_eq!(run.summary.matches("<summary>Log of").count(), 1, "{}", run.summary);
    world.system.stop().await.expect("stop the seed's system");
}
