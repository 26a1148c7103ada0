use std::time::Duration;

use sandbox::{Fault, Options, Sandbox, Script, TaskFault};
use serde_json::{Value, json};

use crate::client::{FAMILY, GROUP, logs, run, run_task_input, seeded, task_id, until_stopped};

async fn with_events(messages: &[(i64, &str)]) -> (Sandbox, i64) {
    let sandbox = seeded(Options::default()).await;
    let now = 1000 * i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    logs(&sandbox, "CreateLogStream", &json!({ "logGroupName": GROUP, "logStreamName": "a" })).await.ok();
    let events: Vec<Value> =
        messages.iter().map(|(at, text)| json!({ "timestamp": now + at, "message": text })).collect();
    let input = json!({ "logGroupName": GROUP, "logStreamName": "a", "logEvents": events });
    logs(&sandbox, "PutLogEvents", &input).await.ok();
    (sandbox, now)
}

fn messages(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn get_pages_end_with_the_same_token() {
    let (sandbox, now) = with_events(&[(0, "one"), (0, "two"), (5, "three")]).await;
    let mut input = json!({ "logGroupName": GROUP, "logStreamName": "a", "limit": 2, "startFromHead": true });
    let first = logs(&sandbox, "GetLogEvents", &input).await.ok();
    assert_eq!(messages(&first), ["one", "two"]);
    input["nextToken"] = first["nextForwardToken"].clone();
    let second = logs(&sandbox, "GetLogEvents", &input).await.ok();
    assert_eq!(messages(&second), ["three"]);
    input["nextToken"] = second["nextForwardToken"].clone();
    let end = logs(&sandbox, "GetLogEvents", &input).await.ok();
    assert_eq!(messages(&end), Vec::<&str>::new());
    assert_eq!(end["nextForwardToken"], second["nextForwardToken"]);
    input["nextToken"] = second["nextBackwardToken"].clone();
    assert_eq!(messages(&logs(&sandbox, "GetLogEvents", &input).await.ok()), ["one", "two"]);

    let tail = json!({ "logGroupName": GROUP, "logStreamName": "a", "limit": 1 });
    assert_eq!(messages(&logs(&sandbox, "GetLogEvents", &tail).await.ok()), ["three"]);
    let window = json!({
        "logGroupName": GROUP, "logStreamName": "a", "startTime": now, "endTime": now + 5, "startFromHead": true,
    });
    assert_eq!(messages(&logs(&sandbox, "GetLogEvents", &window).await.ok()), ["one", "two"]);
}

#[tokio::test]
async fn what_is_missing_is_an_error() {
    let (sandbox, _) = with_events(&[(0, "one")]).await;
    for (operation, input, message) in [
        (
            "GetLogEvents",
            json!({ "logGroupName": GROUP, "logStreamName": "b" }),
            "The specified log stream does not exist.",
        ),
        (
            "GetLogEvents",
            json!({ "logGroupName": "/no", "logStreamName": "b" }),
            "The specified log group does not exist.",
        ),
        (
            "FilterLogEvents",
            json!({ "logGroupName": GROUP, "logStreamNames": ["a", "b"] }),
            "The specified log stream does not exist.",
        ),
    ] {
        let reply = logs(&sandbox, operation, &input).await;
        assert_eq!(reply.error(), ("ResourceNotFoundException", message));
    }
    for input in [
        json!({ "logGroupName": GROUP, "logStreamNames": ["a"], "logStreamNamePrefix": "a" }),
        json!({ "logGroupName": GROUP, "logStreamNames": vec!["a"; 101] }),
        json!({ "logGroupName": GROUP, "limit": 10_001 }),
        json!({ "logGroupName": GROUP, "nextToken": "nonsense" }),
    ] {
        assert_eq!(logs(&sandbox, "FilterLogEvents", &input).await.error().0, "InvalidParameterException");
    }
}

#[tokio::test]
async fn filter_interleaves_streams_in_pages() {
    let (sandbox, now) = with_events(&[(0, "a0"), (2, "a2")]).await;
    logs(&sandbox, "CreateLogStream", &json!({ "logGroupName": GROUP, "logStreamName": "b" })).await.ok();
    let input = json!({ "logGroupName": GROUP, "logStreamName": "b", "logEvents": [
        { "timestamp": now + 1, "message": "b1" }, { "timestamp": now + 3, "message": "b3" },
    ]});
    logs(&sandbox, "PutLogEvents", &input).await.ok();
    sandbox.faults().push(Fault::empty_page().after(1));
    sandbox.faults().push(Fault::repeated_events());
    let mut input = json!({ "logGroupName": GROUP, "limit": 2 });
    let (mut pages, mut ids) = (Vec::new(), Vec::new());
    loop {
        let page = logs(&sandbox, "FilterLogEvents", &input).await.ok();
        pages.push(messages(&page).join(" "));
        ids.extend(page["events"].as_array().unwrap().iter().map(|event| event["eventId"].to_string()));
        match page.get("nextToken") {
            Some(token) => input["nextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(pages, ["a0 b1", "", "b1 a2", "b3"]);
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let inclusive = json!({ "logGroupName": GROUP, "startTime": now + 1, "endTime": now + 2 });
    assert_eq!(messages(&logs(&sandbox, "FilterLogEvents", &inclusive).await.ok()), ["b1", "a2"]);
}

#[tokio::test]
async fn many_lines_arrive_complete_and_in_order() {
    const LINES: usize = 50_000;
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().lines((0..LINES).map(|number| format!("line {number}"))));
    let arn = run(&sandbox, &run_task_input()).await;
    until_stopped(&sandbox, &arn).await;
    let stream = format!("migration/migration/{}", task_id(&arn));
    let mut input = json!({ "logGroupName": GROUP, "logStreamName": stream, "startFromHead": true });
    let mut next = 0;
    loop {
        let page = logs(&sandbox, "GetLogEvents", &input).await.ok();
        for message in messages(&page) {
            assert_eq!(message, format!("line {next}"));
            next += 1;
        }
        assert!(page["events"].as_array().unwrap().len() <= 10_000);
        if input["nextToken"] == page["nextForwardToken"] {
            break;
        }
        input["nextToken"] = page["nextForwardToken"].clone();
    }
    assert_eq!(next, LINES);
}

#[tokio::test]
async fn late_events_arrive_after_the_task_has_stopped() {
    let sandbox = seeded(Options::default()).await;
    sandbox.set_program(FAMILY, |_| Script::new().line("late").exit(1));
    sandbox.faults().push(Fault::task(TaskFault::LateLogs { by: Duration::from_millis(1500) }));
    let arn = run(&sandbox, &run_task_input()).await;
    until_stopped(&sandbox, &arn).await;
    let stream = format!("migration/migration/{}", task_id(&arn));
    let input = json!({ "logGroupName": GROUP, "logStreamName": stream, "startFromHead": true });
    assert_eq!(logs(&sandbox, "GetLogEvents", &input).await.error().0, "ResourceNotFoundException");
    let arrived = async {
        while sandbox.log_events(GROUP, &stream).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), arrived).await.unwrap();
    assert_eq!(messages(&logs(&sandbox, "GetLogEvents", &input).await.ok()), ["late"]);
}
