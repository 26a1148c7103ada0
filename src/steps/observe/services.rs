//! Services that are to be deployed, what they run, and whether a deployment of them is under way; and the image of a
//! deploy that migrates nothing. The calls change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio::try_join;

use super::described;
use super::image::{image, local_checks};
use crate::arn;
use crate::ecr_registry::RegistryHost;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::plan::deploy_plan::{ObservedAlone, ObservedServices};
use crate::plan::{ObservedService, UnderWay, fit};
use crate::ports::{Account, DefinitionReads, Lookup, Machine, Reads, Service, ServiceReads};
use crate::settings::{DeploySettings, ImageChoice, ImageSettings};
use crate::task_definition::TaskDefinition;
use crate::untrusted::{phrase, printable};

/// Calls that are under way at the same time.
const AT_ONCE: usize = 4;
/// A deployment takes 30 days at the most (Amazon ECS blue/green deployments workflow): what began before is over.
const LONGEST_DEPLOYMENT: Duration = Duration::from_hours(24 * 31);

/// A service as it is now, and the deployment of it that is under way.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub service: Service,
    pub under_way: Option<UnderWay>,
    /// Why `under_way` is known from DescribeServices alone.
    pub unrecorded: Option<String>,
}

/// Reads the services that were asked for, each fit to be deployed, with what they run.
///
/// # Errors
/// One of them is not there, or cannot be deployed.
pub(crate) async fn observe_services(
    settings: &DeploySettings,
    reads: &(impl ServiceReads + DefinitionReads),
) -> Result<ObservedServices> {
    let looks = look(&settings.cluster, &settings.services, reads).await?;
    let running = looks.iter().map(|look| running(&look.service)).collect::<Result<Vec<_>, _>>()?;
    // A family's name alone is its newest ACTIVE revision.
    let wanted: BTreeSet<String> =
        running.iter().flat_map(|arn| [arn.clone(), arn::family(arn).to_owned()]).collect();
    let read = |name: String| async move {
        let definition = described(reads, &name).await?;
        anyhow::Ok((name, definition))
    };
    let definitions: BTreeMap<String, Option<TaskDefinition>> =
        stream::iter(wanted).map(read).buffer_unordered(AT_ONCE).try_collect().await?;
    let mut notes = Vec::new();
    let mut services = Vec::new();
    for (Look { service, under_way, unrecorded }, arn) in looks.into_iter().zip(running) {
        let Some(Some(definition)) = definitions.get(&arn) else {
            return Err(Failure::input(format!(
                "service {} runs {}, which ECS does not know any more",
                phrase(&service.name),
                phrase(&arn)
            ))
            .hint("deploy the service with a revision that is there once: aws ecs update-service --task-definition")
            .into());
        };
        notes.extend(unrecorded.map(|why| {
            format!(
                "whether a deployment of service {} is under way was seen in DescribeServices alone: {why}",
                phrase(&service.name)
            )
        }));
        let newest = definitions.get(arn::family(&arn)).cloned().flatten();
        services.push(ObservedService { service, running: definition.clone(), newest, under_way });
    }
    Ok(ObservedServices { services, notes })
}

fn running(service: &Service) -> Result<String, Failure> {
    service.task_definition.clone().ok_or_else(|| {
        Failure::input(format!("service {} has no task definition", phrase(&service.name)))
            .hint("this program deploys services of the controller ECS, which have one")
    })
}

/// Reads the services as they are now, in the order of `names`.
///
/// # Errors
/// One of them is not there, or cannot be deployed.
pub(crate) async fn look(cluster: &str, names: &[String], reads: &impl ServiceReads) -> Result<Vec<Look>> {
    let seen = fit(names, cluster, reads.services(cluster, names).await?)?;
    let since = Timestamp::now().checked_sub(LONGEST_DEPLOYMENT).ok();
    let looked = |service: Service| async move {
        let recorded = reads.service_deployments(cluster, &service.name, since).await?;
        let (recorded, unrecorded) = match recorded {
            Lookup::Found(briefs) => (Some(briefs), None),
            Lookup::Absent => (None, None),
            Lookup::Denied(error) => (None, Some(Failure::from_error(&error).sentence())),
        };
        let under_way = UnderWay::of(&service, recorded.as_deref());
        anyhow::Ok(Look { service, under_way, unrecorded })
    };
    stream::iter(seen).map(looked).buffered(AT_ONCE).try_collect().await
}

