//! Pure: the resources of a run, from its flags, its task definition, and what AWS said.

use std::collections::BTreeSet;

use serde::Serialize;

use super::SeenInAws;
use super::trust::Subjects;
use crate::arn;
use crate::choices::{Leftover, OnCancel, OnFailure, PolicyFor};
use crate::cli;
use crate::ecr_registry::{EcrRegistry, RegistryHost, partition_of};
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::plan::own_family;
use crate::ports::When;
use crate::settings::TaskDefinitionSource;
use crate::task_definition::TaskDefinition;
use crate::values::Selector;
use tasks::{Place, Tasks, Unknown};

mod tasks;

const OF_MIGRATION: Unknown = Unknown {
    execution_role: "EXECUTION_ROLE",
    task_role: "TASK_ROLE",
    log_group: "LOG_GROUP",
    how: "the task definition says it: pass its JSON file as --task-definition, or run this with credentials that may \
          read it",
};
const OF_SERVICES: Unknown = Unknown {
    execution_role: "SERVICE_EXECUTION_ROLE",
    task_role: "SERVICE_TASK_ROLE",
    log_group: "SERVICE_LOG_GROUP",
    how: "the task definitions of the services say it: run this with --service (run: --like-service), --cluster and \
          credentials that may read them",
};

/// A word in the documents that a person has to replace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Placeholder {
    pub name: &'static str,
    pub how: String,
}

