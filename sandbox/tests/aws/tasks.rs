use std::collections::BTreeSet;
use std::time::Duration;

use sandbox::{Options, Pace, Script};
use serde_json::{Value, json};

use crate::client::{
    CLUSTER, FAMILY, GROUP, container, definition, describe, ecs, run, run_task_input, seeded, task_id,
    until, until_stopped,
};

#[tokio::test]
async fn a_task_shows_what_it_did() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |context| {
        Script::new()
            .line(format!("database {}", context.environment["DATABASE_NAME"]))
            .line(format!("password {}", context.environment["DATABASE_PASSWORD"].len()))
            .exit(3)
    });
    let mut input = run_task_input();
    input["overrides"] = json!({ "containerOverrides": [
        { "name": "migration", "environment": [{ "name": "DATABASE_NAME", "value": "fintech_experiment" }] },
    ]});
    input["startedBy"] = json!("run-1");
    input["tags"] = json!([{ "key": "a", "value": "b" }]);
    let arn = run(&sandbox, &input).await;
    let task = until_stopped(&sandbox, &arn).await;
    assert_eq!(task_id(&arn).len(), 32);
    for (member, expected) in [
        ("stopCode", json!("EssentialContainerExited")),
        ("stoppedReason", json!("Essential container in task exited")),
        ("desiredStatus", json!("STOPPED")),
        ("startedBy", json!("run-1")),
        ("group", json!(format!("family:{FAMILY}"))),
        ("cpu", json!("256")),
        ("platformVersion", json!("1.4.0")),
        ("tags", json!([{ "key": "a", "value": "b" }])),
    ] {
        assert_eq!(task[member], expected, "{member}");
    }
    assert_eq!(task["containers"][0]["exitCode"], 3);
    assert_eq!(task["containers"][0]["lastStatus"], "STOPPED");
    let times = [
        "createdAt",
        "pullStartedAt",
        "pullStoppedAt",
        "startedAt",
        "executionStoppedAt",
        "stoppingAt",
        "stoppedAt",
    ];
    let times: Vec<f64> = times.iter().map(|name| task[*name].as_f64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let stream = format!("migration/migration/{}", task_id(&arn));
    let lines: Vec<String> =
        sandbox.log_events(GROUP, &stream).into_iter().map(|event| event.message).collect();
    assert_eq!(lines, ["database fintech_experiment", "password 6"]);
}

#[tokio::test]
async fn every_state_is_passed_through() {
    let sandbox = seeded(Options { pace: Pace::Realistic { scale: 80.0 }, ..Options::default() }).await;
    sandbox.set_program(FAMILY, |_| Script::new().sleep(Duration::from_millis(150)));
    let arn = run(&sandbox, &run_task_input()).await;
    let mut seen = BTreeSet::new();
    loop {
        let status = describe(&sandbox, &arn).await["tasks"][0]["lastStatus"].as_str().unwrap().to_owned();
        seen.insert(status.clone());
        if status == "STOPPED" {
            break;
        }
    }
    // A state of a few ms may be over between two reads; those of 10 s on Fargate may not.
    for state in ["PROVISIONING", "ACTIVATING", "RUNNING", "DEPROVISIONING", "STOPPED"] {
        assert!(seen.contains(state), "{state} is missing from {seen:?}");
    }
}

#[tokio::test]
async fn stop_task_ends_with_143_or_137() {
    let sandbox = seeded(Options::default()).await;
    for (script, exit_code) in [
        (Script::until_stopped as fn(Script) -> Script, 143),
        (|script| script.until_stopped().on_sigterm(7), 7),
        (|script| script.until_stopped().ignores_sigterm(), 137),
    ] {
        let mut quick = container("migration");
        quick["stopTimeout"] = json!(2);
        sandbox.register_task_definition(&definition(&[quick])).unwrap();
        sandbox.set_program(FAMILY, move |_| script(Script::new()));
        let arn = run(&sandbox, &run_task_input()).await;
        until(&sandbox, &arn, "RUNNING").await;
        let input = json!({ "cluster": CLUSTER, "task": arn, "reason": "cancelled by run 1" });
        let stopping = ecs(&sandbox, "StopTask", &input).await.ok();
        assert_eq!(stopping["task"]["desiredStatus"], "STOPPED");
        let task = until_stopped(&sandbox, &arn).await;
        assert_eq!(
            (&task["stopCode"], &task["stoppedReason"]),
            (&json!("UserInitiated"), &json!("cancelled by run 1"))
        );
        assert_eq!(task["containers"][0]["exitCode"], exit_code);
    }
    let unknown = ecs(&sandbox, "StopTask", &json!({ "cluster": CLUSTER, "task": "0".repeat(32) })).await;
    assert_eq!(unknown.error(), ("InvalidParameterException", "The referenced task was not found."));
}

