use sandbox::registry::ImageKey;
use sandbox::seed;
use serde_json::{Value, json};

use super::told::Told;
use crate::errors::arguments;
use crate::support::program::static_program;
use crate::support::{HEALTH, World};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A task definition, a cluster, a repository and a service that are not there.
pub async fn unknown_names() -> Told {
    let world = World::new().await;
    let error = async |changes: &[(&str, &str)]| {
        let arguments = arguments(changes);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Told::of(&world.command(&arguments).finish().await, 2, "error: ")
    };
    let program = static_program().display().to_string();
    let told = error(&[("--task-definition", "startupwebapp")]).await;
    let told = told.and(error(&[("--cluster", "startup")]).await);
    let build =
        [("--image", ""), ("--binary", program.as_str()), ("--tag", "v1"), ("--repository", "backend")];
    let told = told.and(error(&build).await);
    told.and(error(&[("--subnets", ""), ("--network-from-service", "web")]).await)
}

/// Registers the seed's task definition as it is after a change.
pub fn register(world: &World, change: impl FnOnce(&mut Value)) {
    let mut document = seed::task_definition().expect("the seed's");
    change(&mut document["taskDefinition"]);
    world.sandbox.register_task_definition(&document).expect("registered");
}

pub async fn variable_from_a_secret() -> Told {
    let world = World::new().await;
    register(&world, |definition| {
        let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/database";
        let secrets = definition["containerDefinitions"][0]["secrets"].as_array_mut();
        secrets.expect("a list").push(json!({"name": "DATABASE_NAME", "valueFrom": arn}));
    });
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::of(&run, 2, "error: ")
}

pub async fn several_containers() -> Told {
    let world = World::new().await;
    register(&world, |definition| {
        let containers = definition["containerDefinitions"].as_array_mut().expect("a list");
        containers.push(json!({"name": "web", "image": "registry.example/app:1", "essential": true}));
    });
    let run = world.migrate(&["--database", HEALTH]).finish().await;
    Told::of(&run, 2, "error: ")
}

pub async fn family_of_a_service() -> Told {
    let world = World::new().await;
    let subnets = json!({"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}});
    let service = json!({"cluster": seed::CLUSTER, "serviceName": "web", "taskDefinition": seed::TASK_FAMILY,
        "launchType": "FARGATE", "desiredCount": 0, "networkConfiguration": subnets});
    world.sandbox.create_service(&service).expect("a service");
    let flags = ["migrate", "--cluster", seed::CLUSTER, "--network-from-service=web", "--database", HEALTH];
    let more = ["--task-definition", seed::TASK_FAMILY, "--image", crate::support::IMAGE, "--plan"];
    let run = world.command(&[&flags[..], &more].concat()).finish().await;
    Told::of(&run, 0, "note: service web runs")
}

/// Of an index: it says for which platforms its images are.
pub async fn another_platform() -> Told {
    let world = World::new().await;
    register(&world, |definition| {
        definition["runtimePlatform"] = json!({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"});
    });
    let image = seed::push_image(&world.sandbox, "v42").expect("pushed");
    let (repository, digest) = image.split_once('@').expect("a digest");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 400,
        "platform": {"os": "linux", "architecture": "amd64"},
    }]});
    let registry = world.sandbox.registry();
    let key = ImageKey::tag("v43").expect("a tag");
    let put = registry.put_image(seed::REPOSITORY, Some(&key), Some(INDEX), index.to_string().as_bytes());
    let image = format!("{repository}@{}", put.expect("an index").digest);
    let run = world.migrate(&["--database", HEALTH, "--image", &image]).finish().await;
    Told::of(&run, 2, "error: ")
}
