//! Tags of clusters, task definitions, tasks and services.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{invalid, short_name, strings};
use crate::answer::{Answer, AwsError};
use crate::region::Region;

/// Checks the tags of a request that creates something.
pub(super) fn check(tags: &Value) -> Result<(), AwsError> {
    let tags = tags.as_array().map_or(&[][..], Vec::as_slice);
    if tags.len() > 50 {
        return Err(invalid("Too many tags: the limit is 50."));
    }
    let mut keys = HashSet::new();
    for tag in tags {
        let [key, value] = ["key", "value"].map(|part| tag[part].as_str().unwrap_or_default());
        let reserved = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
        let problem = if key.is_empty() || key.chars().count() > 128 {
            "Tag keys should have 1 to 128 characters."
        } else if value.chars().count() > 256 {
            "Tag values should have at most 256 characters."
        } else if reserved {
            "Tag keys that begin with aws: are reserved for AWS use."
        } else if !key.chars().chain(value.chars()).all(is_tag_character) {
            "Tags contain invalid characters. Valid characters: UnicodeLetters Digits WhiteSpace _ . / = + - : @"
        } else if !keys.insert(key) {
            "Tag keys should be unique."
        } else {
            continue;
        };
        return Err(invalid(problem));
    }
    Ok(())
}

/// Returns whether the model's TagKey and TagValue allow a character: letters, separators, numbers and these.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_./=+-:@".contains(c)
}

pub(super) fn tag(region: &Region, input: &Value) -> Answer {
    let given = input["tags"].as_array().cloned().unwrap_or_default();
    change(region, input, |tags| {
        for tag in given {
            tags.retain(|known| known["key"] != tag["key"]);
            tags.push(tag);
        }
    })
}

pub(super) fn untag(region: &Region, input: &Value) -> Answer {
    let keys = strings(&input["tagKeys"]);
    change(region, input, |tags| {
        tags.retain(|tag| !keys.iter().any(|key| tag["key"] == key.as_str()));
    })
}

pub(super) fn list(region: &Region, input: &Value) -> Answer {
    let mut found = Vec::new();
    with_tags(region, input, |tags| found.clone_from(tags))?;
    Ok(json!({ "tags": found }))
}

fn change(region: &Region, input: &Value, change: impl FnOnce(&mut Vec<Value>)) -> Answer {
    let mut count = 0;
    with_tags(region, input, |tags| {
        change(tags);
        count = tags.len();
    })?;
    if count > 50 { Err(invalid("Too many tags: the limit is 50.")) } else { Ok(json!({})) }
}

fn with_tags(region: &Region, input: &Value, visit: impl FnOnce(&mut Vec<Value>)) -> Result<(), AwsError> {
    let arn = input["resourceArn"].as_str().unwrap_or_default();
    let not_found = || invalid("The specified resource was not found.");
    let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next());
    let mut state = region.ecs.state();
    match kind {
        Some("task-definition") => {
            let mut visit = Some(visit);
            let known = state.change_revision(arn, |revision| {
                if let Some(visit) = visit.take() {
                    visit(&mut revision.tags);
                }
            });
            known.then_some(()).ok_or_else(not_found)
        }
        Some("task") => {
            let task = state.task_mut(short_name(arn)).filter(|task| task.arn == arn);
            visit(&mut task.ok_or_else(not_found)?.tags);
            Ok(())
        }
        Some("cluster") => {
            let cluster = state.clusters.get_mut(short_name(arn)).filter(|cluster| cluster.arn == arn);
            visit_value(&mut cluster.ok_or_else(not_found)?.tags, visit);
            Ok(())
        }
        Some("service") => {
            let service = state.services.values_mut().find(|service| service.arn == arn);
            let settings = &mut service.ok_or_else(not_found)?.settings;
            visit_value(settings.entry("tags").or_insert_with(|| json!([])), visit);
            Ok(())
        }
        _ => Err(invalid("Invalid identifier: Identifier is for unsupported resource type.")),
    }
}

fn visit_value(tags: &mut Value, visit: impl FnOnce(&mut Vec<Value>)) {
    let mut list = tags.as_array().cloned().unwrap_or_default();
    visit(&mut list);
    *tags = list.into();
}
