use std::time::Duration;

use sandbox::{Disturbance, Fault, Options, Script, TaskFault};
use serde_json::json;

use crate::client::{
    CLUSTER, FAMILY, GROUP, credential, describe, ecs, logs, post, run, run_task_input, seeded, until_stopped,
};

#[tokio::test]
async fn calls_fail_as_told_and_are_recorded() {
    let record = tempfile::NamedTempFile::new().unwrap();
    let sandbox = seeded(Options { record: Some(record.path().to_owned()), ..Options::default() }).await;
    let faults = sandbox.faults();
    faults.push(Fault::call("ecs:ListTasks", Disturbance::Throttle));
    faults.push(Fault::call("ecs:ListTasks", Disturbance::ServerError));
    faults.push(Fault::call("ecs:ListTasks", Disturbance::ExpiredToken));
    faults.push(Fault::call("logs:GetLogEvents", Disturbance::AccessDenied));
    let input = json!({ "cluster": CLUSTER });
    for (status, code) in
        [(400, "ThrottlingException"), (500, "ServerException"), (400, "ExpiredTokenException")]
    {
        let reply = ecs(&sandbox, "ListTasks", &input).await;
        assert_eq!((reply.status, reply.error().0), (status, code));
    }
    ecs(&sandbox, "ListTasks", &input).await.ok();
    let denied =
        logs(&sandbox, "GetLogEvents", &json!({ "logGroupName": GROUP, "logStreamName": "s" })).await;
    assert_eq!(
        denied.error(),
        (
            "AccessDeniedException",
            "User: arn:aws:sts::123456789012:assumed-role/github-actions-startupwebapp/GitHubActions is not \
          authorized to perform: logs:GetLogEvents on resource: arn:aws:logs:us-east-1:123456789012:log-group:\
          /ecs/startupwebapp-migrations:log-stream:s because no identity-based policy allows the logs:GetLogEvents action"
        )
    );
    let calls: Vec<(String, u16)> = sandbox
        .calls()
        .into_iter()
        .map(|call| (format!("{}:{}", call.service, call.operation), call.status))
        .collect();
    let list = |status| ("ecs:ListTasks".to_owned(), status);
    assert_eq!(calls, [list(400), list(500), list(400), list(200), ("logs:GetLogEvents".to_owned(), 400)]);
    let recorded = std::fs::read_to_string(record.path()).unwrap();
    let last: serde_json::Value = serde_json::from_str(recorded.lines().last().unwrap()).unwrap();
    assert_eq!(last["answer"]["headers"]["x-amzn-errortype"], "AccessDeniedException");
}

#[tokio::test]
async fn a_lost_answer_has_had_its_effect() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new());
    sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::DropBefore));
    sandbox.faults().push(Fault::call("ecs:RunTask", Disturbance::DropAfter));
    let headers = [
        ("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.RunTask".to_owned()),
        ("Authorization", credential("us-east-1")),
    ];
    let body = run_task_input().to_string();
    for tasks in [0, 1] {
        assert!(post(&sandbox, &headers, &body).await.is_none());
        assert_eq!(sandbox.tasks().len(), tasks);
    }
    sandbox.faults().push(Fault::call("ecs:ListTasks", Disturbance::MalformedBody));
    assert!(ecs(&sandbox, "ListTasks", &json!({ "cluster": CLUSTER })).await.body.is_string());
    sandbox.faults().push(Fault::call("*", Disturbance::Hang));
    let nothing = json!({});
    let never = ecs(&sandbox, "ListClusters", &nothing);
    assert!(tokio::time::timeout(Duration::from_millis(100), never).await.is_err());
}

#[tokio::test]
async fn tasks_end_as_told() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().until_stopped());
    let soon = Duration::from_millis(20);
    let network =
        "ResourceInitializationError: unable to pull secrets or registry auth: context deadline exceeded";
    for (fault, stop_code, exit_code) in [
        (TaskFault::FailToStart(network.into()), "TaskFailedToStart", json!(null)),
        (TaskFault::OutOfMemory { after: soon }, "EssentialContainerExited", json!(137)),
        (TaskFault::SpotInterruption { after: soon }, "SpotInterruption", json!(143)),
    ] {
        sandbox.faults().push(Fault::task(fault));
        let task = until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await;
        assert_eq!(
            (task["stopCode"].as_str().unwrap(), &task["containers"][0]["exitCode"]),
            (stop_code, &exit_code)
        );
    }
    sandbox.set_program(FAMILY, |_| Script::new());
    sandbox.faults().push(Fault::task(TaskFault::NoExitCode));
    let task = until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await;
    assert!(
        task["stopCode"] == "EssentialContainerExited" && task["containers"][0].get("exitCode").is_none()
    );
}

#[tokio::test]
async fn a_task_may_hang_and_be_forgotten() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new());
    sandbox.faults().push(Fault::task(TaskFault::StuckIn("PROVISIONING".into())));
    sandbox.faults().push(Fault::task(TaskFault::Forgotten));
    let arn = run(&sandbox, &run_task_input()).await;
    assert_eq!(describe(&sandbox, &arn).await["tasks"][0]["lastStatus"], "PROVISIONING");
    ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": arn })).await.ok();
    let forgotten = async {
        while describe(&sandbox, &arn).await["failures"][0]["reason"] != "MISSING" {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), forgotten).await.unwrap();
    assert_eq!(sandbox.tasks()[0]["stopCode"], "UserInitiated");
}
