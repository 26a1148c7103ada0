use super::*;
use serde_json::json;

fn fargate(cpu: &str, memory: &str) -> Value {
    json!({
        "family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": cpu,
        "memory": memory, "executionRoleArn": "arn:aws:iam::123456789012:role/r",
        "containerDefinitions": [{"name": "c", "image": "i"}],
    })
}

#[test]
fn fargate_sizes() {
    for (cpu, memory, fits) in [
        ("256", "512", true),
        ("256", "1536", false),
        ("256", "4096", false),
        ("1 vCPU", "2GB", true),
        ("8192", "20480", true),
        ("300", "512", false),
    ] {
        assert_eq!(check(&fargate(cpu, memory)).is_ok(), fits, "{cpu} {memory}");
    }
}

/// The answer to a definition for Fargate with `value` at `pointer`; none when it is registered.
fn refusal(pointer: &str, value: Value) -> Option<String> {
    let mut document = fargate("256", "512");
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    document.pointer_mut(parent).expect("a place")[key] = value;
    let error = check(&document).err()?;
    assert_eq!(error.code, "ClientException", "{}", error.message);
    Some(error.message)
}

#[test]
fn what_ecs_refuses() {
    let logs = |driver: &str, options: Value| json!({"logDriver": driver, "options": options});
    for (pointer, value, words) in [
        ("/family", json!("a b"), "Family contains invalid characters"),
        ("/networkMode", json!("bridge"), "Fargate only supports network mode"),
        ("/cpu", json!(null), "Fargate requires that 'cpu' be defined"),
        ("/memory", json!(null), "Fargate requires that 'memory' be defined"),
        ("/containerDefinitions", json!([]), "null or empty"),
        ("/pad", json!("x".repeat(70_000)), "exceeds the maximum task definition length"),
        ("/ipcMode", json!("task"), "do not support ipcMode"),
        ("/pidMode", json!("host"), "do not support pidMode 'host'"),
        ("/placementConstraints", json!([{"type": "memberOf"}]), "do not support constraints"),
        ("/ephemeralStorage", json!({"sizeInGiB": 20}), "at least 21"),
        ("/ephemeralStorage", json!({"sizeInGiB": 201}), "at most 200"),
        (
            "/volumes",
            json!([{"name": "v", "dockerVolumeConfiguration": {"scope": "task"}}]),
            "dockerVolumeConfiguration",
        ),
        ("/volumes", json!([{"name": "v", "host": {"sourcePath": "/"}}]), "sourcePath"),
        (
            "/volumes",
            json!([{"name": "v", "configuredAtLaunch": true}, {"name": "w", "configuredAtLaunch": true}]),
            "one volume",
        ),
        (
            "/volumes",
            json!([{"name": "v", "configuredAtLaunch": true, "efsVolumeConfiguration": {}}]),
            "only one volume configuration type",
        ),
        (
            "/volumes",
            json!([{"name": "v", "efsVolumeConfiguration": {"authorizationConfig": {"iam": "ENABLED"}}}]),
            "requires TransitEncryption",
        ),
        (
            "/volumes",
            json!([{"name": "v", "efsVolumeConfiguration": {
                "rootDirectory": "/a", "authorizationConfig": {"accessPointId": "fsap-1"}}}]),
            "root directory must either",
        ),
        (
            "/runtimePlatform",
            json!({"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
            "No Fargate configuration",
        ),
        ("/containerDefinitions/0/essential", json!(false), "any essential container"),
        ("/containerDefinitions/0/cpu", json!(257), "greater than for the task"),
        ("/containerDefinitions/0/memory", json!(1024), "greater than for the task"),
        ("/containerDefinitions/0/privileged", json!(true), "'privileged' setting be 'false'"),
        ("/containerDefinitions/0/links", json!(["db"]), "Links are not supported"),
        ("/containerDefinitions/0/hostname", json!("h"), "hostname is not supported"),
        ("/containerDefinitions/0/dnsServers", json!(["10.0.0.2"]), "DNS servers are not supported"),
        ("/containerDefinitions/0/disableNetworking", json!(true), "Disable Networking"),
        ("/containerDefinitions/0/dockerSecurityOptions", json!(["x"]), "dockerSecurityOptions"),
        ("/containerDefinitions/0/resourceRequirements", json!([{"type": "GPU", "value": "1"}]), "GPU"),
        ("/containerDefinitions/0/linuxParameters", json!({"sharedMemorySize": 64}), "sharedMemorySize"),
        ("/containerDefinitions/0/linuxParameters", json!({"maxSwap": 0}), "maxSwap"),
        ("/containerDefinitions/0/linuxParameters", json!({"capabilities": {"add": ["ALL"]}}), "SYS_PTRACE"),
        (
            "/containerDefinitions/0/portMappings",
            json!([{"containerPort": 80, "hostPort": 8080}]),
            "must match",
        ),
        ("/containerDefinitions/0/stopTimeout", json!(121), "less than 120 seconds"),
        ("/containerDefinitions/0/stopTimeout", json!(1), "at least 2 seconds"),
        (
            "/containerDefinitions/0/restartPolicy",
            json!({"enabled": true, "restartAttemptPeriod": 59}),
            "60 and 1800",
        ),
        (
            "/containerDefinitions/0/restartPolicy",
            json!({"enabled": true, "restartAttemptPeriod": 1801}),
            "60 and 1800",
        ),
        (
            "/containerDefinitions/0/restartPolicy",
            json!({"enabled": true, "ignoredExitCodes": vec![1; 51]}),
            "50 exit codes or less",
        ),
        ("/containerDefinitions/0/healthCheck", json!({"command": ["CMD", "x"], "interval": 4}), "interval"),
        ("/containerDefinitions/0/mountPoints", json!([{"sourceVolume": "v"}]), "Unknown volume 'v'"),
        ("/containerDefinitions/0/volumesFrom", json!([{"sourceContainer": "d"}]), "Unknown container: 'd'"),
        (
            "/containerDefinitions/0/dependsOn",
            json!([{"containerName": "d", "condition": "START"}]),
            "does not exist",
        ),
        (
            "/containerDefinitions/0/dependsOn",
            json!([{"containerName": "c", "condition": "START"}]),
            "a cycle",
        ),
        (
            "/containerDefinitions/0/dependsOn",
            json!([{"containerName": "c", "condition": "SUCCESS"}]),
            "cannot be an essential",
        ),
        (
            "/containerDefinitions/0/dependsOn",
            json!([{"containerName": "c", "condition": "HEALTHY"}]),
            "must have health check",
        ),
        (
            "/containerDefinitions/0/environmentFiles",
            json!([{"type": "s3", "value": "a.env"}]),
            "Invalid arn syntax",
        ),
        (
            "/containerDefinitions/0/logConfiguration",
            logs("json-file", json!({})),
            "is not a valid log driver",
        ),
        (
            "/containerDefinitions/0/logConfiguration",
            logs("awslogs", json!({"awslogs-group": "g", "awslogs-region": "r"})),
            "awslogs-stream-prefix",
        ),
        (
            "/containerDefinitions/0/firelensConfiguration",
            json!({"type": "fluentbit", "options": {"config-file-type": "s3"}}),
            "config file from 's3'",
        ),
    ] {
        let said = refusal(pointer, value.clone());
        assert!(said.as_ref().is_some_and(|said| said.contains(words)), "{pointer} {value}: {said:?}");
    }
    let mut shared = fargate("256", "512");
    shared["containerDefinitions"][0]["environment"] = json!([{"name": "A", "value": "1"}]);
    shared["containerDefinitions"][0]["secrets"] = json!([{"name": "A", "valueFrom": "arn"}]);
    assert!(check(&shared).expect_err("a refusal").message.starts_with("The secret name must be unique"));
}

#[test]
fn what_ecs_takes() {
    for (pointer, value) in [
        ("/pidMode", json!("task")),
        ("/ephemeralStorage", json!({"sizeInGiB": 21})),
        ("/volumes", json!([{"name": "v", "configuredAtLaunch": true}])),
        ("/containerDefinitions/0/linuxParameters", json!({"tmpfs": [{"containerPath": "/run", "size": 1}]})),
        ("/containerDefinitions/0/portMappings", json!([{"containerPort": 80, "hostPort": 80}])),
        ("/containerDefinitions/0/stopTimeout", json!(120)),
        ("/containerDefinitions/0/restartPolicy", json!({"enabled": true})),
        (
            "/containerDefinitions/0/restartPolicy",
            json!({"enabled": true, "restartAttemptPeriod": 1800, "ignoredExitCodes": vec![1; 50]}),
        ),
        ("/containerDefinitions/0/repositoryCredentials", json!({"credentialsParameter": "arn"})),
    ] {
        assert_eq!(refusal(pointer, value.clone()), None, "{pointer} {value}");
    }
}

#[test]
fn what_needs_the_execution_role() {
    let logs = json!({"logDriver": "awslogs", "options": {
        "awslogs-group": "g", "awslogs-region": "r", "awslogs-stream-prefix": "p"}});
    for (member, value, words) in [
        ("image", json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1"), "to support ECR images"),
        ("image", json!("127.0.0.1:5000/a:1"), "to support ECR images"),
        ("secrets", json!([{"name": "A", "valueFrom": "arn"}]), "container secrets"),
        (
            "repositoryCredentials",
            json!({"credentialsParameter": "arn"}),
            "Private repository authentication",
        ),
        ("environmentFiles", json!([{"type": "s3", "value": "arn:aws:s3:::b/a.env"}]), "environment files"),
        ("logConfiguration", logs, "support log driver awslogs"),
    ] {
        let mut document = fargate("256", "512");
        document["containerDefinitions"][0][member] = value;
        assert!(check(&document).is_ok(), "{member}");
        document["executionRoleArn"] = Value::Null;
        let said = check(&document).expect_err(member).message;
        assert!(said.contains(words), "{member}: {said}");
    }
    let mut document = fargate("256", "512");
    document["containerDefinitions"][0]["image"] = json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1");
    document["containerDefinitions"][0]["repositoryCredentials"] = json!({"credentialsParameter": "arn"});
    let said = check(&document).expect_err("a refusal").message;
    assert!(said.starts_with("Private repository credentials are not a supported"), "{said}");
}
