//! What a task definition must not have on Fargate, and with its network mode.

use serde_json::Value;

use super::{absent, client_error, containers, cpu_units, is_in_ecr, items, mebibytes};
use crate::answer::AwsError;

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

pub(super) fn check(input: &Value) -> Result<(), AwsError> {
    if input["networkMode"] != "awsvpc" {
        return Err(client_error("Fargate only supports network mode ‘awsvpc’."));
    }
    check_size(input)?;
    check_task(input)?;
    for container in containers(input) {
        check_container(container)?;
        check_logs(input, container)?;
    }
    if absent(&input["executionRoleArn"]) && containers(input).iter().any(is_in_ecr) {
        return Err(client_error(
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ));
    }
    Ok(())
}

/// Refuses what a task cannot have with a network interface of its own.
pub(super) fn check_awsvpc(input: &Value) -> Result<(), AwsError> {
    for container in containers(input) {
        let unsupported = if !items(&container["links"]).is_empty() {
            "Links are not supported when networkMode=awsvpc."
        } else if container["disableNetworking"] == true {
            "Disable Networking is not supported on container when networkMode=awsvpc."
        } else if !items(&container["dnsServers"]).is_empty() {
            "DNS servers are not supported on container when networkMode=awsvpc."
        } else if !items(&container["dnsSearchDomains"]).is_empty() {
            "DNS search domains are not supported on container when networkMode=awsvpc."
        } else if !items(&container["extraHosts"]).is_empty() {
            "Extra hosts are not supported on container when networkMode=awsvpc."
        } else if !absent(&container["hostname"]) {
            "hostname is not supported on container when networkMode=awsvpc."
        } else if items(&container["portMappings"]).iter().any(maps_elsewhere) {
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
        } else {
            continue;
        };
        return Err(client_error(unsupported));
    }
    Ok(())
}

fn maps_elsewhere(port: &Value) -> bool {
    let [host, inside] = ["hostPort", "containerPort"].map(|side| port[side].as_i64());
    host.is_some() && inside.is_some() && host != inside
}

fn check_size(input: &Value) -> Result<(), AwsError> {
    let (cpu, memory) = (cpu_units(&input["cpu"]), mebibytes(&input["memory"]));
    let Some(cpu) = cpu else {
        return Err(client_error("Fargate requires that 'cpu' be defined at the task level."));
    };
    let Some(memory) = memory else {
        return Err(client_error("Fargate requires that 'memory' be defined at the task level."));
    };
    let fits = FARGATE_SIZES.iter().any(|(units, ranges)| {
        *units == cpu
            && ranges.iter().any(|(from, to, step)| {
                (*from..=*to).contains(&memory) && (memory - from).is_multiple_of(*step)
            })
    });
    let system = input["runtimePlatform"]["operatingSystemFamily"].as_str().unwrap_or_default();
    if !fits || (system.starts_with("WINDOWS") && cpu < 1024) {
        return Err(client_error(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. \
             See the Amazon ECS documentation for the valid values."
        )));
    }
    // The wording of the sums is the sandbox's; the rule is that of ContainerDefinition.
    for (member, reserved, whole) in [("cpu", "cpu", cpu), ("memory", "memoryReservation", memory)] {
        let of = |container: &Value| container[reserved].as_u64().or(container[member].as_u64()).unwrap_or(0);
        if containers(input).iter().map(of).sum::<u64>() > whole {
            return Err(client_error(format!(
                "The total '{member}' setting of the containers is greater than for the task."
            )));
        }
    }
    Ok(())
}

fn check_task(input: &Value) -> Result<(), AwsError> {
    if !absent(&input["ipcMode"]) {
        return Err(client_error("Tasks using the Fargate launch type do not support ipcMode."));
    }
    if let Some(mode) = input["pidMode"].as_str().filter(|mode| !mode.is_empty() && *mode != "task") {
        return Err(client_error(format!(
            "Tasks using the Fargate launch type do not support pidMode '{mode}'. The supported value for pidMode is \
             'task'."
        )));
    }
    if !items(&input["placementConstraints"]).is_empty() {
        return Err(unsupported("constraints"));
    }
    for volume in items(&input["volumes"]) {
        if volume["dockerVolumeConfiguration"].is_object() {
            return Err(unsupported("dockerVolumeConfiguration"));
        }
        if !absent(&volume["host"]["sourcePath"]) {
            return Err(unsupported("sourcePath"));
        }
    }
    let storage = &input["ephemeralStorage"];
    match storage["sizeInGiB"].as_i64() {
        Some(size) if size < 21 => Err(client_error("EphemeralStorage size should be at least 21")),
        Some(size) if size > 200 => Err(client_error("EphemeralStorage size should be at most 200")),
        _ => Ok(()),
    }
}

fn check_container(container: &Value) -> Result<(), AwsError> {
    if container["privileged"] == true {
        return Err(client_error("Fargate requires that the 'privileged' setting be 'false'."));
    }
    if !items(&container["dockerSecurityOptions"]).is_empty() {
        return Err(unsupported("dockerSecurityOptions"));
    }
    if items(&container["resourceRequirements"]).iter().any(|one| one["type"] == "GPU") {
        return Err(client_error("Tasks using the Fargate launch type do not support GPU."));
    }
    let linux = &container["linuxParameters"];
    if !items(&linux["devices"]).is_empty() {
        return Err(unsupported("devices"));
    }
    if let Some(member) =
        ["sharedMemorySize", "maxSwap", "swappiness"].into_iter().find(|member| linux[*member].is_number())
    {
        return Err(unsupported(member));
    }
    if items(&linux["capabilities"]["add"]).iter().any(|name| name != "SYS_PTRACE") {
        return Err(unsupported("capabilities other than SYS_PTRACE"));
    }
    for word in ["start", "stop"] {
        if container[format!("{word}Timeout")].as_i64().is_some_and(|seconds| seconds > 120) {
            return Err(client_error(format!(
                "Tasks using the Fargate launch type must have a container {word} timeout of less than 120 seconds."
            )));
        }
    }
    if container["firelensConfiguration"]["options"]["config-file-type"] == "s3" {
        return Err(client_error(
            "Fargate launch type does not support FirelensConfiguration config file from 's3'",
        ));
    }
    Ok(())
}

fn check_logs(input: &Value, container: &Value) -> Result<(), AwsError> {
    let logging = &container["logConfiguration"];
    let Some(driver) = logging["logDriver"].as_str() else { return Ok(()) };
    if !["awslogs", "splunk", "awsfirelens"].contains(&driver) {
        return Err(client_error(format!(
            "{driver} is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]"
        )));
    }
    if driver != "awslogs" {
        return Ok(());
    }
    if absent(&input["executionRoleArn"]) {
        return Err(client_error(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    for option in ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"] {
        if absent(&logging["options"][option]) {
            return Err(client_error(format!("Log driver awslogs requires options: {option}")));
        }
    }
    Ok(())
}

fn unsupported(member: &str) -> AwsError {
    client_error(format!("Fargate compatible task definitions do not support {member}"))
}
