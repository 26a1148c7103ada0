//! The applications of `examples/` as they are: built by their Dockerfiles, pushed, given the witness, and run as tasks,
//! against a real PostgreSQL. None of them knows of migration reports.

/// The binary, its environment, and what it left behind.
#[path = "../support/world.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod support;
/// The programs that are not this package's.
mod programs;
/// The sandbox with an application, and runs on it.
mod shop;

use sandbox::{Engine, postgres};

use shop::Shop;
use support::Finished;

/// What is done to an application, in the words of its files.
struct Application {
    name: &'static str,
    /// The file of the last of three migrations, and a text in it without which it fails.
    last: (&'static str, &'static str),
    /// A file, a text in it, and what connects it to tenant_a instead, whatever it is told.
    hard_coded: [&'static str; 3],
    /// What becomes of a database that has the last migration, with an image that lacks it.
    old_image: &'static str,
    /// Tables of a database that has all migrations, the framework's own among them.
    tables: i64,
    /// Whether its images run as processes, too, each in its own root.
    as_process: bool,
}

/// Where no code reads the address, its template names the tenant.
const TEMPLATE: [&str; 3] = [".github/fargate-migrate.yml", "/{database}", "/tenant_a"];

const DJANGO: Application = Application {
    name: "django",
    last: ("shop/migrations/0003_order_paid_at.py", "model_name=\"order\""),
    hard_coded: ["config/settings.py", "os.environ[\"DATABASE_NAME\"]", "\"tenant_a\""],
    old_image: "migrated",
    tables: 11,
    as_process: true,
};
const ALEMBIC: Application = Application {
    name: "alembic",
    last: ("migrations/versions/0003_order_paid_at.py", "\"orders\""),
    hard_coded: [
        "migrations/env.py",
        "os.environ[\"DATABASE_URL\"]",
        "os.environ[\"DATABASE_URL\"].rsplit(\"/\", 1)[0] + \"/tenant_a\"",
    ],
    old_image: "failed",
    tables: 4,
    as_process: true,
};
const NODE_PG_MIGRATE: Application = Application {
    name: "node-pg-migrate",
    last: ("migrations/1792054800000_order-paid-at.js", "\"orders\""),
    hard_coded: TEMPLATE,
    old_image: "migrated",
    tables: 4,
    as_process: true,
};
const KNEX: Application = Application {
    name: "knex",
    last: ("migrations/20261015090000_order_paid_at.js", "\"orders\""),
    hard_coded: [
        "knexfile.js",
        "process.env.DATABASE_URL",
        "process.env.DATABASE_URL.replace(/[^/]*$/, \"tenant_a\")",
    ],
    old_image: "failed",
    tables: 5,
    as_process: true,
};
const RAILS: Application = Application {
    name: "rails",
    last: ("db/migrate/20261015090000_add_paid_at_to_orders.rb", ":orders"),
    hard_coded: [
        "config/database.yml",
        "ENV[\"DATABASE_URL\"]",
        "ENV[\"DATABASE_URL\"].sub(%r{[^/]*\\z}, \"tenant_a\")",
    ],
    old_image: "migrated",
    tables: 5,
    as_process: false,
};
const PSQL: Application = Application {
    name: "psql",
    last: ("db/migrations/20261015090000_order_paid_at.sql", "orders"),
    hard_coded: ["migrate.sh", "set -eu", "set -eu; PGDATABASE=tenant_a"],
    old_image: "migrated",
    tables: 4,
    as_process: false,
};
const SQLX: Application = Application {
    name: "sqlx",
    last: ("migrations/20261015090000_order_paid_at.sql", "orders"),
    hard_coded: TEMPLATE,
    old_image: "failed",
    tables: 4,
    as_process: false,
};

/// Named so that it begins with the first ones: its dependencies are compiled while the others fetch theirs.
#[tokio::test]
async fn compiled_in_with_sqlx() {
    in_containers(&SQLX).await;
}

#[tokio::test]
async fn django() {
    in_containers(&DJANGO).await;
}

#[tokio::test]
async fn alembic() {
    in_containers(&ALEMBIC).await;
}

#[tokio::test]
async fn node_pg_migrate() {
    in_containers(&NODE_PG_MIGRATE).await;
}

#[tokio::test]
async fn knex() {
    in_containers(&KNEX).await;
}

#[tokio::test]
async fn rails() {
    in_containers(&RAILS).await;
}

#[tokio::test]
async fn psql() {
    in_containers(&PSQL).await;
}

/// A first migration, a pack, nothing to do, a check, a failure half-way, a repair, an old image, and a program that is
/// connected elsewhere; then some of it as processes, from the same images.
async fn in_containers(application: &Application) {
    let images = tempfile::tempdir().expect("a directory");
    let Some(shop) = Shop::new(application.name, Engine::Docker, images.path()).await else { return };
    let applied = |run: &Finished, tenant: &str| {
        run.row(tenant)["migration_report"]["applied"].as_array().map(Vec::len)
    };

    let first = shop.migrate("v1", &["--database=tenant_a"]).await;
    assert_eq!(first.exits(0).verdict("tenant_a"), "migrated");
    assert_eq!(first.row("tenant_a")["migration_report"]["database"], "tenant_a");
    assert!(applied(&first, "tenant_a") >= Some(3), "{first:?}");
    assert_eq!(shop.tables("tenant_a").await, application.tables);
    assert_eq!(shop.tables("tenant_b").await, 0, "it was not asked for");
    let pack = shop.migrate("v1", &["--database=tenant_b,tenant_c", "--databases-per-task=2"]).await;
    pack.exits(0);
    assert_eq!([shop.tables("tenant_b").await, shop.tables("tenant_c").await], [application.tables; 2]);
    let again = shop.migrate("v1", &["--database=tenant_a"]).await;
    assert_eq!(
        (again.exits(0).verdict("tenant_a"), applied(&again, "tenant_a")),
        ("migrated".into(), Some(0))
    );
    shop.run("check", "v1", &["--database=tenant_a,tenant_b,tenant_c"])
        .await
        .exits(0)
        .says("3 of 3 databases up to date");

    let (file, text) = application.last;
    shop.edit(file, text, &text.replace("order", "nowhere"));
    let broken = shop.migrate("broken", &["--database=tenant_d"]).await;
    assert_eq!(broken.exits(1).verdict("tenant_d"), "failed");
    let behind = shop.run("check", "broken", &["--database=tenant_d"]).await;
    behind.exits(1);
    let repaired = shop.migrate("v1", &["--database=tenant_d"]).await;
    assert_eq!(repaired.exits(0).verdict("tenant_d"), "migrated");
    assert_eq!(shop.tables("tenant_d").await, application.tables);

    shop.remove(file);
    let old = shop.migrate("old", &["--database=tenant_a"]).await;
    assert_eq!(old.verdict("tenant_a"), application.old_image, "{old:?}");
    if application.old_image == "migrated" {
        let unknown = &old.row("tenant_a")["migration_report"]["unknown"];
        assert_eq!(unknown.as_array().map(Vec::len), Some(1), "{old:?}");
    }

    shop.restore(file);
    connected_elsewhere(&shop, application, "tenant_e").await;
    shop.stop().await;

    if !application.as_process {
        return;
    }
    let Some(shop) = Shop::new(application.name, Engine::Process, images.path()).await else { return };
    let first = shop.migrate("v1", &["--database=tenant_a"]).await;
    assert_eq!(first.exits(0).verdict("tenant_a"), "migrated");
    let again = shop.migrate("v1", &["--database=tenant_a"]).await;
    assert_eq!(
        (again.exits(0).verdict("tenant_a"), applied(&again, "tenant_a")),
        ("migrated".into(), Some(0))
    );
    connected_elsewhere(&shop, application, "tenant_b").await;
    shop.stop().await;
}

/// A program that is connected to tenant_a, which is complete, when another tenant is asked for. A session that was seen
/// makes it *wrong database*; whether or not it was, nothing is *migrated*.
#[expect(clippy::print_stdout, reason = "whether the session was seen depends on the machine, so it is said")]
async fn connected_elsewhere(shop: &Shop, application: &Application, tenant: &str) {
    let [file, text, elsewhere] = application.hard_coded;
    shop.edit(file, text, elsewhere);
    let run = shop.migrate("elsewhere", &[&format!("--database={tenant}")]).await;
    let verdict = run.exits(1).verdict(tenant);
    assert!(["wrong database", "unproved", "failed"].contains(&verdict.as_str()), "{run:?}");
    assert_eq!(shop.tables(tenant).await, 0);
    println!("{}: connected elsewhere: {verdict}", application.name);
    shop.edit(file, elsewhere, text);
}

/// A server of its own: the same names are in several sandboxes.
fn own_server() -> postgres::Options {
    postgres::Options { url: None, ..postgres::Options::default() }
}
