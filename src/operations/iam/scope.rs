//! Pure: the resources of a run, from its flags, its task definition, and what AWS said.

use std::collections::BTreeSet;

use serde::Serialize;

use super::SeenInAws;
use super::trust::Subjects;
use crate::arn;
use crate::choices::Leftover;
use crate::cli;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
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
    pub family: String,
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
            migrate.image.image.as_deref(),
            migrate.image.source.repository.as_deref(),
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
        let of_registry =
            |index: usize| images.iter().flatten().find_map(|image| Some(ecr(image)?[index].to_owned()));
        let mut blanks = Blanks(Vec::new());
        let set = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = target
            .aws
            .region
            .clone()
            .or(set)
            .or_else(|| known.region.clone())
            .or_else(|| part(3))
            .or_else(|| of_registry(1));
        let region = blanks.fill(region, "REGION", "the AWS region: pass --region");
        let account = flags.trust.account.clone().map(account).transpose()?;
        let caller = known.caller.as_ref().map(|caller| caller.account.clone());
        let account = account.or(caller).or_else(|| part(4)).or_else(|| of_registry(0));
        let account = blanks.fill(
            account,
            "ACCOUNT_ID",
            "the account's twelve digits: pass --account (aws sts get-caller-identity --query Account)",
        );
        let partition = part(1).unwrap_or_else(|| partition(&region).to_owned());

        let cluster = target.cluster.as_deref().map(|cluster| arn::name(cluster).to_owned());
        let cluster = blanks.fill(cluster, "CLUSTER", "the ECS cluster: pass --cluster");
        let family = definition
            .map(|definition| definition.family().to_owned())
            .or_else(|| target.base.task_definition.as_deref().map(|name| arn::family(name).to_owned()));
        let family = blanks.fill(family, "FAMILY", "the task definition's family: pass --task-definition");

        let image = migrate.image.image.as_deref();
        let in_ecr = image.is_none_or(|image| ImageReference::parse(image).is_in_ecr_of(&account, &region));
        let repository = match in_ecr {
            true => blanks.fill(
                images.iter().flatten().next().map(|text| ImageReference::parse(text).path.to_owned()),
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
        let needs = [
            (When::Always, true),
            (When::ImageInEcr, in_ecr),
            (When::Push, image.is_none()),
            (When::TagSelector, selectors.any(|selector| matches!(selector, Selector::Tag { .. }))),
            (When::NetworkFromService, network.network_from_service.is_some()),
            (When::CloudWatchLogs, !log_groups.is_empty()),
            (When::Stop, !leaves),
            (
                When::Tags,
                definition.is_none_or(|definition| definition.register_input().get("tags").is_some()),
            ),
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
            family,
            repository,
            log_groups,
            roles,
            needs: needs.into_iter().filter_map(|(need, wanted)| wanted.then_some(need)).collect(),
            subjects,
        })
    }
}

/// Account and region of an image in ECR: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/…`.
fn ecr(image: &str) -> Option<[&str; 2]> {
    let (account, rest) = ImageReference::parse(image).registry?.split_once(".dkr.ecr.")?;
    Some([account, rest.split('.').next()?])
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

/// The partition of a region (botocore, partitions.json).
fn partition(region: &str) -> &'static str {
    match region.split_once('-').map_or(region, |(first, _)| first) {
        "cn" => "aws-cn",
        "eusc" => "aws-eusc",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ => "aws",
    }
}
