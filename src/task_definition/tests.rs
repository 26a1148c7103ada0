//! The seed's definition (sandbox/fixtures), read, patched, compared and shown.

use std::io::Write;
use std::path::Path;

use serde_json::json;

use super::*;

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

fn set(name: &str, value: &str) -> Patch {
    Patch { image: "x:1".into(), environment: vec![(name.into(), value.into())], command: None }
}

fn database() -> Patch {
    Patch {
        image: "123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:0af1".into(),
        environment: vec![("DATABASE_NAME".into(), "healthtech_experiment".into())],
        command: None,
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
fn the_migration_container_is_named_or_the_only_essential_one() {
    let two = read(json!({"family": "f", "containerDefinitions": [
        {"name": "agent", "essential": false}, {"name": "migration"}]}));
    assert_eq!(two.migration_container(None).unwrap(), "migration");
    assert_eq!(two.migration_container(Some("agent")).unwrap(), "agent");
    let unknown = two.migration_container(Some("web")).unwrap_err();
    assert_eq!(unknown.message, "task definition f has no container web");
    assert_eq!(unknown.hint.unwrap(), "its containers: agent, migration; choose with --container");

    let both = read(json!({"family": "f", "containerDefinitions": [
        {"name": "web", "essential": null}, {"name": "migration", "essential": true}]}));
    let several = both.migration_container(None).unwrap_err();
    assert_eq!(several.message, "task definition f has 2 essential containers and none was chosen");
    assert_eq!(several.hint.unwrap(), "choose the one that migrates with --container: migration, web");

    let none = read(json!({"family": "f", "containerDefinitions": [{"name": "a", "essential": false}]}));
    assert!(none.migration_container(None).unwrap_err().message.contains("no essential container"));
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
fn the_variable_is_added_updated_and_left_once() {
    let entry = json!({"name": "DATABASE_NAME", "value": "v"});
    let other = json!({"name": "A", "value": "DATABASE_NAME"});
    let old = json!({"name": "DATABASE_NAME", "value": "old"});
    for (before, after) in [
        (json!({}), json!([entry])),
        (json!({"environment": null}), json!([entry])),
        (json!({"environment": []}), json!([entry])),
        (json!({"environment": [other]}), json!([other, entry])),
        (json!({"environment": [old, other]}), json!([entry, other])),
        (json!({"environment": [other, old, old, entry]}), json!([other, entry])),
        (json!({"environment": [{"name": "DATABASE_NAME"}]}), json!([entry])),
        (
            json!({"environment": [{"name": "DATABASE_NAME", "value": null, "x": 1}]}),
            json!([{"name": "DATABASE_NAME", "value": "v", "x": 1}]),
        ),
        (
            json!({"environment": [{"name": "database_name", "value": "v"}]}),
            json!([{"name": "database_name", "value": "v"}, entry]),
        ),
    ] {
        let patched =
            with_container(before.clone()).patched("migration", &set("DATABASE_NAME", "v")).unwrap();
        assert_eq!(patched.register_input()["containerDefinitions"][0]["environment"], after, "{before}");
    }
}

#[test]
fn values_are_taken_as_they_are() {
    for value in ["a=b", "'\"$`\\", "line\nline\r\n", "数据库 ✓", "", " x "] {
        let patched = with_container(json!({})).patched("migration", &set("V", value)).unwrap();
        assert_eq!(patched.environment("migration", "V"), Some(value));
    }
}

#[test]
fn a_patched_document_is_no_revision_yet() {
    let patched = read(seed()).patched("migration", &database()).unwrap();
    assert_eq!((patched.arn(), patched.revision(), patched.status()), (None, None, None));
    assert!(patched.is_fargate_compatible());
}

#[test]
fn a_command_is_replaced_only_when_asked_for() {
    let mut patch = database();
    assert_eq!(
        read(seed()).patched("migration", &patch).unwrap().command("migration").unwrap(),
        ["app", "migrate"]
    );
    patch.command = Some(vec!["app".into(), "status".into()]);
    assert_eq!(
        read(seed()).patched("migration", &patch).unwrap().command("migration").unwrap(),
        ["app", "status"]
    );
}

#[test]
fn a_secret_of_the_same_name_is_refused_with_the_fix() {
    let failure = read(seed()).patched("migration", &set("DATABASE_HOST", "x")).unwrap_err();
    assert_eq!(
        failure.message,
        "container migration of task definition startupwebapp-migration-task:2 takes DATABASE_HOST from a secret, so \
         it can not be set per database"
    );
    let hint = failure.hint.unwrap();
    assert!(hint.contains("remove DATABASE_HOST from the `secrets` of container migration in family startupwebapp-migration-task"));
    assert!(hint.contains("--database-variable"));
}

#[test]
fn impossible_patches_are_refused() {
    for name in ["", "A=B", "A\0"] {
        assert!(with_container(json!({})).patched("migration", &set(name, "x")).is_err(), "{name:?}");
    }
    let unknown = read(seed()).patched("web", &database()).unwrap_err();
    assert_eq!(unknown.message, "task definition startupwebapp-migration-task:2 has no container web");
    assert_eq!(unknown.hint.unwrap(), "its containers: migration; choose with --container");
}

#[test]
fn what_ecs_adds_makes_no_difference() {
    let sent = read(json!({
        "family": "f", "networkMode": "awsvpc", "cpu": "0.25 vCPU", "memory": "0.5GB",
        "containerDefinitions": [{"name": "a", "image": "x", "portMappings": [{"containerPort": 80}],
            "environment": [{"value": "2", "name": "B"}, {"name": "A", "value": "1"}],
            "logConfiguration": {"logDriver": "awslogs"}}],
        "tags": [{"key": "b", "value": "2"}, {"key": "a", "value": "1"}],
    }));
    let answered = read(json!({"taskDefinition": {
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/f:1", "revision": 1,
        "containerDefinitions": [{"image": "x", "name": "a", "cpu": 0, "essential": true, "mountPoints": [],
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}], "volumesFrom": [],
            "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "systemControls": [],
            "logConfiguration": {"logDriver": "awslogs", "options": {}, "secretOptions": []}}],
        "networkMode": "awsvpc", "family": "f", "volumes": [], "placementConstraints": [], "cpu": "256",
        "memory": "512", "status": "ACTIVE"},
        "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}));
    assert!(sent.same_as(&answered) && answered.same_as(&sent));
    assert_eq!(sent.diff(&answered, &[]), "");
}

#[test]
fn what_could_run_differently_is_not_the_same() {
    let base = json!({"family": "f", "cpu": "256", "containerDefinitions": [
        {"name": "a", "image": "x", "command": ["app", "migrate"], "dockerLabels": {},
         "environment": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        {"name": "b", "image": "y"}]});
    let changes: [(&str, Value); 14] = [
        ("/family", json!("g")),
        ("/cpu", json!("512")),
        ("/cpu", json!("256.5 vCPU x")),
        ("/containerDefinitions/0/image", json!("x:1")),
        ("/containerDefinitions/0/command", json!(["migrate", "app"])),
        ("/containerDefinitions/0/command", json!([])),
        ("/containerDefinitions/0/environment/0/value", json!("3")),
        (
            "/containerDefinitions/0/environment",
            json!([{"name": "A", "value": "2"}, {"name": "A", "value": "1"}]),
        ),
        ("/containerDefinitions/0/environment", json!([{"name": "A", "value": "1"}])),
        ("/containerDefinitions/0/dockerLabels", json!({"a": null})),
        ("/containerDefinitions/0/dockerLabels", json!([])),
        ("/containerDefinitions/1/name", json!("c")),
        ("/containerDefinitions/1", json!({"name": "b", "image": "y", "essential": false})),
        ("/containerDefinitions/1", json!({"name": "b", "image": "y", "future": []})),
    ];
    for (pointer, value) in changes {
        let mut changed = base.clone();
        *changed.pointer_mut(pointer).unwrap() = value.clone();
        let (base, changed) = (read(base.clone()), read(changed));
        assert!(!base.same_as(&changed), "{pointer} {value}");
        assert_ne!(base.diff(&changed, &[]), "", "{pointer} {value}");
    }
    let mut swapped = base.clone();
    swapped["containerDefinitions"].as_array_mut().unwrap().swap(0, 1);
    assert!(!read(base.clone()).same_as(&read(swapped.clone())));
    assert_ne!(read(base).diff(&read(swapped), &[]), "");
}

#[test]
fn the_diff_shows_what_we_set_and_hides_the_rest() {
    let seed = read(seed());
    let patched = seed.patched("migration", &database()).unwrap();
    insta::assert_snapshot!(seed.diff(&patched, &["DATABASE_NAME"]), @r"
    --- startupwebapp-migration-task:2
    +++ startupwebapp-migration-task (next revision)
    @@ container migration @@
      command = (hidden)
      essential = true
    - image = 123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend:latest
    + image = 123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:0af1
      logConfiguration.logDriver = awslogs
      logConfiguration.options.awslogs-group = /ecs/startupwebapp-migrations
      logConfiguration.options.awslogs-region = us-east-1
    @@ container migration: environment @@
      AWS_REGION = (hidden)
    + DATABASE_NAME = healthtech_experiment
      DB_SECRET_NAME = (hidden)
    ");
    let twice = patched.patched("migration", &database()).unwrap();
    assert_eq!(patched.diff(&twice, &["DATABASE_NAME"]), "");
}

#[test]
fn the_diff_marks_hidden_changes_and_tells_no_secret() {
    let before = read(json!({"family": "f", "containerDefinitions": [{
        "name": "a\u{202e}", "image": "x", "command": ["app", "--password", "s3cret"],
        "environment": [{"name": "TOKEN", "value": "s3cret"}, {"name": "GONE", "value": "s3cret"}],
        "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/old"}],
        "dockerLabels": {"traefik": "s3cret"},
        "healthCheck": {"command": ["CMD", "curl", "-u", "s3cret"], "interval": 30},
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "s3cret", "mode": "blocking"}},
        "future": {"list": [{"deep": "s3cret"}]},
    }]}));
    let after = read(json!({"family": "f", "containerDefinitions": [{
        "name": "a\u{202e}", "image": "x", "command": ["app", "migrate", "\u{1b}[2J"],
        "environment": [{"name": "TOKEN", "value": "s3cret2"}, {"name": "NEW", "value": "s3cret"},
            {"name": "OURS", "value": "two\nlines"}],
        "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/new"}],
        "dockerLabels": {"traefik": "s3cret2"},
        "healthCheck": {"command": ["CMD", "curl", "-u", "s3cret2"], "interval": 60},
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "s3cret2", "mode": "blocking"}},
        "future": {"list": [{"deep": "s3cret2"}]},
    }], "tags": [{"key": "Team", "value": "shop"}]}));
    let diff = before.diff(&after, &["OURS"]);
    assert!(!diff.contains("s3cret"), "{diff}");
    insta::assert_snapshot!(diff, @r#"
    --- f
    +++ f (next revision)
    @@ container a\u{202e} @@
    - command = (hidden)
    - dockerLabels.traefik = (hidden)
    + command = ["app", "migrate", "\u001b[2J"]
    + dockerLabels.traefik = (hidden, changed)
      essential = true
    - future.list[0].deep = (hidden)
    - healthCheck.command = (hidden)
    - healthCheck.interval = 30
    + future.list[0].deep = (hidden, changed)
    + healthCheck.command = (hidden, changed)
    + healthCheck.interval = 60
      image = x
      logConfiguration.logDriver = splunk
      logConfiguration.options.mode = blocking
    - logConfiguration.options.splunk-token = (hidden)
    + logConfiguration.options.splunk-token = (hidden, changed)
    @@ container a\u{202e}: environment @@
    - GONE = (hidden)
    - TOKEN = (hidden)
    + NEW = (hidden)
    + OURS = two⏎lines
    + TOKEN = (hidden, changed)
    @@ container a\u{202e}: secrets @@
    - KEY ← arn:aws:ssm:us-east-1:123456789012:parameter/old
    + KEY ← arn:aws:ssm:us-east-1:123456789012:parameter/new
    @@ tags @@
    + Team = shop
    "#);
}

#[test]
fn debug_tells_names_only() {
    let shown = format!("{:?} {:?}", read(seed()), set("PASSWORD", "s3cret"));
    assert!(shown.contains("startupwebapp-migration-task") && shown.contains("PASSWORD"));
    assert!(!shown.contains("s3cret") && !shown.contains("us-east-1\""), "{shown}");
}
