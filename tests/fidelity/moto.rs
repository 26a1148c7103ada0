use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use fargate_migrate::adapters::Aws;
use fargate_migrate::ports::{LogEvent, LogPage, LogReads as _, LogStream};
use sandbox::seed;
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::python::python;
use crate::support::program::static_program;
use crate::support::{FINTECH, Finished, HEALTH};

/// More than two pages of GetLogEvents.
const EVENTS: usize = 25_000;
/// What PutLogEvents takes at most.
const BATCH: usize = 10_000;
/// What moto knows an image by is its manifest, and no layer is looked for.
const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:1111111111111111111111111111111111111111111111111111111111111111","size":2},"layers":[]}"#;

/// moto with the seed's account, where there is Python.
fn moto() -> Option<Elsewhere> {
    let secret =
        json!({"host": "db.internal", "port": 5432, "username": "master", "password": "hunter2hunter2"});
    Elsewhere::start(python()?, "moto_server.py", &secret)
}

async fn plan(moto: &Elsewhere, more: &[&str]) -> Finished {
    let network = ["--subnets", seed::SUBNETS, "--security-groups", seed::SECURITY_GROUPS];
    let databases = ["--plan", "--database", HEALTH, "--database", FINTECH];
    moto.migrate(&[databases.as_slice(), &network, more].concat()).finish().await
}

#[tokio::test]
async fn a_plan_rests_on_what_moto_answers_and_changes_nothing() {
    let Some(moto) = moto() else { return };
    let repository = moto.account["repository_uri"].as_str().expect("a URI");
    let program = static_program().display().to_string();
    let absent = plan(&moto, &["--binary", &program, "--tag=v1"]).await;
    let image = &absent.exits(0).result()["image"];
    assert_eq!((&image["action"], &image["exists"]), (&json!("package"), &json!(false)));

    let digest = put_image(&moto);
    let run = plan(&moto, &["--dockerfile=Dockerfile", "--tag=v1"]).await;
    let plan = run.exits(0).result();
    assert_eq!((&plan["account"], &plan["region"]), (&json!("123456789012"), &json!("us-east-1")));
    assert_eq!((&plan["cluster"], &plan["container"]), (&json!(seed::CLUSTER), &json!("migration")));
    assert_eq!((&plan["image"]["action"], &plan["image"]["digest"]), (&json!("reuse"), &digest));
    let definition = &plan["task_definition"];
    assert_eq!(definition["base"], moto.account["task_definition_arn"]);
    assert_eq!(definition["action"], "register");
    let diff = definition["diff"].as_str().expect("a diff");
    let changes: Vec<&str> = diff.lines().filter(|line| line.starts_with(['+', '-'])).skip(2).collect();
    let digest = digest.as_str().expect("a digest");
    let expected = [
        format!("- image = {repository}:latest"),
        format!("+ image = {repository}@{digest}"),
        "+ DATABASE_NAME = __set-by-fargate-migrate__".to_owned(),
    ];
    assert_eq!(changes, expected, "{diff}");
    for (index, database) in [HEALTH, FINTECH].into_iter().enumerate() {
        let request = &plan["databases"][index]["run_task"];
        let network = &request["networkConfiguration"]["awsvpcConfiguration"];
        assert_eq!(network["subnets"], json!(moto.private_subnets()));
        assert_eq!(network["securityGroups"], moto.account["security_groups"]);
        let told =
            json!([{"name": "migration", "environment": [{"name": "DATABASE_NAME", "value": database}]}]);
        assert_eq!(request["overrides"]["containerOverrides"], told);
    }
    nothing_was_changed(&moto);
}

pub fn put_image(moto: &Elsewhere) -> Value {
    let image = json!({"repositoryName": seed::REPOSITORY, "imageManifest": MANIFEST, "imageTag": "v1"});
    let answer = moto.call("ecr", "put_image", &image);
    assert!(answer["error"].is_null(), "{answer}");
    let arguments = json!({"repositoryName": seed::REPOSITORY, "imageIds": [{"imageTag": "v1"}]});
    moto.call("ecr", "describe_images", &arguments)["imageDetails"][0]["imageDigest"].clone()
}

fn nothing_was_changed(moto: &Elsewhere) {
    let revisions = moto.call("ecs", "list_task_definitions", &json!({}));
    assert_eq!(revisions["taskDefinitionArns"], json!([moto.account["task_definition_arn"]]));
    let tasks = moto.call("ecs", "list_tasks", &json!({"cluster": seed::CLUSTER}));
    assert_eq!(tasks["taskArns"], json!([]), "{tasks}");
}

