//! The network: ids as they are, tags and services looked up.

use anyhow::Result;
use tokio::try_join;

use crate::ports::{Network, NetworkReads, NetworkResource};
use crate::settings::{NetworkChoice, Selector, Settings};

pub async fn network(settings: &Settings, reads: &impl NetworkReads) -> Result<Network> {
    match &settings.network {
        NetworkChoice::FromService(service) => reads.network_of_service(&settings.cluster, service).await,
        NetworkChoice::Given { subnets, security_groups, assign_public_ip } => {
            let (subnets, security_groups) = try_join!(
                resolved(reads, NetworkResource::Subnet, subnets),
                resolved(reads, NetworkResource::SecurityGroup, security_groups)
            )?;
            Ok(Network { subnets, security_groups, assign_public_ip: *assign_public_ip })
        }
    }
}

async fn resolved(
    reads: &impl NetworkReads,
    kind: NetworkResource,
    selectors: &[Selector],
) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for selector in selectors {
        match selector {
            Selector::Id(id) => ids.push(id.clone()),
            Selector::Tag { key, pattern } => ids.extend(reads.resources_by_tag(kind, key, pattern).await?),
        }
    }
    Ok(ids)
}

/// The network as it was asked for, when nobody can be asked.
pub fn unresolved(settings: &Settings) -> Network {
    match &settings.network {
        NetworkChoice::FromService(service) => {
            Network { subnets: vec![format!("<from service {service}>")], ..Network::default() }
        }
        NetworkChoice::Given { subnets, security_groups, assign_public_ip } => Network {
            subnets: subnets.iter().map(placeholder).collect(),
            security_groups: security_groups.iter().map(placeholder).collect(),
            assign_public_ip: *assign_public_ip,
        },
    }
}

fn placeholder(selector: &Selector) -> String {
    match selector {
        Selector::Id(id) => id.clone(),
        Selector::Tag { key, pattern } => format!("<tag {key}={pattern}>"),
    }
}
