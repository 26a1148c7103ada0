//! Every answer of the sandbox is one that botocore's models and parsers know.

use std::collections::HashMap;

use sandbox::{Options, Sandbox, Script};
use serde_json::{Value, json};

use crate::python::python;
use crate::record::{self, Judgement};

const SCRIPT: &str = "judge_answers.py";

#[test]
fn botocore_understands_every_answer_of_the_sandbox() {
    let Some(python) = python() else { return };
    let (Some(stories), Some(sandbox)) = (record::of_stories(), record::of_sandbox()) else { return };
    let judgement = Judgement::by(python, SCRIPT, &[stories, sandbox].concat());
    for (action, kinds) in &judgement.operations {
        println!("{action} answered {kinds:?}");
    }
    judgement.finds_nothing();
}

/// The tests of the sandbox and of the binary need few of its operations; boto3 calls the others.
#[tokio::test(flavor = "multi_thread")]
async fn botocore_understands_an_answer_of_every_operation() {
    let Some(python) = python() else { return };
    let record = tempfile::NamedTempFile::new().unwrap();
    let options = Options { record: Some(record.path().to_owned()), ..Options::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.set_program("tour", |_| Script::new().line("hello"));
    let environment: HashMap<String, String> =
        sandbox.environment().into_iter().chain(sandbox.github_environment()).collect();
    let output = python.run("tour.py", &[], json!(environment).to_string());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the tour failed: {said}");

    let judgement = Judgement::by(python, SCRIPT, &std::fs::read(record.path()).unwrap());
    assert!(judgement.findings.is_empty(), "{judgement:#?}");
    let served: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!served.is_empty(), "the sandbox serves nothing");
    let succeeded = |action: &String| judgement.operations[action].contains_key("success");
    let missed: Vec<&String> = served.iter().filter(|action| !succeeded(action)).collect();
    assert!(missed.is_empty(), "the tour misses what the sandbox serves: {missed:?}");
    println!("the sandbox serves {}", served.join(", "));
}

#[test]
fn a_wrong_answer_is_found() {
    let Some(python) = python() else { return };
    let judge = |exchange: &Value| Judgement::by(python, SCRIPT, exchange.to_string().as_bytes());
    let task = json!({"taskArn": "arn", "createdAt": 1_795_428_000.5, "launchType": "FARGATE", "cpu": "256"});
    let right = json!({"tasks": [task], "failures": []});
    let found = judge(&answer("DescribeTasks", 200, &right));
    assert!(found.findings.is_empty(), "{found:#?}");

    let wrong: [(&str, Value, &str); 5] = [
        ("/tasks/0/colour", json!("red"), "ecs:DescribeTasks.tasks[].colour is no member"),
        ("/tasks/0/createdAt", json!("yesterday"), "cannot be parsed"),
        ("/tasks/0/cpu", json!(256), "ecs:DescribeTasks.tasks[].cpu 256 is no string"),
        ("/tasks/0/launchType", json!("MOON"), "'MOON' is none of"),
        ("/failures", json!(null), "ecs:DescribeTasks.failures null is no list"),
    ];
    for (place, value, finding) in wrong {
        let mut output = right.clone();
        let (parent, member) = place.rsplit_once('/').unwrap();
        output.pointer_mut(parent).unwrap()[member] = value;
        judge(&answer("DescribeTasks", 200, &output)).finds(finding);
    }

    let error = |code: &str, status: u16| answer("RunTask", status, &json!({"__type": code, "message": "m"}));
    for code in ["ClusterNotFoundException", "ThrottlingException"] {
        let found = judge(&error(code, 400));
        assert!(found.findings.is_empty(), "{found:#?}");
    }
    judge(&error("RepositoryNotFoundException", 400))
        .finds("ecs:RunTask RepositoryNotFoundException is no exception");
    let mut exchange = error("ClusterNotFoundException", 400);
    exchange["answer"]["headers"]["x-amzn-errortype"] = json!("ClientException");
    judge(&exchange).finds("differs from x-amzn-errortype");
}

#[test]
fn an_absent_member_and_a_wrong_identity_are_found() {
    let Some(python) = python() else { return };
    let judge = |exchange: &Value| Judgement::by(python, SCRIPT, exchange.to_string().as_bytes());
    let network = json!({"awsvpcConfiguration": {"securityGroups": []}});
    judge(&answer("DescribeServices", 200, &json!({"services": [{"networkConfiguration": network}]})))
        .finds("awsvpcConfiguration.subnets is required and absent");

    let mut exchange = answer("GetCallerIdentity", 200, &json!({}));
    exchange["service"] = json!("sts");
    exchange["answer"]["headers"]["content-type"] = json!("text/xml");
    let xml = |members: &str| {
        json!(format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             {members}</GetCallerIdentityResult></GetCallerIdentityResponse>"
        ))
    };
    exchange["answer"]["body"] = xml("<Account>1</Account>");
    let found = judge(&exchange);
    assert!(found.findings.is_empty(), "{found:#?}");
    exchange["answer"]["body"] = xml("<AccountId>1</AccountId>");
    judge(&exchange).finds("sts:GetCallerIdentity.AccountId is no member");
    exchange["answer"]["body"] = json!("<Account>");
    judge(&exchange).finds("cannot be parsed");
}

/// A line of the sandbox's record.
fn answer(operation: &str, status: u16, output: &Value) -> Value {
    json!({
        "service": "ecs",
        "operation": operation,
        "request": {"headers": {}, "body": "{}"},
        "answer": {
            "status": status,
            "headers": {
                "content-type": "application/x-amz-json-1.1",
                "x-amzn-requestid": "1",
                "x-amzn-errortype": output["__type"],
            },
            "body": output.to_string(),
        },
    })
}