/// Observes the image of a deploy without a migration. What no flag says is taken from what the first service runs.
///
/// # Errors
/// The image is not there, or cannot be made here.
pub(crate) async fn observe_alone(
    settings: &DeploySettings,
    wanted: &ImageSettings,
    services: &[ObservedService],
    machine: &impl Machine,
    reads: &impl Reads,
) -> Result<ObservedAlone> {
    let (caller, ()) = try_join!(reads.caller(), reads.check_cluster(&settings.cluster))?;
    let account = Account { caller, region: reads.region().to_owned() };
    let base = services.first().map(|service| &service.running);
    let container = match base {
        Some(base) if wanted.repository.is_none() && !matches!(wanted.choice, ImageChoice::Reference(_)) => {
            Some((base, pushed_container(base, &settings.containers)?))
        }
        _ => None,
    };
    let image = image(wanted, machine, reads, &account, container).await?;
    let notes = local_checks(wanted, machine, base, &image, settings.common.plan_only).await?;
    Ok(ObservedAlone { account, image, notes })
}

/// Finds a container whose image is in the one repository that a new image could go to.
///
/// # Errors
/// There is none, or there are several.
fn pushed_container<'a>(base: &'a TaskDefinition, named: &[String]) -> Result<&'a str, Failure> {
    let is_pushed = |image: &str| {
        matches!(ImageReference::parse(image).host(), Some(RegistryHost::Ecr(_) | RegistryHost::ThisMachine))
    };
    let is_named = |name: &str| named.is_empty() || named.iter().any(|one| one == name);
    let candidates: Vec<(&str, &str)> =
        base.images().filter(|(name, image)| is_named(name) && is_pushed(image)).collect();
    let repositories: BTreeSet<String> =
        candidates.iter().map(|(_, image)| ImageReference::parse(image).repository()).collect();
    match (candidates.first(), repositories.len()) {
        (Some((container, _)), 1) => Ok(container),
        _ => {
            let all = base.images().map(|(name, image)| {
                format!("{} ({})", printable(name, 255), phrase(&ImageReference::parse(image).repository()))
            });
            let definition = phrase(&base.name());
            Err(Failure::input(match repositories.len() {
                0 => format!("no container of {definition} has an image in ECR to take the repository from"),
                _ => format!("the containers of {definition} have images of several repositories in ECR"),
            })
            .hint(format!(
                "pass --repository NAME, or --image; its containers: {}",
                all.collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_repository_is_taken_from_the_service_where_there_is_one() {
        let ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
        let of = |containers: &[(&str, String)], named: &[&str]| {
            let containers: Vec<Value> =
                containers.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
            let document = json!({"family": "web", "containerDefinitions": containers});
            let base = TaskDefinition::from_json(document, "test").expect("a definition");
            let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
            pushed_container(&base, &named).map(str::to_owned)
        };
        let (web, init) = (("web", format!("{ecr}/shop:1")), ("init", format!("{ecr}/shop@sha256:0")));
        let (proxy, agent) =
            (("proxy", format!("{ecr}/proxy:1")), ("agent", "public.ecr.aws/agent:1".into()));
        assert_eq!(of(&[agent.clone(), web.clone(), init], &[]).as_deref(), Ok("web"));
        assert_eq!(of(&[proxy.clone(), web.clone()], &["web"]).as_deref(), Ok("web"));
        for (containers, said) in [(vec![proxy, web], "several repositories"), (vec![agent], "no container")]
        {
            let failure = of(&containers, &[]).expect_err(said);
            assert!(failure.message.contains(said), "{failure}");
            assert!(failure.hint.is_some_and(|hint| hint.contains("--repository")));
        }
    }
}
