//! The outside world, and the only place that names an SDK's types.
//!
//! [`Aws`] is [`Reads`] and [`Writes`] made real. Each of its calls has a deadline (`--call-timeout`, retries
//! included), the SDK's standard retries for throttling and 5xx, and an error that names the call's IAM action.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::Result;
use aws_config::SdkConfig;
use serde_json::Value;

use crate::ports::{
    BinaryImage, Caller, DesiredStatus, DockerBuild, FilterPage, ImageTag, Launch, LogGroup, LogPage,
    LogStream, Network, NetworkResource, Reads, Repository, RunTask, Task, Writes,
};
use crate::progress::{Aside, Progress};

pub mod aws_error;
mod ca_certificates;
pub mod docker;
pub mod ecr;
pub mod ecs;
pub mod git;
pub mod github;
pub mod identity;
pub mod logs;
pub mod oci;
pub mod proxy;
pub mod push_error;
pub mod rates;
pub mod registry_login;
pub mod secret;
pub mod tagging;
mod throttling;

/// AWS as one set of credentials in one region sees it.
pub struct Aws {
    region: String,
    config: SdkConfig,
    ecs: aws_sdk_ecs::Client,
    ecr: aws_sdk_ecr::Client,
    tagging: aws_sdk_resourcegroupstagging::Client,
    /// A container may log to another region than it runs in.
    logs: RefCell<HashMap<String, aws_sdk_cloudwatchlogs::Client>>,
}

impl Aws {
    /// Finds region and credentials; a role's session is renewed for as long as this lives.
    ///
    /// # Errors
    /// A [`crate::failure::Failure`] when there is no region, or there are no credentials.
    pub async fn connect(access: &identity::Access, aside: &Aside) -> Result<Self> {
        Ok(Self::with(identity::load(access, aside).await?))
    }

    /// AWS through a configuration that somebody else made: one whose HTTP client is a simulation, for example.
    pub fn from_config(config: SdkConfig, call_timeout: Duration) -> Self {
        Self::with(identity::with_our_patience(config, call_timeout))
    }

    fn with(config: SdkConfig) -> Self {
        Self {
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            ecs: ecs::client(&config),
            ecr: aws_sdk_ecr::Client::new(&config),
            tagging: aws_sdk_resourcegroupstagging::Client::new(&config),
            logs: RefCell::default(),
            config,
        }
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    fn logs(&self, region: &str) -> aws_sdk_cloudwatchlogs::Client {
        let mut clients = self.logs.borrow_mut();
        clients.entry(region.to_owned()).or_insert_with(|| logs::client(&self.config, region)).clone()
    }
}

impl Reads for Aws {
    async fn caller(&self) -> Result<Caller> {
        identity::caller(&self.config).await
    }

    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>> {
        ecs::describe_task_definition(&self.ecs, name).await
    }

    async fn task_definition_families_like(&self, name: &str) -> Result<Vec<String>> {
        ecs::families_like(&self.ecs, name).await
    }

    async fn check_cluster(&self, name: &str) -> Result<()> {
        ecs::check_cluster(&self.ecs, &self.region, name).await
    }

    async fn repository(&self, name: &str) -> Result<Repository> {
        ecr::repository(&self.ecr, &self.region, name).await
    }

    async fn image_digest(&self, repository: &str, tag_or_digest: &str) -> Result<Option<String>> {
        ecr::image_digest(&self.ecr, repository, tag_or_digest).await
    }

    async fn network_of_service(&self, cluster: &str, service: &str) -> Result<Network> {
        ecs::network_of_service(&self.ecs, cluster, service).await
    }

    async fn resources_by_tag(&self, kind: NetworkResource, key: &str, pattern: &str) -> Result<Vec<String>> {
        tagging::resources_by_tag(&self.tagging, kind, key, pattern).await
    }

    async fn list_tasks(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<String>> {
        ecs::list_tasks(&self.ecs, cluster, family, wanted).await
    }

    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>> {
        ecs::describe_tasks(&self.ecs, cluster, arns).await
    }

    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage> {
        logs::page(&self.logs(&stream.region), stream, token).await
    }

    async fn filter_log_events(
        &self,
        group: &LogGroup,
        since: i64,
        token: Option<&str>,
    ) -> Result<FilterPage> {
        logs::filter(&self.logs(&group.region), group, since, token).await
    }
}

impl Writes for Aws {
    async fn build_and_push(
        &self,
        build: &DockerBuild,
        to: &ImageTag,
        progress: &Progress,
    ) -> Result<String> {
        let login = ecr::login(&self.ecr).await?;
        docker::build_and_push(build, to, &login, progress).await
    }

    async fn package_and_push(
        &self,
        binary: &BinaryImage,
        to: &ImageTag,
        progress: &Progress,
    ) -> Result<String> {
        let image = oci::package(binary)?;
        let login = ecr::login(&self.ecr).await?;
        oci::push(&image, to, &login, progress).await
    }

    async fn register_task_definition(&self, document: &Value) -> Result<String> {
        ecs::register_task_definition(&self.ecs, document).await
    }

    async fn run_task(&self, request: &RunTask) -> Result<Launch> {
        ecs::run_task(&self.ecs, request).await
    }

    async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> Result<()> {
        ecs::stop_task(&self.ecs, cluster, arn, reason).await
    }
}
