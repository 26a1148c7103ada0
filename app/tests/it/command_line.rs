use crate::support::{Database, Migrations, Program};
use serde_json::Value;

#[tokio::test]
async fn no_command_has_a_default_database() {
    for command in ["migrate", "status", "serve"] {
        let program = Program::new([command]).env("DATABASE_HOST", "127.0.0.1").env("DATABASE_USER", "shop");
        let run = program.env("DATABASE_NAME", "").run().await.expect_exit(2);
        run.expect_error(&["error: DATABASE_NAME not set", "hint: "]);
        assert!(run.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_not_created() {
    let Some(mut database) = Database::create().await else { return };
    let exists = std::mem::replace(&mut database.name, "no_such_shop".to_owned());
    let run = database.app(["migrate"]).run().await.expect_exit(3);
    run.expect_error(&[
        "connect to database no_such_shop on ",
        "SQLSTATE 3D000",
        "hint: create the database first",
    ]);
    assert!(run.stdout.is_empty());
    database.name = exists;
}

#[tokio::test]
async fn a_wrong_password_is_said_and_not_shown() {
    let Some(database) = Database::create().await.filter(|database| !database.server.password().is_empty())
    else {
        return;
    };
    let run = database.app(["status"]).env("DATABASE_PASSWORD", "hunter2").run().await.expect_exit(3);
    run.expect_error(&["SQLSTATE 28P01", "hint: check DATABASE_USER and DATABASE_PASSWORD"]);
    assert!(!run.stderr.contains("hunter2"));
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = Program::new(["migrate"]).env("DATABASE_NAME", "shop").env("DATABASE_USER", "shop");
    let program = program.env("DATABASE_HOST", "127.0.0.1").env("DATABASE_PORT", closed.to_string());
    program.run().await.expect_exit(3).expect_error(&["Connection refused", "hint: check DATABASE_HOST"]);
}

#[tokio::test]
async fn bad_migration_directories_are_refused() {
    let Some(database) = Database::create().await else { return };
    let empty = Migrations::new([]);
    let twice = Migrations::new([("V1__a.sql", "SELECT 1"), ("V1__b.sql", "SELECT 1")]);
    for (directory, message) in [
        (empty.path(), "no migrations in"),
        (twice.path(), "have the same version"),
        ("/nowhere", "load migrations from"),
    ] {
        database
            .app(["migrate", "--migrations-dir", directory])
            .run()
            .await
            .expect_exit(2)
            .expect_error(&[message]);
    }
}

#[tokio::test]
async fn status_tells_what_is_applied_and_what_is_pending() {
    let Some(database) = Database::create().await else { return };
    let migrations = Migrations::new([("V1__one.sql", "CREATE TABLE one ()")]);
    database.app(["migrate", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    migrations.write("V2__two.sql", "CREATE TABLE two ()");

    let json =
        database.app(["status", "--json", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    let status: Value = serde_json::from_str(&json.stdout.join("\n")).unwrap();
    assert_eq!(status["database"], database.name.as_str());
    assert_eq!(status["current"], "1");
    assert_eq!(status["applied"][0]["name"], "one");
    assert!(status["applied"][0]["applied_on"].as_str().unwrap().ends_with('Z'));
    assert_eq!(status["pending"][0]["name"], "two");
    assert_eq!(status["differences"], Value::Array(Vec::new()));

    let text = database.app(["status", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    assert_eq!(
        text.stdout[..3],
        [format!("database  {}", database.name), "current   1".into(), "pending   1".into()]
    );
    assert!(text.stdout.contains(&"  pending  V2__two".to_owned()));

    migrations.write("V1__one.sql", "CREATE TABLE uno ()");
    let text = database.app(["status", "--migrations-dir", migrations.path()]).run().await.expect_exit(0);
    assert!(text.stdout.iter().any(|line| line.contains("problem  V1__one is divergent")), "{text:#?}");
    assert!(!database.has_table("two").await);
}
