use std::collections::HashMap;
use std::time::Duration;

use nix::sys::signal::Signal;
use sandbox::{Script, seed};
use serde_json::json;

use crate::support::{Finished, IMAGE, Run, World};

/// A service `web` whose tasks of our image never become healthy: its deployment is under way until somebody ends it.
async fn shop(world: &World) {
    world.sandbox.set_program("shop", |context| match context.image == IMAGE {
        true => Script::new().until_stopped().never_healthy(),
        false => Script::new().until_stopped(),
    });
    let container = json!({"name": "web", "image": "registry.example/app:old",
        "healthCheck": {"command": ["CMD", "true"], "interval": 5, "retries": 10, "startPeriod": 300}});
    let document = json!({"family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512", "containerDefinitions": [container]});
    world.sandbox.register_task_definition(&document).expect("registered");
    let service = json!({
        "cluster": seed::CLUSTER, "serviceName": "web", "taskDefinition": "shop", "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
    });
    world.sandbox.create_service(&service).expect("a service");
    for _ in 0..100 {
        if deploy(world, &["--plan"]).finish().await.code == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never steady");
}

fn deploy(world: &World, more: &[&str]) -> Run {
    let base = ["deploy", "--service=web", "--no-migration", "--image", IMAGE];
    world.command(&[&base[..], &seed::MIGRATE[1..], more].concat())
}

/// A deploy that ends by this signal as soon as UpdateService was sent; answers what it left.
async fn cut_off(world: &World, on_cancel: &str, signal: Signal) -> Finished {
    let run = deploy(world, &["--on-cancel", on_cancel]).in_actions().spawn();
    for _ in 0..600 {
        if world.called("ListServiceDeployments") > 0 && world.called("UpdateService") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.called("UpdateService"), 1);
    run.signal(signal);
    run.finish().await
}

/// The post stage, by the name and with the state that the runner gives it, and with the inputs of the main stage.
async fn post(world: &World, state: &HashMap<String, String>) -> Finished {
    let mut run = world.command(&[]).called("/usr/bin/fargate-migrate-post").in_actions();
    for (key, value) in state {
        run = run.variable(&format!("STATE_{key}"), value);
    }
    run.finish().await
}

#[tokio::test]
async fn a_deploy_that_was_killed_is_taken_back_where_on_cancel_says_so() {
    let world = World::new().await;
    shop(&world).await;
    let killed = cut_off(&world, "rollback", Signal::SIGKILL).await;
    assert_eq!(killed.state.get("ended"), None, "{killed:#?}");
    assert_eq!(world.called("StopServiceDeployment"), 0);
    let said = post(&world, &killed.state).await;
    said.exits(0).says("The run was cut off: ECS takes 1 service back to what ran before");
    assert!(said.summary.contains("ECS was told to go back to what ran before"), "{}", said.summary);
    let stops = world.inputs("StopServiceDeployment");
    assert_eq!(stops.len(), 1);
    assert_eq!(stops[0]["stopType"], "ROLLBACK");
    // Once more, as after a lost runner: nothing more is to be done.
    post(&world, &killed.state).await.exits(0);
    assert_eq!(world.called("StopServiceDeployment"), 1);
}

#[tokio::test]
async fn a_deploy_that_was_killed_goes_on_otherwise_and_the_post_stage_says_so() {
    let world = World::new().await;
    shop(&world).await;
    let killed = cut_off(&world, "stop", Signal::SIGKILL).await;
    let before = world.operations().len();
    let said = post(&world, &killed.state).await;
    said.exits(0).says("The run was cut off: ECS goes on deploying 1 service");
    assert!(said.summary.contains("ECS goes on with the deployment"), "{}", said.summary);
    assert_eq!(world.operations().len(), before, "nobody is asked");
}

#[tokio::test]
async fn the_post_stage_tries_again_what_an_interrupt_has_left_undone() {
    let world = World::new().await;
    shop(&world).await;
    let denied = sandbox::Disturbance::AccessDenied;
    world.sandbox.faults().push(sandbox::Fault::call("ecs:StopServiceDeployment", denied).times(3));
    let interrupted = cut_off(&world, "rollback", Signal::SIGINT).await;
    interrupted.exits(130).says("was not told to go back");
    assert_eq!(interrupted.state.get("ended"), None, "{interrupted:#?}");
    assert_eq!(interrupted.outputs["exit-code"], "130");
    let refused = world.called("StopServiceDeployment");
    let said = post(&world, &interrupted.state).await;
    said.exits(0).says("ECS takes 1 service back to what ran before");
    assert_eq!(world.called("StopServiceDeployment"), refused + 1);
}