/// What the documents are about.
#[derive(Debug, Clone)]
pub struct Scope {
    pub operation: PolicyFor,
    pub partition: String,
    pub region: String,
    /// Twelve digits.
    pub account: String,
    pub cluster: String,
    /// Those that the migration's revisions may go into: one, where a service of the cluster was looked for.
    pub families: Vec<String>,
    /// Those of the services that are deployed or rolled back.
    pub service_families: Vec<String>,
    /// Repositories, and the registries that they are in.
    pub repositories: Vec<(EcrRegistry, String)>,
    /// Those that are deployed or rolled back.
    pub services: Vec<String>,
    /// The one that the network is taken from, where it is none of them.
    pub network_service: Option<String>,
    /// Region and log group, of migration tasks.
    pub log_groups: BTreeSet<(String, String)>,
    /// Others, of tasks of services.
    pub service_log_groups: BTreeSet<(String, String)>,
    /// ARNs of the tasks' roles.
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
    /// Finds out the resources of a run with these flags. `remote` is the checkout's repository on GitHub,
    /// `OWNER/NAME`; what nothing says becomes a placeholder.
    ///
    /// # Errors
    /// A flag is wrong.
    pub fn new(
        flags: &cli::IamFlags,
        variable: &dyn Fn(&str) -> Option<String>,
        known: &SeenInAws,
        remote: Option<&str>,
    ) -> Result<Self, Failure> {
        let migrate = &flags.migrate;
        let operation = flags.operation;
        let migrates = match operation {
            PolicyFor::Migrate | PolicyFor::Check | PolicyFor::Run => true,
            PolicyFor::Deploy => !flags.services.no_migration,
            PolicyFor::Rollback | PolicyFor::Build | PolicyFor::Status => false,
        };
        // A plan that checks starts tasks, with an image that is there.
        let checks_plan = operation == PolicyFor::Migrate && migrate.plan && migrate.check;
        let deploys = matches!(operation, PolicyFor::Deploy | PolicyFor::Rollback);
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
        let runs = operation == PolicyFor::Run;
        // A run takes the image that is there, whatever the configuration file says of images.
        let has_image = !runs || flags.run.is_other_image;
        let like_service = flags.run.like_service.as_deref().map(arn::name).filter(|_| runs);
        let family = match like_service {
            Some(_) if definition.is_none() => Some(blanks.fill(None, "SERVICE_FAMILY", OF_SERVICES.how)),
            _ => family,
        };
        let family = match migrates {
            true => blanks.fill(family, "FAMILY", "the task definition's family: pass --task-definition"),
            false => String::new(),
        };
        let is_of_service =
            |seen: &Vec<TaskDefinition>| seen.iter().any(|service| service.family() == family);
        let runs_in_service = match known.services.as_ref().is_some_and(is_of_service) {
            true => Some(true),
            false => known.runs_in_service,
        };
        let runs_in_service = like_service.map(|_| true).or(runs_in_service);
        let families = match (&target.family, runs_in_service) {
            _ if !migrates => Vec::new(),
            _ if !has_image => vec![family],
            (Some(named), _) => vec![named.to_string()],
            (None, Some(true)) => vec![own_family(&family)],
            (None, Some(false)) => vec![family],
            // The service that the network is taken from, or that is deployed, is often of the family.
            (None, None)
                if operation == PolicyFor::Deploy && known.services.is_none()
                    || migrate.network.network_from_service.is_some() =>
            {
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
        let own = |text: &&str| is_in_ecr(text, is_given);
        let is_back = operation == PolicyFor::Rollback;
        let is_status = operation == PolicyFor::Status;
        let repositories: Vec<(EcrRegistry, String)> = match () {
            // What ran before is looked for where the services' images are.
            () if is_back && known.services.is_some() => {
                tasks::repositories(known.services.as_deref().unwrap_or_default())
            }
            () if is_status && known.services.is_some() => {
                let seen = known.services.iter().flatten().chain(definition).cloned();
                tasks::repositories(&seen.collect::<Vec<_>>())
            }
            () if is_back || in_ecr => {
                let name = text.filter(own).map(|text| ImageReference::parse(text).path.to_owned());
                let how = match is_back {
                    true => {
                        "the ECR repository of the services' images: run this with credentials that may read them"
                    }
                    false => "the ECR repository: pass --repository, or the task definition as a file",
                };
                vec![(registry, blanks.fill(name, "REPOSITORY", how))]
            }
            () => Vec::new(),
        };
        let place = Place { partition: &partition, region: &region, account: &account };
        let of_migration = migrates.then(|| {
            let definition = definition.map(std::slice::from_ref);
            let unknown = if like_service.is_some() { &OF_SERVICES } else { &OF_MIGRATION };
            Tasks::of(definition, &place, unknown, &mut blanks)
        });
        let service_families = match &known.services {
            _ if !deploys => Vec::new(),
            Some(seen) => once(seen.iter().map(|definition| definition.family().to_owned())),
            None => vec![blanks.fill(None, "SERVICE_FAMILY", OF_SERVICES.how)],
        };
        let of_services =
            deploys.then(|| Tasks::of(known.services.as_deref(), &place, &OF_SERVICES, &mut blanks));
        let (of_migration, of_services) = (of_migration.unwrap_or_default(), of_services.unwrap_or_default());
        let roles: BTreeSet<String> = of_migration.roles.into_iter().chain(of_services.roles).collect();
        let log_groups = of_migration.log_groups;
        let service_log_groups: BTreeSet<_> =
            of_services.log_groups.difference(&log_groups).cloned().collect();
        let mut named = services(flags);
        if deploys && named.is_empty() {
            named.push(blanks.fill(None, "SERVICE", "the ECS service: pass --service"));
        }
        let network_of = migrate.network.network_from_service.as_deref().map(arn::name).filter(|_| migrates);
        let network_of = like_service.or(network_of);
        let network_service = network_of.map(str::to_owned).filter(|name| !named.contains(name));
        let subjects = Subjects::new(&flags.trust, variable, remote, &mut blanks)?;
        let network = &migrate.network;
        let subnets = network.subnets.iter().map(|subnet| &**subnet);
        let mut selectors = subnets.chain(network.security_groups.iter().map(|group| &**group));
        let task = &migrate.task.common;
        let leaves = [task.on_cancel.tasks(), task.on_timeout] == [Leftover::Leave; 2];
        // A task that runs on after its migration container is stopped, whatever is done about others.
        let is_outlived = definition.is_some_and(|base| {
            base.migration_container(container).is_ok_and(|container| base.outlives(container))
        });
        let tags_services = known.services.as_ref().is_none_or(|seen| seen.iter().any(tasks::is_tagged));
        let builds = operation == PolicyFor::Build;
        let source = target.base.task_definition.clone().map(TaskDefinitionSource::from);
        let names_definition = matches!(source, Some(TaskDefinitionSource::Ecs(_)));
        let services = &flags.services;
        let goes_back = task.on_cancel == OnCancel::Rollback
            || services.services.on_failure == OnFailure::Rollback
            || is_back;
        let tags = selectors.any(|selector| matches!(selector, Selector::Tag { .. }));
        // Of the operations that migrate or check; a run goes past the witness.
        let puts_witness = migrates && !runs && migrate.witness.witness;
        let needs = [
            (When::Always, true),
            (When::Definition, !builds || names_definition),
            (When::Revision, migrates && has_image || deploys),
            (When::InCluster, !builds),
            (When::Run, migrates),
            (When::ImageInEcr, has_image && !repositories.is_empty()),
            (When::ImageOfService, (deploys || is_status) && !repositories.is_empty()),
            (When::GivenInEcr, in_ecr && image.is_some() && !is_back && !is_status),
            (When::Push, image.is_none() && !is_back && !checks_plan && has_image && !is_status),
            (When::Witness, puts_witness && !repositories.is_empty()),
            (When::TagSelector, migrates && tags),
            (When::Service, deploys || !named.is_empty()),
            (When::Deploy, deploys || !named.is_empty()),
            (When::RollBack, deploys && goes_back),
            (When::CloudWatchLogs, !log_groups.is_empty() || !service_log_groups.is_empty()),
            (When::MigrationLogs, !log_groups.is_empty() && !runs),
            (When::Stop, migrates && (!leaves || is_outlived)),
            (
                When::Tags,
                migrates && has_image && definition.is_none_or(tasks::is_tagged) || deploys && tags_services,
            ),
            (When::TaskTags, migrates && tags_tasks(task)),
            (When::Roles, !roles.is_empty()),
            (When::Hint, flags.trust.hints),
        ];
        Ok(Self {
            operation,
            services: named,
            network_service,
            service_families,
            repositories,
            plan_only: migrate.plan && !checks_plan || is_status,
            placeholders: blanks.0,
            partition,
            region,
            account,
            cluster,
            families,
            log_groups,
            service_log_groups,
            roles,
            needs: needs.into_iter().filter_map(|(need, wanted)| wanted.then_some(need)).collect(),
            subjects,
        })
    }
}

/// Lists the services that are deployed, rolled back or looked at, by name.
pub(super) fn services(flags: &cli::IamFlags) -> Vec<String> {
    let deploys = matches!(flags.operation, PolicyFor::Deploy | PolicyFor::Rollback | PolicyFor::Status);
    let names = flags.services.services.service.iter().filter(|_| deploys);
    once(names.map(|name| arn::name(name).to_owned()))
}

/// Returns each name once, in their order.
fn once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Returns the registry in ECR that an image or a repository names; `None` for any other registry.
fn registry_of(text: &str) -> Option<EcrRegistry> {
    match ImageReference::parse(text).host()? {
        RegistryHost::Ecr(registry) => Some(registry),
        _ => None,
    }
}

/// Tells whether a run looks for the image in ECR; a name alone is a repository of ECR where it `may_be_a_name`, and
/// else one of Docker Hub.
fn is_in_ecr(text: &str, may_be_a_name: bool) -> bool {
    match ImageReference::parse(text).host() {
        Some(RegistryHost::Ecr(_) | RegistryHost::ThisMachine) => true,
        Some(RegistryHost::EcrPublic | RegistryHost::Elsewhere) => false,
        None => may_be_a_name,
    }
}

/// Tells whether RunTask tags what it starts.
fn tags_tasks(task: &cli::CommonTaskFlags) -> bool {
    !task.task_tag.is_empty() || task.propagate_tags || task.ecs_managed_tags
}

fn account(digits: String) -> Result<String, Failure> {
    if digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(digits);
    }
    Err(Failure::input(format!("invalid value {digits:?} for --account"))
        .hint("an account has twelve digits"))
}
