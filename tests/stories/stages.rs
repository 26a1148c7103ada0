//! The rollout of a configuration file: stages, their rules and pauses, in runs of the binary.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sandbox::Script;
use serde_json::{Value, json};

use crate::support::{FINTECH, Finished, HEALTH, PROD, Run, World, database, migrates};

const LIST: &str = "databases: [startupwebapp_prod, healthtech_experiment, fintech_experiment]\ngroups:\n  experiments: \
                    ['*_experiment']\n";

const STAGES: &str = "rollout:\n- {name: first, databases: [healthtech_experiment], pause: 2s}\n- {databases: \
                      [experiments], parallel: 2}\n";

/// A migration with this configuration file, without its flags for databases.
fn migrate(world: &World, rollout: &str, more: &[&str]) -> Run {
    let path = world.directory.path().join("rollout.yml");
    std::fs::write(&path, format!("{LIST}{rollout}")).expect("write it");
    let config = format!("--config={}", path.display());
    world.migrate(&[&[config.as_str()], more].concat())
}

/// The databases of the tasks, in the order of their RunTask.
fn started(world: &World) -> Vec<String> {
    let name = |input: Value| {
        let environment = input["overrides"]["containerOverrides"][0]["environment"].clone();
        let own = environment
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == "DATABASE_NAME").cloned());
        own.and_then(|own| own["value"].as_str().map(str::to_owned)).unwrap_or_default()
    };
    world.inputs("RunTask").into_iter().map(name).collect()
}

/// Fails for these databases, and migrates the others.
fn failing(world: &World, broken: &'static [&str]) {
    world.program(|context| match database(context) {
        name if broken.contains(&name.as_str()) => Script::new().line("no").exit(1),
        name => migrates(name),
    });
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn states(run: &Finished) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let stages = run.result()["stages"].as_array().cloned().unwrap_or_default();
    stages.iter().map(|stage| (text(&stage["name"]), text(&stage["state"]))).collect()
}

