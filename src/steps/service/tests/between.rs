//! The sandbox, with what it does not do put into its answers.

use std::cell::Cell;

use anyhow::{Result, bail};

use super::*;
use crate::ports::*;

pub(super) type Change = Box<dyn Fn(&mut ServiceDeployment, Duration) -> bool>;

pub(super) struct Altered<'a> {
    pub(super) aws: &'a Aws,
    pub(super) began: Instant,
    /// Of each service deployment that is described, at this time; false leaves it out.
    pub(super) deployment: Change,
    /// Orders to go back that are answered, and not carried out.
    pub(super) ignored: Cell<u32>,
    /// Pages of the log, each with one line; none leaves the log to the sandbox.
    pub(super) endless_log: Option<Duration>,
    pub(super) pages: Cell<usize>,
    /// What the address answers: a body.
    pub(super) body: &'static str,
    pub(super) paused: Cell<u32>,
    /// A container whose digest is in no service revision.
    pub(super) unrecorded: &'static str,
}

impl<'a> Altered<'a> {
    pub(super) fn of(
        world: &'a World,
        deployment: impl Fn(&mut ServiceDeployment, Duration) -> bool + 'static,
    ) -> Self {
        Self {
            aws: &world.aws,
            began: Instant::now(),
            deployment: Box::new(deployment),
            ignored: Cell::new(0),
            endless_log: None,
            pages: Cell::new(0),
            body: "",
            paused: Cell::new(0),
            unrecorded: "",
        }
    }
}

impl ServiceReads for Altered<'_> {
    async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<Service>> {
        self.aws.services(cluster, names).await
    }

    async fn service_deployments(
        &self,
        cluster: &str,
        service: &str,
        after: Option<jiff::Timestamp>,
    ) -> Result<Lookup<Vec<ServiceDeploymentBrief>>> {
        self.aws.service_deployments(cluster, service, after).await
    }

    async fn describe_service_deployments(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceDeployment>>> {
        let found = self.aws.describe_service_deployments(arns).await?;
        let Lookup::Found(mut found) = found else { return Ok(found) };
        let passed = self.began.elapsed();
        found.retain_mut(|one| (self.deployment)(one, passed));
        Ok(Lookup::Found(found))
    }

    async fn service_revisions(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceRevision>>> {
        let found = self.aws.service_revisions(arns).await?;
        let Lookup::Found(mut found) = found else { return Ok(found) };
        let images = found.iter_mut().flat_map(|one| &mut one.images);
        images.filter(|image| image.container == self.unrecorded).for_each(|image| image.digest = None);
        Ok(Lookup::Found(found))
    }

    async fn list_service_tasks(
        &self,
        cluster: &str,
        service: &str,
        wanted: DesiredStatus,
    ) -> Result<Vec<String>> {
        self.aws.list_service_tasks(cluster, service, wanted).await
    }
}

impl ServiceWrites for Altered<'_> {
    async fn update_service(&self, request: &UpdateService) -> Result<Service> {
        self.aws.update_service(request).await
    }

    async fn roll_back_service_deployment(&self, arn: &str) -> Result<()> {
        match self.ignored.get() {
            0 => self.aws.roll_back_service_deployment(arn).await,
            count => {
                self.ignored.set(count - 1);
                Ok(())
            }
        }
    }

    async fn roll_back_paused_service_deployment(&self, _: &str, hook: &str) -> Result<()> {
        assert_eq!(hook, "approve");
        self.paused.set(self.paused.get() + 1);
        Ok(())
    }
}

impl TaskReads for Altered<'_> {
    async fn check_cluster(&self, _: &str) -> Result<()> {
        bail!("nobody asks")
    }

    async fn list_tasks(&self, _: &str, _: &str, _: DesiredStatus) -> Result<Vec<String>> {
        bail!("nobody asks")
    }

    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>> {
        self.aws.describe_tasks(cluster, arns).await
    }
}

impl LogReads for Altered<'_> {
    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
        let Some(pause) = self.endless_log else { return self.aws.log_page(stream, token).await };
        sleep(pause).await;
        self.pages.set(self.pages.get() + 1);
        let line = LogEvent { timestamp: 0, message: "again".into() };
        Ok(LogPage::Events { events: vec![line], next: Some(self.pages.get().to_string()) })
    }

    async fn filter_log_events(&self, _: &LogGroup, _: i64, _: Option<&str>) -> Result<FilterPage> {
        bail!("nobody asks")
    }
}

impl DefinitionReads for Altered<'_> {
    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>> {
        self.aws.describe_task_definition(name).await
    }

    async fn task_definition_families_like(&self, _: &str) -> Result<Vec<String>> {
        bail!("nobody asks")
    }
}

impl AddressReads for Altered<'_> {
    async fn get(&self, url: &str) -> Result<HttpAnswer> {
        assert_eq!(url, "https://shop.example/ready");
        Ok(HttpAnswer { status: 200, headers: Vec::new(), body: self.body.into() })
    }
}
