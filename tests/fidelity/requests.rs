//! Every request that the binary sent in the stories is valid by botocore's models.

use std::collections::{BTreeMap, BTreeSet};

use fargate_migrate::ports::CALLS;
use serde_json::{Value, json};

use crate::python::python;
use crate::record::{self, Judgement};

const SCRIPT: &str = "judge_requests.py";

#[test]
fn botocore_accepts_every_request_of_the_program() {
    let Some(python) = python() else { return };
    let Some(record) = record::of_stories() else { return };
    Judgement::by(python, SCRIPT, record).finds_nothing();
}

#[test]
fn every_call_of_the_program_was_sent_and_no_other() {
    let Some(python) = python() else { return };
    let Some(record) = record::of_stories() else { return };
    let judgement = Judgement::by(python, SCRIPT, record);
    let ours = |kinds: &BTreeMap<String, u64>| kinds.get("fargate-migrate").copied();
    let sent =
        judgement.operations.iter().filter_map(|(action, kinds)| Some((action.as_str(), ours(kinds)?)));
    let sent: Vec<(&str, u64)> = sent.collect();
    for (action, times) in &sent {
        println!("{action} was sent {times} times");
    }
    let sent: BTreeSet<&str> = sent.into_iter().map(|(action, _)| action).collect();
    let named: BTreeSet<&str> = CALLS.iter().map(|call| call.action).collect();
    let never: Vec<&&str> = named.difference(&sent).collect();
    assert!(never.is_empty(), "the calls of `ports` name what no story sent: {never:?}");
    let unnamed: Vec<&&str> = sent.difference(&named).collect();
    assert!(unnamed.is_empty(), "the stories sent what no call of `ports` names: {unnamed:?}");
}

#[test]
fn a_wrong_request_is_found() {
    let Some(python) = python() else { return };
    let right =
        json!({"cluster": "c", "taskDefinition": "t", "overrides": {"containerOverrides": [{"name": "m"}]}});
    let judge = |exchange: &Value| Judgement::by(python, SCRIPT, exchange.to_string().as_bytes());
    let found = judge(&run_task(&right));
    assert!(found.findings.is_empty(), "{found:#?}");
    assert_eq!(found.operations["ecs:RunTask"]["fargate-migrate"], 1);

    type Change = fn(&mut Value);
    let wrong: [(&str, Change, &str); 7] = [
        (
            "a renamed member",
            |input| input["clusterName"] = input["cluster"].take(),
            "ecs:RunTask.clusterName is no member",
        ),
        (
            "an unknown member, nested",
            |input| input["overrides"]["colour"] = json!("red"),
            "ecs:RunTask.overrides.colour is no member",
        ),
        (
            "an absent member",
            |input| drop(input.as_object_mut().unwrap().remove("taskDefinition")),
            "Missing required parameter in input: \"taskDefinition\"",
        ),
        (
            "an absent member, nested",
            |input| input["networkConfiguration"] = json!({"awsvpcConfiguration": {}}),
            "awsvpcConfiguration.subnets is required and absent",
        ),
        (
            "a number for a text",
            |input| input["startedBy"] = json!(1),
            "Invalid type for parameter startedBy",
        ),
        ("a null", |input| input["group"] = json!(null), "ecs:RunTask.group null is no string"),
        ("no value of the enum", |input| input["launchType"] = json!("FARGATES"), "'FARGATES' is none of"),
    ];
    for (what, change, finding) in wrong {
        println!("{what}");
        let mut input = right.clone();
        change(&mut input);
        judge(&run_task(&input)).finds(finding);
    }
    let mut exchange = run_task(&right);
    exchange["request"]["headers"]["x-amz-target"] = json!("AmazonEC2ContainerServiceV20141113.RunTasks");
    judge(&exchange).finds("has x-amz-target");
    exchange["operation"] = json!("RunTasks");
    judge(&exchange).finds("ecs:RunTasks is no operation");
}

/// A line of the sandbox's record.
fn run_task(input: &Value) -> Value {
    json!({
        "service": "ecs",
        "operation": "RunTask",
        "request": {
            "headers": {
                "content-type": "application/x-amz-json-1.1",
                "user-agent": "aws-sdk-rust/1.0.0",
                "x-amz-target": "AmazonEC2ContainerServiceV20141113.RunTask",
            },
            "body": input.to_string(),
        },
        "answer": null,
    })
}
