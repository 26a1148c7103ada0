//! What one Region of the account holds.

use std::sync::Arc;

use crate::ecs::Ecs;
use crate::logs::Logs;
use crate::registry::Registry;
use crate::secrets::Secrets;
use crate::tagging::Networks;

/// The resources of one Region. Requests that are signed for another Region than the sandbox's own meet an empty one.
pub struct Region {
    pub name: String,
    pub account: String,
    pub ecs: Ecs,
    pub logs: Logs,
    pub secrets: Secrets,
    pub networks: Networks,
    pub registry: Registry,
}

impl Region {
    pub fn new(name: &str, account: &str, registry: Registry) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            account: account.into(),
            ecs: Ecs::default(),
            logs: Logs::new(name, account),
            secrets: Secrets::new(name, account),
            networks: Networks::new(name, account),
            registry,
        })
    }

    /// Returns `arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.name, self.account)
    }
}
