//! What resuming rests on: how long ECS remembers. The sandbox's clock is tokio's.

use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::{BehaviorVersion, Builder};
use aws_sdk_ecs::types::{AwsVpcConfiguration, KeyValuePair, NetworkConfiguration};
use aws_sdk_ecs::types::{ContainerOverride, DesiredStatus, TaskOverride};
use sandbox::seed;
use tokio::time::sleep;

use crate::world::{Shape, World, simulate};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn client(world: &World) -> Client {
    let config = Builder::from(&world.sandbox.sdk_config()).behavior_version(BehaviorVersion::v2026_01_12());
    Client::from_conf(config.build())
}

/// RunTask for a database; the task's ARN.
async fn run(client: &Client, token: &str, database: &str) -> String {
    let network = AwsVpcConfiguration::builder().subnets("subnet-0a1b2c3d4e5f60001").build();
    let variable = KeyValuePair::builder().name("DATABASE_NAME").value(database).build();
    let container = ContainerOverride::builder().name("migration").environment(variable).build();
    let call = client
        .run_task()
        .cluster(seed::CLUSTER)
        .task_definition(seed::TASK_FAMILY)
        .network_configuration(
            NetworkConfiguration::builder().awsvpc_configuration(network.expect("subnets")).build(),
        )
        .overrides(TaskOverride::builder().container_overrides(container).build())
        .client_token(token);
    match call.send().await {
        Ok(answer) => answer.tasks()[0].task_arn().expect("an ARN").to_owned(),
        Err(error) => match error.into_service_error() {
            aws_sdk_ecs::operation::run_task::RunTaskError::ConflictException(conflict) => {
                format!("conflict: {}", conflict.resource_ids()[0])
            }
            other => panic!("{other:?}"),
        },
    }
}

async fn is_described(client: &Client, arn: &str) -> bool {
    let answer = client.describe_tasks().cluster(seed::CLUSTER).tasks(arn).send().await.expect("an answer");
    !answer.tasks().is_empty()
}

async fn is_listed(client: &Client, arn: &str, desired: DesiredStatus) -> bool {
    let answer = client.list_tasks().cluster(seed::CLUSTER).desired_status(desired).send().await;
    answer.expect("an answer").task_arns().iter().any(|listed| listed == arn)
}

#[test]
fn a_token_lives_as_long_as_ecs_says() {
    simulate(1, async || {
        let world = World::new(Shape { databases: 1, ..Shape::default() });
        let client = client(&world);
        let first = run(&client, "token", "a").await;
        assert_eq!(run(&client, "token", "a").await, first);
        assert_eq!(run(&client, "token", "b").await, format!("conflict: {first}"));
        // It takes 40 to 130 s.
        sleep(50 * MINUTE).await;
        assert_eq!(run(&client, "token", "a").await, first);
        sleep(15 * MINUTE).await;
        assert_ne!(run(&client, "token", "b").await, first, "an hour after its task's end the token is new");
    });
}

/// A migration of more than a day.
#[test]
fn a_token_ends_after_a_day_whatever_its_task_does() {
    simulate(1, async || {
        let long = |_: &str| sandbox::stand_in::Migration::new(25 * HOUR, sandbox::stand_in::Ends::Migrated);
        let image = sandbox::StandIn::new(1, long);
        let world = World::new(Shape { databases: 1, image, ..Shape::default() });
        let client = client(&world);
        let first = run(&client, "token", "a").await;
        sleep(24 * HOUR - MINUTE).await;
        assert_eq!(run(&client, "token", "a").await, first);
        sleep(2 * MINUTE).await;
        assert_ne!(run(&client, "token", "a").await, first);
    });
}

#[test]
fn a_stopped_task_is_told_of_for_an_hour() {
    simulate(1, async || {
        let world = World::new(Shape { databases: 1, settles: Duration::from_secs(20), ..Shape::default() });
        let client = client(&world);
        let arn = run(&client, "token", "a").await;
        assert!(
            !is_described(&client, &arn).await && !is_listed(&client, &arn, DesiredStatus::Running).await
        );
        sleep(Duration::from_secs(20)).await;
        assert!(is_described(&client, &arn).await && is_listed(&client, &arn, DesiredStatus::Running).await);
        sleep(50 * MINUTE).await;
        assert!(is_described(&client, &arn).await && is_listed(&client, &arn, DesiredStatus::Stopped).await);
        sleep(15 * MINUTE).await;
        assert!(
            !is_described(&client, &arn).await && !is_listed(&client, &arn, DesiredStatus::Stopped).await
        );
    });
}
