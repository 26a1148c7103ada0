//! What is refused of a document that is to run on Fargate, before ECS is asked.

use super::*;

/// A definition for Fargate that ECS takes.
fn fit() -> Value {
    json!({
        "family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/r",
        "containerDefinitions": [
            {"name": "migration", "image": "x:1"}, {"name": "sidecar", "image": "y:1", "essential": false},
        ],
    })
}

/// The fit definition with `value` at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = fit();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

fn judged(document: Value) -> Option<String> {
    let failure = read(document).check_rules("migration", None).err()?;
    assert_eq!(failure.exit_code, crate::failure::ExitCode::BadInput);
    assert!(failure.hint.is_some_and(|hint| !hint.is_empty()), "{}", failure.message);
    Some(failure.message)
}

#[test]
fn what_ecs_takes_is_taken() {
    assert_eq!(judged(fit()), None);
    assert_eq!(judged(seed()), None);
    for (pointer, value) in [
        ("/cpu", json!("1 vCPU")),
        ("/pidMode", json!("task")),
        ("/ephemeralStorage", json!({"sizeInGiB": 200})),
        ("/ephemeralStorage", Value::Null),
        ("/placementConstraints", json!([])),
        ("/volumes", json!([{"name": "v", "host": {}}, {"name": "w", "configuredAtLaunch": false}])),
        ("/containerDefinitions/0/privileged", json!(false)),
        ("/containerDefinitions/0/links", json!([])),
        ("/containerDefinitions/0/hostname", json!("")),
        ("/containerDefinitions/0/restartPolicy", json!({"enabled": false, "restartAttemptPeriod": 60})),
        // Another container may begin again: the task ends with the migration.
        ("/containerDefinitions/1/restartPolicy", json!({"enabled": true})),
        (
            "/containerDefinitions/0/portMappings",
            json!([{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]),
        ),
        (
            "/containerDefinitions/0/linuxParameters",
            json!({"tmpfs": [{}], "capabilities": {"add": ["SYS_PTRACE"]}}),
        ),
        ("/containerDefinitions/0/ulimits", json!([{"name": "core", "softLimit": 0, "hardLimit": -1}])),
        ("/containerDefinitions/0/dependsOn", json!([{"containerName": "sidecar", "condition": "SUCCESS"}])),
        ("/containerDefinitions/0/repositoryCredentials", json!({"credentialsParameter": "arn"})),
        ("/containerDefinitions/0/memory", json!(512)),
        ("/containerDefinitions/0/stopTimeout", json!(120)),
        ("/futureField", json!({"privileged": true})),
    ] {
        let mut document = with(pointer, value.clone());
        if pointer == "/cpu" {
            document["memory"] = json!("2 GB");
        }
        assert_eq!(judged(document), None, "{pointer} {value}");
    }
    // More than 16 vCPU is left to ECS.
    let mut large = with("/cpu", json!("32768"));
    large["memory"] = json!("131072");
    assert_eq!(judged(large), None);
}

#[test]
fn what_ecs_refuses_is_refused() {
    let logs = |driver: &str, options: Value| json!({"logDriver": driver, "options": options});
    let waits = |name: &str, condition: &str| json!([{"containerName": name, "condition": condition}]);
    let efs = |members: Value| json!([{"name": "v", "efsVolumeConfiguration": members}]);
    let many =
        |count: usize| (0..count).map(|n| json!({"name": format!("c{n}"), "image": "x"})).collect::<Vec<_>>();
    for (pointer, value, words) in [
        ("/family", json!("a.b"), "a family that ECS does not take"),
        ("/cpu", json!("300"), "cpu 300 with memory 512"),
        ("/memory", json!("4096"), "cpu 256 with memory 4096"),
        ("/memory", Value::Null, "no cpu or no memory"),
        ("/ephemeralStorage", json!({"sizeInGiB": 20}), "ephemeralStorage of a size"),
        ("/ephemeralStorage", json!({"sizeInGiB": 201}), "ephemeralStorage of a size"),
        ("/ipcMode", json!("task"), "ipcMode"),
        ("/pidMode", json!("host"), "pidMode host"),
        ("/placementConstraints", json!([{"type": "memberOf", "expression": "x"}]), "placementConstraints"),
        (
            "/proxyConfiguration",
            json!({"type": "APPMESH", "containerName": "envoy"}),
            "container envoy, which is not there",
        ),
        (
            "/runtimePlatform",
            json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
            "Windows needs 1024",
        ),
        ("/pad", json!("x".repeat(66_000)), "exceeds the maximum task definition length"),
        ("/tags", json!([{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]), "the tag a twice"),
        ("/tags", json!((0..51).map(|n| json!({"key": n.to_string()})).collect::<Vec<_>>()), "has 51 tags"),
        ("/tags", json!([{"key": "a", "value": "b&c"}]), "a character that tags do not have"),
        ("/tags", json!([{"key": "a", "value": "x".repeat(257)}]), "a value of 257 characters"),
        ("/tags", json!([{"key": "k".repeat(129), "value": ""}]), "a key of 129 characters"),
        (
            "/volumes",
            json!([{"name": "scratch", "configuredAtLaunch": true}]),
            "volume scratch, which is configured at launch",
        ),
        (
            "/volumes",
            json!([{"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}]),
            "a Docker volume",
        ),
        ("/volumes", json!([{"name": "v", "host": {"sourcePath": "/srv"}}]), "a directory of its host"),
        ("/volumes", efs(json!({})), "without a fileSystemId"),
        (
            "/volumes",
            efs(json!({"fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}})),
            "without transit encryption",
        ),
        (
            "/volumes",
            efs(json!({"fileSystemId": "fs-1", "transitEncryptionPort": 2999})),
            "without transit encryption",
        ),
        (
            "/volumes",
            efs(json!({"fileSystemId": "fs-1", "rootDirectory": "/a", "transitEncryption": "ENABLED",
                       "authorizationConfig": {"accessPointId": "fsap-1"}})),
            "an access point and a rootDirectory",
        ),
        ("/containerDefinitions", json!(many(11)), "11 containers"),
        ("/containerDefinitions/1/name", json!("side car"), "a name that ECS does not take"),
        ("/containerDefinitions/0/essential", json!(false), "no essential container"),
        ("/containerDefinitions/1/image", json!(""), "container sidecar without an image"),
        ("/containerDefinitions/1/image", json!("x".repeat(256)), "256 characters"),
        (
            "/containerDefinitions/0/restartPolicy",
            json!({"enabled": true}),
            "restartPolicy for container migration",
        ),
        (
            "/containerDefinitions/0/restartPolicy",
            json!({"enabled": true, "ignoredExitCodes": [0]}),
            "start the migration again",
        ),
        (
            "/containerDefinitions/1/restartPolicy",
            json!({"enabled": true, "restartAttemptPeriod": 59}),
            "restartAttemptPeriod 59",
        ),
        ("/containerDefinitions/1/privileged", json!(true), "container sidecar with privileged"),
        ("/containerDefinitions/0/links", json!(["sidecar"]), "with links"),
        ("/containerDefinitions/0/dnsServers", json!(["10.0.0.2"]), "with dnsServers"),
        ("/containerDefinitions/0/extraHosts", json!([{"hostname": "h"}]), "with extraHosts"),
        ("/containerDefinitions/0/disableNetworking", json!(true), "with disableNetworking"),
        ("/containerDefinitions/0/hostname", json!("h"), "with hostname"),
        ("/containerDefinitions/0/dockerSecurityOptions", json!(["x"]), "with dockerSecurityOptions"),
        (
            "/containerDefinitions/0/resourceRequirements",
            json!([{"type": "GPU", "value": "1"}]),
            "wants a GPU",
        ),
        (
            "/containerDefinitions/0/linuxParameters",
            json!({"devices": [{"hostPath": "/dev/x"}]}),
            "linuxParameters.devices",
        ),
        ("/containerDefinitions/0/linuxParameters", json!({"maxSwap": 0}), "linuxParameters.maxSwap"),
        (
            "/containerDefinitions/0/linuxParameters",
            json!({"capabilities": {"add": ["SYS_ADMIN"]}}),
            "SYS_ADMIN",
        ),
        (
            "/containerDefinitions/0/portMappings",
            json!([{"containerPort": 80, "hostPort": 8080}]),
            "maps port 80",
        ),
        (
            "/containerDefinitions/0/portMappings",
            json!([{"containerPort": 80, "hostPort": 0}]),
            "maps port 80",
        ),
        ("/containerDefinitions/0/memory", json!(513), "gives its containers 513 of memory"),
        ("/containerDefinitions/0/cpu", json!(257), "gives its containers 257 of cpu"),
        ("/containerDefinitions/0/stopTimeout", json!(121), "stopTimeout 121"),
        ("/containerDefinitions/0/stopTimeout", json!(1), "stopTimeout 1"),
        (
            "/containerDefinitions/0/healthCheck",
            json!({"command": ["CMD", "x"], "retries": 11}),
            "healthCheck.retries",
        ),
        (
            "/containerDefinitions/0/mountPoints",
            json!([{"sourceVolume": "v"}]),
            "mounts volume v, which is not there",
        ),
        (
            "/containerDefinitions/0/volumesFrom",
            json!([{"sourceContainer": "d"}]),
            "container d, which is not there",
        ),
        (
            "/containerDefinitions/0/dependsOn",
            waits("d", "START"),
            "waits for container d, which is not there",
        ),
        ("/containerDefinitions/1/dependsOn", waits("migration", "COMPLETE"), "which is essential"),
        ("/containerDefinitions/1/dependsOn", waits("migration", "HEALTHY"), "which has no healthCheck"),
        ("/containerDefinitions/1/dependsOn", waits("sidecar", "START"), "leads to itself or to a circle"),
        (
            "/containerDefinitions/0/environmentFiles",
            json!([{"value": "a.env", "type": "s3"}]),
            "a.env, which is not an ARN",
        ),
        ("/containerDefinitions/0/logConfiguration", logs("json-file", json!({})), "log driver json-file"),
        ("/containerDefinitions/0/logConfiguration", logs("awslogs", json!({})), "without awslogs-group"),
        (
            "/containerDefinitions/0/logConfiguration",
            logs("awslogs", json!({"awslogs-group": "g", "awslogs-stream-prefix": "p"})),
            "without awslogs-region",
        ),
        (
            "/containerDefinitions/0/logConfiguration",
            logs("awslogs", json!({"awslogs-group": "g", "awslogs-region": "r"})),
            "without awslogs-stream-prefix",
        ),
        (
            "/containerDefinitions/1/firelensConfiguration",
            json!({"type": "fluentbit", "options": {"config-file-type": "s3"}}),
            "takes its file from S3",
        ),
    ] {
        let said = judged(with(pointer, value.clone()));
        assert!(said.as_ref().is_some_and(|said| said.contains(words)), "{pointer} {value}: {said:?}");
    }
}

#[test]
fn a_variable_and_a_secret_of_one_name_are_refused_in_any_container() {
    let mut document = fit();
    document["containerDefinitions"][1]["environment"] = json!([{"name": "A", "value": "hunter2"}]);
    document["containerDefinitions"][1]["secrets"] = json!([{"name": "A", "valueFrom": "arn"}]);
    let said = judged(document).expect("a refusal");
    assert!(said.contains("container sidecar that is given A twice") && !said.contains("hunter2"), "{said}");
}

#[test]
fn containers_that_wait_for_each_other_are_refused() {
    let mut document = fit();
    document["containerDefinitions"][0]["dependsOn"] =
        json!([{"containerName": "sidecar", "condition": "START"}]);
    assert_eq!(judged(document.clone()), None);
    document["containerDefinitions"][1]["dependsOn"] =
        json!([{"containerName": "migration", "condition": "START"}]);
    assert!(judged(document).expect("a refusal").contains("a circle"));
}

#[test]
fn the_execution_role_is_wanted_by_what_needs_it() {
    let logs = json!({"logDriver": "awslogs", "options": {
        "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}});
    let splunk =
        json!({"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": "arn"}]});
    for (member, value, words) in [
        ("image", json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1"), "takes its image from ECR"),
        ("image", json!("123456789012.dkr-ecr.us-east-1.on.aws/a:1"), "takes its image from ECR"),
        ("image", json!("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1"), "takes its image from ECR"),
        ("secrets", json!([{"name": "A", "valueFrom": "arn"}]), "from secrets"),
        ("repositoryCredentials", json!({"credentialsParameter": "arn"}), "has repositoryCredentials"),
        (
            "environmentFiles",
            json!([{"type": "s3", "value": "arn:aws:s3:::b/a.env"}]),
            "has environmentFiles",
        ),
        ("logConfiguration", logs, "logs to CloudWatch Logs"),
        ("logConfiguration", splunk, "from secrets"),
    ] {
        let mut document = fit();
        document["containerDefinitions"][1][member] = value.clone();
        assert_eq!(judged(document.clone()), None, "{value}");
        for role in [Value::Null, json!("")] {
            document["executionRoleArn"] = role;
            let said = judged(document.clone()).unwrap_or_default();
            assert!(said.contains("no executionRoleArn, and its container sidecar"), "{said}");
            assert!(said.contains(words), "{said}");
        }
    }
    for image in ["public.ecr.aws/nginx/nginx:1", "nginx", "ghcr.io/a/b:1", "registry.example:5000/a"] {
        let mut document = with("/containerDefinitions/0/image", json!(image));
        document["executionRoleArn"] = Value::Null;
        assert_eq!(judged(document), None, "{image}");
    }
}

#[test]
fn a_rule_that_a_registered_definition_breaks_is_no_rule_any_more() {
    let base = read(with("/containerDefinitions/0/linuxParameters", json!({"sharedMemorySize": 64})));
    let patched = base.patched("migration", &set("A", "1")).unwrap();
    assert!(patched.check_rules("migration", None).is_err());
    assert_eq!(patched.check_rules("migration", Some(&base)), Ok(()));

    // What keeps a task from being started, or from migrating once, holds whatever was registered.
    let mut without_role = fit();
    without_role["executionRoleArn"] = Value::Null;
    let base = read(without_role);
    let patched = base.patched("migration", &database()).unwrap();
    assert!(patched.check_rules("migration", Some(&base)).is_err());
    let base = read(with("/volumes", json!([{"name": "v", "configuredAtLaunch": true}])));
    assert!(base.check_rules("migration", Some(&base)).is_err());
}

#[test]
fn credentials_of_another_registry_go_with_an_image_of_ecr_in_the_migration_container_alone() {
    let credentials =
        json!({"credentialsParameter": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub"});
    let mut document = with("/containerDefinitions/0/repositoryCredentials", credentials.clone());
    document["containerDefinitions"][1]["repositoryCredentials"] = credentials.clone();
    let base = read(document.clone());

    let elsewhere = base.patched("migration", &set("A", "1")).unwrap();
    assert_eq!(elsewhere.register_input()["containerDefinitions"][0]["repositoryCredentials"], credentials);

    let patched = base.patched("migration", &database()).unwrap();
    let containers = &patched.register_input()["containerDefinitions"];
    assert_eq!(containers[0].get("repositoryCredentials"), None);
    assert_eq!(containers[1]["repositoryCredentials"], credentials);
    assert_eq!(patched.check_rules("migration", None), Ok(()));
    let diff = base.diff(&patched, &[]);
    assert!(diff.contains("- repositoryCredentials.credentialsParameter = arn:aws:secretsmanager"), "{diff}");

    document["containerDefinitions"][1]["image"] = json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/s:1");
    let said = judged(document).expect("a refusal");
    assert!(said.contains("container sidecar with repositoryCredentials and an image of ECR"), "{said}");
}
