//! Services, their deployments and their revisions.

use anyhow::{Context as _, Result};
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::types::{self, DeploymentLifecycleHookAction, StopServiceDeploymentStopType};
use aws_smithy_types::DateTime;
use futures::future::try_join_all;
use jiff::Timestamp;

use super::{raw, service_shapes as shapes};
use crate::adapters::Aws;
use crate::adapters::aws_error::{incomplete, looked_up};
use crate::ports::{
    Call, DESCRIBE_SERVICES_BATCH, DesiredStatus, Lookup, SERVICE_DEPLOYMENTS_BATCH, Service,
    ServiceDeployment, ServiceDeploymentBrief, ServiceReads, ServiceRevision, ServiceWrites, UpdateService,
};
use crate::words::counted;

/// What ECS says of a service that does not exist.
const ABSENT: &str = "ServiceNotFoundException";
/// Service deployments of one page, the most that ListServiceDeployments gives.
const PAGE_DEPLOYMENTS: i32 = 100;

impl ServiceReads for Aws {
    async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<Service>> {
        let batches = names.chunks(DESCRIBE_SERVICES_BATCH).map(async |batch| {
            let doing = format!("describe services {} of cluster {cluster}", batch.join(", "));
            let described = async || {
                let request = self.ecs.describe_services().cluster(cluster);
                request.set_services(Some(batch.to_vec())).send().await
            };
            let answer = self.call(Call::DESCRIBE_SERVICES, &doing, described).await?;
            let services =
                answer.services.ok_or_else(|| incomplete(Call::DESCRIBE_SERVICES, &doing, "services"))?;
            anyhow::Ok(services.into_iter().map(shapes::service).collect::<Vec<_>>())
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    async fn service_deployments(
        &self,
        cluster: &str,
        service: &str,
        created_after: Option<Timestamp>,
    ) -> Result<Lookup<Vec<ServiceDeploymentBrief>>> {
        let call = Call::LIST_SERVICE_DEPLOYMENTS;
        let doing = format!("list deployments of service {service} of cluster {cluster}");
        let created = created_after.map(|after| {
            types::CreatedAt::builder().after(DateTime::from_millis(after.as_millisecond())).build()
        });
        let (mut listed, mut token) = (Vec::new(), None);
        loop {
            let page = async || {
                let request = self.ecs.list_service_deployments().cluster(cluster).service(service);
                let request = request.set_created_at(created.clone()).max_results(PAGE_DEPLOYMENTS);
                looked_up(call, &doing, ABSENT, request.set_next_token(token.clone()).send().await)
            };
            let page = match self.call(call, &doing, page).await? {
                Lookup::Found(page) => page,
                Lookup::Absent => return Ok(Lookup::Absent),
                Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
            };
            let briefs =
                page.service_deployments.ok_or_else(|| incomplete(call, &doing, "serviceDeployments"))?;
            listed.extend(briefs.into_iter().map(shapes::brief));
            let before = std::mem::replace(&mut token, page.next_token.filter(|token| !token.is_empty()));
            if token.is_none() {
                break;
            }
            if token == before {
                return Err(incomplete(call, &doing, "other page, and says that there is one"));
            }
        }
        // The order is not documented.
        listed.sort_by_key(|brief: &ServiceDeploymentBrief| std::cmp::Reverse(brief.created_at));
        Ok(Lookup::Found(listed))
    }

    async fn describe_service_deployments(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceDeployment>>> {
        let call = Call::DESCRIBE_SERVICE_DEPLOYMENTS;
        let mut found = Vec::new();
        for batch in arns.chunks(SERVICE_DEPLOYMENTS_BATCH) {
            let doing = describe("service deployment", batch);
            let described = async || {
                let request = self.ecs.describe_service_deployments();
                let request = request.set_service_deployment_arns(Some(batch.to_vec()));
                looked_up(call, &doing, ABSENT, request.send().await)
            };
            match self.call(call, &doing, described).await? {
                Lookup::Found(answer) => {
                    let deployments = answer
                        .service_deployments
                        .ok_or_else(|| incomplete(call, &doing, "serviceDeployments"))?;
                    found.extend(deployments.into_iter().map(shapes::service_deployment));
                }
                Lookup::Absent => {}
                Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
            }
        }
        Ok(Lookup::Found(found))
    }

    /// Reads the JSON that AWS sent: two revisions are compared whole, with what the SDK's types do not know.
    async fn service_revisions(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceRevision>>> {
        let call = Call::DESCRIBE_SERVICE_REVISIONS;
        let mut found = Vec::new();
        for batch in arns.chunks(SERVICE_DEPLOYMENTS_BATCH) {
            let doing = describe("service revision", batch);
            let body = raw::Captured::default();
            let described = async || {
                let request = self.ecs.describe_service_revisions();
                let request = request.set_service_revision_arns(Some(batch.to_vec()));
                let answer = request.customize().interceptor(body.clone()).send().await;
                looked_up(call, &doing, ABSENT, answer)
            };
            match self.call(call, &doing, described).await? {
                Lookup::Found(_) => {
                    let revisions = shapes::service_revisions(body.json().context(doing.clone())?);
                    found.extend(revisions.ok_or_else(|| incomplete(call, &doing, "serviceRevisions"))?);
                }
                Lookup::Absent => {}
                Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
            }
        }
        Ok(Lookup::Found(found))
    }

    async fn list_service_tasks(
        &self,
        cluster: &str,
        service: &str,
        wanted: DesiredStatus,
    ) -> Result<Vec<String>> {
        let doing = format!("list tasks of service {service} in cluster {cluster}");
        let listed = self.ecs.list_tasks().cluster(cluster).service_name(service);
        self.task_arns(listed, wanted, &doing).await
    }
}

impl ServiceWrites for Aws {
    async fn update_service(&self, wanted: &UpdateService) -> Result<Service> {
        let UpdateService { cluster, service, task_definition, force } = wanted;
        let doing = format!("update service {service} of cluster {cluster}");
        let request = self.ecs.update_service().cluster(cluster).service(service);
        let request =
            request.task_definition(task_definition).set_force_new_deployment(force.then_some(true));
        let updated = async || {
            // A second one supersedes the first: whether there was one is looked up before it is sent again.
            let config = aws_sdk_ecs::config::Builder::new().retry_config(RetryConfig::disabled());
            request.clone().customize().config_override(config).send().await
        };
        self.rates.turn(Call::UPDATE_SERVICE).await;
        let answer = self.call_once(Call::UPDATE_SERVICE, &doing, updated).await?;
        let service = answer.service.ok_or_else(|| incomplete(Call::UPDATE_SERVICE, &doing, "service"))?;
        Ok(shapes::service(service))
    }

    async fn roll_back_service_deployment(&self, arn: &str) -> Result<()> {
        let stopped = async || {
            let request = self.ecs.stop_service_deployment().service_deployment_arn(arn);
            request.stop_type(StopServiceDeploymentStopType::Rollback).send().await
        };
        let doing = format!("roll back service deployment {arn}");
        self.call(Call::STOP_SERVICE_DEPLOYMENT, &doing, stopped).await.map(|_| ())
    }

    async fn roll_back_paused_service_deployment(&self, arn: &str, hook: &str) -> Result<()> {
        let continued = async || {
            let request = self.ecs.continue_service_deployment().service_deployment_arn(arn).hook_id(hook);
            request.action(DeploymentLifecycleHookAction::Rollback).send().await
        };
        let doing = format!("roll back the paused service deployment {arn}");
        self.call(Call::CONTINUE_SERVICE_DEPLOYMENT, &doing, continued).await.map(|_| ())
    }
}

/// Returns `describe NOUN ARN`, or, of several ARNs, `describe` and their number.
fn describe(noun: &str, arns: &[String]) -> String {
    match arns {
        [arn] => format!("describe {noun} {arn}"),
        _ => format!("describe {}", counted(arns.len(), noun)),
    }
}

#[cfg(test)]
mod tests;