#[tokio::test]
async fn what_moto_does_not_know_is_named_with_what_it_does() {
    let Some(moto) = moto() else { return };
    let given = ["--image=nginx"];
    for (flags, message, hint) in [
        (["--cluster", "shop"], "cluster shop does not exist in us-east-1", seed::CLUSTER),
        (
            ["--task-definition", "startupwebapp"],
            "task definition startupwebapp does not exist",
            seed::TASK_FAMILY,
        ),
        (
            ["--subnets", "tag:Name=nowhere-*"],
            "no subnet has a tag Name that matches nowhere-*",
            "startupwebapp-",
        ),
    ] {
        let defaults = [
            ("--cluster", seed::CLUSTER),
            ("--task-definition", seed::TASK_FAMILY),
            ("--subnets", seed::SUBNETS),
        ];
        let kept =
            defaults.iter().filter(|(flag, _)| *flag != flags[0]).flat_map(|(flag, value)| [*flag, *value]);
        let arguments: Vec<&str> = ["migrate", "--plan", "--database", HEALTH]
            .into_iter()
            .chain(kept)
            .chain(flags)
            .chain(given)
            .collect();
        moto.command(&arguments).finish().await.exits(2).says(message).says(hint);
    }
    let image = format!("{}:absent", moto.account["repository_uri"].as_str().expect("a URI"));
    plan(&moto, &["--image", &image])
        .await
        .exits(2)
        .says("repository startupwebapp-backend has no image absent");
    let image = image.replace("backend", "frontend");
    let run = plan(&moto, &["--image", &image]).await;
    run.exits(2).says("repository startupwebapp-frontend does not exist").says(seed::REPOSITORY);
    nothing_was_changed(&moto);
}

#[tokio::test]
async fn a_log_of_three_pages_is_read_completely_and_in_order() {
    let Some(moto) = moto() else { return };
    let stream = LogStream {
        region: "us-east-1".to_owned(),
        group: seed::LOG_GROUP.to_owned(),
        name: "migration/migration/long".to_owned(),
    };
    let aws = Aws::from_config(configuration(&moto), Duration::from_secs(60), 1.0);
    assert_eq!(aws.log_page(&stream, None).await.expect("a page"), LogPage::Absent);
    let written = write(&moto, &stream);
    let (read, pages) = read(&aws, &stream).await;
    assert_eq!(read.len(), written.len());
    // Not assert_eq!, whose message would be 25,000 events.
    assert!(read == written, "the events are not those that were written, in their order");
    assert!(pages >= 3, "{pages} pages");
}

fn configuration(moto: &Elsewhere) -> aws_config::SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .endpoint_url(moto.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Puts the events by boto3, many of them with the same timestamp.
fn write(moto: &Elsewhere, stream: &LogStream) -> Vec<LogEvent> {
    let start = jiff::Timestamp::now().as_millisecond() - 60_000;
    let events: Vec<LogEvent> = (0..EVENTS)
        .map(|event| LogEvent {
            timestamp: start + i64::try_from(event / 7).expect("a small number"),
            message: format!("applied statement {event}"),
        })
        .collect();
    let names = json!({"logGroupName": stream.group, "logStreamName": stream.name});
    moto.call("logs", "create_log_stream", &names);
    for batch in events.chunks(BATCH) {
        let batch: Vec<Value> = batch
            .iter()
            .map(|event| json!({"timestamp": event.timestamp, "message": event.message}))
            .collect();
        let mut arguments = names.clone();
        arguments["logEvents"] = json!(batch);
        let answer = moto.call("logs", "put_log_events", &arguments);
        assert!(answer["error"].is_null(), "{answer}");
    }
    events
}

/// Follows the tokens to the end, which is the token that was sent.
async fn read(aws: &Aws, stream: &LogStream) -> (Vec<LogEvent>, usize) {
    let (mut all, mut pages, mut token) = (Vec::new(), 0, None);
    let reading = async {
        loop {
            let page = aws.log_page(stream, token.as_deref()).await.expect("a page");
            let LogPage::Events { events, next } = page else { panic!("the stream is gone") };
            if events.is_empty() && next == token {
                return;
            }
            pages += usize::from(!events.is_empty());
            all.extend(events);
            token = next;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.expect("the log has an end");
    (all, pages)
}
