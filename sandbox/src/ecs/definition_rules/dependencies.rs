//! Containers that wait for each other.

use serde_json::Value;

use super::{client_error, containers, is_essential, items};
use crate::answer::AwsError;

pub(super) fn check(input: &Value) -> Result<(), AwsError> {
    let containers = containers(input);
    let named = |name: &Value| containers.iter().find(|container| container["name"] == *name);
    for dependency in containers.iter().flat_map(|container| items(&container["dependsOn"])) {
        let name = &dependency["containerName"];
        let Some(other) = named(name) else {
            let name = name.as_str().unwrap_or_default();
            return Err(client_error(format!(
                "Cannot depend on container + '{name}' because it does not exist"
            )));
        };
        match dependency["condition"].as_str() {
            Some("SUCCESS" | "COMPLETE") if is_essential(other) => {
                return Err(client_error(
                    "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
                ));
            }
            Some("HEALTHY") if !other["healthCheck"].is_object() => {
                return Err(client_error(
                    "A dependency container with HEALTHY condition must have health check configured",
                ));
            }
            _ => {}
        }
    }
    for container in containers {
        let mut before = vec![&container["name"]];
        let mut looked_at = Vec::new();
        while let Some(name) = before.pop() {
            let waits = named(name).map_or(&[][..], |one| items(&one["dependsOn"]));
            for next in waits.iter().map(|dependency| &dependency["containerName"]) {
                if *next == container["name"] {
                    // The wording is the sandbox's: that ECS refuses it is known.
                    return Err(client_error("Container dependsOn contains a cycle"));
                }
                if !looked_at.contains(&next) {
                    looked_at.push(next);
                    before.push(next);
                }
            }
        }
    }
    Ok(())
}