#[tokio::test]
async fn a_sidecar_ends_with_the_essential_container() {
    let sandbox = seeded(Options::default()).await;
    let mut sidecar = container("agent");
    sidecar["essential"] = json!(false);
    let mut init = container("init");
    init["essential"] = json!(false);
    let mut main = container("migration");
    main["dependsOn"] = json!([{ "containerName": "init", "condition": "SUCCESS" }]);
    sandbox.register_task_definition(&definition(&[sidecar, main, init])).unwrap();
    sandbox.set_program(&format!("{FAMILY}/agent"), |_| Script::new().until_stopped());
    sandbox.set_program(&format!("{FAMILY}/init"), |_| Script::new().line("ready"));
    sandbox.set_program(FAMILY, |_| Script::new());
    let task = until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await;
    let codes: Vec<&Value> =
        task["containers"].as_array().unwrap().iter().map(|one| &one["exitCode"]).collect();
    assert_eq!(codes, [&json!(143), &json!(0), &json!(0)]);

    sandbox.set_program(&format!("{FAMILY}/init"), |_| Script::new().exit(1));
    let task = until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await;
    assert_eq!(task["stopCode"], "TaskFailedToStart");
    assert!(task["containers"][1].get("exitCode").is_none(), "{task}");
}

#[tokio::test]
async fn what_keeps_a_task_from_starting() {
    let sandbox = seeded(Options::default()).await;
    let image = until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await;
    let mut secret = container("migration");
    secret["secrets"][0]["valueFrom"] = json!(format!("{}:nokey::", crate::client::SECRET));
    let mut lost = container("migration");
    lost["secrets"][0]["valueFrom"] =
        json!("arn:aws:secretsmanager:us-east-1:123456789012:secret:gone-AbCdEf:k::");
    let mut group = container("migration");
    group["logConfiguration"]["options"]["awslogs-group"] = json!("/ecs/none");
    let mut reasons = vec![image];
    for definition_ in [secret, lost, group] {
        sandbox.register_task_definition(&definition(&[definition_])).unwrap();
        reasons.push(until_stopped(&sandbox, &run(&sandbox, &run_task_input()).await).await);
    }
    let expected = [
        "CannotPullContainerError: ",
        "did not contain json key nokey",
        "Secrets Manager can't find the specified secret.",
        "The specified log group does not exist.",
    ];
    for (task, expected) in reasons.iter().zip(expected) {
        assert_eq!(task["stopCode"], "TaskFailedToStart");
        assert!(task["stoppedReason"].as_str().unwrap().contains(expected), "{task}");
        assert!(task["containers"][0].get("exitCode").is_none());
    }
    assert!(reasons[0]["stoppedReason"].as_str().unwrap().contains("Check whether the image exists"));
}

#[tokio::test]
async fn describe_takes_a_hundred_and_reports_the_missing() {
    let sandbox = seeded(Options { missing_reads: 2, ..Options::default() }).await;
    sandbox.set_program(FAMILY, |_| Script::new().until_stopped());
    let arn = run(&sandbox, &run_task_input()).await;
    for _ in 0..2 {
        let answer = describe(&sandbox, &arn).await;
        assert_eq!(answer["failures"], json!([{ "arn": arn, "reason": "MISSING" }]));
    }
    assert_eq!(describe(&sandbox, &arn).await["failures"], json!([]));
    let many: Vec<String> = (0..101).map(|number| format!("{number:032x}")).collect();
    let reply = ecs(&sandbox, "DescribeTasks", &json!({ "cluster": CLUSTER, "tasks": many })).await;
    assert_eq!(reply.error().0, "InvalidParameterException");
}
