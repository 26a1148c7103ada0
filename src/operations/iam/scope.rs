//! Pure: the resources of a run, from its flags, its task definition, and what AWS said.

use std::collections::BTreeSet;

use serde::Serialize;

use super::SeenInAws;
use super::trust::Subjects;
use crate::arn;
use crate::choices::Leftover;
use crate::cli;
use crate::ecr_registry::{EcrRegistry, RegistryHost, partition_of};
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::plan::own_family;
use crate::ports::When;
use crate::task_definition::{Logs, TaskDefinition};
use crate::values::Selector;

/// A word in the documents that a person has to replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placeholder {
    pub name: &'static str,
    pub how: String,
}

/// What the documents are about.
#[derive(Debug, Clone)]
pub struct Scope {
    pub partition: String,
    pub region: String,
    /// Twelve digits.
    pub account: String,
    pub cluster: String,
    /// Those that the revisions may go into: one, where a service of the cluster was looked for.
    pub families: Vec<String>,
    /// Where the repository is.
    pub registry: EcrRegistry,
    pub repository: String,
    pub service: String,
    /// Region and log group.
    pub log_groups: BTreeSet<(String, String)>,
    /// ARNs of the task's roles.
    pub roles: BTreeSet<String>,
    /// Reading calls only (`--plan`).
    pub plan_only: bool,
    pub needs: Vec<When>,
    pub subjects: Subjects,
    pub placeholders: Vec<Placeholder>,
}

/// Collects placeholders while values are looked for.
pub struct Blanks(Vec<Placeholder>);

impl Blanks {
    pub fn fill(&mut self, value: Option<String>, name: &'static str, how: &str) -> String {
        value.filter(|value| !value.is_empty()).unwrap_or_else(|| {
            self.0.push(Placeholder { name, how: how.into() });
            name.to_owned()
        })
    }
}

