//! Where MiniStack is not AWS. Each is looked at, so that a version that does better shortens the list, and nobody
//! takes MiniStack's word for what is in it.

use std::time::{Duration, Instant};

use sandbox::seed;
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;

/// What a task says whose image cannot be pulled.
pub const MISSING_IMAGE_REASON: &str = "ResourceInitializationError: unable to pull image or start container";

/// What it reports for a container that StopTask ended; AWS reports 137 or 143.
pub const EXIT_CODE_OF_A_STOPPED_TASK: i32 = 0;

/// One difference, and whether it still is one.
pub struct Difference {
    pub ministack: &'static str,
    pub aws: &'static str,
    pub is_there: fn(&Elsewhere) -> bool,
}

pub const LISTED: &[Difference] = &[
    Difference {
        ministack: "RunTask ignores clientToken: a replay starts a second task",
        aws: "the first call's task",
        is_there: |ministack| {
            let task = || run_task(ministack, &json!({"clientToken": "one"}))["tasks"][0]["taskArn"].clone();
            task() != task()
        },
    },
    Difference {
        ministack: "RunTask creates a cluster that does not exist",
        aws: "ClusterNotFoundException",
        is_there: |ministack| !failed(&run_task(ministack, &json!({"cluster": "unheard-of"}))),
    },
    Difference {
        ministack: "RunTask takes a startedBy of 129 characters",
        aws: "InvalidParameterException",
        is_there: |ministack| !failed(&run_task(ministack, &json!({"startedBy": "a".repeat(129)}))),
    },
    Difference {
        ministack: "RunTask takes overrides of more than 8,192 characters",
        aws: "InvalidParameterException",
        is_there: |ministack| {
            let environment = json!([{"name": "LONG", "value": "a".repeat(9_000)}]);
            let overrides =
                json!({"containerOverrides": [{"name": "migration", "environment": environment}]});
            !failed(&run_task(ministack, &json!({"overrides": overrides})))
        },
    },
    Difference {
        ministack: "a task's id is a UUID with dashes",
        aws: "32 hexadecimal digits",
        is_there: |ministack| {
            let answer = run_task(ministack, &json!({}));
            let arn = answer["tasks"][0]["taskArn"].as_str().expect("a task");
            arn.rsplit('/').next().is_some_and(|id| id.contains('-'))
        },
    },
    Difference {
        ministack: "an image that cannot be pulled is a ResourceInitializationError",
        aws: "CannotPullContainerError",
        is_there: |ministack| {
            let task = stopped(ministack, &run_task(ministack, &json!({})));
            task["stoppedReason"].as_str().is_some_and(|reason| reason.starts_with(MISSING_IMAGE_REASON))
        },
    },
    Difference {
        ministack: "DescribeTasks takes 101 tasks",
        aws: "InvalidParameterException",
        is_there: |ministack| {
            let tasks: Vec<String> = (0..101).map(|task| format!("{task:032x}")).collect();
            let arguments = json!({"cluster": seed::CLUSTER, "tasks": tasks});
            !failed(&ministack.call("ecs", "describe_tasks", &arguments))
        },
    },
    Difference {
        ministack: "DescribeTaskDefinition answers tags unasked",
        aws: "only with include=TAGS",
        is_there: |ministack| {
            let arguments = json!({"taskDefinition": seed::TASK_FAMILY});
            let answer = ministack.call("ecs", "describe_task_definition", &arguments);
            answer["tags"].as_array().is_some_and(|tags| !tags.is_empty())
        },
    },
    Difference {
        ministack: "DescribeTaskDefinition answers an ipcMode that is no value of it",
        aws: "the field is absent",
        is_there: |ministack| {
            let arguments = json!({"taskDefinition": seed::TASK_FAMILY});
            let answer = ministack.call("ecs", "describe_task_definition", &arguments);
            answer["taskDefinition"]["ipcMode"] == ""
        },
    },
    Difference {
        ministack: "RegisterTaskDefinition loses enableFaultInjection",
        aws: "it is kept",
        is_there: |ministack| {
            let answer = register(ministack, &json!({"enableFaultInjection": true}), &json!({}));
            answer["taskDefinition"]["enableFaultInjection"] != true
        },
    },
    Difference {
        ministack: "RegisterTaskDefinition takes a secret and a variable of one name",
        aws: "ClientException",
        is_there: |ministack| {
            let both = json!({
                "environment": [{"name": "TWICE", "value": "a"}],
                "secrets": [{"name": "TWICE", "valueFrom": ministack.account["secret_arn"]}],
            });
            !failed(&register(ministack, &json!({}), &both))
        },
    },
    Difference {
        ministack: "RegisterTaskDefinition takes cpu and memory that Fargate has not",
        aws: "ClientException",
        is_there: |ministack| {
            !failed(&register(ministack, &json!({"cpu": "17", "memory": "40"}), &json!({})))
        },
    },
    Difference {
        ministack: "DescribeImages answers an empty list for a tag that is not there",
        aws: "ImageNotFoundException",
        is_there: |ministack| {
            let arguments = json!({"repositoryName": seed::REPOSITORY, "imageIds": [{"imageTag": "absent"}]});
            ministack.call("ecr", "describe_images", &arguments)["imageDetails"] == json!([])
        },
    },
    Difference {
        ministack: "GetResources knows no subnets, so --subnets tag:… finds none",
        aws: "every tagged subnet",
        is_there: |ministack| {
            let arguments = json!({"ResourceTypeFilters": ["ec2:subnet"]});
            let answer = ministack.call("resourcegroupstaggingapi", "get_resources", &arguments);
            answer["ResourceTagMappingList"] == json!([])
        },
    },
    Difference {
        ministack: "ListServiceDeployments knows no deployment of a service",
        aws: "those of 90 days",
        is_there: |ministack| {
            let arguments = json!({
                "cluster": seed::CLUSTER, "serviceName": "new", "taskDefinition": seed::TASK_FAMILY,
                "desiredCount": 0, "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ministack.private_subnets()}},
            });
            assert!(!failed(&ministack.call("ecs", "create_service", &arguments)));
            let arguments = json!({"cluster": seed::CLUSTER, "service": "new"});
            ministack.call("ecs", "list_service_deployments", &arguments)["serviceDeployments"] == json!([])
        },
    },
    Difference {
        ministack: "FilterLogEvents cuts at its limit and never pages",
        aws: "a nextToken",
        is_there: |ministack| {
            let stream = json!({"logGroupName": seed::LOG_GROUP, "logStreamName": "two"});
            ministack.call("logs", "create_log_stream", &stream);
            let now = jiff::Timestamp::now().as_millisecond();
            let events = ["a", "b"].map(|message| json!({"timestamp": now, "message": message}));
            let arguments =
                json!({"logGroupName": seed::LOG_GROUP, "logStreamName": "two", "logEvents": events});
            assert!(!failed(&ministack.call("logs", "put_log_events", &arguments)));
            let arguments = json!({"logGroupName": seed::LOG_GROUP, "logStreamNames": ["two"], "limit": 1});
            let answer = ministack.call("logs", "filter_log_events", &arguments);
            answer["events"].as_array().map(Vec::len) == Some(1) && answer["nextToken"].is_null()
        },
    },
    Difference {
        ministack: "FilterLogEvents ignores a stream that is not there",
        aws: "ResourceNotFoundException",
        is_there: |ministack| {
            let arguments = json!({"logGroupName": seed::LOG_GROUP, "logStreamNames": ["absent"]});
            !failed(&ministack.call("logs", "filter_log_events", &arguments))
        },
    },
];

