//! Subnets and security groups, by id or by tag.

use std::any::TypeId;
use std::str::FromStr;

use super::{Grammar, Written, Wrong};

/// Selects subnets or security groups: one, or several by a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    Id(String),
    Tag { key: String, pattern: String },
}

impl Selector {
    fn read(text: &str, prefix: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((key, pattern)) = text.strip_prefix("tag:").and_then(|tag| tag.split_once('=')) {
            let is_whole = !key.is_empty() && !pattern.is_empty();
            return is_whole.then(|| Self::Tag { key: key.into(), pattern: pattern.into() });
        }
        text.strip_prefix(prefix).filter(|id| !id.is_empty()).map(|_| Self::Id(text.into()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet(pub Selector);

grammar!(
    Subnet,
    "a subnet",
    "write an id that begins with subnet-, or tag:Name=pattern*",
    Written::Text(Some("^(subnet-.+|tag:[^=]+=.+)$")),
    |text| Selector::read(text, "subnet-").map(Self)
);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup(pub Selector);

grammar!(
    SecurityGroup,
    "a security group",
    "write an id that begins with sg-, or tag:Name=pattern*",
    Written::Text(Some("^(sg-.+|tag:[^=]+=.+)$")),
    |text| Selector::read(text, "sg-").map(Self)
);
