//! Where a task's network interface is.

use crate::cli;
use crate::failure::Failure;
use crate::values::Selector;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkChoice {
    Given { subnets: Vec<Selector>, security_groups: Vec<Selector>, assign_public_ip: bool },
    FromService(String),
}

impl NetworkChoice {
    /// # Errors
    /// There is none.
    pub fn new(flags: cli::NetworkFlags) -> Result<Self, Failure> {
        if let Some(service) = flags.network_from_service {
            return Ok(Self::FromService(service));
        }
        if flags.subnets.is_empty() {
            return Err(Failure::input("no subnets given").hint(
                "pass --subnets ID,ID or --subnets 'tag:Name=pattern*', or take them from a service with --network-from-service",
            ));
        }
        Ok(Self::Given {
            subnets: flags.subnets.into_iter().map(|subnet| subnet.0).collect(),
            security_groups: flags.security_groups.into_iter().map(|group| group.0).collect(),
            assign_public_ip: flags.assign_public_ip,
        })
    }
}
