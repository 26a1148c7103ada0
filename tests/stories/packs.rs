//! Many databases in a task.

use std::time::Duration;

use sandbox::{Fault, Script, TaskContext, TaskFault};
use serde_json::{Value, json};

use crate::support::{FINTECH, HEALTH, PROD, World, report};

const THREE: [&str; 2] =
    ["--database=startupwebapp_prod,healthtech_experiment,fintech_experiment", "--databases-per-task=auto"];

/// What a container is told by DATABASE_NAMES; by the protocol, DATABASE_NAME is empty then.
fn databases(context: &TaskContext) -> Vec<String> {
    assert_eq!(context.environment.get("DATABASE_NAME").map(String::as_str), Some(""));
    let list = context.environment.get("DATABASE_NAMES").map_or("[]", String::as_str);
    serde_json::from_str(list).expect("a list")
}

fn migrates_all(context: &TaskContext) -> Script {
    databases(context).iter().fold(Script::new(), |script, name| script.line(report(name)))
}

fn environment_of_tasks(world: &World) -> Vec<Value> {
    let inputs = world.inputs("RunTask").into_iter();
    inputs.map(|input| input["overrides"]["containerOverrides"][0]["environment"].clone()).collect()
}

#[tokio::test]
async fn three_databases_are_one_task_and_each_has_its_own_report() {
    let world = World::new().await;
    world.program(migrates_all);
    let run = world.migrate(&[THREE.as_slice(), &["--format=json"]].concat()).in_actions().finish().await;
    run.exits(0);
    for name in [PROD, HEALTH, FINTECH] {
        assert_eq!(run.verdict(name), "migrated");
        assert_eq!(run.row(name)["migration_report"]["database"], name);
        assert_eq!(run.row(name)["log"], json!({"pack": 0}));
    }
    let told = json!([
        {"name": "DATABASE_NAME", "value": ""},
        {"name": "DATABASE_NAMES", "value": json!([PROD, HEALTH, FINTECH]).to_string()},
    ]);
    assert_eq!(environment_of_tasks(&world), [told]);
    assert_eq!(run.result()["packs"][0]["log"]["lines"], 3);
    assert!(run.summary.contains("3 of 3 databases proved migrated"), "{}", run.summary);
    assert_eq!(run.summary.matches("<summary>Log of").count(), 1, "{}", run.summary);
    run.says("startupwebapp_prod and 2 more: 3 of 3 have reported");
}

#[tokio::test]
async fn the_plan_shows_what_each_task_is_told_and_starts_none() {
    let world = World::new().await;
    let four = "--database=a,b,c,d";
    let flags = [four, "--databases-per-task=2", "--canary=d", "--max-parallel=2"];
    let plan = |format| world.migrate(&[flags.as_slice(), &["--plan", format]].concat()).finish();
    let json = plan("--format=json").await;
    json.exits(0);
    let packs = &json.result()["packs"];
    let names: Vec<&Value> = packs.as_array().expect("packs").iter().map(|pack| &pack["databases"]).collect();
    assert_eq!(names, [&json!(["d"]), &json!(["a", "b"]), &json!(["c"])]);
    let variables = &packs[1]["run_task"]["overrides"]["containerOverrides"][0]["environment"];
    assert_eq!(variables[1], json!({"name": "DATABASE_NAMES", "value": r#"["a","b"]"#}));
    for format in ["--format=text", "--format=markdown"] {
        let run = plan(format).await;
        run.exits(0)
            .says("3 of at most 2 databases, named in DATABASE_NAMES")
            .says("first d; when all of them");
    }
    assert_eq!((world.called("RunTask"), world.called("RegisterTaskDefinition")), (0, 0));
}

#[tokio::test]
async fn what_a_killed_container_left_is_run_again() {
    let world = World::new().await;
    world.program(|context| match databases(context).as_slice() {
        [first, rest @ ..] if rest.len() == 2 => {
            Script::new().line(report(first)).sleep(Duration::from_secs(60))
        }
        _ => migrates_all(context),
    });
    world.sandbox.faults().push(Fault::task(TaskFault::SpotInterruption { after: Duration::from_secs(2) }));
    let run = world.migrate(&[THREE.as_slice(), &["--format=json"]].concat()).finish().await;
    run.exits(0).says("was killed before it had reported on all of its databases");
    assert_eq!(run.row(PROD)["earlier_tasks"], Value::Null);
    assert_eq!(run.row(HEALTH)["earlier_tasks"].as_array().map(Vec::len), Some(1));
    let again = &environment_of_tasks(&world)[1];
    assert_eq!(again[1]["value"], json!([HEALTH, FINTECH]).to_string());
}

#[tokio::test]
async fn an_image_that_takes_no_lists_is_told_so() {
    let world = World::new().await;
    world.program(|_| Script::new().line("KeyError: DATABASE_NAME is empty").exit(1));
    let run = world.migrate(&THREE).finish().await;
    run.exits(1).says("printed no migration report at all").says("leave --databases-per-task at 1");
    assert_eq!(world.called("RunTask"), 1);
}

#[tokio::test]
async fn a_number_that_is_none_is_refused_before_anything_is_asked() {
    let world = World::new().await;
    let run = world.migrate(&["--database", PROD, "--databases-per-task=some"]).finish().await;
    run.exits(2).says("--databases-per-task \"some\" is not a whole number from 1 on, or auto");
    assert!(world.operations().is_empty());
}
