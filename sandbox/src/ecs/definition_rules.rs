//! What RegisterTaskDefinition refuses.

use std::collections::HashSet;

use serde_json::Value;

use super::task_definitions::READ_ONLY;
use super::{client_error, strings};
use crate::answer::AwsError;

/// Largest task definition, in bytes of JSON.
const MAX_SIZE: usize = 64 * 1024;

/// Memory in MiB: from, to, step.
type Memory = (u64, u64, u64);

/// Fargate's cpu units with the memory that may go with them.
const FARGATE_SIZES: [(u64, &[Memory]); 7] = [
    (256, &[(512, 512, 512), (1024, 2048, 1024)]),
    (512, &[(1024, 4096, 1024)]),
    (1024, &[(2048, 8192, 1024)]),
    (2048, &[(4096, 16_384, 1024)]),
    (4096, &[(8192, 30_720, 1024)]),
    (8192, &[(16_384, 61_440, 4096)]),
    (16_384, &[(32_768, 122_880, 8192)]),
];

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
        document.retain(|key, _| key != "tags" && !READ_ONLY.contains(&key.as_str()));
    }
    let size = registered.to_string().len();
    if size > MAX_SIZE {
        return Err(client_error(format!(
            "Actual task definition length {size} exceeds the maximum task definition length {MAX_SIZE}."
        )));
    }
    if input["tags"].as_array().is_some_and(|tags| tags.len() > 50) {
        return Err(AwsError::client("InvalidParameterException", "Too many tags: the limit is 50."));
    }
    check_containers(input)?;
    if strings(&input["requiresCompatibilities"]).iter().any(|kind| kind == "FARGATE") {
        check_fargate(input)?;
    }
    Ok(())
}

fn check_containers(input: &Value) -> Result<(), AwsError> {
    let containers = input["containerDefinitions"].as_array().map_or(&[][..], Vec::as_slice);
    if containers.is_empty() {
        return Err(client_error("Container definitions should not be null or empty."));
    }
    let mut names = HashSet::new();
    for container in containers {
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            return Err(client_error("Container.name should not be null or empty."));
        }
        if container["image"].as_str().unwrap_or_default().is_empty() {
            return Err(client_error("Container.image should not be null or empty."));
        }
        if !names.insert(name) {
            return Err(client_error(format!("Container.name should be unique: {name} is used twice.")));
        }
        check_variables(container)?;
    }
    if !containers.iter().any(|container| container["essential"].as_bool().unwrap_or(true)) {
        return Err(client_error("At least one container in the task definition must be essential."));
    }
    if containers.iter().any(has_secrets) && absent(&input["executionRoleArn"]) {
        return Err(client_error(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    Ok(())
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

fn check_fargate(input: &Value) -> Result<(), AwsError> {
    if input["networkMode"] != "awsvpc" {
        return Err(client_error("Fargate only supports network mode ‘awsvpc’."));
    }
    let (cpu, memory) = (cpu_units(&input["cpu"]), mebibytes(&input["memory"]));
    let (Some(cpu), Some(memory)) = (cpu, memory) else {
        return Err(client_error("Fargate requires that 'cpu' and 'memory' be defined at the task level."));
    };
    let fits = FARGATE_SIZES.iter().any(|(units, ranges)| {
        *units == cpu
            && ranges.iter().any(|(from, to, step)| {
                (*from..=*to).contains(&memory) && (memory - from).is_multiple_of(*step)
            })
    });
    if !fits {
        return Err(client_error(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. \
             See the Amazon ECS documentation for the valid values."
        )));
    }
    for container in input["containerDefinitions"].as_array().into_iter().flatten() {
        let logging = &container["logConfiguration"];
        if logging["logDriver"] != "awslogs" {
            continue;
        }
        if absent(&input["executionRoleArn"]) {
            return Err(client_error(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ));
        }
        for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
            if absent(&logging["options"][option]) {
                return Err(client_error(format!(
                    "Log driver awslogs requires option {option} when the launch type is FARGATE."
                )));
            }
        }
    }
    Ok(())
}

fn has_secrets(container: &Value) -> bool {
    container["secrets"].as_array().is_some_and(|list| !list.is_empty())
}

fn absent(value: &Value) -> bool {
    value.as_str().is_none_or(str::is_empty)
}

/// CPU units of `256` or `.25 vCPU`.
pub(super) fn cpu_units(value: &Value) -> Option<u64> {
    size(value, "vcpu")
}

/// MiB of `512` or `0.5 GB`.
pub(super) fn mebibytes(value: &Value) -> Option<u64> {
    size(value, "gb")
}

/// A whole number, or a number of a unit that is 1,024 of them.
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
mod tests {
    use super::*;
    use serde_json::json;

    fn fargate(cpu: &str, memory: &str) -> Value {
        json!({
            "family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": cpu,
            "memory": memory, "executionRoleArn": "arn:aws:iam::123456789012:role/r",
            "containerDefinitions": [{"name": "c", "image": "i"}],
        })
    }

    #[test]
    fn fargate_sizes() {
        for (cpu, memory, fits) in [
            ("256", "512", true),
            ("256", "1536", false),
            ("256", "4096", false),
            ("1 vCPU", "2GB", true),
            ("8192", "20480", true),
            ("300", "512", false),
        ] {
            assert_eq!(check(&fargate(cpu, memory)).is_ok(), fits, "{cpu} {memory}");
        }
    }

    #[test]
    fn what_ecs_refuses() {
        let base = fargate("256", "512");
        let with = |pointer: &str, value: Value| {
            let mut document = base.clone();
            match pointer.rsplit_once('/') {
                Some((parent, key)) => document.pointer_mut(parent).unwrap()[key] = value,
                None => unreachable!("pointers begin with a slash"),
            }
            check(&document).unwrap_err().message
        };
        let same = json!([{"name": "A", "value": "1"}]);
        let mut shared = base.clone();
        shared["containerDefinitions"][0]["environment"] = same;
        shared["containerDefinitions"][0]["secrets"] = json!([{"name": "A", "valueFrom": "arn"}]);
        assert!(check(&shared).unwrap_err().message.starts_with("The secret name must be unique"));
        assert!(with("/family", json!("a b")).starts_with("Family"));
        assert!(with("/networkMode", json!("bridge")).contains("awsvpc"));
        assert!(with("/containerDefinitions", json!([])).contains("null or empty"));
        assert!(with("/containerDefinitions/0/essential", json!(false)).contains("essential"));
        assert!(with("/pad", json!("x".repeat(70_000))).contains("exceeds"));
        let logs = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "r"}});
        assert!(with("/containerDefinitions/0/logConfiguration", logs).contains("awslogs-stream-prefix"));
    }
}
