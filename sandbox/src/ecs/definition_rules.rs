//! What RegisterTaskDefinition refuses: in ECS's own words where they are known; other wordings are marked.

mod dependencies;
mod fargate;
mod volumes;

use std::collections::HashSet;

use serde_json::Value;

use super::task_definitions::READ_ONLY;
use super::{client_error, strings};
use crate::answer::AwsError;

/// Largest task definition, in bytes of JSON.
const MAX_SIZE: usize = 64 * 1024;

/// Checks a request of RegisterTaskDefinition.
///
/// # Errors
/// ClientException, as ECS words it where its wording is known.
pub(super) fn check(input: &Value) -> Result<(), AwsError> {
    let family = input["family"].as_str().unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if family.is_empty() || family.len() > 255 || !family.chars().all(allowed) {
        return Err(client_error(
            "Family contains invalid characters or is not between 1 and 255 characters long.",
        ));
    }
    let mut registered = input.clone();
    if let Some(document) = registered.as_object_mut() {
        document.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
    }
    let size = registered.to_string().len();
    if size > MAX_SIZE {
        return Err(client_error(format!(
            "Actual task definition length {size} exceeds the maximum task definition length {MAX_SIZE}."
        )));
    }
    check_containers(input)?;
    dependencies::check(input)?;
    volumes::check(input)?;
    if input["networkMode"] == "awsvpc" {
        fargate::check_awsvpc(input)?;
    }
    if strings(&input["requiresCompatibilities"]).iter().any(|kind| kind == "FARGATE") {
        fargate::check(input)?;
    }
    Ok(())
}

/// Returns whether it could be registered for Fargate: DescribeTaskDefinition's `compatibilities` say so.
pub(super) fn is_fit_for_fargate(input: &Value) -> bool {
    fargate::check(input).is_ok()
}

fn containers(input: &Value) -> &[Value] {
    input["containerDefinitions"].as_array().map_or(&[], Vec::as_slice)
}

/// Returns the objects of a list that may be absent.
fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// Returns whether a container's image is in ECR: that of the sandbox is on loopback.
fn is_in_ecr(container: &Value) -> bool {
    let image = container["image"].as_str().unwrap_or_default();
    image.contains(".dkr.ecr.") || image.contains(".dkr-ecr.") || image.starts_with("127.0.0.1:")
}

fn check_containers(input: &Value) -> Result<(), AwsError> {
    let containers = containers(input);
    if containers.is_empty() {
        return Err(client_error("Container definitions should not be null or empty."));
    }
    if containers.len() > 10 {
        return Err(client_error("Too many containers"));
    }
    let mut names = HashSet::new();
    for container in containers {
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(client_error("Container.name should not be null or empty."));
        }
        let image = container["image"].as_str().unwrap_or_default();
        if image.is_empty() {
            return Err(client_error("Container.image should not be null or empty."));
        }
        // The wording is the sandbox's; the length is that of ContainerDefinition.
        if image.split('@').next().is_some_and(|name| name.chars().count() > 255) {
            return Err(client_error("Container.image repository should be 255 characters or less."));
        }
        if !names.insert(name) {
            return Err(client_error(format!("Container.name should be unique: {name} is used twice.")));
        }
        check_variables(container)?;
        if is_in_ecr(container) && container["repositoryCredentials"].is_object() {
            return Err(client_error(
                "Private repository credentials are not a supported authentication method for ECR repositories.",
            ));
        }
        check_times(name, container)?;
    }
    if !containers.iter().any(is_essential) {
        return Err(client_error("Task definition doesn't have any essential container"));
    }
    check_role(input)
}

fn is_essential(container: &Value) -> bool {
    container["essential"].as_bool().unwrap_or(true)
}

