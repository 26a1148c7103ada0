use crate::support::{Database, Migrations, Program};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

fn two() -> Migrations {
    Migrations::new([("V1__one.sql", "CREATE TABLE one ()"), ("V2__two.sql", "CREATE TABLE two ()")])
}

async fn report(database: &Database, migrations: &Migrations) -> Value {
    let run = database.app(["status", "--report", "--migrations-dir", migrations.path()]).run().await;
    let run = run.expect_exit(0);
    assert_eq!(run.stdout.len(), 1, "{run:#?}");
    run.report()
}

#[tokio::test]
async fn a_database_is_reported_as_it_is_and_not_changed() {
    let Some(database) = Database::create().await else { return };
    let migrations = two();
    let new = report(&database, &migrations).await;
    assert_eq!(new["database"], json!(database.name));
    assert_eq!((&new["applied"], &new["pending"], &new["current"]), (&json!([]), &json!(2), &Value::Null));
    let both = json!([{"version": "1", "name": "one"}, {"version": "2", "name": "two"}]);
    assert_eq!((&new["missing"], &new["unknown"], &new["tables"]), (&both, &json!([]), &json!(0)));
    assert!(!database.has_table("refinery_schema_history").await);

    let migrated = database.app(["migrate", "--migrations-dir", migrations.path()]).run().await;
    let migrated = migrated.expect_exit(0).report();
    let same = report(&database, &migrations).await;
    for field in ["database", "pending", "current", "tables", "schema", "unknown", "missing"] {
        assert_eq!(same[field], migrated[field], "{field}");
    }
    assert_eq!((&same["current"], &same["missing"], &same["from"]), (&json!("2"), &json!([]), &json!("2")));
    assert_ne!(same["schema"], new["schema"]);
    assert!(same.get("error").is_none());
}

#[tokio::test]
async fn an_older_image_sees_what_it_does_not_know() {
    let Some(database) = Database::create().await else { return };
    let migrations = two();
    database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    migrations.remove("V2__two.sql");
    let ahead = report(&database, &migrations).await;
    assert_eq!((&ahead["pending"], &ahead["current"]), (&json!(0), &json!("2")));
    assert_eq!(ahead["unknown"], json!([{"version": "2", "name": "two"}]));
    assert!(ahead.get("error").is_none(), "{ahead}");
    // A migration would be refused, and says what is unknown as well.
    let refused = database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(1);
    assert_eq!(refused.report()["unknown"], ahead["unknown"]);

    migrations.write("V3__three.sql", "CREATE TABLE three ()");
    let both = report(&database, &migrations).await;
    assert_eq!((&both["missing"][0]["name"], &both["unknown"][0]["name"]), (&json!("three"), &json!("two")));
}

/// Nothing is pending and nothing unknown, and yet the image is not the database's.
#[tokio::test]
async fn an_edited_migration_is_an_error_of_the_report() {
    let Some(database) = Database::create().await else { return };
    let migrations = two();
    database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    migrations.write("V1__one.sql", "CREATE TABLE uno ()");
    let edited = report(&database, &migrations).await;
    assert_eq!((&edited["pending"], &edited["unknown"]), (&json!(0), &json!([])));
    assert!(edited["error"].as_str().unwrap().starts_with("V1__one is divergent"), "{edited}");
}

/// A history that has changed with each look at it.
#[tokio::test]
async fn a_version_is_not_reported_with_the_schema_of_another() {
    let Some(database) = Database::create().await else { return };
    let history =
        "CREATE VIEW refinery_schema_history AS SELECT 1 AS version, clock_timestamp()::text AS name,
                   '2026-01-01T00:00:00Z'::text AS applied_on, '1'::text AS checksum";
    database.connect().await.batch_execute(history).await.unwrap();
    let run = database.app(["status", "--report"]).run().await.expect_exit(1);
    run.expect_error(&["a migration of this database ended while it was looked at", "hint: run this again"]);
    assert!(run.stdout.is_empty(), "{run:#?}");
}

#[tokio::test]
async fn each_database_of_a_pack_has_its_report() {
    let (Some(one), Some(other)) = (Database::create().await, Database::create().await) else { return };
    let migrations = two();
    one.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    let pack = |names: Value| {
        let program = one.app(["status", "--report", "--jobs", "1", "--migrations-dir", migrations.path()]);
        program.env("DATABASE_NAME", "").env("DATABASE_NAMES", names.to_string())
    };
    let run = pack(json!([one.name, other.name])).run().await.expect_exit(0);
    let reports: Vec<Value> = run
        .stdout
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["migration_report"].clone())
        .collect();
    let seen: Vec<(&Value, &Value)> = reports.iter().map(|one| (&one["database"], &one["pending"])).collect();
    assert_eq!(seen, [(&json!(one.name), &json!(0)), (&json!(other.name), &json!(2))]);

    let run = pack(json!(["no_such_shop", other.name])).run().await.expect_exit(3);
    run.expect_error(&["error: no_such_shop: connect to ", "error: 1 of 2 databases were not asked"]);
    assert!(run.stdout[0].contains("\"error\"") && !run.stdout[0].contains("\"unknown\""), "{run:#?}");
    assert_eq!(run.report()["pending"], 2);
}

#[tokio::test]
async fn a_signal_ends_it() {
    let Some(database) = Database::create().await else { return };
    // A server that accepts and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let running = database.app(["status", "--report"]).env("DATABASE_PORT", port).start();
    let accepted = tokio::task::spawn_blocking(move || silent.accept().map(|(stream, _)| (stream, silent)));
    let _held = accepted.await.unwrap().unwrap();
    running.signal(Signal::SIGTERM);
    running.end().await.expect_exit(143).expect_error(&["stopped by SIGTERM"]);
}

#[tokio::test]
async fn its_forms_exclude_each_other() {
    for flags in [["--report", "--json"], ["--report", "--schema"], ["--schema", "--json"]] {
        let run = Program::new(["status", flags[0], flags[1]]).run().await.expect_exit(2);
        run.expect_error(&["cannot be used with"]);
    }
}
