use sandbox::Options;
use serde_json::{Value, json};

use crate::client::{
    CLUSTER, FAMILY, GROUP, SECRET, call, ecs, logs, run, run_task_input, seeded, task_id, until_stopped,
};

#[tokio::test]
async fn clusters_are_described_and_missing_ones_named() {
    let sandbox = seeded(Options::default()).await;
    let input = json!({ "clusters": [CLUSTER, "nowhere"], "include": ["TAGS", "SETTINGS"] });
    let answer = ecs(&sandbox, "DescribeClusters", &input).await.ok();
    assert_eq!(answer["clusters"][0]["status"], "ACTIVE");
    assert_eq!(
        answer["failures"],
        json!([{ "arn": "arn:aws:ecs:us-east-1:123456789012:cluster/nowhere", "reason": "MISSING" }])
    );
    let list = ecs(&sandbox, "ListClusters", &json!({})).await.ok();
    assert_eq!(list["clusterArns"], json!([format!("arn:aws:ecs:us-east-1:123456789012:cluster/{CLUSTER}")]));
}

#[tokio::test]
async fn a_service_is_read_back() {
    let sandbox = seeded(Options::default()).await;
    let network = json!({ "awsvpcConfiguration": {
        "subnets": ["subnet-0a"], "securityGroups": ["sg-0a"], "assignPublicIp": "DISABLED",
    }});
    let input = json!({
        "cluster": CLUSTER, "serviceName": "backend", "taskDefinition": FAMILY, "launchType": "FARGATE",
        "desiredCount": 2, "networkConfiguration": network,
    });
    sandbox.create_service(&input).unwrap();
    let wanted = json!({ "cluster": CLUSTER, "services": ["backend", "frontend"] });
    let answer = ecs(&sandbox, "DescribeServices", &wanted).await.ok();
    let service = &answer["services"][0];
    assert_eq!((&service["networkConfiguration"], &service["desiredCount"]), (&network, &json!(2)));
    assert_eq!(
        service["taskDefinition"],
        format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{FAMILY}:1")
    );
    assert_eq!(answer["failures"][0]["reason"], "MISSING");
    let list = ecs(&sandbox, "ListServices", &json!({ "cluster": CLUSTER })).await.ok();
    assert_eq!(list["serviceArns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tags_are_changed_and_listed() {
    let sandbox = seeded(Options::default()).await;
    let arn = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{FAMILY}:1");
    for value in ["one", "two"] {
        let tags = json!([{ "key": "Owner", "value": value }]);
        ecs(&sandbox, "TagResource", &json!({ "resourceArn": arn, "tags": tags })).await.ok();
    }
    let listed = ecs(&sandbox, "ListTagsForResource", &json!({ "resourceArn": arn })).await.ok();
    assert_eq!(listed["tags"], json!([{ "key": "Owner", "value": "two" }]));
    let lost = json!({ "resourceArn": "arn:aws:ecs:us-east-1:123456789012:task/c/0" });
    assert_eq!(ecs(&sandbox, "ListTagsForResource", &lost).await.error().0, "InvalidParameterException");
}

#[tokio::test]
async fn a_secret_has_versions() {
    let sandbox = seeded(Options::default()).await;
    let get = |input: Value| {
        let sandbox = &sandbox;
        async move { call(sandbox, "secretsmanager.GetSecretValue", &input).await }
    };
    let first = get(json!({ "SecretId": SECRET })).await.ok();
    assert_eq!(first["Name"], "rds/startupwebapp/multi-tenant/master");
    let put = json!({ "SecretId": first["Name"], "SecretString": "second" });
    call(&sandbox, "secretsmanager.PutSecretValue", &put).await.ok();
    assert_eq!(get(json!({ "SecretId": SECRET })).await.ok()["SecretString"], "second");
    let previous = get(json!({ "SecretId": SECRET, "VersionStage": "AWSPREVIOUS" })).await.ok();
    assert_eq!(previous["SecretString"], first["SecretString"]);
    let lost = get(json!({ "SecretId": "nothing" })).await;
    assert_eq!(
        lost.error(),
        ("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    );
    call(&sandbox, "secretsmanager.CreateSecret", &json!({ "Name": "new", "SecretString": "x" })).await.ok();
    let list = call(&sandbox, "secretsmanager.ListSecrets", &json!({})).await.ok();
    assert_eq!(list["SecretList"].as_array().unwrap().len(), 2);
    call(&sandbox, "secretsmanager.DescribeSecret", &json!({ "SecretId": "new" })).await.ok();
}

#[tokio::test]
async fn log_groups_and_streams_are_described() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |context| sandbox::Script::new().line(context.task_id.clone()));
    let arn = run(&sandbox, &run_task_input()).await;
    until_stopped(&sandbox, &arn).await;
    let groups = logs(&sandbox, "DescribeLogGroups", &json!({ "logGroupNamePrefix": "/ecs/" })).await.ok();
    assert_eq!(groups["logGroups"][0]["logGroupName"], GROUP);
    let by_prefix = json!({ "logGroupName": GROUP, "logStreamNamePrefix": "migration/" });
    let streams = logs(&sandbox, "DescribeLogStreams", &by_prefix).await.ok();
    assert_eq!(streams["logStreams"][0]["logStreamName"], format!("migration/migration/{}", task_id(&arn)));
    let both = json!({ "logGroupName": GROUP, "logStreamNamePrefix": "m", "orderBy": "LastEventTime" });
    assert_eq!(logs(&sandbox, "DescribeLogStreams", &both).await.error().0, "InvalidParameterException");
    let again = logs(&sandbox, "CreateLogGroup", &json!({ "logGroupName": GROUP })).await;
    assert_eq!(again.error().0, "ResourceAlreadyExistsException");
}
