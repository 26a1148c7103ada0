use sandbox::{Fault, Options, Quotas, Script};
use serde_json::json;

use crate::client::{CLUSTER, FAMILY, ecs, run, run_task_input, seeded, task_id, until_stopped};

#[tokio::test]
async fn a_client_token_starts_one_task() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().until_stopped());
    let mut input = run_task_input();
    input["clientToken"] = json!("run-1.prod.1");
    let arn = run(&sandbox, &input).await;
    assert_eq!(run(&sandbox, &input).await, arn);
    assert_eq!(sandbox.tasks().len(), 1);

    let mut other = input.clone();
    other["startedBy"] = json!("somebody-else");
    let conflict = ecs(&sandbox, "RunTask", &other).await;
    assert_eq!(conflict.error().0, "ConflictException");
    assert_eq!(conflict.body["resourceIds"], json!([arn]));

    ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": arn })).await.ok();
    until_stopped(&sandbox, &arn).await;
    let replayed = ecs(&sandbox, "RunTask", &input).await.ok();
    assert_eq!(
        replayed["tasks"][0],
        json!({ "taskArn": arn, "lastStatus": "STOPPED", "desiredStatus": "STOPPED" })
    );
}

#[tokio::test]
async fn what_run_task_refuses() {
    let sandbox = seeded(Options::default()).await;
    let with = |change: fn(&mut serde_json::Value)| {
        let mut input = run_task_input();
        change(&mut input);
        input
    };
    for (input, code, message) in [
        (with(|it| it["cluster"] = json!("nowhere")), "ClusterNotFoundException", "Cluster not found."),
        (with(|it| it["taskDefinition"] = json!("nobody:1")), "ClientException", "TaskDefinition not found."),
        (with(|it| it["count"] = json!(11)), "InvalidParameterException", "10 tasks"),
        (
            with(|it| it["networkConfiguration"] = json!(null)),
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            with(|it| it["overrides"] = json!({ "containerOverrides": [{ "name": "web" }] })),
            "InvalidParameterException",
            "Override for container named web is not a container in the TaskDefinition.",
        ),
    ] {
        let reply = ecs(&sandbox, "RunTask", &input).await;
        assert_eq!(reply.error().0, code);
        assert!(reply.error().1.contains(message), "{}", reply.body);
    }
    assert_eq!(sandbox.tasks(), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn unknown_subnets_are_refused_where_there_are_known_ones() {
    let sandbox = seeded(Options::default()).await;
    sandbox.create_network([sandbox::Resource::named("subnet-0b", "private")]);
    let reply = ecs(&sandbox, "RunTask", &run_task_input()).await;
    assert!(reply.error().1.contains("The subnet ID 'subnet-0a' does not exist"), "{}", reply.body);
}

#[tokio::test]
async fn six_vcpus_run_twenty_four_small_tasks() {
    let sandbox = seeded(Options { quotas: Quotas::Documented, ..Options::default() }).await;
    sandbox.set_program(FAMILY, |_| Script::new().until_stopped());
    let mut input = run_task_input();
    input["count"] = json!(8);
    for _ in 0..3 {
        ecs(&sandbox, "RunTask", &input).await.ok();
    }
    input["count"] = json!(1);
    let full = ecs(&sandbox, "RunTask", &input).await.ok();
    assert_eq!(full["tasks"], json!([]));
    assert_eq!(
        full["failures"][0]["reason"],
        "You’ve reached the limit on the number of vCPUs you can run concurrently"
    );
}

#[tokio::test]
async fn a_failure_comes_with_status_200() {
    let sandbox = seeded(Options::default()).await;
    let reason =
        "Capacity is unavailable at this time. Please try again later or in a different availability zone";
    sandbox.faults().push(Fault::run_task(reason));
    let answer = ecs(&sandbox, "RunTask", &run_task_input()).await.ok();
    assert_eq!((&answer["tasks"], answer["failures"][0]["reason"].as_str()), (&json!([]), Some(reason)));
}

#[tokio::test]
async fn tasks_are_listed_by_who_started_them() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().until_stopped());
    let mut input = run_task_input();
    input["startedBy"] = json!("run-1");
    let arn = run(&sandbox, &input).await;
    let list = |filter: serde_json::Value| {
        let mut input = json!({ "cluster": CLUSTER });
        input.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
        let sandbox = &sandbox;
        async move { ecs(sandbox, "ListTasks", &input).await }
    };
    assert_eq!(list(json!({ "startedBy": "run-1" })).await.ok()["taskArns"], json!([arn]));
    assert_eq!(list(json!({ "startedBy": "run-2" })).await.ok()["taskArns"], json!([]));
    let both = list(json!({ "startedBy": "run-1", "family": FAMILY })).await;
    assert_eq!(both.error().0, "InvalidParameterException");
    ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": task_id(&arn), "reason": "enough" }))
        .await
        .ok();
    until_stopped(&sandbox, &arn).await;
    assert_eq!(list(json!({ "startedBy": "run-1" })).await.ok()["taskArns"], json!([]));
    assert_eq!(list(json!({ "desiredStatus": "STOPPED" })).await.ok()["taskArns"], json!([arn]));
}
