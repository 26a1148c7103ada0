//! Sizes and numbers of the task as a whole.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Broken, Judged, given, is_name, number, objects, shown, text};
use crate::task_definition::same::units;
use crate::untrusted::{phrase, printable};

/// Bytes of a task definition's JSON, without its tags (ECS quotas, "Task definition size limit").
const MAX_SIZE: usize = 64 * 1024;
/// Tags of a resource, and characters of their keys and values (RegisterTaskDefinition, `tags`).
const MAX_TAGS: usize = 50;
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

/// Memory in MiB: from, to, step.
type Memory = (u64, u64, u64);

/// CPU units with the memory that goes with them (ECS developer guide, "Task definition parameters for Fargate: task
/// size"). More than 16 vCPU is left to ECS: it has grown before.
const TASK_SIZES: [(u64, &[Memory]); 7] = [
    (256, &[(512, 512, 1), (1024, 2048, 1024)]),
    (512, &[(1024, 4096, 1024)]),
    (1024, &[(2048, 8192, 1024)]),
    (2048, &[(4096, 16_384, 1024)]),
    (4096, &[(8192, 30_720, 1024)]),
    (8192, &[(16_384, 61_440, 4096)]),
    (16_384, &[(32_768, 122_880, 8192)]),
];
const LARGEST_CPU: u64 = 16_384;
/// CPU units that Windows needs on Fargate (RegisterTaskDefinition, `memory`).
const WINDOWS_CPU: u64 = 1024;

/// Refuses a family that ECS does not take (RegisterTaskDefinition, `family`).
pub(super) fn family(judged: &Judged<'_>) -> Option<Broken> {
    let family = text(judged.task, "family").unwrap_or_default();
    (!is_name(family)).then(|| Broken {
        what: "has a family that ECS does not take".into(),
        fix: "name it with 1 to 255 letters, digits, hyphens and underscores".into(),
    })
}

/// Requires a size that Fargate has. ECS: "No Fargate configuration exists for given values", "Fargate requires that
/// 'cpu' be defined at the task level."
pub(super) fn task_size(judged: &Judged<'_>) -> Option<Broken> {
    let fix =
        "set cpu and memory to a pair that Fargate has, such as 256 and 512, 512 and 1024, or 1024 and 2048";
    let broken = |what: String| Some(Broken { what, fix: fix.into() });
    let [cpu, memory] = ["cpu", "memory"].map(|key| task_units(judged.task, key));
    let (Some(cpu), Some(memory)) = (cpu, memory) else {
        return broken("has no cpu or no memory of the whole task, which Fargate requires".into());
    };
    let ranges = TASK_SIZES.iter().find(|(units, _)| *units == cpu).map(|(_, ranges)| *ranges);
    let fits = match ranges {
        None => cpu > LARGEST_CPU,
        Some(ranges) => ranges
            .iter()
            .any(|(from, to, step)| (*from..=*to).contains(&memory) && (memory - from).is_multiple_of(*step)),
    };
    if !fits {
        return broken(format!("has cpu {cpu} with memory {memory}, a size that Fargate does not have"));
    }
    let platform = judged.task.get("runtimePlatform").and_then(Value::as_object);
    let is_windows = platform
        .and_then(|platform| text(platform, "operatingSystemFamily"))
        .is_some_and(|family| family.starts_with("WINDOWS"));
    if is_windows && cpu < WINDOWS_CPU {
        return broken(format!("has cpu {cpu}, and Windows needs {WINDOWS_CPU} on Fargate"));
    }
    None
}

/// Compares the containers' shares with the task's size: "The total amount of memory reserved for all containers
/// within a task must be lower than the task memory value", and as much of cpu (ContainerDefinition); all of it is
/// taken as well.
pub(super) fn shares(judged: &Judged<'_>) -> Option<Broken> {
    for (key, reserved) in [("cpu", "cpu"), ("memory", "memoryReservation")] {
        let Some(whole) = task_units(judged.task, key) else { continue };
        let of = |container: &&Map<String, Value>| {
            number(container, reserved).or_else(|| number(container, key)).unwrap_or_default()
        };
        let sum: f64 = judged.containers.iter().map(of).sum();
        if sum > whole as f64 {
            return Some(Broken {
                what: format!("gives its containers {sum} of {key}, and the task has {whole}"),
                fix: format!("raise the task's {key}, or lower that of its containers"),
            });
        }
    }
    judged.each(|container| {
        let (hard, soft) = (number(container, "memory")?, number(container, "memoryReservation")?);
        (hard < soft).then(|| {
            let what = "with less memory than memoryReservation".to_owned();
            (
                what,
                format!("raise the memory of container {}, or lower its memoryReservation", shown(container)),
            )
        })
    })
}

