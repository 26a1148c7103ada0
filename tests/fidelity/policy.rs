//! The policies of `fargate-migrate iam` allow every call of the stories, and nothing else.
//!
//! Each run of the stories has a policy of its own, made from its own flags, and a call must be allowed by a policy of
//! the sandbox that it reached: the union of all would let a story's calls pass by another one's permissions. "Nothing
//! else" is judged over all of them, since a run that fails half-way uses half of its own: every statement's every
//! action must be what some call of some story needed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::record;

mod asked;
mod evaluator;

use asked::{Asked, asked};
use evaluator::allows;

/// The policies and the calls of one sandbox.
#[derive(Default)]
struct Story {
    policies: Vec<Value>,
    asked: Vec<Asked>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Comparison {
    /// Calls that no policy allows.
    denied: BTreeSet<String>,
    /// `Sid action` that no call needed.
    unused: BTreeSet<String>,
    calls: usize,
}

fn stories(record: &[u8]) -> Vec<Story> {
    let mut stories = BTreeMap::<String, Story>::new();
    let text = std::str::from_utf8(record).expect("UTF-8");
    for line in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let host = line["host"].as_str().or_else(|| line["request"]["headers"]["host"].as_str());
        let story = stories.entry(host.unwrap_or_default().to_owned()).or_default();
        match line["service"].as_str() {
            Some("policy") => story.policies.push(line["policy"].clone()),
            _ if is_ours(&line) => story.asked.extend(asked(&line)),
            _ => {}
        }
    }
    stories.into_values().collect()
}

/// The SDK's calls, and the pushes of `--binary`; Docker's are Docker's.
fn is_ours(line: &Value) -> bool {
    let agent = line["request"]["headers"]["user-agent"].as_str().unwrap_or_default();
    agent.starts_with("aws-sdk-rust/") || agent.starts_with("fargate-migrate/")
}

fn compared(stories: &[Story]) -> Comparison {
    let mut found = Comparison::default();
    let mut used = BTreeSet::new();
    for story in stories {
        for asked in &story.asked {
            found.calls += 1;
            let by: Vec<&str> = story.policies.iter().filter_map(|policy| allows(policy, asked)).collect();
            if by.is_empty() {
                found.denied.insert(format!("{asked:?}"));
            }
            used.extend(by.into_iter().map(|sid| format!("{sid} {}", asked.action)));
        }
        for statement in story.policies.iter().flat_map(evaluator::statements) {
            for action in evaluator::texts(&statement["Action"]) {
                found.unused.insert(format!("{} {action}", statement["Sid"].as_str().unwrap_or_default()));
            }
        }
    }
    found.unused = found.unused.difference(&used).cloned().collect();
    found
}

#[test]
fn policies_allow_every_call_of_the_stories_and_nothing_else() {
    let Some(record) = record::of_stories() else { return };
    let stories = stories(record);
    let found = compared(&stories);
    let policies: usize = stories.iter().map(|story| story.policies.len()).sum();
    println!("{} authorisations of {} sandboxes by {policies} policies", found.calls, stories.len());
    assert!(found.calls > 500 && policies > 50, "too little was compared: {found:?}");
    assert!(found.denied.is_empty(), "no policy allows: {:#?}", found.denied);
    assert!(found.unused.is_empty(), "allowed, and never needed: {:#?}", found.unused);
    let longest =
        stories.iter().flat_map(|story| &story.policies).map(|policy| policy.to_string().len()).max();
    assert!(longest <= Some(6_144), "a managed policy has at most 6,144 characters: {longest:?}");
}

#[test]
fn a_permission_too_few_and_one_too_many_are_found() {
    let Some(record) = record::of_stories() else { return };
    let changed = |change: fn(&mut Value)| {
        let mut stories = stories(record);
        for policy in stories.iter_mut().flat_map(|story| &mut story.policies) {
            policy["Statement"].as_array_mut().expect("a list").iter_mut().for_each(change);
        }
        compared(&stories)
    };
    let without = |action: &str, found: &Comparison| found.denied.iter().any(|asked| asked.contains(action));
    let found = changed(|statement| {
        if statement["Action"] == "ecs:RunTask" {
            statement["Action"] = "ecs:StartTask".into();
        }
    });
    assert!(without("ecs:RunTask", &found), "{found:?}");
    assert!(found.unused.contains("Run ecs:StartTask"), "{found:?}");
    let found = changed(|statement| {
        if statement["Sid"] == "ListTasks" {
            statement["Condition"]["ArnEquals"]["ecs:cluster"] =
                "arn:aws:ecs:us-east-1:123456789012:cluster/x".into();
        }
    });
    assert!(without("ecs:ListTasks", &found), "{found:?}");
    let found = changed(|statement| {
        if statement["Sid"] == "Logs" {
            statement["Resource"] = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/other:*".into();
        }
    });
    assert!(without("logs:GetLogEvents", &found), "{found:?}");
}
