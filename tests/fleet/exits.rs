//! The verdict at a container's exit, whatever ECS shows of it and when, and however late its log comes: seeds draw what
//! images do and what ECS does, and what the sandbox knows of the containers says what may be claimed.

use std::time::Duration;

use sandbox::{Fault, Script, TaskFault, seed};
use serde_json::{Value, json};

use crate::world::{Ran, Shape, World, simulate};

const SEEDS: u64 = 100;
/// All tasks have come to their end by then.
const LATER: Duration = Duration::from_secs(300);

/// What a container does with its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Image {
    Migrates,
    /// It is connected to another database.
    Lies,
    /// It prints no report.
    Silent,
    Fails,
    ReportsAndFails,
    /// Something kills it.
    Dies,
}

const IMAGES: [Image; 6] =
    [Image::Migrates, Image::Lies, Image::Silent, Image::Fails, Image::ReportsAndFails, Image::Dies];

impl Image {
    fn script(self, database: &str, takes: u64) -> Script {
        let script = Script::new().line("begins").work(Duration::from_secs(takes));
        match self {
            Self::Migrates => script.line(report(database)),
            Self::Lies => script.line(report("production")),
            Self::Silent => script.line("done"),
            Self::Fails => script.line("error: no").exit(1),
            Self::ReportsAndFails => script.line(report(database)).exit(3),
            Self::Dies => script.line(report(database)).exit(137),
        }
    }
}

fn report(database: &str) -> String {
    json!({"migration_report": {"version": 1, "database": database, "pending": 0, "current": "1"}})
        .to_string()
}

/// What a seed has drawn for one database.
#[derive(Debug, Clone)]
struct Drawn {
    image: Image,
    takes: u64,
    faults: Vec<TaskFault>,
}

impl Drawn {
    fn of(dice: &mut fastrand::Rng) -> Self {
        let image = if dice.bool() { Image::Migrates } else { IMAGES[dice.usize(..IMAGES.len())] };
        let seconds = Duration::from_secs;
        let exit = [
            None,
            Some(TaskFault::EarlyExitCode),
            Some(TaskFault::LateExitCode),
            Some(TaskFault::NoExitCode),
        ];
        let log = [
            None,
            Some(TaskFault::LateLogs { by: seconds(dice.u64(1..4)) }),
            Some(TaskFault::LateLogs { by: seconds(dice.u64(4..60)) }),
            Some(TaskFault::OutOfOrderLogs),
        ];
        let end = [
            None,
            None,
            Some(TaskFault::SpotInterruption { after: seconds(dice.u64(1..90)) }),
            Some(TaskFault::OutOfMemory { after: seconds(dice.u64(1..90)) }),
        ];
        let drawn = [&exit[..], &log[..], &end[..]].map(|kinds| kinds[dice.usize(..kinds.len())].clone());
        Self { image, takes: dice.u64(0..70), faults: drawn.into_iter().flatten().collect() }
    }

    /// Nothing of what ECS or CloudWatch Logs does to it leaves a doubt.
    fn is_plain(&self) -> bool {
        self.faults.iter().all(|fault| match fault {
            TaskFault::EarlyExitCode | TaskFault::LateExitCode => true,
            TaskFault::LateLogs { by } => *by < Duration::from_secs(4),
            _ => false,
        })
    }
}

/// The task of a database as the sandbox knows it when all is over.
fn task_of(world: &World, database: &str) -> Value {
    let tasks = world.sandbox.tasks();
    let told = |task: &Value| task["overrides"].to_string().contains(&format!("\"{database}\""));
    let mut of_it = tasks.into_iter().filter(told);
    let task = of_it.next().expect("a task");
    assert!(of_it.next().is_none(), "{database} has two tasks");
    task
}

fn seconds(task: &Value, time: &str) -> f64 {
    task[time].as_f64().unwrap_or(f64::INFINITY)
}

/// What may be claimed of it, and what has to be.
fn check(ran: &Ran, world: &World, drawn: &[Drawn], proof: &str) {
    for (name, drawn) in world.databases.iter().zip(drawn) {
        let row = ran.report.databases.iter().find(|row| *row.database == **name).expect("a row");
        let verdict = row.verdict.as_ref().expect("a verdict");
        let task = task_of(world, name);
        let why = || format!("{name}: {drawn:?}: {}: {}\n{task:#}", verdict.word(), verdict.explain());
        let ended_well =
            task["containers"][0]["exitCode"] == 0 && task["stopCode"] == "EssentialContainerExited";
        let may_be = ended_well
            && match drawn.image {
                Image::Migrates => true,
                Image::Silent => proof == "exit-code",
                // Its report may have come too late to be seen.
                Image::Lies => proof == "exit-code" && !verdict.is_proved(),
                Image::Fails | Image::ReportsAndFails | Image::Dies => false,
            };
        assert!(may_be || !verdict.is_migrated(), "{}", why());
        assert!(!verdict.is_proved() || drawn.image == Image::Migrates, "{}", why());
        if drawn.is_plain() {
            let expected = match drawn.image {
                Image::Migrates => "migrated",
                Image::Lies => "wrong database",
                Image::Silent if proof == "exit-code" => "migrated, not proved",
                Image::Silent => "unproved",
                Image::Fails | Image::ReportsAndFails => "failed",
                Image::Dies => "killed",
            };
            assert_eq!(verdict.word(), expected, "{}", why());
        }
    }
}

