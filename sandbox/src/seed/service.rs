//! The shop's own service: two tasks that serve one database, kept running by ECS.

use anyhow::bail;
use serde_json::{Value, json};

use super::{CLUSTER, DATABASES, task_definition};
use crate::Sandbox;

pub const SERVICE: &str = "startupwebapp-web";
/// Of its task definition, and of its one container's log streams.
pub const SERVICE_FAMILY: &str = "startupwebapp-web";
pub const SERVICE_CONTAINER: &str = "web";
pub const SERVICE_LOG_GROUP: &str = "/ecs/startupwebapp-web";

/// Tasks that the service wants.
pub const SERVICE_TASKS: u32 = 2;

/// Creates the service with this image, and what it needs. Its circuit breaker is on, and rolls back.
///
/// Each task listens on a free port of the loopback address, and says in its log which: the tasks of a deployment run
/// next to each other on this machine, where ECS gives each an address of its own.
///
/// # Errors
/// The sandbox refuses the task definition or the service.
pub fn create_service(sandbox: &Sandbox, image: &str) -> anyhow::Result<()> {
    sandbox.create_log_group(SERVICE_LOG_GROUP);
    let revision = match sandbox.register_task_definition(&definition(image)?) {
        Ok(arn) => arn,
        Err(refusal) => bail!("register task definition: {}: {}", refusal.code, refusal.message),
    };
    let service = json!({
        "cluster": CLUSTER,
        "serviceName": SERVICE,
        "taskDefinition": revision,
        "desiredCount": SERVICE_TASKS,
        "launchType": "FARGATE",
        "deploymentConfiguration": {
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true},
        },
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"],
            "securityGroups": ["sg-0a1b2c3d4e5f60001"],
        }},
    });
    match sandbox.create_service(&service) {
        Ok(_) => Ok(()),
        Err(refusal) => bail!("create service: {}: {}", refusal.code, refusal.message),
    }
}

/// Makes the service's task definition: the migration's, but for what a server does differently.
fn definition(image: &str) -> anyhow::Result<Value> {
    let mut document = task_definition()?;
    document["taskDefinition"]["family"] = json!(SERVICE_FAMILY);
    let container = &mut document["taskDefinition"]["containerDefinitions"][0];
    container["name"] = json!(SERVICE_CONTAINER);
    container["image"] = json!(image);
    container["command"] = json!(["app", "serve"]);
    container["environment"] = json!([
        {"name": "AWS_REGION", "value": "us-east-1"},
        {"name": "BIND", "value": "127.0.0.1:0"},
        {"name": "DATABASE_NAME", "value": DATABASES[0]},
    ]);
    let options = &mut container["logConfiguration"]["options"];
    options["awslogs-group"] = json!(SERVICE_LOG_GROUP);
    options["awslogs-stream-prefix"] = json!(SERVICE_CONTAINER);
    Ok(document)
}
