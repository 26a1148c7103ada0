//! The seed's definition (sandbox/fixtures), read, patched, compared and shown.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::*;

mod diff;
mod ecs_rules;
mod patch;
mod same;

fn seed() -> Value {
    serde_json::from_str(include_str!("../../sandbox/fixtures/describe-task-definition.json")).unwrap()
}

fn read(document: Value) -> TaskDefinition {
    TaskDefinition::from_json(document, "test").unwrap()
}

/// A bare definition with one container that has `fields`.
fn with_container(fields: Value) -> TaskDefinition {
    let mut container = json!({"name": "migration", "image": "x:1"});
    container.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    read(json!({"family": "f", "containerDefinitions": [container]}))
}

fn set(name: &str, value: &str) -> Patch<'static> {
    Patch { image: "x:1".into(), environment: vec![(name.into(), value.into())], ..Patch::default() }
}

fn database() -> Patch<'static> {
    Patch {
        image: "123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:0af1".into(),
        environment: vec![("DATABASE_NAME".into(), "healthtech_experiment".into())],
        ..Patch::default()
    }
}

fn refusal(document: Value) -> String {
    let failure = TaskDefinition::from_json(document, "repo/task.json").unwrap_err();
    assert!(failure.hint.is_some());
    failure.message
}

#[test]
fn the_seed_is_read() {
    let seed = read(seed());
    assert_eq!(seed.family(), "startupwebapp-migration-task");
    assert_eq!(seed.name(), "startupwebapp-migration-task:2");
    assert_eq!(
        seed.arn(),
        Some("arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:2")
    );
    assert_eq!(seed.status(), Some("ACTIVE"));
    assert_eq!(seed.container_names(), ["migration"]);
    assert_eq!(seed.migration_container(None).unwrap(), "migration");
    assert_eq!(
        seed.image("migration"),
        Some("123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend:latest")
    );
    assert_eq!(seed.environment("migration", "AWS_REGION"), Some("us-east-1"));
    assert_eq!(seed.environment("migration", "DATABASE_NAME"), None);
    assert_eq!(seed.command("migration").unwrap(), ["app", "migrate"]);
    assert_eq!(seed.platform().unwrap(), "linux/amd64");
    assert_eq!(seed.network_mode(), Some("awsvpc"));
    assert!(seed.is_fargate_compatible());
    let logs = Logs::Awslogs {
        region: Some("us-east-1".into()),
        group: "/ecs/startupwebapp-migrations".into(),
        stream_prefix: "migration".into(),
        blocking: false,
    };
    assert_eq!(seed.logs("migration"), logs);
}

#[test]
fn what_is_registered_lacks_the_read_only_keys_and_has_the_tags() {
    let seed = read(seed());
    let keys: Vec<&String> = seed.register_input().as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "containerDefinitions",
            "family",
            "taskRoleArn",
            "executionRoleArn",
            "networkMode",
            "volumes",
            "placementConstraints",
            "requiresCompatibilities",
            "cpu",
            "memory",
            "tags"
        ]
    );
    assert_eq!(seed.register_input()["tags"][0], json!({"key": "Application", "value": "StartupWebApp"}));
}

#[test]
fn all_three_forms_of_the_document_are_the_same() {
    let described = read(seed());
    let bare = read(seed()["taskDefinition"].clone());
    let input = read(described.register_input().clone());
    assert_eq!(described.register_input(), input.register_input());
    assert_eq!(bare.arn(), described.arn());
    assert!(described.same_as(&input));
    assert!(!described.same_as(&bare), "the bare form has lost the tags");
}

#[test]
fn tags_of_aws_are_not_sent_back() {
    let mut body = seed();
    body["tags"].as_array_mut().unwrap().push(json!({"key": "AWS:cloudformation:stack-name", "value": "x"}));
    assert_eq!(read(body).register_input()["tags"].as_array().unwrap().len(), 2);
    let mut body = seed();
    body["tags"] = json!([{"key": "aws:cloudformation:stack-name", "value": "x"}]);
    assert_eq!(read(body).register_input().get("tags"), None);
}

#[test]
fn malformed_documents_are_refused() {
    for (document, expected) in [
        (json!([]), "the document is not a JSON object"),
        (json!("x"), "the document is not a JSON object"),
        (json!({"taskDefinition": "f:1"}), "its taskDefinition is not an object"),
        (json!({}), "it has no family"),
        (json!({"family": 1}), "it has no family"),
        (json!({"family": "f"}), "it has no list containerDefinitions"),
        (json!({"family": "f", "containerDefinitions": {}}), "it has no list containerDefinitions"),
        (json!({"family": "f", "containerDefinitions": []}), "its containerDefinitions are empty"),
        (json!({"family": "f", "containerDefinitions": [1]}), "containerDefinitions[0] is not an object"),
        (json!({"family": "f", "containerDefinitions": [{}]}), "containerDefinitions[0] has no name"),
        (
            json!({"family": "f", "containerDefinitions": [{"name": "a"}, {"name": "a"}]}),
            "two containers are named a",
        ),
        (
            json!({"family": "f", "containerDefinitions": [{"name": "a", "environment": {"A": "1"}}]}),
            "the environment of container a is not a list of objects",
        ),
        (
            json!({"family": "f", "containerDefinitions": [{"name": "a\u{1b}[2J", "secrets": ["A"]}]}),
            "the secrets of container a is not a list of objects",
        ),
        (
            json!({"family": "f", "tags": {"a": "b"}, "containerDefinitions": [{"name": "a"}]}),
            "its tags are not a list",
        ),
    ] {
        assert_eq!(refusal(document), format!("read task definition repo/task.json: {expected}"));
    }
}

