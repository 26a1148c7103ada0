//! What RunTask refuses.

use serde_json::Value;

use super::{Revision, client_error, invalid, strings};
use crate::answer::AwsError;
use crate::region::Region;

/// Characters of `overrides` as JSON, punctuation included.
const MAX_OVERRIDES: usize = 8192;

/// Checks what does not depend on the task definition.
pub(super) fn check_request(input: &Value) -> Result<(), AwsError> {
    if input["taskDefinition"].as_str().unwrap_or_default().is_empty() {
        return Err(client_error("TaskDefinition can not be blank."));
    }
    match &input["count"] {
        Value::Null => {}
        count => match count.as_i64() {
            Some(1..=10) => {}
            Some(number) if number > 10 => {
                return Err(invalid(
                    "You may only start up to 10 tasks per request. Count cannot be more than 10.",
                ));
            }
            _ => return Err(invalid("Count should be a positive number.")),
        },
    }
    if let Some(token) = input["clientToken"].as_str()
        && (token.len() > 64 || !token.chars().all(|c| ('!'..='~').contains(&c)))
    {
        return Err(invalid("clientToken should be at most 64 characters of ASCII 33 to 126."));
    }
    if let Some(started_by) = input["startedBy"].as_str() {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
        if started_by.chars().count() > 128 || !started_by.chars().all(allowed) {
            return Err(invalid(
                "startedBy can contain up to 128 letters (uppercase and lowercase), numbers, hyphens (-), \
                 forward slash (/), and underscores (_).",
            ));
        }
    }
    let overrides = &input["overrides"];
    if !overrides.is_null() && overrides.to_string().chars().count() > MAX_OVERRIDES {
        return Err(invalid("Container Overrides length must be at most 8192"));
    }
    super::tags::check(&input["tags"])?;
    match input["propagateTags"].as_str() {
        None | Some("TASK_DEFINITION" | "NONE") => {}
        Some("SERVICE") => return Err(invalid("propagateTags SERVICE is not valid for RunTask.")),
        Some(other) => return Err(invalid(format!("Invalid propagateTags value: {other}"))),
    }
    let strategy = input["capacityProviderStrategy"].as_array().map_or(&[][..], Vec::as_slice);
    if !strategy.is_empty() && !input["launchType"].is_null() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    if !strategy.is_empty() && strategy.iter().all(|one| one["weight"].as_u64().unwrap_or(0) == 0) {
        return Err(invalid("At least one capacity provider must have a weight greater than 0."));
    }
    if strategy.iter().filter(|one| one["base"].as_u64().unwrap_or(0) > 0).count() > 1 {
        return Err(invalid("Only one capacity provider in a strategy can have a base defined."));
    }
    Ok(())
}

/// Checks the request against the task definition and the network.
pub(super) fn check_against(region: &Region, revision: &Revision, input: &Value) -> Result<(), AwsError> {
    if !revision.is_active() {
        return Err(client_error("TaskDefinition is inactive"));
    }
    let names: Vec<&str> = revision.containers().iter().filter_map(|one| one["name"].as_str()).collect();
    for container in input["overrides"]["containerOverrides"].as_array().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        if !names.contains(&name) {
            return Err(invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
    }
    let on_fargate = input["launchType"] == "FARGATE" || input["capacityProviderStrategy"].is_array();
    if on_fargate && !revision.runs_on_fargate() {
        return Err(invalid("Task definition does not support launch_type FARGATE."));
    }
    check_volumes(revision, input)?;
    if revision.document["networkMode"] == "awsvpc" {
        check_network(region, &input["networkConfiguration"]["awsvpcConfiguration"])
    } else if input["networkConfiguration"].is_object() {
        Err(invalid("Network Configuration is not valid for the given networkMode of this task definition."))
    } else {
        Ok(())
    }
}

/// Checks that each volume that is configured at launch has a configuration, and each configuration such a volume.
fn check_volumes(revision: &Revision, input: &Value) -> Result<(), AwsError> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let volumes = list(&revision.document["volumes"]);
    let at_launch: Vec<&Value> = volumes
        .iter()
        .filter(|volume| volume["configuredAtLaunch"] == true)
        .map(|volume| &volume["name"])
        .collect();
    let given = list(&input["volumeConfigurations"]);
    if at_launch.iter().any(|name| !given.iter().any(|one| one["name"] == **name)) {
        return Err(invalid(
            "Task definition has configuredAtLaunch volume but no volume configuration provided at runtime",
        ));
    }
    if given.iter().any(|one| !at_launch.contains(&&one["name"])) {
        return Err(invalid(
            "Volume configuration provided but no matching configuredAtLaunch volume found in task definition.",
        ));
    }
    Ok(())
}

fn check_network(region: &Region, configuration: &Value) -> Result<(), AwsError> {
    if !configuration.is_object() {
        return Err(invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ));
    }
    let subnets = strings(&configuration["subnets"]);
    if subnets.is_empty() {
        return Err(invalid("subnets can not be empty."));
    }
    if subnets.len() > 16 {
        return Err(invalid("There is a limit of 16 subnets that can be specified."));
    }
    let groups = strings(&configuration["securityGroups"]);
    if groups.len() > 5 {
        return Err(invalid("There is a limit of 5 security groups that can be specified."));
    }
    if let Some(subnet) = subnets.iter().find(|id| !region.networks.knows(id)) {
        return Err(invalid(format!(
            "Error retrieving subnet information for [{subnet}]: The subnet ID '{subnet}' does not exist \
             (ErrorCode: InvalidSubnetID.NotFound)"
        )));
    }
    if let Some(group) = groups.iter().find(|id| !region.networks.knows(id)) {
        return Err(invalid(format!(
            "Error retrieving security group information for [{group}]: The security group '{group}' does not exist \
             (ErrorCode: InvalidGroup.NotFound)"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn limits_of_a_request() {
        let with = |member: &str, value: Value| {
            let mut input = json!({ "taskDefinition": "f" });
            input[member] = value;
            check_request(&input)
        };
        assert!(with("count", json!(10)).is_ok());
        assert!(with("count", json!(11)).unwrap_err().message.contains("10 tasks"));
        assert!(with("startedBy", json!("run-1/attempt_2")).is_ok());
        assert!(with("startedBy", json!("run 1")).is_err());
        assert!(with("startedBy", json!("x".repeat(129))).is_err());
        assert!(with("clientToken", json!("x".repeat(65))).is_err());
        assert!(with("propagateTags", json!("TASK_DEFINITION")).is_ok());
        assert!(with("propagateTags", json!("SERVICE")).is_err());
        let tag = |key: &str| json!([{ "key": key, "value": "v" }]);
        assert!(with("tags", tag("Team")).is_ok());
        for key in ["", "aws:x", "AWS:x", "a;b", &"k".repeat(129)] {
            assert!(with("tags", tag(key)).is_err(), "{key}");
        }
        assert!(with("tags", json!([{ "key": "a" }, { "key": "a" }])).is_err());
        assert!(with("overrides", json!({ "pad": "x".repeat(8192) })).is_err());
        assert!(with("overrides", json!({ "pad": "x".repeat(8000) })).is_ok());
        assert!(with("capacityProviderStrategy", json!([{ "capacityProvider": "FARGATE" }])).is_err());
    }
}