impl Scope {
    /// # Errors
    /// A flag is wrong.
    pub fn new(
        flags: &cli::IamFlags,
        variable: &dyn Fn(&str) -> Option<String>,
        known: &SeenInAws,
        remote: Option<&str>,
    ) -> Result<Self, Failure> {
        let migrate = &flags.migrate;
        let definition = known.task_definition.as_ref();
        let target = &migrate.target;
        let container = target.base.container.as_deref();
        let images = [
            migrate.image.image.as_deref().map(String::as_str),
            migrate.image.source.repository.as_deref().map(String::as_str),
            definition.and_then(|base| base.image(base.migration_container(container).ok()?)),
        ];
        let arns = [
            target.cluster.as_deref(),
            target.base.task_definition.as_deref(),
            definition.and_then(TaskDefinition::arn),
            migrate.credentials.role_to_assume.as_deref().map(String::as_str),
            known.caller.as_ref().map(|caller| caller.arn.as_str()),
        ];
        let part = |index: usize| {
            let mut parts = arns.iter().flatten().filter(|arn| arn.starts_with("arn:"));
            parts.find_map(|arn| arn.split(':').nth(index).filter(|part| !part.is_empty())).map(str::to_owned)
        };
        let named = images.iter().flatten().find_map(|image| registry_of(image));
        let mut blanks = Blanks(Vec::new());
        let set = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = target
            .aws
            .region
            .clone()
            .or(set)
            .or_else(|| known.region.clone())
            .or_else(|| part(3))
            .or_else(|| named.as_ref().map(|registry| registry.region.clone()));
        let region = blanks.fill(region, "REGION", "the AWS region: pass --region");
        let account = flags.trust.account.clone().map(account).transpose()?;
        let caller = known.caller.as_ref().map(|caller| caller.account.clone());
        let account =
            account.or(caller).or_else(|| part(4)).or_else(|| named.map(|registry| registry.account));
        let account = blanks.fill(
            account,
            "ACCOUNT_ID",
            "the account's twelve digits: pass --account (aws sts get-caller-identity --query Account)",
        );
        let partition = part(1).unwrap_or_else(|| partition_of(&region).to_owned());

        let cluster = target.cluster.as_deref().map(|cluster| arn::name(cluster).to_owned());
        let cluster = blanks.fill(cluster, "CLUSTER", "the ECS cluster: pass --cluster");
        let family = definition
            .map(|definition| definition.family().to_owned())
            .or_else(|| target.base.task_definition.as_deref().map(|name| arn::family(name).to_owned()));
        let family = blanks.fill(family, "FAMILY", "the task definition's family: pass --task-definition");
        let families = match (&target.family, known.runs_in_service) {
            (Some(named), _) => vec![named.to_string()],
            (None, Some(true)) => vec![own_family(&family)],
            (None, Some(false)) => vec![family],
            // The service that the network is taken from is often of the family.
            (None, None) if migrate.network.network_from_service.is_some() => {
                vec![own_family(&family), family]
            }
            (None, None) => vec![family],
        };

        let image = migrate.image.image.as_deref();
        // The registry that is named, which may be another account's; a name alone is one of the run's own.
        let text = images.iter().flatten().next().copied();
        let is_given = image.is_some() || migrate.image.source.repository.is_some();
        let in_ecr = image.is_none() || text.is_some_and(|text| is_in_ecr(text, false));
        let registry = text
            .and_then(registry_of)
            .unwrap_or_else(|| EcrRegistry { account: account.clone(), region: region.clone() });
        let repository = match in_ecr {
            true => blanks.fill(
                text.filter(|text| is_in_ecr(text, is_given))
                    .map(|text| ImageReference::parse(text).path.to_owned()),
                "REPOSITORY",
                "the ECR repository: pass --repository, or the task definition as a file",
            ),
            false => String::new(),
        };
        let unknown = "the task definition says it: pass its JSON file as --task-definition, or run this with \
                       credentials that may read it";
        let role = |name: &str| match name.starts_with("arn:") {
            true => name.to_owned(),
            false => format!("arn:{partition}:iam::{account}:role/{name}"),
        };
        let (roles, log_groups): (BTreeSet<String>, _) = match definition {
            Some(definition) => (roles(definition).map(role).collect(), log_groups(definition, &region)),
            None => {
                let roles =
                    ["EXECUTION_ROLE", "TASK_ROLE"].map(|name| role(&blanks.fill(None, name, unknown)));
                (roles.into(), [(region.clone(), blanks.fill(None, "LOG_GROUP", unknown))].into())
            }
        };
        let subjects = Subjects::new(&flags.trust, variable, remote, &mut blanks)?;
        let network = &migrate.network;
        let subnets = network.subnets.iter().map(|subnet| &**subnet);
        let mut selectors = subnets.chain(network.security_groups.iter().map(|group| &**group));
        let leaves = [migrate.task.on_cancel, migrate.task.on_timeout] == [Leftover::Leave; 2];
        // A task that runs on after its migration container is stopped, whatever is done about others.
        let is_outlived = definition.is_some_and(|base| {
            base.migration_container(container).is_ok_and(|container| base.outlives(container))
        });
        let needs = [
            (When::Always, true),
            (When::ImageInEcr, in_ecr),
            (When::GivenInEcr, in_ecr && image.is_some()),
            (When::Push, image.is_none()),
            (When::TagSelector, selectors.any(|selector| matches!(selector, Selector::Tag { .. }))),
            (When::NetworkFromService, network.network_from_service.is_some()),
            (When::CloudWatchLogs, !log_groups.is_empty()),
            (When::Stop, !leaves || is_outlived),
            (
                When::Tags,
                definition.is_none_or(|definition| definition.register_input().get("tags").is_some()),
            ),
            (When::TaskTags, tags_tasks(&migrate.task)),
            (When::Roles, !roles.is_empty()),
            (When::Hint, flags.trust.hints),
        ];
        let service = network.network_from_service.as_deref().map(arn::name).unwrap_or_default();
        Ok(Self {
            service: service.to_owned(),
            plan_only: migrate.plan,
            placeholders: blanks.0,
            partition,
            region,
            account,
            cluster,
            families,
            registry,
            repository,
            log_groups,
            roles,
            needs: needs.into_iter().filter_map(|(need, wanted)| wanted.then_some(need)).collect(),
            subjects,
        })
    }
}

/// The registry that an image or a repository names.
fn registry_of(text: &str) -> Option<EcrRegistry> {
    match ImageReference::parse(text).host()? {
        RegistryHost::Ecr(registry) => Some(registry),
        _ => None,
    }
}

/// Whether a run looks for it in ECR; a name alone is a repository of ECR where it `may_be_a_name`, and else one of
/// Docker Hub.
fn is_in_ecr(text: &str, may_be_a_name: bool) -> bool {
    match ImageReference::parse(text).host() {
        Some(RegistryHost::Ecr(_) | RegistryHost::ThisMachine) => true,
        Some(RegistryHost::EcrPublic | RegistryHost::Elsewhere) => false,
        None => may_be_a_name,
    }
}

/// Whether RunTask tags what it starts.
fn tags_tasks(task: &cli::TaskFlags) -> bool {
    !task.task_tag.is_empty() || task.propagate_tags || task.ecs_managed_tags
}

fn roles(definition: &TaskDefinition) -> impl Iterator<Item = &str> {
    let input = definition.register_input();
    ["executionRoleArn", "taskRoleArn"].into_iter().filter_map(|key| input.get(key)?.as_str())
}

/// Those of all containers: when a task did not end well, a page of each is read.
fn log_groups(definition: &TaskDefinition, region: &str) -> BTreeSet<(String, String)> {
    let logs = definition.container_names().into_iter().map(|container| definition.logs(container));
    logs.filter_map(|logs| match logs {
        Logs::Awslogs { region: own, group, .. } => Some((own.unwrap_or_else(|| region.to_owned()), group)),
        _ => None,
    })
    .collect()
}

fn account(digits: String) -> Result<String, Failure> {
    if digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(digits);
    }
    Err(Failure::input(format!("--account {digits:?} is no account")).hint("an account has twelve digits"))
}