/// Checks EphemeralStorage, `sizeInGiB`; ECS: "EphemeralStorage size should be at least 21".
pub(super) fn ephemeral_storage(judged: &Judged<'_>) -> Option<Broken> {
    let storage = judged.task.get("ephemeralStorage")?.as_object().filter(|storage| !storage.is_empty())?;
    let size = number(storage, "sizeInGiB");
    (!size.is_some_and(|size| (21.0..=200.0).contains(&size))).then(|| Broken {
        what: "has ephemeralStorage of a size that Fargate does not have".into(),
        fix: "set its sizeInGiB to 21 to 200, or remove ephemeralStorage: then it is 20".into(),
    })
}

/// Checks the size of the JSON. ECS: "Actual task definition length … exceeds the maximum task definition length".
pub(super) fn size(judged: &Judged<'_>) -> Option<Broken> {
    (judged.size > MAX_SIZE).then(|| Broken {
        what: format!(
            "would have {} bytes with the image and the variables of this run, which exceeds the maximum task \
             definition length of ECS, {MAX_SIZE}",
            judged.size
        ),
        fix: "move large values to a secret, to an environment file in S3, or into the image".into(),
    })
}

/// Checks RegisterTaskDefinition's `tags`. Those that begin with `aws:` are gone by now.
pub(super) fn tags(judged: &Judged<'_>) -> Option<Broken> {
    let mut keys = HashSet::new();
    let mut count = 0;
    for tag in objects(judged.task, "tags") {
        count += 1;
        let key = tag.get("key").and_then(Value::as_str).unwrap_or_default();
        let value = tag.get("value").and_then(Value::as_str).unwrap_or_default();
        let what = if !keys.insert(key) {
            format!("has the tag {} twice", phrase(key))
        } else if key.is_empty() || key.chars().count() > MAX_TAG_KEY {
            format!("has a tag with a key of {} characters", key.chars().count())
        } else if value.chars().count() > MAX_TAG_VALUE {
            format!("has a tag {} with a value of {} characters", phrase(key), value.chars().count())
        } else if !key.chars().chain(value.chars()).all(is_tag_character) {
            format!("has a tag {} with a character that tags do not have", phrase(key))
        } else {
            continue;
        };
        let fix = format!(
            "keep each key once, with 1 to {MAX_TAG_KEY} characters, each value within {MAX_TAG_VALUE}, and in both only \
             letters, digits, spaces and + - = . _ : / @"
        );
        return Some(Broken { what, fix });
    }
    (count > MAX_TAGS).then(|| Broken {
        what: format!("has {count} tags"),
        fix: format!("remove some: ECS takes {MAX_TAGS}"),
    })
}

/// Tells whether a tag may have this character, by the pattern in the service's model: letters, separators, numbers
/// and some punctuation.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

/// Refuses what only other launch types have (ECS developer guide, "Task definition differences for Fargate"): "Tasks
/// using the Fargate launch type do not support ipcMode.", "… do not support pidMode 'host'", "Fargate compatible
/// task definitions do not support constraints"; and "Proxy container […] does not exist".
pub(super) fn members_of_others(judged: &Judged<'_>) -> Option<Broken> {
    let task = judged.task;
    let not_here = |key: &str| {
        Some(Broken { what: format!("has {key}, which Fargate does not take"), fix: format!("remove {key}") })
    };
    for key in ["ipcMode", "placementConstraints"] {
        if given(task, key) {
            return not_here(key);
        }
    }
    if let Some(mode) = text(task, "pidMode").filter(|mode| *mode != "task") {
        return not_here(&format!("pidMode {}", printable(mode, 60)));
    }
    let proxy = task.get("proxyConfiguration")?.as_object()?;
    let proxy = text(proxy, "containerName").filter(|name| judged.container(name).is_none())?;
    Some(Broken {
        what: format!(
            "has a proxyConfiguration with container {}, which is not there",
            printable(proxy, 255)
        ),
        fix: "name a container of the task definition in its proxyConfiguration".into(),
    })
}

/// Reads CPU units or MiB: a number, its text, or a text with a unit.
fn task_units(task: &Map<String, Value>, key: &str) -> Option<u64> {
    let value = task.get(key)?;
    match value.as_str() {
        Some(text) => units(text).unwrap_or_else(|| text.trim().to_owned()).parse().ok(),
        None => value.as_u64(),
    }
}
