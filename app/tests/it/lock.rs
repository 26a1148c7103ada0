use crate::support::{Database, Migrations};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio_postgres::Client;

/// The key of the migration lock, which is part of the contract: another tool may take it, too.
const LOCK: &str = "SELECT pg_advisory_lock(x'6d696772'::int, x'61746f72'::int)";

async fn holder(database: &Database) -> (Client, i32) {
    let client = database.connect_as("somebody else").await;
    client.batch_execute(LOCK).await.unwrap();
    let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    (client, pid)
}

#[tokio::test]
async fn two_runs_at_once_apply_everything_once() {
    let Some(database) = Database::create().await else { return };
    let (held, _) = holder(&database).await;
    let mut runs = [database.app(["migrate"]).start(), database.app(["migrate"]).start()];
    for run in &mut runs {
        run.line("waiting up to 60s for another migration").await;
    }
    drop(held);
    let mut applied = Vec::new();
    for run in runs {
        let report = run.end().await.expect_exit(0).report();
        assert_eq!(report["pending"], 0);
        applied.push(report["applied"].as_array().unwrap().len());
    }
    applied.sort();
    assert_eq!(applied[0], 0);
    assert!(applied[1] >= 10);
}

#[tokio::test]
async fn the_holder_is_named_when_time_is_up() {
    let Some(database) = Database::create().await else { return };
    let (_held, pid) = holder(&database).await;
    let run = database.app(["migrate", "--lock-timeout", "0s"]).run().await.expect_exit(4);
    run.expect_error(&[&format!("pid {pid}"), "somebody else", "connected since", "hint: wait for it"]);
    let report = run.report();
    assert_eq!((&report["applied"], &report["current"]), (&json!([]), &json!(null)));
    assert!(!database.has_table("refinery_schema_history").await);
}

#[tokio::test]
async fn databases_do_not_wait_for_each_other() {
    let (Some(first), Some(second)) = (Database::create().await, Database::create().await) else { return };
    let _held = holder(&first).await;
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    let arguments = ["migrate", "--lock-timeout", "0s", "--migrations-dir", migrations.path()];
    second.app(arguments).run().await.expect_exit(0);
    first.app(arguments).run().await.expect_exit(4);
}

#[tokio::test]
async fn a_run_that_waits_can_be_stopped() {
    let Some(database) = Database::create().await else { return };
    let _held = holder(&database).await;
    let mut running = database.app(["migrate"]).start();
    running.line("waiting up to").await;
    running.signal(Signal::SIGTERM);
    let run = running.end().await.expect_exit(143);
    run.expect_error(&["stopped by SIGTERM before any migration was started"]);
    assert_eq!(run.report()["applied"], json!([]));
}

#[tokio::test]
async fn a_killed_run_leaves_no_lock() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([("V1__slow.sql", "SELECT pg_sleep(3600)")]);
    let running = database.app(["migrate", "--migrations-dir", migrations.path()]).start();
    let pid = database.session_where("app migrate", "wait_event = 'PgSleep'").await;
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().await.exit, None);
    // The server notices when it next looks at the connection; an administrator need not wait for that.
    assert!(database.value::<bool>("SELECT pg_terminate_backend($1)", &[&pid]).await);
    database.app(["migrate", "--lock-timeout", "30s"]).run().await.expect_exit(0);
}
