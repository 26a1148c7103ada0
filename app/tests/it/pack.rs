use crate::support::{Database, Migrations, Run};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn names(databases: &[&str]) -> String {
    json!(databases).to_string()
}

/// The reports of a pack by database, each once.
fn reports(run: &Run) -> BTreeMap<String, Value> {
    let lines = run.stdout.iter().filter(|line| line.starts_with("{\"migration_report\""));
    let reports: Vec<Value> =
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["migration_report"].clone()).collect();
    let count = reports.len();
    let by_name: BTreeMap<String, Value> =
        reports.into_iter().map(|report| (report["database"].as_str().unwrap().to_owned(), report)).collect();
    assert_eq!(by_name.len(), count, "two reports of one database: {run:#?}");
    by_name
}

#[tokio::test]
async fn each_database_of_a_pack_is_migrated_and_reported() {
    let mut databases = Vec::new();
    for _ in 0..5 {
        let Some(database) = Database::create().await else { return };
        databases.push(database);
    }
    let list: Vec<&str> = databases.iter().map(|database| database.name.as_str()).collect();
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    let pack = || {
        let program = databases[0].app(["migrate", "--jobs", "2", "--migrations-dir", migrations.path()]);
        program.env("DATABASE_NAME", "").env("DATABASE_NAMES", names(&list))
    };
    let run = pack().run().await.expect_exit(0);
    let first = reports(&run);
    for database in &databases {
        assert!(database.has_table("one").await);
        let report = &first[&database.name];
        assert_eq!((&report["applied"][0]["version"], &report["pending"]), (&json!("1"), &json!(0)));
        let applied = format!("{}: applied V1__one in ", database.name);
        assert!(run.stdout.iter().any(|line| line.starts_with(&applied)), "{run:#?}");
    }

    let again = pack().run().await.expect_exit(0);
    for report in reports(&again).values() {
        assert_eq!(
            (&report["applied"], &report["from"], &report["current"]),
            (&json!([]), &json!("1"), &json!("1"))
        );
        // The history's table is one, too.
        assert_eq!(report["tables"], 2);
    }
    assert_eq!(again.stdout.len(), 5, "thousands of databases with nothing to do are no story: {again:#?}");
}

#[tokio::test]
async fn a_failure_stops_no_other_database() {
    let (Some(bad), Some(good)) = (Database::create().await, Database::create().await) else { return };
    bad.connect().await.batch_execute("CREATE TABLE one ()").await.unwrap();
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    let pack = |list: &[&str]| {
        let program = good.app(["migrate", "--jobs", "1", "--migrations-dir", migrations.path()]);
        program.env("DATABASE_NAME", "").env("DATABASE_NAMES", names(list))
    };
    let run = pack(&[&bad.name, "no_such_shop", &good.name]).run().await.expect_exit(1);
    run.expect_error(&[
        &format!("error: {}: apply ", bad.name),
        "error: no_such_shop: connect to database no_such_shop",
        "error: 2 of 3 databases were not migrated",
    ]);
    let reports = reports(&run);
    assert_eq!(reports[&bad.name]["failed"]["version"], "1");
    assert_eq!(reports[&bad.name]["pending"], 1);
    let missing = &reports["no_such_shop"];
    assert_eq!(missing["pending"], 1, "what could not be asked must not read as a success");
    assert!(missing["error"].as_str().unwrap().contains("does not exist"), "{missing}");
    assert_eq!(reports[&good.name]["pending"], 0);
    assert!(good.has_table("one").await);

    let run = pack(&["no_such_shop", "nor_such"]).run().await.expect_exit(3);
    run.expect_error(&["2 of 2 databases were not migrated"]);
}

#[tokio::test]
async fn a_signal_rolls_back_what_runs_and_begins_nothing_more() {
    let mut databases = Vec::new();
    for _ in 0..3 {
        let Some(database) = Database::create().await else { return };
        databases.push(database);
    }
    let list: Vec<&str> = databases.iter().map(|database| database.name.as_str()).collect();
    let migrations = Migrations::new([("V1__slow.sql", "CREATE TABLE slow (); SELECT pg_sleep(600)")]);
    let program = databases[0].app(["migrate", "--jobs", "2", "--migrations-dir", migrations.path()]);
    let running = program.env("DATABASE_NAME", "").env("DATABASE_NAMES", names(&list)).start();
    for database in &databases[..2] {
        database.session_where("app migrate", "wait_event = 'PgSleep'").await;
    }
    running.signal(Signal::SIGTERM);
    let run = running.end().await.expect_exit(143);
    run.expect_error(&["stopped by SIGTERM: 2 of 3 databases were begun"]);
    let reports = reports(&run);
    assert_eq!(reports.len(), 2, "one that was not begun has no report: {run:#?}");
    for database in &databases[..2] {
        assert_eq!(reports[&database.name]["pending"], 1);
        assert!(!database.has_table("slow").await);
    }
}

#[tokio::test]
async fn one_database_and_a_pack_are_not_both_named() {
    let Some(database) = Database::create().await else { return };
    let run = database.app(["migrate"]).env("DATABASE_NAMES", names(&["a", "b"])).run().await.expect_exit(2);
    run.expect_error(&["DATABASE_NAMES are both set", "hint: set one of them"]);
    assert!(run.stdout.is_empty());
}
