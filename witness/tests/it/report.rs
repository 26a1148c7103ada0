use crate::support::{DBMATE, World};
use serde_json::{Value, json};

fn versions(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|one| one["version"].as_str()).collect()
}

#[tokio::test]
async fn what_the_command_has_done_is_the_difference_of_two_histories() {
    let Some(world) = World::new().await else { return };
    let first =
        world.before(&["--history=dbmate"], DBMATE).run().await.exits(0).says("Applying: db/migrations/001");
    let report = first.report();
    assert_eq!(report["database"], world.name.as_str());
    assert_eq!(
        (&report["from"], &report["current"], &report["pending"]),
        (&Value::Null, &json!("002"), &json!(0))
    );
    assert_eq!(versions(&report["applied"]), ["001", "002"]);
    assert_eq!(report["applied"][0]["name"], "users");
    assert_eq!((&report["tables"], &report["unknown"]), (&json!(3), &json!([])));
    assert!(report["schema"].as_str().is_some_and(|hash| hash.starts_with("sha256:")), "{report}");

    // With a history, its framework need not be named.
    let again = world.before(&[], DBMATE).run().await.exits(0).report();
    assert_eq!(
        (&again["from"], &again["applied"], &again["pending"]),
        (&json!("002"), &json!([]), &json!(0))
    );
    assert_eq!(again["schema"], report["schema"]);
}

#[tokio::test]
async fn a_failure_half_way_keeps_its_exit_code_and_says_what_stayed() {
    let Some(world) = World::new().await else { return };
    world.file("db/migrations/002_orders.sql", "create table broken (");
    let run = world.before(&["--history=dbmate"], DBMATE).run().await;
    let run = run.exits(3).says("syntax error");
    let report = run.report();
    assert_eq!(versions(&report["applied"]), ["001"]);
    assert_eq!((&report["pending"], versions(&report["missing"])), (&json!(1), vec!["002"]));
    assert_eq!(report["error"], "the command ended with exit code 3");
}

#[tokio::test]
async fn exit_code_0_alone_proves_nothing() {
    let Some(world) = World::new().await else { return };
    let report = world.before(&["--history=dbmate"], "true").run().await.exits(0).report();
    assert_eq!((&report["pending"], &report["current"]), (&json!(2), &Value::Null));
}

#[tokio::test]
async fn what_cannot_be_known_is_not_reported() {
    let Some(world) = World::new().await else { return };
    let nothing = world.before(&[], "true").run().await;
    let nothing = nothing.exits(1).says("the database has no history of a framework that is known here");
    assert_eq!(nothing.reports().len(), 0);
    let files = world.before(&["--history=knex"], "true").run().await;
    assert_eq!(files.exits(1).says("no file is at migrations/*").reports().len(), 0);
    world.execute("create table knex_migrations (id int, name text); create table alembic_version (version_num text)").await;
    let two = world.before(&[], "true").run().await.exits(2);
    two.says("the histories of several frameworks: alembic, knex");
}

#[tokio::test]
async fn a_newer_database_is_ahead_of_an_old_image() {
    let Some(world) = World::new().await else { return };
    world.before(&["--history=dbmate"], DBMATE).run().await.exits(0);
    std::fs::remove_file(world.folder.path().join("db/migrations/002_orders.sql")).expect("remove a file");
    let report = world.before(&[], DBMATE).run().await.exits(0).report();
    assert_eq!((versions(&report["unknown"]), &report["pending"]), (vec!["002"], &json!(0)));
}

#[tokio::test]
async fn a_check_runs_nothing_and_changes_nothing() {
    let Some(world) = World::new().await else { return };
    let fresh = world.witness(&["check", "--history=dbmate"]).run().await.exits(0).report();
    assert_eq!((&fresh["applied"], versions(&fresh["missing"])), (&json!([]), vec!["001", "002"]));
    assert_eq!((&fresh["tables"], &fresh["current"]), (&json!(0), &Value::Null));
    world.before(&["--history=dbmate"], DBMATE).run().await.exits(0);
    let done = world.witness(&["check"]).run().await.exits(0).report();
    assert_eq!(
        (&done["pending"], &done["from"], &done["current"]),
        (&json!(0), &json!("002"), &json!("002"))
    );
}

#[tokio::test]
async fn a_command_lists_what_no_file_says() {
    let Some(world) = World::new().await else { return };
    let list = "--list-command=sh -c 'echo 001; echo 002; echo 003'";
    let report = world.before(&["--history=dbmate", list], DBMATE).run().await.exits(0).report();
    assert_eq!(versions(&report["missing"]), ["003"]);
    let failed = world.before(&["--history=dbmate", "--list-command=false"], DBMATE).run().await;
    assert_eq!(failed.exits(1).says("false, which lists them, ended with exit status: 1").reports().len(), 0);
}

#[tokio::test]
async fn a_table_of_another_name_is_read() {
    let Some(world) = World::new().await else { return };
    world.execute("create schema own; create table own.\"Done\" (version text); insert into own.\"Done\" values ('001')").await;
    let flags = ["check", "--history=dbmate", "--table=own.Done"];
    let report = world.witness(&flags).run().await.exits(0).report();
    assert_eq!(versions(&report["missing"]), ["002"]);
    world.witness(&["check", "--table=own.Done"]).run().await.exits(2).says("--table without --history");
}

#[tokio::test]
async fn a_history_in_another_schema_may_be_the_one_that_counts() {
    let Some(world) = World::new().await else { return };
    world.execute("create schema tenant; create table tenant.schema_migrations (version text)").await;
    let run = world.before(&["--history=dbmate"], &format!("touch ran; {DBMATE}")).run().await.exits(2);
    run.says("schema_migrations is in tenant").says("--table tenant.schema_migrations");
    assert!(!world.folder.path().join("ran").exists());
    let named = ["--history=dbmate", "--table=public.schema_migrations"];
    assert_eq!(world.before(&named, DBMATE).run().await.exits(0).report()["pending"], json!(0));
}

#[tokio::test]
async fn the_command_is_not_run_where_the_database_cannot_be_looked_at() {
    let Some(world) = World::new().await else { return };
    let absent = world.before(&["--history=dbmate"], "touch ran").env("PGDATABASE", "absent").run().await;
    absent.exits(3).says("database \"absent\" does not exist");
    let nowhere = world.before(&["--history=dbmate"], "touch ran").without("PGHOST").run().await;
    nowhere.exits(2).says("nothing names the database's server");
    world.witness(&["--history=dbmate"]).run().await.exits(2).says("no command is given");
    assert!(!world.folder.path().join("ran").exists());
}