#[test]
fn no_verdict_is_more_than_the_containers_have_done() {
    for seed in 0..SEEDS {
        let proof = if seed % 3 == 0 { "exit-code" } else { "report" };
        simulate(seed, async || {
            let mut dice = fastrand::Rng::with_seed(seed);
            let databases = if dice.bool() { 1 } else { dice.usize(2..25) };
            let lanes = dice.usize(1..9);
            let world = World::new(Shape { databases, seed, ..Shape::default() });
            let drawn: Vec<Drawn> = (0..databases).map(|_| Drawn::of(&mut dice)).collect();
            for (name, drawn) in world.databases.iter().zip(&drawn) {
                for fault in &drawn.faults {
                    world
                        .sandbox
                        .faults()
                        .push(Fault::task(fault.clone()).for_environment("DATABASE_NAME", name));
                }
            }
            let (names, images) = (world.databases.clone(), drawn.clone());
            world.sandbox.set_program(seed::TASK_FAMILY, move |context| {
                let told = context.environment.get("DATABASE_NAME").cloned().unwrap_or_default();
                let at = names.iter().position(|name| *name == told).expect("a database of the fleet");
                images[at].image.script(&told, images[at].takes)
            });
            let flags = [format!("--max-parallel={lanes}"), format!("--proof={proof}")];
            let ran = world.migrate(&[&flags[0], &flags[1], "--keep-going"]).await;
            let ended = world.sandbox.now() as f64 / 1000.0;
            tokio::time::sleep(LATER).await;

            println!("seed {seed}: {databases} databases in {lanes} lanes, {:?}", ran.verdicts());
            check(&ran, &world, &drawn, proof);
            assert_eq!(world.migrated_twice_at_once(), [""; 0], "seed {seed}");
            assert_eq!(world.figures().throttled(), 0, "seed {seed}");
            for task in world.sandbox.tasks() {
                assert_eq!(task["lastStatus"], "STOPPED", "seed {seed}: it was left running");
            }
            if let [only] = drawn.as_slice() {
                at_its_time(&world, only, ended, &ran);
            }
        });
    }
}

/// When one database is judged: never before ECS has told its task to stop, and no later than has to be.
fn at_its_time(world: &World, drawn: &Drawn, ended: f64, ran: &Ran) {
    let task = task_of(world, &world.databases[0]);
    let verdict = ran.report.databases[0].verdict.as_ref().expect("a verdict");
    let told_to_stop = seconds(&task, "stoppingAt");
    assert!(ended >= told_to_stop, "{drawn:?}: judged at {ended}\n{task:#}");
    if !drawn.is_plain() || !verdict.is_proved() {
        return;
    }
    let late = drawn.faults.iter().any(|fault| matches!(fault, TaskFault::LateLogs { .. }));
    let from = match drawn.faults.contains(&TaskFault::LateExitCode) {
        true => seconds(&task, "stoppedAt"),
        false => told_to_stop,
    };
    let patience = if late { 6.0 } else { 2.0 };
    assert!(ended - from <= patience, "{drawn:?}: {} s after it showed\n{task:#}", ended - from);
}

/// A task of another run, whose revision starts its container again after any exit: ECS shows each exit for a while, and
/// is never asked for a second task of its database meanwhile.
#[test]
fn an_exit_that_a_restart_follows_is_no_end() {
    let mut met = 0;
    for delay in (60..700).step_by(8) {
        simulate(delay, async || {
            let world = World::new(Shape { databases: 1, seed: delay, ..Shape::default() });
            let database = world.databases[0].clone();
            let told = database.clone();
            world.sandbox.set_program(seed::TASK_FAMILY, move |_| {
                Script::new().work(Duration::from_secs(100)).line(report(&told))
            });
            let lasts = Duration::from_secs(15);
            world.sandbox.faults().push(Fault::task(TaskFault::RestartShown { lasts }));
            let mut document = seed::task_definition().expect("a task definition");
            let definition = &mut document["taskDefinition"];
            for given in ["taskDefinitionArn", "revision"] {
                definition.as_object_mut().expect("a definition").remove(given);
            }
            let ours = document.clone();
            document["taskDefinition"]["containerDefinitions"][0]["restartPolicy"] =
                json!({"enabled": true, "restartAttemptPeriod": 60});
            let revision = world.sandbox.register_task_definition(&document).expect("a revision");
            world.sandbox.register_task_definition(&ours).expect("a newer revision without the policy");
            let of_another_run = world.sandbox.run_task(&json!({
                "cluster": seed::CLUSTER,
                "taskDefinition": revision,
                "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
                "overrides": {"containerOverrides": [{"name": "migration", "environment": [
                    {"name": "DATABASE_NAME", "value": database}, {"name": "DATABASE_NAMES", "value": ""},
                ]}]},
            }));
            of_another_run.expect("a task");
            tokio::time::sleep(Duration::from_secs(delay)).await;
            let exit_code = world.sandbox.tasks()[0]["containers"][0]["exitCode"].clone();
            met += usize::from(exit_code == 0);
            let ran = world.migrate(&[]).await;
            let words: Vec<String> = ran.verdicts().into_keys().collect();
            assert_eq!(words, ["already running"], "after {delay} s: {:?}", ran.report.notes);
        });
    }
    assert!(met > 5, "{met} of them met an exit that shows");
}