fn failed(answer: &Value) -> bool {
    !answer["error"].is_null()
}

/// RunTask of a family whose image is nowhere, so that no container runs.
fn run_task(ministack: &Elsewhere, more: &Value) -> Value {
    let registered = register(ministack, &json!({}), &json!({}));
    let mut arguments = json!({
        "cluster": seed::CLUSTER,
        "taskDefinition": registered["taskDefinition"]["taskDefinitionArn"],
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ministack.private_subnets()}},
    });
    merge(&mut arguments, more);
    ministack.call("ecs", "run_task", &arguments)
}

fn register(ministack: &Elsewhere, more: &Value, more_of_the_container: &Value) -> Value {
    let mut container = json!({"name": "migration", "image": "localhost:9/absent:1", "essential": true});
    merge(&mut container, more_of_the_container);
    let mut arguments = json!({
        "family": "differences",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [container],
    });
    merge(&mut arguments, more);
    ministack.call("ecs", "register_task_definition", &arguments)
}

fn merge(into: &mut Value, more: &Value) {
    let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) else { return };
    into.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
}

/// The task of RunTask's answer, once it has stopped.
fn stopped(ministack: &Elsewhere, answer: &Value) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    let arguments = json!({"cluster": seed::CLUSTER, "tasks": [answer["tasks"][0]["taskArn"]]});
    loop {
        let task = ministack.call("ecs", "describe_tasks", &arguments)["tasks"][0].clone();
        if task["lastStatus"] == "STOPPED" {
            return task;
        }
        assert!(Instant::now() < deadline, "{task}");
    }
}
