//! Where a task is placed: launch type or capacity provider, subnet and interface.

use serde_json::Value;

use super::clusters::Cluster;
use super::strings;
use super::task::Interface;
use crate::ids::Ids;

/// What runs a task: a launch type or a capacity provider.
pub(super) struct Placement {
    pub launch_type: Option<String>,
    pub capacity_provider: Option<String>,
    pub platform_version: Option<String>,
}

pub(super) fn place(cluster: &Cluster, input: &Value) -> Placement {
    let strategy = match &input["capacityProviderStrategy"] {
        Value::Array(given) => given.clone(),
        _ if input["launchType"].is_null() => {
            cluster.default_strategy.as_array().cloned().unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let heaviest = strategy.iter().max_by_key(|one| one["weight"].as_u64().unwrap_or(0));
    let capacity_provider = heaviest.and_then(|one| one["capacityProvider"].as_str()).map(ToOwned::to_owned);
    let asked = input["launchType"].as_str();
    let fargate =
        asked == Some("FARGATE") || capacity_provider.as_deref().is_some_and(|it| it.starts_with("FARGATE"));
    let launch_type = match (&capacity_provider, asked) {
        (Some(_), _) => fargate.then(|| "FARGATE".to_owned()),
        (None, asked) => Some(asked.unwrap_or("EC2").to_owned()),
    };
    let platform = match input["platformVersion"].as_str() {
        None | Some("LATEST") => "1.4.0",
        Some(version) => version,
    };
    Placement { launch_type, capacity_provider, platform_version: fargate.then(|| platform.to_owned()) }
}

/// Makes an interface in one of the subnets of an awsvpc configuration; `None` without a subnet.
pub(super) fn interface(ids: &Ids, configuration: &Value) -> Option<Interface> {
    let subnets = strings(&configuration["subnets"]);
    let pick = ids.next();
    let subnet = subnets.get(usize::try_from(pick % subnets.len().max(1) as u64).unwrap_or(0))?;
    let octets = ids.next().to_be_bytes();
    Some(Interface {
        attachment_id: ids.uuid(),
        subnet: subnet.clone(),
        interface_id: format!("eni-0{}", ids.hex(16)),
        mac: format!(
            "0a:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            octets[0], octets[1], octets[2], octets[3], octets[4]
        ),
        address: format!("10.0.{}.{}", octets[5], octets[6].clamp(4, 254)),
    })
}
