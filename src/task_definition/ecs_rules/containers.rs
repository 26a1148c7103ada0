//! What ECS refuses of a container.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{Broken, Judged, given, is_name, name_of, number, objects, shown, text};
use crate::task_definition::ecr;
use crate::untrusted::{phrase, printable};

/// Containers of a task definition (ECS quotas); ECS: "Too many containers".
const MAX_CONTAINERS: usize = 10;
/// Characters of an image before its digest (ContainerDefinition, `image`).
const MAX_IMAGE: usize = 255;
/// Environment files of a container; ECS: "The maximum number of environment files was exceeded."
const MAX_ENVIRONMENT_FILES: usize = 10;
/// ECS: "… is not a valid log driver. Must be one of [awslogs, splunk, awsfirelens]".
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];

/// Members that Fargate or its network mode does not have (ECS developer guide, "Task definition differences for
/// Fargate"): "Fargate requires that the 'privileged' setting be 'false'", "Links are not supported when
/// networkMode=awsvpc", "DNS servers are not supported on container when networkMode=awsvpc", and so on.
const NOT_ON_FARGATE: [&str; 8] = [
    "privileged",
    "links",
    "disableNetworking",
    "dnsServers",
    "dnsSearchDomains",
    "dockerSecurityOptions",
    "extraHosts",
    "hostname",
];
/// Members of `linuxParameters`; ECS: "Fargate compatible task definitions do not support …". It takes `tmpfs` since
/// 2026.
const NOT_IN_LINUX_PARAMETERS: [&str; 4] = ["devices", "sharedMemorySize", "maxSwap", "swappiness"];

/// Refuses a restart policy of the migration container. It starts a container again when it has run for
/// `restartAttemptPeriod` and exits, with exit code 0 as well unless `ignoredExitCodes` has it
/// (ContainerRestartPolicy): the end of the migration would not be its end.
pub(super) fn restart_policy(judged: &Judged<'_>) -> Option<Broken> {
    let container = judged.container(judged.migration)?;
    let policy = container.get("restartPolicy")?.as_object()?;
    given(policy, "enabled").then(|| Broken {
        what: format!(
            "has a restartPolicy for container {}: ECS would start the migration again when it exits",
            shown(container)
        ),
        fix: "remove the container's restartPolicy, or set its enabled to false".into(),
    })
}

pub(super) fn count(judged: &Judged<'_>) -> Option<Broken> {
    let count = judged.containers.len();
    (count > MAX_CONTAINERS).then(|| Broken {
        what: format!("has {count} containers"),
        fix: format!("remove some: ECS takes {MAX_CONTAINERS}"),
    })
}

/// Refuses a container's name that ECS does not take (ContainerDefinition, `name`).
pub(super) fn names(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        (!is_name(name_of(container)?)).then(|| {
            let fix = "name it with 1 to 255 letters, digits, hyphens and underscores";
            ("with a name that ECS does not take".into(), fix.into())
        })
    })
}

/// Requires an essential container. ECS: "Task definition doesn't have any essential container".
pub(super) fn essential(judged: &Judged<'_>) -> Option<Broken> {
    (!judged.containers.iter().any(|container| is_essential(container))).then(|| Broken {
        what: "has no essential container".into(),
        fix: "set \"essential\": true on the container that migrates".into(),
    })
}

fn is_essential(container: &Map<String, Value>) -> bool {
    container.get("essential") != Some(&Value::Bool(false))
}

pub(super) fn images(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| match text(container, "image") {
        None => Some(("without an image".into(), "set its image".into())),
        Some(image) => {
            let name = image.split('@').next().unwrap_or_default();
            let length = name.chars().count();
            (length > MAX_IMAGE).then(|| {
                let what = format!("whose image has {length} characters before its digest");
                (what, format!("shorten it to {MAX_IMAGE}, as ECS takes it"))
            })
        }
    })
}

/// Refuses a registry's credentials for an image of ECR. ECS: "Private repository credentials are not a supported
/// authentication method for ECR repositories." The patch has removed them from the migration container.
pub(super) fn credentials_beside_ecr(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let in_ecr = text(container, "image").is_some_and(ecr::has_image);
        (in_ecr && given(container, "repositoryCredentials")).then(|| {
            let fix = format!(
                "remove the repositoryCredentials of container {}: Fargate pulls from ECR with the execution role",
                shown(container)
            );
            ("with repositoryCredentials and an image of ECR, which takes none".into(), fix)
        })
    })
}

