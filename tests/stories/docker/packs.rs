//! A pack in a task of its own: the real app, as Docker runs it, on a real PostgreSQL.

use sandbox::real_parts::docker_engine;
use sandbox::seed::{self, SeedSystem};
use sandbox::{Engine, Options, postgres};
use serde_json::json;

use super::engine::{AppImage, EngineImages};
use super::{BUILD_DEADLINE, from_dockerfile, give_the_host_by_name, with_environment};
use crate::support::{FINTECH, HEALTH, PROD, Run};

const GONE: &str = "gone_experiment";
const BROKEN: &str = "broken_experiment";

#[tokio::test]
async fn a_task_migrates_a_pack_and_each_database_is_judged_by_itself() {
    if !docker_engine() {
        return;
    }
    let _built = AppImage::get().await;
    let options = Options { engine: Engine::Docker, ..Options::default() };
    let own_server = postgres::Options { url: None, ..Default::default() };
    let system = SeedSystem::start(options, own_server, None).await.expect("start the seed's system");
    let _pushed = EngineImages::of(&system.sandbox.registry().repository_uri(seed::REPOSITORY));
    give_the_host_by_name(&system);
    // Somebody has made a table by hand that V7 wants to make, and a tenant has left.
    system.postgres.create_database(BROKEN).await.expect("create a database");
    let by_hand = system.postgres.connect(BROKEN).await.expect("connect");
    by_hand.batch_execute("create table page_views (id bigint)").await.expect("make a table");

    let directory = tempfile::tempdir().expect("a directory");
    let names = ["--cluster", seed::CLUSTER, "--task-definition", seed::TASK_FAMILY];
    let network = ["--subnets", seed::SUBNETS, "--security-groups", seed::SECURITY_GROUPS];
    let databases = [PROD, FINTECH, GONE, BROKEN].join(",");
    let logs = directory.path().join("logs").display().to_string();
    let fleet = ["--database", &databases, "--databases-per-task=auto", "--keep-going", "--log-dir", &logs];
    let flags = [["migrate"].as_slice(), &names, &network, &fleet, &from_dockerfile("v1", HEALTH)].concat();
    let run = with_environment(Run::new(directory.path(), &flags), system.sandbox.environment());
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
    let log = std::fs::read_to_string(directory.path().join("logs").join(&file)).expect("the log");
    for database in [PROD, FINTECH, HEALTH, BROKEN] {
        assert!(log.contains(&format!(r#""database":"{database}""#)), "{database} in {log}");
    }
    assert_eq!(run.summary.matches("<summary>Log of").count(), 1, "{}", run.summary);
    system.stop().await.expect("stop the seed's system");
}
