//! Log groups.

use serde_json::{Value, json};

use super::{Logs, invalid, limit};
use crate::answer::{Answer, AwsError};
use crate::paging::paged;

pub(super) fn create(logs: &Logs, now: i64, input: &Value) -> Answer {
    let name = input["logGroupName"].as_str().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if name.is_empty() || name.len() > 512 || !name.chars().all(allowed) {
        return Err(invalid(format!("Value '{name}' at 'logGroupName' failed to satisfy constraint")));
    }
    if logs.has_group(name) {
        return Err(AwsError::client(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    logs.create_group(name, now);
    Ok(json!({}))
}

pub(super) fn delete(logs: &Logs, input: &Value) -> Answer {
    let name = logs.group_name(input)?;
    let mut store = logs.store();
    store.group(&name)?;
    store.groups.remove(&name);
    Ok(json!({}))
}

pub(super) fn put_retention(logs: &Logs, input: &Value) -> Answer {
    let name = logs.group_name(input)?;
    logs.store().group_mut(&name)?.retention_days = input["retentionInDays"].as_u64();
    Ok(json!({}))
}

pub(super) fn describe(logs: &Logs, input: &Value) -> Answer {
    let prefix = input["logGroupNamePrefix"].as_str().unwrap_or_default();
    let pattern = input["logGroupNamePattern"].as_str().unwrap_or_default();
    let store = logs.store();
    let groups: Vec<Value> = store
        .groups
        .iter()
        .filter(|(name, _)| name.starts_with(prefix) && name.contains(pattern))
        .map(|(name, group)| {
            let arn = logs.group_arn(name);
            let mut rendered = json!({
                "logGroupName": name,
                "creationTime": group.created,
                "metricFilterCount": 0,
                "arn": format!("{arn}:*"),
                "logGroupArn": arn,
                "logGroupClass": "STANDARD",
                "storedBytes": 0,
            });
            if let Some(days) = group.retention_days {
                rendered["retentionInDays"] = days.into();
            }
            rendered
        })
        .collect();
    paged(groups, "logGroups", input, limit(input, 50, 50)?)
}