#[test]
fn files_are_read_or_refused_with_a_hint() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{}", seed()).unwrap();
    assert_eq!(TaskDefinition::from_file(file.path()).unwrap().family(), "startupwebapp-migration-task");
    write!(file, "{{").unwrap();
    let broken = TaskDefinition::from_file(file.path()).unwrap_err();
    assert!(broken.message.contains("it is not JSON"), "{}", broken.message);
    assert!(broken.hint.is_some());
    let missing = TaskDefinition::from_file(Path::new("no/such/task.json")).unwrap_err();
    assert!(missing.message.starts_with("read task definition no/such/task.json: No such file"));
    assert!(missing.hint.unwrap().contains("--task-definition"));
}

#[test]
fn log_configurations_are_told_apart() {
    let logs =
        |configuration: Value| with_container(json!({"logConfiguration": configuration})).logs("migration");
    assert_eq!(logs(Value::Null), Logs::None);
    assert_eq!(logs(json!({"logDriver": "awsfirelens"})), Logs::OtherDriver("awsfirelens".into()));
    let options = json!({"awslogs-group": "g", "awslogs-stream-prefix": "p", "mode": "blocking"});
    assert_eq!(
        logs(json!({"logDriver": "awslogs", "options": options})),
        Logs::Awslogs { region: None, group: "g".into(), stream_prefix: "p".into(), blocking: true }
    );
    assert_eq!(
        logs(json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}})),
        Logs::Unlocatable { missing: "awslogs-stream-prefix" }
    );
    assert_eq!(logs(json!({"logDriver": "awslogs"})), Logs::Unlocatable { missing: "awslogs-group" });
}

#[test]
fn platforms_are_linux() {
    let platform = |runtime: Value| {
        let mut document = seed()["taskDefinition"].clone();
        document["runtimePlatform"] = runtime;
        read(document).platform().map_err(|failure| failure.message)
    };
    assert_eq!(platform(Value::Null).unwrap(), "linux/amd64");
    assert_eq!(platform(json!({"operatingSystemFamily": "LINUX"})).unwrap(), "linux/amd64");
    assert_eq!(platform(json!({"cpuArchitecture": "ARM64"})).unwrap(), "linux/arm64");
    assert!(
        platform(json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}))
            .unwrap_err()
            .contains("WINDOWS")
    );
    assert!(platform(json!({"cpuArchitecture": "RISCV"})).unwrap_err().contains("RISCV"));
}

#[test]
fn fargate_is_what_ecs_found_or_the_document_requires() {
    let fargate = |fields: Value| {
        let mut document = json!({"family": "f", "containerDefinitions": [{"name": "a"}]});
        document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        read(document).is_fargate_compatible()
    };
    assert!(!fargate(json!({})));
    assert!(!fargate(json!({"compatibilities": ["EC2"], "requiresCompatibilities": ["EC2"]})));
    assert!(fargate(json!({"compatibilities": ["EC2", "FARGATE"], "requiresCompatibilities": []})));
    assert!(fargate(json!({"requiresCompatibilities": ["FARGATE"]})));
    assert!(!fargate(json!({"requiresCompatibilities": ["EC2"], "networkMode": "awsvpc"})));
    assert!(fargate(json!({"networkMode": "awsvpc", "cpu": "256", "memory": "512"})));
}

#[test]
fn debug_tells_names_only() {
    let shown = format!("{:?} {:?}", read(seed()), set("PASSWORD", "s3cret"));
    assert!(shown.contains("startupwebapp-migration-task") && shown.contains("PASSWORD"));
    assert!(!shown.contains("s3cret") && !shown.contains("us-east-1\""), "{shown}");
}

#[test]
fn numbers_beyond_64_bits_survive_the_patch() {
    let numbers = r#"{"big":18446744073709551616,"negative":-9223372036854775809,"huge":1e400,"fine":0.10000000000000000001}"#;
    let mut file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    let text = format!(
        r#"{{"family":"f","future":{numbers},"containerDefinitions":[{{"name":"migration","image":"x:1","future":{numbers}}}]}}"#
    );
    file.write_all(text.as_bytes()).unwrap();
    let base = TaskDefinition::from_file(file.path()).unwrap();
    let patched = base.patched("migration", &set("DATABASE_NAME", "a")).unwrap();
    let registered = crate::exact_json::text(patched.register_input());
    assert_eq!(registered.matches(numbers).count(), 2, "{registered}");
    assert!(!registered.contains('\u{f8ff}'), "{registered}");

    let again = read(crate::exact_json::parse(text.as_bytes()).unwrap());
    assert!(base.same_as(&again));
    let other = text.replacen("18446744073709551616", "18446744073709551617", 1);
    let other = read(crate::exact_json::parse(other.as_bytes()).unwrap());
    assert!(!base.same_as(&other));
    let diff = base.diff(&other, &[]);
    assert!(
        diff.contains("- future.big = 18446744073709551616\n+ future.big = 18446744073709551617"),
        "{diff}"
    );
}
