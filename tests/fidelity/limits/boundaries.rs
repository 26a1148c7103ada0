//! The sandbox takes exactly what AWS takes: the limit itself, and not one more.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_ecr::types::ImageIdentifier;
use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, ContainerOverride, KeyValuePair, LaunchType, NetworkConfiguration, Tag, TaskOverride,
};
use sandbox::{Pace, Script, seed};
use serde_json::{Value, json};

use crate::sdk;
use crate::support::{Finished, PROD, World};

const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_task_definition_has_64_kib_and_no_byte_more() {
    let world = World::new().await;
    let padded = |padding: usize| {
        json!({
            "family": "large",
            "containerDefinitions": [{"name": "c", "image": "i", "command": ["x".repeat(padding)]}],
        })
    };
    let frame = padded(0).to_string().len();
    let register = |size: usize| world.sandbox.register_task_definition(&padded(size - frame));
    assert!(register(64 * 1024).is_ok());
    let refused = register(64 * 1024 + 1).expect_err("too large");
    assert!(refused.message.contains("exceeds the maximum task definition length 65536"), "{refused:?}");
}

#[tokio::test]
async fn families_and_tags_have_their_limits() {
    let world = World::new().await;
    let register = |family: usize, tags: usize| {
        let tags: Vec<Value> =
            (0..tags).map(|number| json!({"key": number.to_string(), "value": ""})).collect();
        world.sandbox.register_task_definition(&json!({
            "family": "f".repeat(family), "tags": tags, "containerDefinitions": [{"name": "c", "image": "i"}],
        }))
    };
    assert!(register(255, 50).is_ok());
    assert!(register(256, 50).is_err());
    assert!(register(255, 51).is_err());
}

#[tokio::test]
async fn run_task_takes_what_it_may_and_no_more() {
    let world = World::new().await;
    let refused = |request: RunTaskFluentBuilder| async move {
        match request.send().await {
            Ok(_) => None,
            Err(error) => Some(error.into_service_error().to_string()),
        }
    };
    for (what, most, request) in [
        ("count", 10, (|request, size| request.count(i32::try_from(size).expect("a count"))) as Grow),
        ("clientToken", 64, |request, size| request.client_token("t".repeat(size))),
        ("startedBy", 128, |request, size| request.started_by("s".repeat(size))),
        ("tags", 50, |request, size| {
            request.set_tags(Some(
                (0..size).map(|number| Tag::builder().key(number.to_string()).build()).collect(),
            ))
        }),
        ("overrides", 8192, |request, size| request.overrides(overrides(size))),
    ] {
        let base = || run_task(&world, &["subnet-0a1b2c3d4e5f60001"], &[]);
        assert_eq!(refused(request(base(), most)).await, None, "{what} of {most}");
        assert!(refused(request(base(), most + 1)).await.is_some(), "{what} of {}", most + 1);
    }
    let (subnet, group) = ("subnet-0a1b2c3d4e5f60001", "sg-0a1b2c3d4e5f60001");
    for (subnets, groups, fits) in [(16, 5, true), (17, 5, false), (16, 6, false)] {
        let answer = refused(run_task(&world, &vec![subnet; subnets], &vec![group; groups])).await;
        assert_eq!(answer.is_none(), fits, "{subnets} subnets, {groups} groups: {answer:?}");
    }
}

type Grow = fn(RunTaskFluentBuilder, usize) -> RunTaskFluentBuilder;

fn run_task(world: &World, subnets: &[&str], groups: &[&str]) -> RunTaskFluentBuilder {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let network = AwsVpcConfiguration::builder()
        .set_subnets(Some(owned(subnets)))
        .set_security_groups(Some(owned(groups)))
        .build()
        .expect("subnets");
    aws_sdk_ecs::Client::new(&sdk::config(&world.sandbox))
        .run_task()
        .cluster(seed::CLUSTER)
        .task_definition(seed::TASK_FAMILY)
        .launch_type(LaunchType::Fargate)
        .network_configuration(NetworkConfiguration::builder().awsvpc_configuration(network).build())
}

/// Overrides that take `size` characters as JSON.
fn overrides(size: usize) -> TaskOverride {
    let empty =
        json!({"containerOverrides": [{"name": "migration", "environment": [{"name": "PAD", "value": ""}]}]});
    let pad = "x".repeat(size - empty.to_string().len());
    let variable = KeyValuePair::builder().name("PAD").value(pad).build();
    let container = ContainerOverride::builder().name("migration").environment(variable).build();
    TaskOverride::builder().container_overrides(container).build()
}

#[tokio::test]
async fn describe_and_list_take_a_hundred() {
    let world = World::new().await;
    let client = aws_sdk_ecs::Client::new(&sdk::config(&world.sandbox));
    for (size, fits) in [(100, true), (101, false)] {
        let arns = (0..size).map(|number| format!("{number:032x}")).collect();
        let described = client.describe_tasks().cluster(seed::CLUSTER).set_tasks(Some(arns)).send().await;
        assert_eq!(described.is_ok(), fits, "{size} tasks");
        let listed = client.list_tasks().cluster(seed::CLUSTER).max_results(size).send().await;
        assert_eq!(listed.is_ok(), fits, "maxResults {size}");
    }
}

