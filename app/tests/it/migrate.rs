use crate::support::{Database, Migrations};
use serde_json::json;

#[tokio::test]
async fn an_empty_database_is_migrated_to_the_newest_version() {
    let Some(database) = Database::create().await else { return };
    let run = database.app(["migrate"]).env("APP_MIGRATIONS_DIR", "").run().await.expect_exit(0);
    let report = run.report();

    let history: Vec<(i32, String)> = database
        .connect()
        .await
        .query("SELECT version, name FROM refinery_schema_history ORDER BY version", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let reported: Vec<(i32, String)> = report["applied"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (entry["version"].as_str().unwrap().parse().unwrap(), entry["name"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(reported, history);
    assert!(history.len() >= 10);
    for (version, name) in &history {
        let progress = format!("applied V{version}__{name} in ");
        assert!(run.stdout.iter().any(|line| line.starts_with(&progress)), "no {progress:?} in {run:#?}");
    }

    let tables: i64 = database
        .value("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'", &[])
        .await;
    assert_eq!(report["tables"], tables);
    assert_eq!(report["tables"], 57);
    assert_eq!(report["version"], 1);
    assert_eq!(report["database"], json!(database.name));
    assert_eq!(report["from"], json!(null));
    assert_eq!(report["pending"], 0);
    assert_eq!(report["current"], json!(history.last().unwrap().0.to_string()));
    let sum: u64 =
        report["applied"].as_array().unwrap().iter().map(|entry| entry["ms"].as_u64().unwrap()).sum();
    assert!(report["ms"].as_u64().unwrap() >= sum);
    assert!(report.get("failed").is_none());
}

#[tokio::test]
async fn a_second_run_has_nothing_to_apply() {
    let Some(database) = Database::migrated().await else { return };
    let run = database.app(["migrate"]).run().await.expect_exit(0);
    let report = run.report();
    assert_eq!(report["applied"], json!([]));
    assert_eq!(report["from"], report["current"]);
    assert_eq!(report["tables"], 57);
    assert!(run.stdout.iter().any(|line| line.starts_with("nothing to apply")), "{run:#?}");
}

#[tokio::test]
async fn a_dry_run_lists_what_is_pending_and_changes_nothing() {
    let Some(database) = Database::create().await else { return };
    let migrations =
        Migrations::new([("V1__one.sql", "CREATE TABLE one ()"), ("V2__two.sql", "CREATE TABLE two ()")]);
    let run = database
        .app(["migrate", "--dry-run", "--migrations-dir", migrations.path()])
        .run()
        .await
        .expect_exit(0);
    assert!(
        run.stdout.contains(&"pending V1__one".to_owned())
            && run.stdout.contains(&"pending V2__two".to_owned())
    );
    let report = run.report();
    assert_eq!(
        (&report["applied"], &report["pending"], &report["tables"]),
        (&json!([]), &json!(2), &json!(0))
    );
    assert!(!database.has_table("one").await);
    assert!(!database.has_table("refinery_schema_history").await);
}

#[tokio::test]
async fn only_what_is_new_is_applied() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    let migrate = || database.app(["migrate"]).env("APP_MIGRATIONS_DIR", migrations.path());
    migrate().run().await.expect_exit(0);
    migrations.write("V2__two.sql", "CREATE TABLE two ()");
    let report = migrate().run().await.expect_exit(0).report();
    assert_eq!(report["applied"].as_array().unwrap().len(), 1);
    assert_eq!((&report["from"], &report["current"]), (&json!("1"), &json!("2")));
}

#[tokio::test]
async fn the_report_names_the_database_of_the_server() {
    let (Some(first), Some(second)) = (Database::create().await, Database::create().await) else { return };
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    for database in [&first, &second] {
        let run = database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
        assert_eq!(run.report()["database"], json!(database.name));
    }
    assert!(first.has_table("one").await && second.has_table("one").await);
}

#[tokio::test]
async fn a_migration_tells_its_progress() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([("V1__one.sql", "DO $$ BEGIN RAISE NOTICE 'half of it'; END $$")]);
    let run = database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    assert!(run.stdout.contains(&"notice: half of it".to_owned()), "{run:#?}");
}

/// Orders that the old binary wrote, before, between and after: each can still be answered by mail.
#[tokio::test]
async fn contact_expands_and_contracts_without_losing_anyone() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([]);
    let all = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
    let mut files: Vec<(u32, String, String)> = all
        .map(|entry| entry.unwrap())
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let version = name.strip_prefix('V')?.split("__").next()?.parse().ok()?;
            Some((version, name, std::fs::read_to_string(entry.path()).unwrap()))
        })
        .collect();
    files.sort();
    let migrate_to = async |newest: u32| {
        for (_, name, sql) in files.iter().filter(|(version, ..)| *version <= newest) {
            migrations.write(name, sql);
        }
        database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    };
    let old_binary_orders = async |contact: &str| {
        let client = database.connect().await;
        client
            .execute(
                "INSERT INTO orders (contact, currency_code, shipping_method, subtotal_minor)
                 VALUES ($1, 'USD', 'none', 100)",
                &[&contact],
            )
            .await
            .unwrap();
    };
    migrate_to(9).await;
    old_binary_orders("before@shop.example").await;
    old_binary_orders("+1 202 555 0100").await;
    migrate_to(10).await;
    old_binary_orders("between@shop.example").await;
    let client = database.connect().await;
    let new_binary = "INSERT INTO orders (customer_email, currency_code, shipping_method, subtotal_minor)
                      VALUES ('new@shop.example', 'USD', 'none', 100) RETURNING contact";
    let contact: String = client.query_one(new_binary, &[]).await.unwrap().get(0);
    assert_eq!(contact, "new@shop.example");
    migrate_to(12).await;
    let reachable: Vec<(Option<String>, Option<String>)> = client
        .query("SELECT customer_email, customer_phone FROM orders ORDER BY number", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let mail = |address: &str| (Some(address.to_owned()), None);
    let phone = (None, Some("+1 202 555 0100".to_owned()));
    assert_eq!(
        reachable,
        [mail("before@shop.example"), phone, mail("between@shop.example"), mail("new@shop.example")]
    );
}

/// Rule 7 of app/migrations/README.md.
#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let Some(database) = Database::migrated().await else { return };
    let without: Vec<String> = database
        .value(
            "SELECT coalesce(array_agg(c.conrelid::regclass || '.' || c.conname), '{}') FROM pg_constraint c
             WHERE c.contype = 'f' AND NOT EXISTS (
                 SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid
                   AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)",
            &[],
        )
        .await;
    assert_eq!(without, [""; 0]);
}
