use crate::support::{Database, Program, Run};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database that is not there yet, on the server of another; it goes with this value.
async fn planned(suffix: &str) -> Option<Database> {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let server = crate::support::cluster::shared().await?;
    let name = format!("tenant_{}_{}{suffix}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    Some(Database { server, name })
}

/// The binary as the server's administrator. DATABASE_NAME is what fargate-migrate leaves in a revision.
fn create(database: &Database, name: &str) -> Program {
    database.app(["create-database", name]).env("DATABASE_NAME", "__set-by-fargate-migrate__")
}

async fn names(database: &Database) -> BTreeSet<String> {
    let client = database.server.connect(database.server.default_database()).await.unwrap();
    let rows = client.query("SELECT datname::text FROM pg_database", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn execute(database: &Database, sql: &str) {
    let client = database.server.connect(database.server.default_database()).await.unwrap();
    client.batch_execute(sql).await.unwrap();
}

#[tokio::test]
async fn a_database_is_created_once() {
    for suffix in ["", "_Größe.$-x"] {
        let Some(database) = planned(suffix).await else { return };
        let (name, user) = (&database.name, database.server.user());
        let first = create(&database, name).run().await.expect_exit(0);
        assert_eq!(first.stdout, [format!("created database {name}, owned by {user}")]);
        assert_eq!(database.value::<String>("SELECT current_database()::text", &[]).await, *name);
        let again = create(&database, name).run().await.expect_exit(0);
        assert_eq!(again.stdout, [format!("database {name} exists already, owned by {user}")]);
    }
}

#[tokio::test]
async fn of_many_at_once_one_creates_it() {
    let Some(database) = planned("").await else { return };
    let runs = (0..8).map(|_| create(&database, &database.name).run());
    let runs: Vec<Run> = futures::future::join_all(runs).await;
    let runs: Vec<Run> = runs.into_iter().map(|run| run.expect_exit(0)).collect();
    let created = runs.iter().filter(|run| run.stdout[0].starts_with("created ")).count();
    assert_eq!(created, 1, "{runs:#?}");
}

#[tokio::test]
async fn a_hostile_name_creates_nothing() {
    let Some(database) = planned("").await else { return };
    let injected = format!("{}\"; CREATE DATABASE \"{}_too", database.name, database.name);
    let long = "a".repeat(64);
    for name in [
        "",
        "all",
        "__set-by-fargate-migrate__",
        "a b",
        ".a",
        "a\nb",
        "a/../b",
        "\u{1b}[31m",
        &injected,
        &long,
    ] {
        let run = create(&database, name).run().await.expect_exit(2);
        assert!(run.stdout.is_empty(), "{run:#?}");
    }
    database.app(["create-database", "--", "-x"]).run().await.expect_exit(2);
    // A role may have any name.
    let owner = format!("\"; CREATE DATABASE \"{}_too\" --", database.name);
    let run = database.app(["create-database", &database.name, "--owner", &owner]).run().await.expect_exit(1);
    run.expect_error(&["SQLSTATE 42704", "hint: create the role first"]);
    let own = names(&database).await;
    assert!(!own.iter().any(|name| name.starts_with(&database.name)), "{own:?}");
}

/// From nothing to migrated, by a role that may not create databases.
#[tokio::test]
async fn a_new_database_belongs_to_the_one_who_migrates_it() {
    let Some(database) = planned("").await else { return };
    let (name, role) = (database.name.clone(), format!("{}_migrator", database.name));
    execute(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'of the migrator'")).await;
    let as_migrator =
        |program: Program| program.env("DATABASE_USER", &role).env("DATABASE_PASSWORD", "of the migrator");
    let run = as_migrator(create(&database, &name)).run().await.expect_exit(1);
    run.expect_error(&["SQLSTATE 42501", "hint: set DATABASE_ADMIN_USER"]);

    let administrator = |program: Program| {
        as_migrator(program)
            .env("DATABASE_ADMIN_USER", database.server.user())
            .env("DATABASE_ADMIN_PASSWORD", database.server.password())
    };
    let run = administrator(create(&database, &name)).run().await.expect_exit(0);
    assert_eq!(run.stdout, [format!("created database {name}, owned by {role}")]);
    let report = as_migrator(database.app(["migrate"])).run().await.expect_exit(0).report();
    assert_eq!((report["database"].as_str(), report["tables"].as_u64()), (Some(name.as_str()), Some(57)));
    assert!(report["schema"].is_string(), "it takes no superuser: {report}");

    let other = administrator(database.app(["create-database", &name, "--owner", "pg_monitor"]));
    let run = other.run().await.expect_exit(1);
    run.expect_error(&[&format!("exists already, owned by {role} and not by pg_monitor"), "hint: "]);
    database.server.drop_database(&name).await.unwrap();
    execute(&database, &format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn a_template_is_nobodys_database() {
    let Some(database) = planned("").await else { return };
    let run = create(&database, "template1").run().await.expect_exit(1);
    run.expect_error(&["template1 exists already, and is a template", "hint: "]);
}

#[tokio::test]
async fn half_an_administrator_is_refused() {
    let program = Program::new(["create-database", "a"]).env("DATABASE_HOST", "127.0.0.1");
    let run =
        program.env("DATABASE_USER", "shop").env("DATABASE_ADMIN_PASSWORD", "x").run().await.expect_exit(2);
    run.expect_error(&["DATABASE_ADMIN_PASSWORD is set, and DATABASE_ADMIN_USER is not", "hint: "]);
}