pub(super) fn members_of_others(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let key = NOT_ON_FARGATE.iter().find(|key| given(container, key));
        if let Some(key) = key {
            let fix = format!("remove {key} from container {}", shown(container));
            return Some((format!("with {key}, which Fargate does not take"), fix));
        }
        // ECS: "Tasks using the Fargate launch type do not support GPU".
        let gpu = objects(container, "resourceRequirements").any(|one| text(one, "type") == Some("GPU"));
        gpu.then(|| {
            let fix = format!("remove the resourceRequirements of container {}", shown(container));
            ("that wants a GPU, which Fargate does not have".into(), fix)
        })
    })
}

pub(super) fn kernel(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let linux = container.get("linuxParameters")?.as_object()?;
        let unfit = |what: &str| {
            let fix = format!("remove it from container {}", shown(container));
            Some((format!("with linuxParameters.{what}, which Fargate does not take"), fix))
        };
        if let Some(key) = NOT_IN_LINUX_PARAMETERS.iter().find(|key| given(linux, key)) {
            return unfit(key);
        }
        // KernelCapabilities: "Tasks launched on Fargate only support adding the SYS_PTRACE kernel capability."
        let added = linux.get("capabilities").and_then(|all| all.get("add")?.as_array());
        let other =
            added.into_iter().flatten().filter_map(Value::as_str).find(|name| *name != "SYS_PTRACE")?;
        unfit(&format!("capabilities.add {}", printable(other, 60)))
    })
}

/// Refuses a secret with the name of another variable. ECS: "The secret name must be unique and not shared with any
/// new or existing environment variables set on the container, such as those set by environment."
pub(super) fn secrets(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let mut taken: HashSet<&str> = objects(container, "environment").filter_map(name_of).collect();
        let name = objects(container, "secrets").filter_map(name_of).find(|name| !taken.insert(name))?;
        let fix = format!("remove {} from its secrets or from its environment", phrase(name));
        Some((format!("that is given {} twice, once as a secret", phrase(name)), fix))
    })
}

pub(super) fn environment_files(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let count = objects(container, "environmentFiles").count();
        if count > MAX_ENVIRONMENT_FILES {
            let fix = format!("leave {MAX_ENVIRONMENT_FILES}: ECS takes no more");
            return Some((format!("with {count} environmentFiles"), fix));
        }
        // ECS: "Invalid arn syntax".
        let file = objects(container, "environmentFiles")
            .find(|file| text(file, "value").is_some_and(|value| !value.starts_with("arn:")))?;
        let value = printable(text(file, "value").unwrap_or_default(), 200);
        let what = format!("with the environment file {value}, which is not an ARN");
        Some((what, "write it as arn:aws:s3:::BUCKET/KEY.env".into()))
    })
}

/// Refuses ports that differ. ECS: "When networkMode=awsvpc, the host ports and container ports in port mappings must
/// match."
pub(super) fn ports(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        objects(container, "portMappings").find_map(|port| {
            let (host, inside) = (number_of(port, "hostPort")?, number_of(port, "containerPort")?);
            (host != inside).then(|| {
                let fix = format!("remove hostPort {host}, or set it to {inside}");
                (format!("that maps port {inside} to another port of its host, {host}"), fix)
            })
        })
    })
}

fn number_of(object: &Map<String, Value>, key: &str) -> Option<i64> {
    object.get(key)?.as_i64()
}

/// Checks log drivers and what they need on Fargate (LogConfiguration): "Log driver awslogs requires options:
/// awslogs-group", and "Fargate launch type does not support FirelensConfiguration config file from 's3'".
pub(super) fn logs(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let router =
            container.get("firelensConfiguration").and_then(|router| router.get("options")?.as_object());
        if router.is_some_and(|options| text(options, "config-file-type") == Some("s3")) {
            let fix = "put the file into the image, with config-file-type file";
            return Some((
                "whose log router takes its file from S3, which Fargate does not".into(),
                fix.into(),
            ));
        }
        let logs = container.get("logConfiguration")?.as_object()?;
        let driver = text(logs, "logDriver")?;
        if !LOG_DRIVERS.contains(&driver) {
            let what = format!("with log driver {}, which Fargate does not have", printable(driver, 60));
            return Some((what, format!("use one of {}", LOG_DRIVERS.join(", "))));
        }
        if driver != "awslogs" {
            return None;
        }
        let options = logs.get("options").and_then(Value::as_object);
        let missing = ["awslogs-group", "awslogs-region", "awslogs-stream-prefix"]
            .into_iter()
            .find(|option| options.and_then(|options| text(options, option)).is_none())?;
        let fix = format!("add {missing} to the logConfiguration.options of container {}", shown(container));
        Some((format!("that logs without {missing}, which Fargate requires"), fix))
    })
}

