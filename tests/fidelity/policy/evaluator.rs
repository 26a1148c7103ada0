//! IAM's evaluation, as far as identity-based Allow statements go (IAM user guide, "Policy evaluation logic").

use serde_json::Value;
use wildmatch::WildMatch;

use super::Asked;

pub fn statements(policy: &Value) -> impl Iterator<Item = &Value> {
    policy["Statement"].as_array().into_iter().flatten()
}

/// One text, or a list of them.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// The Sid of a statement that allows it; none means that it is denied, as everything is by default.
pub fn allows<'a>(policy: &'a Value, asked: &Asked) -> Option<&'a str> {
    let found = statements(policy).find(|statement| {
        assert_eq!(statement["Effect"], "Allow", "no policy of ours denies");
        texts(&statement["Action"])
            .iter()
            .any(|action| is_like(&action.to_lowercase(), &asked.action.to_lowercase()))
            && texts(&statement["Resource"]).iter().any(|resource| is_like(resource, &asked.resource))
            && holds(&statement["Condition"], asked)
    })?;
    found["Sid"].as_str()
}

/// Every operator and every key of it must hold; of a key's values, one.
fn holds(condition: &Value, asked: &Asked) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators
        .flat_map(|(operator, keys)| keys.as_object().into_iter().flatten().map(move |key| (operator, key)))
        .all(|(operator, (key, wanted))| {
            let Some((_, value)) = asked.context.iter().find(|(name, _)| name == key) else { return false };
            texts(wanted).iter().any(|wanted| match operator.as_str() {
                "StringEquals" => wanted == value,
                // Either of IAM's two operators for ARNs takes wildcards.
                "ArnEquals" => is_like(wanted, value),
                other => panic!("the evaluator does not know {other}"),
            })
        })
}

fn is_like(pattern: &str, text: &str) -> bool {
    WildMatch::new(pattern).matches(text)
}

#[test]
fn the_evaluator_denies_what_is_not_allowed() {
    let policy = serde_json::json!({"Statement": [
        {"Sid": "A", "Effect": "Allow", "Action": ["ecs:Run*", "ecs:StopTask"], "Resource": "arn:a/*",
         "Condition": {"ArnEquals": {"ecs:cluster": "arn:c"}, "StringEquals": {"k": ["x", "y"]}}},
        {"Sid": "B", "Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*"},
    ]});
    let asked = |action: &str, resource: &str, context: &[(&'static str, &str)]| Asked {
        action: action.into(),
        resource: resource.into(),
        context: context.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
    };
    let both = [("ecs:cluster", "arn:c"), ("k", "y")];
    for (wanted, allowed) in [
        (asked("ecs:RunTask", "arn:a/1", &both), Some("A")),
        (asked("ecs:runtask", "arn:a/1", &both), Some("A")),
        (asked("ecs:StopTask", "arn:b/1", &both), None),
        (asked("ecs:StartTask", "arn:a/1", &both), None),
        (asked("ecs:RunTask", "arn:a/1", &both[..1]), None),
        (asked("ecs:RunTask", "arn:a/1", &[("ecs:cluster", "arn:d"), ("k", "y")]), None),
        (asked("ecs:ListTasks", "anything", &[]), Some("B")),
    ] {
        assert_eq!(allows(&policy, &wanted), allowed, "{wanted:?}");
    }
}
