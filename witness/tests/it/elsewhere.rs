use crate::support::{DBMATE, World};
use serde_json::json;

#[tokio::test]
async fn a_session_in_another_database_is_named() {
    let Some(world) = World::new().await else { return };
    let other = world.another_database().await;
    // The command takes its database from somewhere else, and does its work well there.
    let script = format!("export PGDATABASE={other}; {DBMATE} psql -qXc 'select pg_sleep(0.3)'");
    let run = world.before(&["--history=dbmate"], &script).run().await.exits(1);
    let run = run.says(&format!("the command was connected to database {other}"));
    let report = run.report();
    assert_eq!((&report["database"], &report["pending"]), (&json!(other), &json!(2)));

    // Even when the one asked for is migrated as well.
    let both = format!("{DBMATE} PGDATABASE={other} psql -qXc 'select pg_sleep(0.3)'");
    let run = world.before(&["--history=dbmate"], &both).run().await.exits(1);
    assert_eq!(run.report()["database"], json!(other));
    let allowed = world.before(&["--history=dbmate", "--also-connects-to", &other], &both).run().await;
    assert_eq!(allowed.exits(0).report()["database"], json!(world.name));
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_never_reported_as_migrated() {
    let Some(world) = World::new().await else { return };
    let other = world.another_database().await;
    for _ in 0..10 {
        // Too quick to be seen each time.
        let script = format!("export PGDATABASE={other}; {DBMATE}");
        let run = world.before(&["--history=dbmate"], &script).run().await;
        let report = run.report();
        assert!(report["database"] == json!(other) || report["pending"] == json!(2), "{report}");
    }
}

#[tokio::test]
async fn sessions_of_other_programs_are_not_the_commands() {
    let Some(world) = World::new().await else { return };
    let other = world.another_database().await;
    let stranger = world.connect(&other).await;
    let run = world.before(&["--history=dbmate"], &format!("{DBMATE} sleep 0.3")).run().await;
    assert_eq!(run.exits(0).report()["database"], json!(world.name));
    stranger.batch_execute("select 1").await.expect("it was there all the time");
}