/// Checks times in seconds. ECS: "Tasks using the Fargate launch type must have a container stop timeout of less than
/// 120 seconds.", "Granular stop timeout on container '…' must be at least 2 seconds." (ContainerDefinition: 2 to 120
/// for both), "the 'restartAttemptPeriod' setting … must be between 60 and 1800".
pub(super) fn timeouts(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let policy = container.get("restartPolicy").and_then(Value::as_object);
        let times = [
            ("stopTimeout", number(container, "stopTimeout"), 2.0..=120.0),
            ("startTimeout", number(container, "startTimeout"), 2.0..=120.0),
            (
                "restartAttemptPeriod",
                policy.and_then(|policy| number(policy, "restartAttemptPeriod")),
                60.0..=1800.0,
            ),
        ];
        let (name, value, range) = times.into_iter().find_map(|(name, value, range)| {
            let value = value.filter(|value| !range.contains(value))?;
            Some((name, value, range))
        })?;
        let allowed = format!("{} to {}", range.start(), range.end());
        Some((format!("with {name} {value}"), format!("set it to {allowed}, or remove it")))
    })
}

/// Checks the numbers of a health check. HealthCheck (ECS API reference) has the ranges.
pub(super) fn health_checks(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        let check = container.get("healthCheck")?.as_object().filter(|check| given(check, "command"))?;
        let ranges = [("interval", 5, 300), ("timeout", 2, 60), ("retries", 1, 10), ("startPeriod", 0, 300)];
        let (name, from, to) = ranges.into_iter().find(|(name, from, to)| {
            number_of(check, name).is_some_and(|value| !(*from..=*to).contains(&value))
        })?;
        Some((
            format!("with a healthCheck.{name} that ECS does not take"),
            format!("set it to {from} to {to}"),
        ))
    })
}

/// Checks `dependsOn`. ECS: "Cannot depend on container '…' because it does not exist", "A dependency container with
/// SUCCESS or COMPLETE condition cannot be an essential container", "A dependency container with HEALTHY condition
/// must have health check configured".
pub(super) fn dependencies(judged: &Judged<'_>) -> Option<Broken> {
    judged.each(|container| {
        objects(container, "dependsOn").find_map(|dependency| {
            let name = text(dependency, "containerName")?;
            let waits = format!("that waits for container {}", printable(name, 255));
            let Some(other) = judged.container(name) else {
                let fix = "name a container of the task definition in its dependsOn";
                return Some((format!("{waits}, which is not there"), fix.into()));
            };
            match text(dependency, "condition")? {
                condition @ ("SUCCESS" | "COMPLETE") if is_essential(other) => Some((
                    format!("{waits} to end ({condition}), which is essential"),
                    format!("set \"essential\": false on container {}, or wait for START", shown(other)),
                )),
                "HEALTHY" if !given(other, "healthCheck") => Some((
                    format!("{waits} to be healthy, which has no healthCheck"),
                    format!("give container {} a healthCheck, or wait for START", shown(other)),
                )),
                _ => None,
            }
        })
    })
}

/// Refuses containers that wait for each other (ContainerDefinition, `dependsOn`): none of them could start.
pub(super) fn dependency_cycles(judged: &Judged<'_>) -> Option<Broken> {
    let mut waits: HashMap<&str, Vec<&str>> = HashMap::new();
    for container in &judged.containers {
        let names = objects(container, "dependsOn").filter_map(|one| text(one, "containerName"));
        waits.entry(name_of(container)?).or_default().extend(names);
    }
    // What waits for nothing that is left is started; what is left in the end is a circle, or waits for one.
    while let Some(free) = waits.iter().find(|(_, on)| on.iter().all(|name| !waits.contains_key(name))) {
        let free = *free.0;
        waits.remove(free);
    }
    let container =
        judged.containers.iter().find(|one| name_of(one).is_some_and(|name| waits.contains_key(name)))?;
    Some(Broken {
        what: format!("has a container {} whose dependsOn leads to itself or to a circle", shown(container)),
        fix: "remove one dependency of the circle".into(),
    })
}
