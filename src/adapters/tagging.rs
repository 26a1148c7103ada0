//! Resource Groups Tagging API: subnets and security groups by tag.

use anyhow::Result;
use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use wildmatch::WildMatch;

use super::aws_error;
use crate::failure::{Failure, listed};
use crate::ports::{Call, NetworkResource};

/// Resources whose tag `key` has a value that matches `pattern`; GetResources itself compares whole values only.
pub async fn resources_by_tag(
    client: &Client,
    kind: NetworkResource,
    key: &str,
    pattern: &str,
) -> Result<Vec<String>> {
    let (resource_type, name) = match kind {
        NetworkResource::Subnet => ("ec2:subnet", "subnet"),
        NetworkResource::SecurityGroup => ("ec2:security-group", "security group"),
    };
    let doing = format!("look up {name}s by tag {key}");
    let mut pages = client
        .get_resources()
        .resource_type_filters(resource_type)
        .tag_filters(TagFilter::builder().key(key).build())
        .into_paginator()
        .send();
    let pattern_matcher = WildMatch::new(pattern);
    let mut ids = Vec::new();
    let mut values = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws_error::failed(Call::GET_RESOURCES, &doing, error))?;
        for resource in page.resource_tag_mapping_list() {
            let value = resource.tags().iter().find(|tag| tag.key() == key).map_or("", |tag| tag.value());
            let id = resource.resource_arn().and_then(|arn| arn.rsplit('/').next());
            match id {
                Some(id) if pattern_matcher.matches(value) => ids.push(id.to_owned()),
                _ => values.push(value.to_owned()),
            }
        }
    }
    if ids.is_empty() {
        values.dedup();
        let there = if values.is_empty() {
            "none has that tag".into()
        } else {
            format!("there are: {}", listed(&values))
        };
        return Err(Failure::input(format!("no {name} has a tag {key} that matches {pattern}"))
            .hint(format!("{there}. The pattern knows * and ?; the region may be another one"))
            .into());
    }
    ids.sort();
    Ok(ids)
}