#[tokio::test]
async fn a_run_goes_through_its_stages_and_says_so() {
    let world = World::new().await;
    let planned = migrate(&world, STAGES, &["--database=all", "--plan"]).finish().await;
    planned
        .exits(0)
        .says("first: healthtech_experiment; one at a time, start no more after a failure; 2.0 s pause before the next stage")
        .says("experiments: fintech_experiment; one at a time")
        .says("rest: startupwebapp_prod; one at a time")
        .says("stage by stage; the first that fails stops those after it");
    let plan =
        migrate(&world, STAGES, &["--database=all", "--plan", "--format=json"]).finish().await.result();
    assert_eq!(plan["stages"][0]["databases"], json!([HEALTH]));
    assert_eq!(
        (&plan["stages"][0]["pause_seconds"], &plan["stages"][1]["max_parallel"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(plan["waves"], json!([[HEALTH], [FINTECH], [PROD]]));

    let began = Instant::now();
    let run = migrate(&world, STAGES, &["--database=all", "--format=json"]).in_actions().finish().await;
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    run.exits(0)
        .says("stage first (1 of 3): 1 database")
        .says("stage first has passed: ")
        .says(" pause, next stage begins at ")
        .says("stage rest (3 of 3): 1 database");
    assert_eq!(started(&world), [HEALTH, FINTECH, PROD]);
    let passed = ["first", "experiments", "rest"].map(|name| (name.to_owned(), "passed".to_owned()));
    assert_eq!(states(&run), passed);
    assert!(run.summary.contains("| first | ✅ passed | 1 migrated |"), "{}", run.summary);
    assert_eq!(run.row(PROD)["stage"], 2);

    // A run of one database has one stage, and nobody waits for another one.
    let one = migrate(&world, STAGES, &["--database", HEALTH]).finish().await;
    one.exits(0).says("stage experiments has no database of this run").never_says("has passed");
}

#[tokio::test]
async fn a_stage_that_fails_stops_the_later_ones() {
    let world = World::new().await;
    failing(&world, &[HEALTH]);
    let run = migrate(&world, STAGES, &["--database=all", "--format=json"]).in_actions().finish().await;
    run.exits(1);
    assert_eq!(started(&world), [HEALTH]);
    assert_eq!(run.verdict(PROD), "not run");
    let why = "healthtech_experiment of stage first was not migrated, and nothing starts after that";
    assert!(run.summary.contains(why), "{}", run.summary);
    let expected = [("first", "failed"), ("experiments", "not begun"), ("rest", "not begun")];
    assert_eq!(states(&run), expected.map(|(name, state)| (name.to_owned(), state.to_owned())));

    // One failure of two is borne by a stage that says so.
    let world = World::new().await;
    failing(&world, &[HEALTH]);
    let rollout = "rollout: [{databases: [experiments], max-failures: 2}]\n";
    let run = migrate(&world, rollout, &["--database=all", "--format=json"]).finish().await;
    run.exits(1);
    assert_eq!((run.verdict(HEALTH), run.verdict(PROD)), ("failed".to_owned(), "migrated".to_owned()));
}

#[tokio::test]
async fn what_stages_do_not_allow_is_refused_before_anything_is_asked() {
    let world = World::new().await;
    let refuse = format!("{}rest: refuse\n", STAGES);
    for (rollout, flags, said) in [
        (
            STAGES,
            &["--database=all", "--canary=1"][..],
            "--canary cannot be used with the rollout of the configuration file",
        ),
        (refuse.as_str(), &["--database=all"], "no stage of rollout names startupwebapp_prod"),
        ("rollout: [{databases: [fintech]}]\n", &["--database=all"], "did you mean fintech_experiment?"),
        ("rollout: [{group: experiments}]\n", &["--database=all"], "unknown key \"group\" of a stage"),
        (
            "canary: [fintech_experiment]\nrollout: [{databases: [all]}]\n",
            &["--database=all"],
            "--canary cannot be used with the rollout",
        ),
    ] {
        migrate(&world, rollout, flags).finish().await.exits(2).says(said);
    }
    assert_eq!(world.operations(), [""; 0]);
    migrate(&world, &refuse, &["--database=experiments"]).finish().await.exits(0);
}

#[tokio::test]
async fn a_run_that_was_killed_in_a_pause_goes_on_behind_it() {
    let world = World::new().await;
    let state = format!("--state={}", world.directory.path().join("state.jsonl").display());
    let long = STAGES.replace("2s", "1h");
    let run = migrate(&world, &long, &["--database=all", &state]).spawn();
    let recorded = || std::fs::read_to_string(world.directory.path().join("state.jsonl")).unwrap_or_default();
    until("the verdict", || recorded().contains("\"verdict\"")).await;
    run.signal(Signal::SIGKILL);
    run.finish().await.exits(-1);
    assert_eq!(started(&world), [HEALTH]);

    let resume = ["--database=all", state.as_str(), "--resume"];
    let planned = migrate(&world, &long, &[&resume[..], &["--plan"]].concat()).finish().await;
    planned
        .exits(0)
        .says("first: 1 database proved migrated by an earlier run; 1 h pause before the next stage");
    // What is left of the hour is waited for; an interrupt ends that at once.
    let file = world.directory.path().join("waiting.md");
    let summary = format!("--summary-file={}", file.display());
    let waiting = migrate(&world, &long, &[&resume[..], &[&summary]].concat()).spawn();
    until("the pause", || {
        std::fs::read_to_string(&file).unwrap_or_default().contains("passed, pauses until")
    })
    .await;
    waiting.signal(Signal::SIGINT);
    let ended = waiting.finish().await;
    ended.exits(130).says("stage first has passed: 59 min");
    assert_eq!(started(&world), [HEALTH]);
    // Whoever waits no longer takes the pause out of the file.
    let run = migrate(&world, &STAGES.replace(", pause: 2s", ""), &resume).finish().await;
    run.exits(0).never_says("has passed");
    assert_eq!(started(&world), [HEALTH, FINTECH, PROD]);
}

#[tokio::test]
async fn a_check_and_a_command_have_no_stages() {
    let world = World::new().await;
    let path = world.directory.path().join("rollout.yml");
    std::fs::write(&path, format!("{LIST}{STAGES}rest: refuse\n")).expect("write it");
    let config = format!("--config={}", path.display());
    world.check(&[&config, "--database=all"]).finish().await.never_says("stage").never_says("rollout");
    assert_eq!(started(&world).len(), 3);
}