/// Checks for the execution role where ECS itself needs it, whatever the task runs on.
fn check_role(input: &Value) -> Result<(), AwsError> {
    if !absent(&input["executionRoleArn"]) {
        return Ok(());
    }
    let any = |test: fn(&Value) -> bool| containers(input).iter().any(test);
    if any(|container| !items(&container["secrets"]).is_empty())
        || any(|container| !items(&container["logConfiguration"]["secretOptions"]).is_empty())
    {
        return Err(client_error(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    if any(|container| container["repositoryCredentials"].is_object()) {
        return Err(client_error(
            "Private repository authentication requires that the task definition specify a value for executionRoleArn.",
        ));
    }
    // The wording is the sandbox's: that the role is required is in the developer guide.
    if any(|container| !items(&container["environmentFiles"]).is_empty()) {
        return Err(client_error(
            "When you are specifying environment files, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    Ok(())
}

fn check_times(name: &str, container: &Value) -> Result<(), AwsError> {
    for (member, word) in [("startTimeout", "start"), ("stopTimeout", "stop")] {
        if container[member].as_i64().is_some_and(|seconds| seconds < 2) {
            return Err(client_error(format!(
                "Granular {word} timeout on container '{name}' must be at least 2 seconds."
            )));
        }
    }
    let period = container["restartPolicy"]["restartAttemptPeriod"].as_i64();
    if period.is_some_and(|seconds| !(60..=1800).contains(&seconds)) {
        return Err(client_error(format!(
            "the 'restartAttemptPeriod' setting for container '{name}' must be between 60 and 1800"
        )));
    }
    // The wording is the sandbox's; the number is that of ContainerRestartPolicy.
    if items(&container["restartPolicy"]["ignoredExitCodes"]).len() > 50 {
        return Err(client_error(format!(
            "the 'ignoredExitCodes' setting for container '{name}' must have 50 exit codes or less"
        )));
    }
    if items(&container["environmentFiles"]).len() > 10 {
        return Err(client_error(
            "The maximum number of environment files was exceeded. Specify ten or less and try again",
        ));
    }
    if items(&container["environmentFiles"])
        .iter()
        .any(|file| file["value"].as_str().is_some_and(|value| !value.starts_with("arn:")))
    {
        return Err(client_error("Invalid arn syntax"));
    }
    let check = &container["healthCheck"];
    let ranges = [("interval", 5..=300), ("timeout", 2..=60), ("retries", 1..=10), ("startPeriod", 0..=300)];
    match ranges.iter().find(|(member, range)| {
        !items(&check["command"]).is_empty()
            && check[*member].as_i64().is_some_and(|value| !range.contains(&value))
    }) {
        // The wording is the sandbox's; the ranges are those of HealthCheck.
        Some((member, _)) => {
            Err(client_error(format!("Invalid healthCheck {member} for container '{name}'.")))
        }
        None => Ok(()),
    }
}

fn check_variables(container: &Value) -> Result<(), AwsError> {
    let names = |list: &Value| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["name"].as_str())
            .map(Into::into)
            .collect()
    };
    let mut taken: HashSet<String> = names(&container["environment"]).into_iter().collect();
    if names(&container["secrets"]).into_iter().all(|secret| taken.insert(secret)) {
        return Ok(());
    }
    Err(client_error(
        "The secret name must be unique and not shared with any new or existing environment variables set on the \
         container, such as those set by environment.",
    ))
}

fn absent(value: &Value) -> bool {
    value.as_str().is_none_or(str::is_empty)
}

/// Parses CPU units, such as `256` or `.25 vCPU`.
pub(super) fn cpu_units(value: &Value) -> Option<u64> {
    size(value, "vcpu")
}

/// Parses MiB, such as `512` or `0.5 GB`.
pub(super) fn mebibytes(value: &Value) -> Option<u64> {
    size(value, "gb")
}

/// Parses a whole number, or a number of a unit that is 1,024 of them.
fn size(value: &Value, unit: &str) -> Option<u64> {
    let text = value.as_str()?.trim();
    match text.to_ascii_lowercase().strip_suffix(unit) {
        Some(number) => {
            let size = number.trim().parse::<f64>().ok()? * 1024.0;
            (size.fract() == 0.0 && size > 0.0).then_some(size as u64)
        }
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
