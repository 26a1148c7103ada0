//! Clients that others wrote drive the sandbox: boto3 with its paginators and waiters, the AWS CLI, a Docker Engine.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Fault, Options, Pace, Sandbox, Script, TaskContext, TaskFault, seed};
use serde_json::{Value, json};

use crate::python::Python;
use crate::support::World;

/// The AWS CLI: the command sequence of the pipeline that this product replaces.
mod aws_cli;
/// `aws ecr get-login-password`, then a Docker Engine as the registry's client.
mod docker;

/// Families beside the seed's own.
const ORDERED: &str = "ordered";
const LOST_SECRET: &str = "lost-secret";
const LOST_GROUP: &str = "lost-group";
const MISSING_IMAGE: &str = "missing-image";
const QUICK_TO_KILL: &str = "quick-to-kill";
const SHOP: &str = "shop";

/// The seed's account, with families for what can go wrong and a program that does as its environment says.
async fn account() -> World {
    account_at(Pace::Instant).await
}

async fn account_at(pace: Pace) -> World {
    let world = World::with(Options { pace, ..Options::default() }).await;
    let sandbox = &world.sandbox;
    for family in [seed::TASK_FAMILY, ORDERED, LOST_SECRET, LOST_GROUP, QUICK_TO_KILL, SHOP] {
        sandbox.set_program(family, obeys);
    }
    sandbox.set_program(&format!("{ORDERED}/init"), |_| Script::new().line("ready"));
    sandbox.set_program(&format!("{ORDERED}/agent"), |_| Script::new().until_stopped());
    register(sandbox, MISSING_IMAGE, |_| {});
    register(sandbox, QUICK_TO_KILL, |containers| containers[0]["stopTimeout"] = json!(2));
    register(sandbox, LOST_GROUP, |containers| {
        containers[0]["logConfiguration"]["options"]["awslogs-group"] = json!("/ecs/none");
    });
    register(sandbox, LOST_SECRET, |containers| {
        containers[0]["secrets"][0]["valueFrom"] =
            json!("arn:aws:secretsmanager:us-east-1:123456789012:secret:never-AbCdEf:password::");
    });
    register(sandbox, ORDERED, |containers| {
        let (mut init, mut agent) = (containers[0].clone(), containers[0].clone());
        for (container, name) in [(&mut init, "init"), (&mut agent, "agent")] {
            container["name"] = json!(name);
            container["essential"] = json!(false);
        }
        containers[0]["dependsOn"] = json!([{ "containerName": "init", "condition": "SUCCESS" }]);
        containers.extend([init, agent]);
    });
    for (value, fault) in [
        ("late", TaskFault::MissingFor { reads: 1 }),
        ("memory", TaskFault::OutOfMemory { after: Duration::from_millis(10) }),
    ] {
        sandbox.faults().push(Fault::task(fault).for_environment("FAULT", value).always());
    }
    world
}

/// The seed's task definition under another name, changed.
fn register(sandbox: &Sandbox, family: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let mut document = seed::task_definition().expect("the seed's task definition")["taskDefinition"].take();
    document["family"] = json!(family);
    document["revision"] = json!(1);
    change(document["containerDefinitions"].as_array_mut().expect("containers"));
    sandbox.register_task_definition(&document).expect("register it");
}

/// A program that a test tells by environment variables what to do.
fn obeys(context: &TaskContext) -> Script {
    let told = |name: &str| context.environment.get(name).map_or("", String::as_str);
    let password = told("DATABASE_PASSWORD").len();
    let mut script =
        Script::new().line(format!("password of {password}, database {}", told("DATABASE_NAME")));
    if let Ok(lines) = told("LINES").parse::<usize>() {
        script = script.lines((0..lines).map(|number| format!("line {number}")));
    }
    if !told("CANNOT_START").is_empty() {
        script = script.cannot_start("exec: \"nothing\": executable file not found in $PATH");
    }
    if !told("UNTIL_STOPPED").is_empty() {
        script = script.until_stopped();
    }
    if !told("IGNORES_SIGTERM").is_empty() {
        script = script.ignores_sigterm();
    }
    script.exit(told("EXIT").parse().unwrap_or(0))
}

/// Lets one of the scripts beside this file judge an [`account`]; answers what it printed.
async fn judged_by(python: &'static Python, script: &'static str, world: World) -> Value {
    let environment: BTreeMap<String, String> = world.sandbox.environment().into_iter().collect();
    let wanted = json!({
        "environment": environment,
        "cluster": seed::CLUSTER,
        "family": seed::TASK_FAMILY,
        "log_group": seed::LOG_GROUP,
        "repository": seed::REPOSITORY,
        "subnets": ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"],
        "ordered_family": ORDERED,
        "lost_secret_family": LOST_SECRET,
        "lost_group_family": LOST_GROUP,
        "missing_image_family": MISSING_IMAGE,
    });
    let judge = tokio::task::spawn_blocking(move || python.run(script, &[], wanted.to_string()));
    let output = judge.await.expect("the judge");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{script}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_pages_waits_and_follows() {
    let Some(python) = crate::python::python() else { return };
    let verdicts = judged_by(python, "clients/boto3_client.py", account().await).await;
    let verdicts = verdicts.as_object().expect("verdicts by check");
    let wrong: Vec<String> = verdicts
        .iter()
        .filter(|(_, verdict)| !verdict.is_null())
        .map(|(check, verdict)| format!("{check}: {}", verdict.as_str().unwrap_or_default()))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(verdicts.len(), 14, "a check is gone, or new: {verdicts:?}");
}

/// Where MiniStack and moto are not AWS, is the sandbox? What is not checked is printed with its reason.
#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_does_as_aws_where_emulators_do_not() {
    let Some(python) = crate::python::python() else { return };
    let rows = judged_by(python, "clients/real_aws.py", account().await).await;
    let rows: Vec<(String, Option<String>, Option<String>)> =
        serde_json::from_value(rows).expect("name, what is wrong, why it is not checked");
    for (name, _, reason) in &rows {
        if let Some(reason) = reason {
            println!("not checked: {name}: {reason}");
        }
    }
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(name, wrong, _)| wrong.as_ref().map(|wrong| format!("{name}: {wrong}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let checked = rows.iter().filter(|(_, _, reason)| reason.is_none()).count();
    assert_eq!((rows.len(), checked), (52, 39), "a row is gone, or new");
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_sees_an_exit_code_before_the_task_is_stopped_and_waits_for_that() {
    let Some(python) = crate::python::python() else { return };
    let world = account_at(Pace::Realistic { scale: 20.0 }).await;
    let wrong = judged_by(python, "clients/exit_code.py", world).await;
    assert!(wrong.is_null(), "{}", wrong.as_str().unwrap_or_default());
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_sees_a_service_stable_before_and_after_the_breaker_has_rolled_it_back() {
    let Some(python) = crate::python::python() else { return };
    let world = account_at(Pace::Realistic { scale: 40.0 }).await;
    let wrong = judged_by(python, "clients/services.py", world).await;
    assert!(wrong.is_null(), "{}", wrong.as_str().unwrap_or_default());
}
