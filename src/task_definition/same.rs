//! Would ECS store the same thing? What it adds when it answers does not count.

use serde_json::{Map, Value};

use super::TaskDefinition;

/// Lists that ECS answers as `[]` when they were never given. Lists that are not known are compared as they stand.
const LISTS: [&str; 22] = [
    "volumes",
    "placementConstraints",
    "inferenceAccelerators",
    "tags",
    "portMappings",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "secrets",
    "systemControls",
    "links",
    "dependsOn",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "ulimits",
    "resourceRequirements",
    "credentialSpecs",
    "command",
    "entryPoint",
];

impl TaskDefinition {
    /// Tells whether both are equal in meaning: key order, absent against empty against null, ECS's defaults, and the
    /// order of variables, secrets and tags do not count. Two documents that could run differently are never the
    /// same.
    pub fn same_as(&self, other: &Self) -> bool {
        normal(&self.document) == normal(&other.document)
    }
}

pub(super) fn normal(document: &Value) -> Value {
    let mut document = document.clone();
    let Some(task) = document.as_object_mut() else { return document };
    drop_empty(task);
    sort_by(task, "tags", "key");
    for size in ["cpu", "memory"] {
        if let Some(units) = task.get(size).and_then(Value::as_str).and_then(units) {
            task.insert(size.into(), Value::String(units));
        }
    }
    let awsvpc = task.get("networkMode").and_then(Value::as_str) == Some("awsvpc");
    let containers = task.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
        normal_container(container, awsvpc);
    }
    document
}

fn normal_container(container: &mut Map<String, Value>, awsvpc: bool) {
    drop_empty(container);
    sort_by(container, "environment", "name");
    sort_by(container, "secrets", "name");
    if container.get("cpu").and_then(Value::as_u64) == Some(0) {
        container.remove("cpu");
    }
    container.entry("essential").or_insert(Value::Bool(true));
    let ports = container.get_mut("portMappings").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        port.entry("protocol").or_insert_with(|| "tcp".into());
        if let Some(number) = port.get("containerPort").cloned().filter(|_| awsvpc) {
            port.entry("hostPort").or_insert(number);
        }
    }
    if let Some(logs) = container.get_mut("logConfiguration").and_then(Value::as_object_mut) {
        for (key, empty) in
            [("options", Value::Object(Map::new())), ("secretOptions", Value::Array(Vec::new()))]
        {
            if logs.get(key).is_some_and(|value| value.is_null() || *value == empty) {
                logs.remove(key);
            }
        }
    }
}

/// Drops members that are null, which AWS's JSON takes for absent, and those of [`LISTS`] that are empty.
fn drop_empty(object: &mut Map<String, Value>) {
    object.retain(|key, value| {
        let empty_list = value.as_array().is_some_and(Vec::is_empty) && LISTS.contains(&key.as_str());
        !value.is_null() && !empty_list
    });
}

/// Sorts a list of an object by a key. The sort is stable: of two entries with one name the last one wins, so their
/// order has a meaning.
fn sort_by(object: &mut Map<String, Value>, list: &str, key: &str) {
    if let Some(entries) = object.get_mut(list).and_then(Value::as_array_mut) {
        entries.sort_by_key(|entry| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned());
    }
}

/// Converts `0.5 vCPU` and `1 GB` into `512` and `1024`, as ECS does when it registers them; none for any other text.
pub(super) fn units(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let number = text.strip_suffix("vcpu").or_else(|| text.strip_suffix("gb"))?;
    let units = number.trim_end().parse::<f64>().ok()? * 1024.0;
    (units.fract() == 0.0 && (0.0..1e9).contains(&units)).then(|| format!("{units:.0}"))
}
