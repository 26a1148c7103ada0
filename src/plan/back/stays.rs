//! Pure: what does not come back. UpdateService puts another task definition on a service and leaves the rest as it
//! is, where ECS's own rollback restores the whole service revision.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::untrusted::{phrase, printable};

/// A setting that stays as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stays {
    /// Such as `networkConfiguration.awsvpcConfiguration.subnets`.
    pub setting: String,
    /// As it was when the other revision ran; absent where it had none.
    pub was: Option<String>,
    /// As it is now.
    pub is: Option<String>,
}

/// Members of a service revision whose texts are names, modes and sizes, and never a secret.
const HARMLESS: [&str; 13] = [
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "platformFamily",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "fargateEphemeralStorage",
    "guardDutyEnabled",
    "resolvedConfiguration",
];
/// Options of a logging driver, within those members: they may hold a token.
const OPTIONS: &str = "logConfiguration.options";
const HIDDEN: &str = "(hidden)";

/// Lists the settings in which the revision that ran differs from what runs now.
pub(crate) fn stays(was: &Value, is: &Value) -> Vec<Stays> {
    let (mut before, mut now) = (BTreeMap::new(), BTreeMap::new());
    flatten(&mut before, "", was);
    flatten(&mut now, "", is);
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differs =
        names.into_iter().filter(|name| before.get(*name).map(sorted) != now.get(*name).map(sorted));
    let shown = |name: &str, value: Option<&&Value>| value.map(|value| shown(name, value));
    differs
        .map(|name| Stays {
            setting: phrase(name),
            was: shown(name, before.get(name)),
            is: shown(name, now.get(name)),
        })
        .collect()
}

/// Sorts a list, since the order of plain values such as subnets and security groups makes no difference.
fn sorted(value: &&Value) -> Value {
    let mut value = (*value).clone();
    if let Some(list) = value.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
    value
}

/// Collects the leaves of a value by their path. A list of plain values is one leaf; null and empty lists are none.
fn flatten<'a>(leaves: &mut BTreeMap<String, &'a Value>, path: &str, value: &'a Value) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(key, value)| flatten(leaves, &below(key), value));
        }
        Value::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            let indexed = list.iter().enumerate();
            indexed.for_each(|(index, item)| flatten(leaves, &format!("{path}[{index}]"), item));
        }
        Value::Null => {}
        Value::Array(list) if list.is_empty() => {}
        Value::Object(_) if path.is_empty() => {}
        value => {
            leaves.insert(path.to_owned(), value);
        }
    }
}

fn shown(path: &str, value: &Value) -> String {
    let member = path.split(['.', '[']).next().unwrap_or_default();
    if !HARMLESS.contains(&member) || path.contains(OPTIONS) {
        return HIDDEN.to_owned();
    }
    match value {
        Value::String(text) => phrase(text),
        Value::Array(list) => {
            let mut words: Vec<String> = list
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
                .collect();
            words.sort_unstable();
            printable(&words.join(", "), 1000)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_listed_with_both_values_and_no_secret() {
        let was = json!({
            "platformVersion": "1.4.0",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}},
            "loadBalancers": [{"targetGroupArn": "tg-1", "containerPort": 80}],
            "serviceConnectConfiguration": {"logConfiguration": {"options": {"splunk-token": "hunter2"}}},
            "ofTomorrow": {"password": "hunter2"},
            "volumeConfigurations": [],
        });
        let is = json!({
            "platformVersion": "1.4.0",
            "networkConfiguration": {
                "awsvpcConfiguration": {"subnets": ["subnet-2", "subnet-1"], "assignPublicIp": "DISABLED"}
            },
            "loadBalancers": [{"targetGroupArn": "tg-2", "containerPort": 80}],
            "serviceConnectConfiguration": {"logConfiguration": {"options": {"splunk-token": "hunter3"}}},
            "ofTomorrow": {"password": "hunter3"},
            "launchType": "FARGATE",
        });
        let stay = |setting: &str, was: Option<&str>, is: Option<&str>| Stays {
            setting: setting.into(),
            was: was.map(str::to_owned),
            is: is.map(str::to_owned),
        };
        let found = stays(&was, &is);
        assert_eq!(
            found,
            [
                stay("launchType", None, Some("FARGATE")),
                stay("loadBalancers[0].targetGroupArn", Some("tg-1"), Some("tg-2")),
                stay(
                    "networkConfiguration.awsvpcConfiguration.subnets",
                    Some("subnet-1"),
                    Some("subnet-1, subnet-2")
                ),
                stay("ofTomorrow.password", Some(HIDDEN), Some(HIDDEN)),
                stay(
                    "serviceConnectConfiguration.logConfiguration.options.splunk-token",
                    Some(HIDDEN),
                    Some(HIDDEN)
                ),
            ]
        );
        assert_eq!(stays(&was, &was), []);
        let groups = |list: [&str; 2]| json!({"networkConfiguration": {"awsvpcConfiguration": {"securityGroups": list}}});
        assert_eq!(stays(&groups(["sg-1", "sg-2"]), &groups(["sg-2", "sg-1"])), []);
        assert_eq!(stays(&Value::Null, &json!({})), []);
    }
}