#[tokio::test]
async fn log_pages_and_batches_have_their_limits() {
    let world = World::new().await;
    let client = aws_sdk_cloudwatchlogs::Client::new(&sdk::config(&world.sandbox));
    let (group, stream) = (seed::LOG_GROUP, "limits");
    client.create_log_stream().log_group_name(group).log_stream_name(stream).send().await.expect("a stream");
    let now =
        i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis()).expect("milliseconds");
    let put = |events: Vec<String>| {
        let event = |message| InputLogEvent::builder().timestamp(now - HOUR).message(message).build();
        let events = events.into_iter().map(|message| event(message).expect("an event")).collect();
        let request = client.put_log_events().log_group_name(group).log_stream_name(stream);
        request.set_log_events(Some(events)).send()
    };
    let read = |limit: i32| {
        client
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .start_from_head(true)
            .limit(limit)
            .send()
    };
    // 26 bytes are counted for each event.
    assert!(put(vec!["x".repeat(1_048_576 - 26)]).await.is_ok());
    assert!(put(vec!["x".repeat(1_048_576 - 25)]).await.is_err());
    assert!(put(vec!["x".into(); 10_000]).await.is_ok());
    assert!(put(vec!["x".into(); 10_001]).await.is_err());
    assert!(read(10_001).await.is_err());
    let first = read(10_000).await.expect("a page");
    assert_eq!(first.events().len(), 1, "the first event fills the page with its megabyte");
    let second = client
        .get_log_events()
        .log_group_name(group)
        .log_stream_name(stream)
        .start_from_head(true)
        .set_next_token(first.next_forward_token().map(str::to_owned))
        .send()
        .await
        .expect("a page");
    assert_eq!(second.events().len(), 10_000);
}

#[test]
fn the_log_driver_flushes_every_five_seconds() {
    let clock = sandbox::clock::Clock::start(Pace::Realistic { scale: 1.0 });
    assert_eq!(clock.log_flush(), Duration::from_secs(5));
}

#[tokio::test]
async fn batch_get_image_takes_a_hundred() {
    let world = World::new().await;
    let client = aws_sdk_ecr::Client::new(&sdk::config(&world.sandbox));
    for (size, fits) in [(100, true), (101, false)] {
        let ids = (0..size)
            .map(|number| ImageIdentifier::builder().image_tag(format!("t{number}")).build())
            .collect();
        let answer =
            client.batch_get_image().repository_name(seed::REPOSITORY).set_image_ids(Some(ids)).send().await;
        assert_eq!(answer.is_ok(), fits, "{size} images: {answer:?}");
    }
}

#[tokio::test]
async fn a_manifest_has_four_mib() {
    let world = World::new().await;
    let endpoint = world.sandbox.endpoint();
    let host = endpoint.trim_start_matches("http://").to_owned();
    let password = world.sandbox.registry().issue_password().expect("a password").secret;
    for (size, status) in [(4 * 1024 * 1024, 400), (4 * 1024 * 1024 + 1, 413)] {
        let answer = put_manifest(&host, &password, size).await;
        assert_eq!(answer, status, "{size} bytes, which are no manifest");
    }
}

/// The status of `PUT …/manifests/large` with so many bytes.
async fn put_manifest(host: &str, password: &str, size: usize) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let login = aws_smithy_types::base64::encode(format!("AWS:{password}"));
    let head = format!(
        "PUT /v2/{}/manifests/large HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {login}\r\nconnection: close\r\n\
         content-type: application/vnd.oci.image.manifest.v1+json\r\ncontent-length: {size}\r\n\r\n",
        seed::REPOSITORY
    );
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("connect");
    stream.write_all(head.as_bytes()).await.expect("send the head");
    // A registry may answer, and close, before it has read all of a body that it does not want.
    let _ = stream.write_all(&vec![b' '; size]).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn an_image_tag_has_128_characters() {
    let world = World::new().await;
    for (size, fits) in [(128, true), (129, false)] {
        let tag = "t".repeat(size);
        let flags = ["--plan", "--database", PROD, "--tag", &tag];
        let run = world.command(&[seed::MIGRATE.as_slice(), &flags].concat()).finish().await;
        assert_eq!(format!("{run:?}").contains("is not an image tag"), !fits, "{size}: {run:#?}");
    }
}

#[tokio::test]
async fn a_run_of_many_failures_annotates_at_most_ten() {
    let world = World::new().await;
    world.program(|_| Script::new().line("boom").exit(1));
    let databases: Vec<String> = (0..12).map(|number| format!("--database=database_{number}")).collect();
    let mut arguments: Vec<&str> = databases.iter().map(String::as_str).collect();
    arguments.extend(["--keep-going", "--max-parallel=12"]);
    let run = world.migrate(&arguments).in_actions().finish().await;
    run.exits(1);
    assert!(annotations(&run) <= 10, "{run:#?}");
    let run = world.migrate(&["--database", PROD, "--container=nobody"]).in_actions().finish().await;
    run.exits(2);
    assert_eq!(annotations(&run), 1, "{run:#?}");
}

fn annotations(run: &Finished) -> usize {
    run.stdout.lines().chain(run.stderr.lines()).filter(|line| line.starts_with("::error")).count()
}
