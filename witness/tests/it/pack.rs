use crate::support::{DBMATE, World};
use serde_json::{Value, json};

#[tokio::test]
async fn each_database_of_a_list_has_a_report_and_its_lines_its_name() {
    let Some(world) = World::new().await else { return };
    let other = world.another_database().await;
    let names = json!([world.name, other, "absent"]).to_string();
    let flags = ["--history=dbmate", "--database-variable=TENANT", "--set=PGDATABASE={database}", "--jobs=2"];
    let script = format!("echo tenant $TENANT of list \"[$TENANTS]\"; {DBMATE}");
    let run = world.before(&flags, &script).env("TENANTS", &names).run().await.exits(3);
    let run = run.says(&format!("{other}: tenant {other} of list []"));
    let run = run.says(&format!("{}: Applying: db/migrations/001_users.sql", world.name));
    let run = run.says("absent: connect to database absent").says("1 of 3 databases did not end well");
    let mut reports = run.reports();
    reports.sort_by_key(|report| report["database"].as_str() == Some("absent"));
    assert_eq!(reports.len(), 3);
    assert!(reports[..2].iter().all(|report| report["pending"] == json!(0)), "{reports:?}");
    assert_eq!((&reports[2]["pending"], &reports[2]["applied"]), (&json!(1), &json!([])));
    assert!(reports[2]["error"].as_str().is_some_and(|error| error.contains("does not exist")));

    let again =
        world.before(&flags, DBMATE).env("TENANTS", json!([world.name, other]).to_string()).run().await;
    assert_eq!(again.exits(0).reports().iter().filter(|one| one["applied"] == json!([])).count(), 2);
}

#[tokio::test]
async fn of_a_list_nothing_is_reported_that_is_not_known() {
    let Some(world) = World::new().await else { return };
    let list = json!([world.name]).to_string();
    let flags = ["--history=knex", "--set=PGDATABASE={database}"];
    let run = world.before(&flags, "touch ran").env("DATABASE_NAMES", &list).run().await.exits(1);
    let run = run.says(&format!("{}: no migration report: what is pending is not known", world.name));
    assert!(run.reports().is_empty() && world.folder.path().join("ran").exists());
}

#[tokio::test]
async fn a_url_for_the_command_is_made_of_parts() {
    let Some(world) = World::new().await else { return };
    let flags = ["check", "--history=dbmate"];
    let url = format!(
        "postgresql+psycopg2://{}:{}@{}:{}/default",
        world.server.user(),
        world.server.password(),
        world.server.host(),
        world.server.port()
    );
    let run =
        world.witness(&flags).without("PGHOST").env("DATABASE_URL", &url).env("DATABASE_NAME", &world.name);
    let report: Value = run.run().await.exits(0).report();
    assert_eq!(report["database"], json!(world.name));
    let set = "--set=DATABASE_URL=postgres://{user}:{password}@{host}:{port}/{database}";
    let script = format!(
        "unset PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE; alias psql='psql \"$DATABASE_URL\"'; {}",
        DBMATE.replace("psql ", "psql \"$DATABASE_URL\" ")
    );
    let run = world.before(&["--history=dbmate", set], &script).run().await.exits(0);
    assert_eq!(run.report()["pending"], json!(0));
}
