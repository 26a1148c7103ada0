//! All that a run records as GitHub Deployments: of its databases, of its services, or of both.

use std::future::Future;

use super::{DeploymentQueue, ServiceDeploymentQueue, ServiceDeployments};
use crate::interrupt::Interrupt;
use crate::ports::github::GitHubDeployments;
use crate::report::ServiceReport;

pub(crate) struct Recording {
    databases: Option<DeploymentQueue>,
    services: Option<ServiceDeploymentQueue>,
}

impl Recording {
    pub(crate) fn new(databases: Option<DeploymentQueue>, services: Option<ServiceDeployments>) -> Self {
        let services = services.map(|about| match &databases {
            Some(databases) => ServiceDeploymentQueue::beside(databases, about),
            None => ServiceDeploymentQueue::new(about),
        });
        Self { databases, services }
    }

    pub(crate) fn databases(&self) -> Option<&DeploymentQueue> {
        self.databases.as_ref()
    }

    /// Tells whether nothing is to be recorded.
    pub(crate) fn is_empty(&self) -> bool {
        self.databases.is_none() && self.services.is_none()
    }

    /// Records that the deployments of the services are about to begin.
    pub(crate) fn services_begin(&self, rows: &[ServiceReport]) {
        if let Some(services) = &self.services {
            services.begun(rows);
        }
    }

    /// Records the verdicts of the services.
    pub(crate) fn services_end(&self, rows: &[ServiceReport]) {
        if let Some(services) = &self.services {
            services.judged(rows);
        }
    }

    /// Awaits `run` and records meanwhile, as [`DeploymentQueue::record_during`] does.
    pub(crate) async fn record_during<T>(
        &self,
        api: &impl GitHubDeployments,
        run: impl Future<Output = T>,
        interrupt: &Interrupt,
    ) -> T {
        match (&self.databases, &self.services) {
            (Some(databases), _) => databases.record_during(api, run, interrupt).await,
            (None, Some(services)) => services.record_during(api, run, interrupt).await,
            (None, None) => run.await,
        }
    }

    /// Returns the notes for the report, one per cause; none when everything is recorded.
    pub(crate) fn notes(&self, rows: &[ServiceReport]) -> Vec<String> {
        let databases = self.databases.iter().flat_map(DeploymentQueue::notes);
        let services = self.services.iter().flat_map(|services| services.notes(rows));
        databases.chain(services).collect()
    }
}
