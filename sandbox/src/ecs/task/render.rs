//! A task in the words of the API.

use serde_json::{Map, Value, json};

use super::{Container, Interface, Task};
use crate::clock::timestamp;

impl Task {
    /// Renders what a client token's replay answers for a stopped task.
    pub fn render_replayed(&self) -> Value {
        json!({ "taskArn": self.arn, "lastStatus": self.last_status, "desiredStatus": self.desired_status })
    }

    pub fn render(&self, with_tags: bool) -> Value {
        let mut task = json!({
            "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
            "availabilityZone": self.availability_zone,
            "clusterArn": self.cluster_arn,
            "cpu": self.cpu().unwrap_or("0"),
            "createdAt": timestamp(self.times.created),
            "desiredStatus": self.desired_status,
            "enableExecuteCommand": self.execute_command,
            "group": self.group,
            "healthStatus": self.health(),
            "lastStatus": self.last_status,
            "memory": self.memory().unwrap_or("0"),
            "tags": if with_tags { self.tags.clone() } else { Vec::new() },
            "taskArn": self.arn,
            "taskDefinitionArn": self.revision.arn,
            "version": self.version,
        });
        let Some(members) = task.as_object_mut() else { return task };
        // The tasks of a fleet are described very often, and `json!` would copy these parts.
        members.insert(
            "attachments".into(),
            self.interface.iter().map(|eni| self.render_attachment(eni)).collect(),
        );
        members.insert(
            "containers".into(),
            self.containers.iter().map(|one| self.render_container(one)).collect(),
        );
        members.insert("overrides".into(), self.render_overrides());
        let mut texts = vec![
            ("launchType", self.launch_type.clone()),
            ("capacityProviderName", self.capacity_provider.clone()),
            ("platformVersion", self.platform_version.clone()),
            ("platformFamily", self.platform_version.as_ref().map(|_| "Linux".to_owned())),
            ("startedBy", self.started_by.clone()),
            ("stopCode", self.stop_code.map(Into::into)),
            ("stoppedReason", self.stopped_reason.clone()),
            ("connectivity", self.times.connectivity.map(|_| "CONNECTED".to_owned())),
        ];
        texts.retain(|(_, text)| text.is_some());
        members.extend(texts.into_iter().map(|(name, text)| (name.to_owned(), text.into())));
        let times = &self.times;
        add_times(
            members,
            &[
                ("connectivityAt", times.connectivity),
                ("pullStartedAt", times.pull_started),
                ("pullStoppedAt", times.pull_stopped),
                ("startedAt", times.started),
                ("stoppingAt", times.stopping),
                ("executionStoppedAt", times.execution_stopped),
                ("stoppedAt", times.stopped),
            ],
        );
        if self.platform_version.is_some() {
            let size = self
                .overrides
                .get("ephemeralStorage")
                .or_else(|| self.revision.document.get("ephemeralStorage"));
            let size = size.cloned().unwrap_or_else(|| json!({ "sizeInGiB": 20 }));
            members.insert("ephemeralStorage".into(), size.clone());
            members.insert("fargateEphemeralStorage".into(), size);
        }
        task
    }

    /// Renders every container in `containerOverrides`, as ECS does: those that nothing was overridden for with their
    /// name only.
    fn render_overrides(&self) -> Value {
        let mut overrides = self.overrides.as_object().cloned().unwrap_or_default();
        let given =
            overrides.get("containerOverrides").and_then(Value::as_array).cloned().unwrap_or_default();
        let each = self.containers.iter().map(|container| {
            given
                .iter()
                .find(|one| one["name"] == container.name.as_str())
                .cloned()
                .unwrap_or_else(|| json!({ "name": container.name }))
        });
        overrides.insert("containerOverrides".into(), each.collect());
        overrides.entry("inferenceAcceleratorOverrides").or_insert_with(|| json!([]));
        Value::Object(overrides)
    }

    fn render_container(&self, container: &Container) -> Value {
        let definition = self.revision.containers().iter().find(|one| one["name"] == container.name.as_str());
        let mut rendered = json!({
            "containerArn": container.arn,
            "taskArn": self.arn,
            "name": container.name,
            "image": container.image,
            "lastStatus": container.last_status,
            "networkInterfaces": self.interface.iter().filter(|_| self.times.connectivity.is_some()).map(|eni| {
                json!({ "attachmentId": eni.attachment_id, "privateIpv4Address": eni.address })
            }).collect::<Vec<_>>(),
            "networkBindings": [],
            "healthStatus": container.health.unwrap_or("UNKNOWN"),
            "managedAgents": [],
            "cpu": definition.map_or(0, |one| one["cpu"].as_u64().unwrap_or(0)).to_string(),
        });
        let Some(members) = rendered.as_object_mut() else { return rendered };
        let mut optional = vec![
            ("imageDigest", container.image_digest.clone().map(Value::from)),
            ("runtimeId", container.runtime_id.clone().map(Value::from)),
            ("exitCode", container.exit_code.map(Value::from)),
            ("reason", container.reason.clone().map(Value::from)),
        ];
        for size in ["memory", "memoryReservation"] {
            let mebibytes = definition.and_then(|one| one[size].as_u64());
            optional.push((size, mebibytes.map(|number| number.to_string().into())));
        }
        for (name, value) in optional {
            if let Some(value) = value {
                members.insert(name.into(), value);
            }
        }
        rendered
    }

    fn render_attachment(&self, eni: &Interface) -> Value {
        let status = match self.last_status {
            "PROVISIONING" => "PRECREATED",
            "STOPPED" => "DELETED",
            _ => "ATTACHED",
        };
        let mut details = vec![json!({ "name": "subnetId", "value": eni.subnet })];
        if status != "PRECREATED" {
            let name = format!("ip-{}.ec2.internal", eni.address.replace('.', "-"));
            for (key, value) in [
                ("networkInterfaceId", &eni.interface_id),
                ("macAddress", &eni.mac),
                ("privateDnsName", &name),
                ("privateIPv4Address", &eni.address),
            ] {
                details.push(json!({ "name": key, "value": value }));
            }
        }
        json!({ "id": eni.attachment_id, "type": "ElasticNetworkInterface", "status": status, "details": details })
    }
}

fn add_times(members: &mut Map<String, Value>, times: &[(&str, Option<i64>)]) {
    for (name, time) in times {
        if let Some(time) = time {
            members.insert((*name).into(), timestamp(*time));
        }
    }
}
