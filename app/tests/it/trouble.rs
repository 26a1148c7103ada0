use crate::support::{Database, Migrations};
use nix::sys::signal::Signal;
use serde_json::json;

#[tokio::test]
async fn a_failing_migration_is_rolled_back_and_reported() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([
        ("V1__one.sql", "CREATE TABLE one ()"),
        ("V2__two.sql", "CREATE TABLE two ();\n\nALTER TABLE three ADD x int"),
        ("V3__three.sql", "CREATE TABLE three ()"),
    ]);
    let run = database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(1);
    let file = format!("{}/V2__two.sql", migrations.path());
    run.expect_error(&[
        &file,
        "relation \"three\" does not exist",
        "SQLSTATE 42P01",
        "hint: it was rolled back",
    ]);
    let report = run.report();
    assert_eq!(report["applied"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&report["pending"], &report["current"], &report["tables"]),
        (&json!(2), &json!("1"), &json!(2))
    );
    let failed = &report["failed"];
    assert_eq!(
        (&failed["version"], &failed["name"], &failed["file"]),
        (&json!("2"), &json!("two"), &json!(file))
    );
    assert!(failed["error"].as_str().unwrap().contains("SQLSTATE 42P01"));
    assert!(!database.has_table("two").await);

    migrations.write("V2__two.sql", "CREATE TABLE two ()");
    let report =
        database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0).report();
    assert_eq!((&report["from"], &report["current"]), (&json!("1"), &json!("3")));
}

#[tokio::test]
async fn a_syntax_error_is_located() {
    let Some(database) = Database::create().await else { return };
    let migrations =
        Migrations::new([("V1__one.sql", "-- Zürich\nCREATE TABLE one ();\nCREATE TABEL two ();\n")]);
    let run = database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(1);
    run.expect_error(&["SQLSTATE 42601", ".sql:3: "]);
    assert_eq!(run.report()["failed"]["line"], 3);
}

#[tokio::test]
async fn sigterm_rolls_the_current_migration_back() {
    let Some(database) = Database::create().await else { return };
    for (signal, exit) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let migrations = Migrations::new([
            ("V1__one.sql", "CREATE TABLE one ()"),
            ("V2__slow.sql", "CREATE TABLE slow (); SELECT pg_sleep(3600)"),
        ]);
        let running = database.app(["migrate", "--migrations-dir", migrations.path()]).start();
        database.session_where("app migrate", "wait_event = 'PgSleep'").await;
        running.signal(signal);
        let run = running.end().await.expect_exit(exit);
        run.expect_error(&[signal.as_str(), "V2__slow was rolled back", "SQLSTATE 57014"]);
        let report = run.report();
        assert_eq!((&report["pending"], &report["current"]), (&json!(1), &json!("1")));
        assert_eq!(report["failed"]["version"], "2");
        assert!(database.has_table("one").await);
        assert!(!database.has_table("slow").await);
    }
}

#[tokio::test]
async fn a_lost_connection_is_reported_on_a_new_one() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([("V1__slow.sql", "CREATE TABLE slow (); SELECT pg_sleep(3600)")]);
    let running = database.app(["migrate", "--migrations-dir", migrations.path()]).start();
    let pid = database.session_where("app migrate", "wait_event = 'PgSleep'").await;
    assert!(database.value::<bool>("SELECT pg_terminate_backend($1)", &[&pid]).await);
    let run = running.end().await.expect_exit(1);
    run.expect_error(&["V1__slow.sql", "terminating connection"]);
    assert_eq!((&run.report()["pending"], &run.report()["database"]), (&json!(1), &json!(database.name)));
}

#[tokio::test]
async fn a_migration_does_not_queue_behind_a_table_lock() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    let arguments = ["migrate", "--table-lock-timeout", "100ms", "--migrations-dir", migrations.path()];
    database.app(arguments).run().await.expect_exit(0);
    let mut client = database.connect().await;
    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("LOCK TABLE one IN ACCESS SHARE MODE").await.unwrap();
    migrations.write("V2__two.sql", "ALTER TABLE one ADD x int");
    database.app(arguments).run().await.expect_exit(1).expect_error(&[
        "V2__two.sql",
        "lock timeout",
        "SQLSTATE 55P03",
    ]);
    transaction.rollback().await.unwrap();
    database.app(arguments).run().await.expect_exit(0);
}

#[tokio::test]
async fn an_edited_migration_is_divergent() {
    let Some(database) = Database::create().await else { return };
    let migrations =
        Migrations::new([("V1__one.sql", "CREATE TABLE one ()"), ("V2__two.sql", "CREATE TABLE two ()")]);
    let arguments = ["migrate", "--migrations-dir", migrations.path()];
    database.app(arguments).run().await.expect_exit(0);
    migrations.write("V1__one.sql", "CREATE TABLE one (id int)");
    migrations.write("V3__three.sql", "CREATE TABLE three ()");
    let run = database.app(arguments).run().await.expect_exit(1);
    run.expect_error(&["V1__one is divergent", "hint: an applied migration is never edited"]);
    assert_eq!((&run.report()["applied"], &run.report()["pending"]), (&json!([]), &json!(1)));
    assert!(!database.has_table("three").await);
}

#[tokio::test]
async fn a_migration_that_the_binary_lacks_is_missing() {
    let Some(database) = Database::create().await else { return };
    let migrations =
        Migrations::new([("V1__one.sql", "CREATE TABLE one ()"), ("V2__two.sql", "CREATE TABLE two ()")]);
    let arguments = ["migrate", "--migrations-dir", migrations.path()];
    database.app(arguments).run().await.expect_exit(0);
    migrations.remove("V2__two.sql");
    let run = database.app(arguments).run().await.expect_exit(1);
    run.expect_error(&[
        "V2__two was applied to this database and is missing here",
        "image is older than the database",
    ]);
    assert_eq!(run.report()["current"], "2");
    // A dry run says the same: it would be no use otherwise.
    database.app(["migrate", "--dry-run", "--migrations-dir", migrations.path()]).run().await.expect_exit(1);
}

#[tokio::test]
async fn a_migration_that_comes_too_late_is_refused() {
    let Some(database) = Database::create().await else { return };
    let migrations =
        Migrations::new([("V1__one.sql", "CREATE TABLE one ()"), ("V3__three.sql", "CREATE TABLE three ()")]);
    let arguments = ["migrate", "--migrations-dir", migrations.path()];
    database.app(arguments).run().await.expect_exit(0);
    migrations.write("V2__two.sql", "CREATE TABLE two ()");
    database
        .app(arguments)
        .run()
        .await
        .expect_exit(1)
        .expect_error(&["V2__two is older than the database's version"]);
    assert!(!database.has_table("two").await);
}
