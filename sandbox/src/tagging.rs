//! The Resource Groups Tagging API, over the subnets and security groups of the sandbox.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::answer::{Answer, AwsError};
use crate::ecs::strings;
use crate::paging::page;
use crate::region::Region;

/// Subnets and security groups of one Region, with their tags.
pub struct Networks {
    /// Tags by resource id.
    resources: Mutex<BTreeMap<String, Vec<(String, String)>>>,
    /// `arn:aws:ec2:REGION:ACCOUNT:`.
    arn_prefix: String,
}

impl Networks {
    pub fn new(region: &str, account: &str) -> Self {
        Self { resources: Mutex::default(), arn_prefix: format!("arn:aws:ec2:{region}:{account}:") }
    }

    /// Adds `subnet-…` or `sg-…` with its tags.
    pub fn add(&self, id: &str, tags: Vec<(String, String)>) {
        self.resources.lock().unwrap_or_else(PoisonError::into_inner).insert(id.into(), tags);
    }

    /// Returns whether a task may use this subnet or security group. A Region without any of the kind takes every id
    /// of it.
    pub fn knows(&self, id: &str) -> bool {
        let resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = id.split('-').next().unwrap_or_default();
        let same_kind = |known: &String| known.split('-').next() == Some(kind);
        resources.contains_key(id) || !resources.keys().any(same_kind)
    }
}

/// Answers an operation of `ResourceGroupsTaggingAPI_20170126`.
pub fn handle(region: &Arc<Region>, operation: &str, input: &Value) -> Answer {
    match operation {
        "GetResources" => get_resources(&region.networks, input),
        _ => Err(AwsError::unknown_operation()),
    }
}

fn get_resources(networks: &Networks, input: &Value) -> Answer {
    let types = strings(&input["ResourceTypeFilters"]);
    let filters = input["TagFilters"].as_array().map_or(&[][..], Vec::as_slice);
    let resources = networks.resources.lock().unwrap_or_else(PoisonError::into_inner);
    let found: Vec<Value> = resources
        .iter()
        .filter(|(id, tags)| {
            let kind = resource_type(id);
            let of_type = types.is_empty() || types.iter().any(|wanted| wanted == "ec2" || *wanted == format!("ec2:{kind}"));
            of_type && !tags.is_empty() && filters.iter().all(|filter| satisfies(tags, filter))
        })
        .map(|(id, tags)| {
            json!({
                "ResourceARN": format!("{}{}/{id}", networks.arn_prefix, resource_type(id)),
                "Tags": tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>(),
            })
        })
        .collect();
    let size = input["ResourcesPerPage"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(50);
    if !(1..=100).contains(&size) {
        return Err(AwsError::client(
            "InvalidParameterException",
            "ResourcesPerPage should be between 1 and 100.",
        ));
    }
    let token = input["PaginationToken"].as_str().filter(|token| !token.is_empty());
    let (found, next) = page(found, token, size)?;
    Ok(json!({ "ResourceTagMappingList": found, "PaginationToken": next.unwrap_or_default() }))
}

/// Returns whether tags match a filter. Its values are alternatives; without values, the key alone counts. No
/// wildcards.
fn satisfies(tags: &[(String, String)], filter: &Value) -> bool {
    let values = strings(&filter["Values"]);
    let key = filter["Key"].as_str().unwrap_or_default();
    tags.iter().any(|(known, value)| known == key && (values.is_empty() || values.contains(value)))
}

fn resource_type(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("sg") => "security-group",
        Some("vpc") => "vpc",
        _ => "subnet",
    }
}
