//! The network: ids as they are, tags and services looked up.

use std::ops::Deref;

use anyhow::Result;
use tokio::try_join;

use crate::ports::{Network, NetworkReads, NetworkResource, ServiceSeen};
use crate::settings::{Selector, Settings};

/// Resolves the network; returns it with the service that it is taken from.
pub(super) async fn network(
    settings: &Settings,
    reads: &impl NetworkReads,
) -> Result<(Network, Option<ServiceSeen>)> {
    let flags = &settings.network;
    if let Some(service) = &flags.network_from_service {
        let service = reads.service(&settings.cluster, service).await?;
        return Ok((service.network.clone(), Some(service)));
    }
    let (subnets, security_groups) = try_join!(
        resolved(reads, NetworkResource::Subnet, &flags.subnets),
        resolved(reads, NetworkResource::SecurityGroup, &flags.security_groups)
    )?;
    Ok((Network { subnets, security_groups, assign_public_ip: flags.assign_public_ip }, None))
}

async fn resolved(
    reads: &impl NetworkReads,
    kind: NetworkResource,
    selectors: &[impl Deref<Target = Selector>],
) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for selector in selectors {
        match &**selector {
            Selector::Id(id) => ids.push(id.clone()),
            Selector::Tag { key, pattern } => ids.extend(reads.resources_by_tag(kind, key, pattern).await?),
        }
    }
    Ok(ids)
}

/// Returns the network as it was asked for, with placeholders, when AWS is not asked.
pub(super) fn unresolved(settings: &Settings) -> Network {
    let flags = &settings.network;
    if let Some(service) = &flags.network_from_service {
        return Network { subnets: vec![format!("<from service {service}>")], ..Network::default() };
    }
    Network {
        subnets: flags.subnets.iter().map(|subnet| placeholder(subnet)).collect(),
        security_groups: flags.security_groups.iter().map(|group| placeholder(group)).collect(),
        assign_public_ip: flags.assign_public_ip,
    }
}

fn placeholder(selector: &Selector) -> String {
    match selector {
        Selector::Id(id) => id.clone(),
        Selector::Tag { key, pattern } => format!("<tag {key}={pattern}>"),
    }
}
