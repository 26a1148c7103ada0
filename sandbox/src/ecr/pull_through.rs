//! Pull-through cache rules: kept and read back. Nothing is fetched through them.

use serde_json::{Value, json};

use super::{page, strings, text};
use crate::answer::{Answer, AwsError};
use crate::registry::Registry;

pub(super) fn create(registry: &Registry, input: &Value) -> Answer {
    let prefix = text(input, "ecrRepositoryPrefix")?;
    let upstream = text(input, "upstreamRegistryUrl")?;
    if !registry.add_pull_through_rule(prefix, upstream) {
        return Err(AwsError::client(
            "PullThroughCacheRuleAlreadyExistsException",
            format!(
                "The pull through cache rule with the prefix '{prefix}' already exists in the registry with id '{}'",
                registry.account()
            ),
        ));
    }
    Ok(described(registry, prefix, upstream))
}

pub(super) fn describe(registry: &Registry, input: &Value) -> Answer {
    let wanted: Vec<&str> = strings(input, "ecrRepositoryPrefixes").collect();
    let rules = registry.pull_through_rules();
    if let Some(unknown) = wanted.iter().find(|prefix| !rules.contains_key(**prefix)) {
        return Err(AwsError::client(
            "PullThroughCacheRuleNotFoundException",
            format!(
                "The pull through cache rule with the prefix '{unknown}' does not exist in the registry with id '{}'",
                registry.account()
            ),
        ));
    }
    let rules = rules.iter().filter(|(prefix, _)| wanted.is_empty() || wanted.contains(&prefix.as_str()));
    let rules = rules.map(|(prefix, upstream)| described(registry, prefix, upstream)).collect();
    page(input, "pullThroughCacheRules", rules, 100)
}

fn described(registry: &Registry, prefix: &str, upstream: &str) -> Value {
    json!({
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistryUrl": upstream,
        "registryId": registry.account(),
    })
}
