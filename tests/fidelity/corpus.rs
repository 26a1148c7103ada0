//! Task definitions as they are found in accounts: described, patched and registered, and compared by other code than
//! the product's own. Only our change may be seen.

mod cases;
mod comparison;
mod every_field;
mod large;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use fargate_migrate::adapters::Aws;
use fargate_migrate::database_name::PLACEHOLDER;
use fargate_migrate::ports::DefinitionWrites as _;
use fargate_migrate::task_definition::{Patch, TaskDefinition};
use futures::StreamExt as _;
use sandbox::{Sandbox, Script, seed};
use serde_json::{Value, json};

use crate::sdk;
use crate::support::program::static_program;
use crate::support::{Finished, HEALTH, IMAGE, World, database, report};
use cases::{CASES, Case, Outcome, Route};
use comparison::differences;

const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Runs of the binary at a time.
const PARALLEL: usize = 6;
/// What DescribeTaskDefinition answers and RegisterTaskDefinition does not take; `every_field` asks botocore the same.
const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

#[test]
fn every_document_has_a_reason() {
    let said: BTreeSet<String> = CASES.iter().map(|case| format!("{}.json", case.file)).collect();
    let there: BTreeSet<String> = std::fs::read_dir(directory())
        .expect("read the corpus")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(said, there);
    assert_eq!(said.len(), CASES.len(), "a document is named twice");
    let reasons: BTreeSet<&str> = CASES.iter().map(|case| case.why).collect();
    assert_eq!(reasons.len(), CASES.len(), "two documents have the same reason");
    assert!(CASES.len() >= 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_changes_the_image_and_the_database_variable_and_nothing_else() {
    let wrong: Vec<String> = futures::stream::iter(CASES)
        .map(|case| async move {
            verdict(case).await.err().map(|why| format!("{} ({}): {why}", case.file, case.why))
        })
        .buffer_unordered(PARALLEL)
        .filter_map(|failure| async move { failure })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} documents:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

async fn verdict(case: &Case) -> Result<(), String> {
    let document = read(case.file);
    let world = World::new().await;
    let (run, registered) = migrated(&world, &document, case.route, case.named).await?;
    match case.outcome {
        Outcome::Migrates => {
            let [input] = &registered[..] else {
                return Err(format!("{} revisions were registered in {run:#?}", registered.len()));
            };
            only_our_change(&document, input, case.container, case.changes)?;
            expect(run.code == 0, || format!("exit code {} in {run:#?}", run.code))
        }
        Outcome::Reuses => expect(run.code == 0 && registered.is_empty(), || {
            format!("{} revisions were registered in {run:#?}", registered.len())
        }),
        Outcome::Refused(words) => refused(&run, words, &registered),
        Outcome::NotForFargate(words) => {
            refused(&run, words, &registered)?;
            let input = patched_and_registered(&world.sandbox, &document, case.container).await?;
            only_our_change(&document, &input, case.container, case.changes)
        }
    }
}

/// ECS refuses a private registry's credentials beside an image of ECR. They go with it, and nothing else does.
#[tokio::test]
async fn credentials_of_another_registry_go_with_an_image_of_ecr() {
    for (file, variable) in [("flyway", 4), ("repository-credentials", 0)] {
        let document = read(file);
        let world = World::new().await;
        let family = document["taskDefinition"]["family"].as_str().expect("a family");
        provide(&world.sandbox, &document["taskDefinition"]);
        world.sandbox.register_task_definition(&document).expect("a registered document");
        world.sandbox.set_program(family, |context| Script::new().line(report(&database(context))));
        let program = static_program().display().to_string();
        let arguments = [
            ["migrate", "--cluster", seed::CLUSTER, "--task-definition", family],
            ["--subnets", seed::SUBNETS, "--binary", &program, "--tag=t"],
            ["--repository", seed::REPOSITORY, "--database", HEALTH, "--log-drain=1s"],
        ];
        world.command(&arguments.concat()).finish().await.exits(0);

        let inputs = world.inputs("RegisterTaskDefinition");
        let [input] = &inputs[..] else { panic!("{file}: {} revisions", inputs.len()) };
        let image = input["containerDefinitions"][0]["image"].as_str().expect("an image");
        let own = format!("{}/{}@sha256:", world.sandbox.registry().host(), seed::REPOSITORY);
        assert!(image.starts_with(&own), "{file}: {image}");
        let found: BTreeSet<String> =
            differences(&as_register_takes_it(&document), input).iter().map(ToString::to_string).collect();
        let expected = [
            format!("+ /containerDefinitions/0/environment/{variable}"),
            "~ /containerDefinitions/0/image".into(),
            "- /containerDefinitions/0/repositoryCredentials".into(),
        ];
        let read_only = READ_ONLY.iter().filter(|key| document["taskDefinition"].get(**key).is_some());
        let expected: BTreeSet<String> =
            expected.into_iter().chain(read_only.map(|key| format!("- /{key}"))).collect();
        assert_eq!(found, expected, "{file}");
    }
}

/// Runs the binary on a document, and answers what RegisterTaskDefinition received.
async fn migrated(
    world: &World,
    document: &Value,
    route: Route,
    named: Option<&str>,
) -> Result<(Finished, Vec<Value>), String> {
    let definition = document.get("taskDefinition").unwrap_or(document);
    let family = definition["family"].as_str().unwrap_or_default();
    let migration = named.map_or_else(|| only_essential(definition), ToOwned::to_owned);
    let logging = migration.clone();
    provide(&world.sandbox, definition);
    world.sandbox.set_program(family, move |context| match context.container.as_str() {
        name if name == migration => Script::new().line(report(&database(context))),
        name if name.starts_with("init") => Script::new().line("ready"),
        _ => Script::new().until_stopped(),
    });
    let source = match route {
        Route::Ecs => {
            let registered = world.sandbox.register_task_definition(document);
            registered.map_err(|error| format!("the sandbox refuses it: {error:?}"))?;
            family.to_owned()
        }
        Route::File => {
            let path = world.directory.path().join("definition.json");
            std::fs::write(&path, document.to_string()).map_err(|error| error.to_string())?;
            path.display().to_string()
        }
    };
    let mut arguments = vec![
        "migrate",
        "--cluster",
        seed::CLUSTER,
        "--task-definition",
        &source,
        "--subnets",
        seed::SUBNETS,
        "--image",
        IMAGE,
        "--database",
        HEALTH,
        "--log-drain=1s",
        "--format=json",
    ];
    let containers = definition["containerDefinitions"].as_array().into_iter().flatten();
    let mut own = containers.filter(|container| container["name"] == logging.as_str());
    if own.any(|container| container["logConfiguration"]["logDriver"] != "awslogs") {
        arguments.push("--proof=exit-code");
    }
    arguments.extend(named.map(|name| ["--container", name]).into_iter().flatten());
    let run = world.command(&arguments).finish().await;
    Ok((run, world.inputs("RegisterTaskDefinition")))
}

/// The product's patch and its call, where its command line refuses to go on to RunTask.
async fn patched_and_registered(
    sandbox: &Sandbox,
    document: &Value,
    container: usize,
) -> Result<Value, String> {
    let definition =
        TaskDefinition::from_json(document.clone(), "corpus").map_err(|error| error.to_string())?;
    let patch = Patch {
        image: IMAGE.into(),
        environment: vec![("DATABASE_NAME".into(), PLACEHOLDER.into())],
        ..Patch::default()
    };
    let name = definition.container_names()[container].to_owned();
    let patched = definition.patched(&name, &patch).map_err(|error| error.to_string())?;
    let aws = Aws::from_config(sdk::config(sandbox), CALL_TIMEOUT, 1.0);
    aws.register_task_definition(patched.register_input()).await.map_err(|error| format!("{error:#}"))?;
    let calls = sandbox.calls();
    let call = calls.iter().rfind(|call| call.operation == "RegisterTaskDefinition");
    call.map(|call| call.input.clone()).ok_or_else(|| "nothing was registered".into())
}

fn refused(run: &Finished, words: &str, registered: &[Value]) -> Result<(), String> {
    expect(run.code == 2 && registered.is_empty(), || format!("it was not refused: {run:#?}"))?;
    expect(run.stderr.contains(words) || run.stdout.contains(words), || format!("no {words:?} in {run:#?}"))
}

/// The difference between the document and what was registered is the image, our variable, and `changes`.
fn only_our_change(
    document: &Value,
    registered: &Value,
    container: usize,
    changes: &[&str],
) -> Result<(), String> {
    let before = as_register_takes_it(document);
    let mut expected: BTreeSet<String> = changes.iter().map(|change| (*change).to_owned()).collect();
    expected.insert(format!("~ /containerDefinitions/{container}/image"));
    expected
        .extend(READ_ONLY.iter().filter(|key| before.get(**key).is_some()).map(|key| format!("- /{key}")));
    let found: BTreeSet<String> = differences(&before, registered).iter().map(ToString::to_string).collect();
    expect(found == expected, || {
        let list = |of: Vec<&String>| of.into_iter().map(|line| format!("\n    {line}")).collect::<String>();
        format!(
            "unexpected:{}\n  missing:{}",
            list(found.difference(&expected).collect()),
            list(expected.difference(&found).collect())
        )
    })?;
    let target = &registered["containerDefinitions"][container];
    expect(target["image"] == IMAGE, || format!("the image is {}", target["image"]))?;
    let variables = target["environment"].as_array().into_iter().flatten();
    let ours: Vec<&Value> = variables.filter(|entry| entry["name"] == "DATABASE_NAME").collect();
    expect(ours == [&json!({"name": "DATABASE_NAME", "value": PLACEHOLDER})], || {
        format!("DATABASE_NAME is {ours:?}")
    })
}

/// The tags stand beside `taskDefinition` in one direction and inside the input in the other; none are no member.
fn as_register_takes_it(document: &Value) -> Value {
    let Some(definition) = document.get("taskDefinition") else { return document.clone() };
    let mut input = definition.clone();
    if let Some(tags) =
        document.get("tags").filter(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty()))
    {
        input["tags"] = tags.clone();
    }
    input
}

/// What the document refers to: secrets, parameters, log groups.
fn provide(sandbox: &Sandbox, definition: &Value) {
    let value =
        json!({"username": "master", "password": "hunter2hunter2", "api_key": "k", "host": "db.internal"});
    for container in definition["containerDefinitions"].as_array().into_iter().flatten() {
        if let Some(group) = container["logConfiguration"]["options"]["awslogs-group"].as_str() {
            sandbox.create_log_group(group);
        }
        let secrets = container["secrets"].as_array().into_iter().flatten();
        for from in secrets.filter_map(|secret| secret["valueFrom"].as_str()) {
            if let Some((region, secret)) = from.split_once(":secret:") {
                let name = secret.split(':').next().unwrap_or_default();
                // An ARN without its suffix names a secret that another variable of the document names in full.
                if !name.ends_with("/master") {
                    sandbox.put_secret(&format!("{region}:secret:{name}"), &value);
                }
            } else {
                let name = from.rsplit_once(":parameter").map_or(from, |(_, name)| name);
                sandbox.put_parameter(name, "hunter2hunter2");
            }
        }
    }
}

fn only_essential(definition: &Value) -> String {
    let containers = definition["containerDefinitions"].as_array().into_iter().flatten();
    let mut essential = containers.filter(|container| container["essential"] != false);
    essential.next().and_then(|container| container["name"].as_str()).unwrap_or_default().to_owned()
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity/corpus")
}

fn read(file: &str) -> Value {
    let path = directory().join(format!("{file}.json"));
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("parse {}: {error}", path.display()))
}

fn expect(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
