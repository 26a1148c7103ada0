//! Where tasks run: the network of a service, and subnets and security groups by tag (Resource Groups Tagging API).

use anyhow::Result;
use aws_sdk_ecs::types::{AssignPublicIp, NetworkConfiguration};
use aws_sdk_resourcegroupstagging::types::TagFilter;
use wildmatch::WildMatch;

use super::Aws;
use crate::arn;
use crate::failure::{Failure, listed};
use crate::ports::{Call, Network, NetworkReads, NetworkResource};

impl NetworkReads for Aws {
    async fn network_of_service(&self, cluster: &str, service: &str) -> Result<Network> {
        let doing = format!("describe service {service} of cluster {cluster}");
        let described = async || self.ecs.describe_services().cluster(cluster).services(service).send().await;
        let answer = self.call(Call::DESCRIBE_SERVICES, &doing, described).await?;
        let Some(found) = answer.services().iter().find(|found| found.status() != Some("INACTIVE")) else {
            return Err(Failure::input(format!("service {service} does not exist in cluster {cluster}"))
                .hint("check --network-from-service, or pass --subnets and --security-groups")
                .into());
        };
        let Some(vpc) = found.network_configuration().and_then(NetworkConfiguration::awsvpc_configuration)
        else {
            let message = format!("service {service} does not run in awsvpc mode: it has no subnets");
            return Err(Failure::input(message).hint("pass --subnets and --security-groups").into());
        };
        Ok(Network {
            subnets: vpc.subnets().to_vec(),
            security_groups: vpc.security_groups().to_vec(),
            assign_public_ip: vpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
        })
    }

    /// GetResources itself compares whole values only.
    async fn resources_by_tag(&self, kind: NetworkResource, key: &str, pattern: &str) -> Result<Vec<String>> {
        let (resource_type, name) = match kind {
            NetworkResource::Subnet => ("ec2:subnet", "subnet"),
            NetworkResource::SecurityGroup => ("ec2:security-group", "security group"),
        };
        let doing = format!("look up {name}s by tag {key}");
        let pattern_matcher = WildMatch::new(pattern);
        let (mut ids, mut values, mut token) = (Vec::new(), Vec::new(), None);
        loop {
            let page = async || {
                let request = self.tagging.get_resources().resource_type_filters(resource_type);
                let request = request.tag_filters(TagFilter::builder().key(key).build());
                request.set_pagination_token(token.clone()).send().await
            };
            let page = self.call(Call::GET_RESOURCES, &doing, page).await?;
            for resource in page.resource_tag_mapping_list() {
                let value = resource.tags().iter().find(|tag| tag.key() == key).map_or("", |tag| tag.value());
                match resource.resource_arn() {
                    Some(arn) if pattern_matcher.matches(value) => ids.push(arn::name(arn).to_owned()),
                    _ => values.push(value.to_owned()),
                }
            }
            // The last page has an empty one.
            token = page.pagination_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break;
            }
        }
        if ids.is_empty() {
            values.dedup();
            let there = format!("there are: {}", listed(&values));
            let there = if values.is_empty() { "none has that tag" } else { &there };
            return Err(Failure::input(format!("no {name} has a tag {key} that matches {pattern}"))
                .hint(format!("{there}. The pattern knows * and ?; the region may be another one"))
                .into());
        }
        ids.sort();
        Ok(ids)
    }
}
