//! What a service is to run: the revision that it runs now, with the image of this run and nothing else changed.

use std::time::Duration;

use super::image_plan::runs_on;
use super::under_way::UnderWay;
use super::{RevisionPlan, deploy_timeout, service_notes};
use crate::choices::{OnDeploying, ServiceBase};
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::ports::{ImagePlatform, Service, UpdateService};
use crate::settings::DeploySettings;
use crate::task_definition::TaskDefinition;
use crate::untrusted::{phrase, printable};

/// A service as it was seen, with the revisions that matter to its plan.
#[derive(Debug, Clone)]
pub struct ObservedService {
    pub service: Service,
    /// The revision that ECS is to run for it now.
    pub running: TaskDefinition,
    /// The newest ACTIVE revision of that family.
    pub newest: Option<TaskDefinition>,
    pub under_way: Option<UnderWay>,
}

/// What is planned for a service.
#[derive(Debug, Clone)]
pub struct ServicePlan {
    pub service: Service,
    pub running: TaskDefinition,
    pub newest: Option<TaskDefinition>,
    /// The one of these two that the new revision is made from.
    pub base: TaskDefinition,
    /// The containers that get the image, in the order of the definition.
    pub containers: Vec<String>,
    /// From UpdateService to the verdict.
    pub timeout: Duration,
    pub under_way: Option<UnderWay>,
    /// The tag of the image that runs: the commit, where it has one. Absent where nobody has asked for it.
    pub tag: Option<String>,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
}

/// What is done to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// UpdateService is called with the revision.
    Send,
    /// UpdateService is called with forceNewDeployment: without it, ECS starts no deployment of a revision that the
    /// service has.
    Force,
    /// Nothing is called: the service has the revision already, and only the proof is left.
    None,
}

/// The image that services get, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServiceImage<'a> {
    /// The image as the plan names it: its repository is known in any case.
    pub reference: &'a str,
    pub platforms: Option<&'a [ImagePlatform]>,
}

/// The migration that runs before, as far as it matters to services.
#[derive(Debug, Clone, Copy)]
pub(super) struct MigrationBefore<'a> {
    pub family: &'a str,
    pub database_variable: &'a str,
}

impl ServicePlan {
    /// Makes the plan of a service.
    ///
    /// # Errors
    /// The service cannot be deployed as it is asked for.
    pub(super) fn new(
        settings: &DeploySettings,
        observed: ObservedService,
        image: ServiceImage<'_>,
        migration: Option<MigrationBefore<'_>>,
    ) -> Result<Self, Failure> {
        let ObservedService { service, running, newest, under_way } = observed;
        let base = match (settings.base, &newest) {
            (ServiceBase::Latest, Some(newest)) => newest.clone(),
            _ => running.clone(),
        };
        let name = phrase(&service.name);
        of_no_migration(&name, &base, &running, settings.base, migration)?;
        let containers = containers(&name, &base, image.reference, &settings.containers)?;
        runs_on(Some(&base), image.platforms, image.reference)
            .map_err(|failure| failure.while_doing(&format!("deploy service {name}")))?;
        let timeout = deploy_timeout(settings.deploy_timeout, &service.rules);
        let mut plan = Self {
            service,
            running,
            newest,
            base,
            containers,
            timeout,
            under_way,
            tag: None,
            notes: Vec::new(),
        };
        plan.nothing_under_way(settings.on_deploying, image.reference)?;
        plan.notes = service_notes::notes(&plan, settings, image.reference, migration)?;
        Ok(plan)
    }

    pub fn name(&self) -> &str {
        &self.service.name
    }

    /// Returns the revision with this image: the running or the newest one where that is the same.
    ///
    /// # Errors
    /// The definition cannot be patched.
    pub fn revision(&self, image: &str) -> Result<RevisionPlan, Failure> {
        let wanted = self.base.with_image(&self.containers, image)?;
        let is_usable = |one: &TaskDefinition| one.same_as(&wanted) && self.may_be_used(one);
        let known = [Some(&self.running), self.newest.as_ref()].into_iter().flatten();
        let same = known.filter(|one| is_usable(one)).find_map(TaskDefinition::arn);
        Ok(same.map_or_else(
            || RevisionPlan::Register(wanted.clone()),
            |arn| RevisionPlan::Reuse(arn.to_owned()),
        ))
    }

    /// Returns whether this revision may be used. ECS deploys no INACTIVE revision, but a service that runs one keeps
    /// it while nothing is deployed.
    fn may_be_used(&self, revision: &TaskDefinition) -> bool {
        let is_active = revision.status().is_none_or(|status| status == "ACTIVE");
        let runs_it = revision.arn() == self.service.task_definition.as_deref();
        is_active || runs_it && update(&self.service, revision.arn(), false) == Update::None
    }

    /// Returns the unified diff from what the service runs to the revision with this image; empty where the service
    /// keeps the revision that it runs.
    ///
    /// # Errors
    /// As [`Self::revision`].
    pub fn diff(&self, image: &str) -> Result<String, Failure> {
        Ok(match self.revision(image)? {
            RevisionPlan::Register(wanted) => self.running.diff(&wanted, &[]),
            RevisionPlan::Reuse(arn) => match &self.newest {
                Some(newest) if newest.arn() == Some(&arn) => self.running.diff(newest, &[]),
                _ => String::new(),
            },
        })
    }

    /// Returns whether the deployment that is under way is of what the service is to run: then it is followed, and
    /// nothing waits for its end.
    pub(super) fn is_under_way(&self, image: &str) -> Result<bool, Failure> {
        let Some(under_way) = &self.under_way else { return Ok(false) };
        let revision = self.revision(image)?;
        Ok(matches!(revision, RevisionPlan::Reuse(arn) if under_way.is_of(&arn)))
    }

    /// Checks that no other deployment stands in the way.
    ///
    /// # Errors
    /// Another deployment is under way, and `--on-deploying` is `fail`.
    fn nothing_under_way(&self, on_deploying: OnDeploying, image: &str) -> Result<(), Failure> {
        let (Some(under_way), OnDeploying::Fail) = (&self.under_way, on_deploying) else { return Ok(()) };
        if self.is_under_way(image)? {
            return Ok(());
        }
        Err(Failure::input(format!("{} of service {} is under way", under_way.words(), phrase(self.name())))
            .hint(
                "wait for its end with --on-deploying wait, or let ECS stop it for this one with --on-deploying \
                 supersede",
            ))
    }

    /// Returns the UpdateService call, exactly as it is sent; none for [`Update::None`].
    pub fn update_service(&self, cluster: &str, revision: &str, update: Update) -> Option<UpdateService> {
        (update != Update::None).then(|| UpdateService {
            cluster: cluster.to_owned(),
            service: self.service.name.clone(),
            task_definition: revision.to_owned(),
            force: update == Update::Force,
        })
    }
}

/// Tells what makes a service run this revision, an ARN, or none for one that is not registered yet. With
/// `supersedes`, the run does not wait for a deployment of it that is under way.
pub(crate) fn update(service: &Service, revision: Option<&str>, supersedes: bool) -> Update {
    let Some(revision) = revision else { return Update::Send };
    let Some(primary) = service.primary() else { return Update::Send };
    let is_there = [&service.task_definition, &primary.task_definition]
        .into_iter()
        .all(|there| there.as_deref() == Some(revision));
    match primary.rollout.as_deref() {
        _ if !is_there => Update::Send,
        Some("FAILED") => Update::Force,
        Some("IN_PROGRESS") if supersedes => Update::Force,
        _ => Update::None,
    }
}

/// Checks that a service's new revision is not made from a migration's own.
///
/// # Errors
/// It would be: its tasks would be told no database, or that of one tenant.
fn of_no_migration(
    service: &str,
    base: &TaskDefinition,
    running: &TaskDefinition,
    asked: ServiceBase,
    migration: Option<MigrationBefore<'_>>,
) -> Result<(), Failure> {
    let name = phrase(&base.name());
    let fix = match asked {
        ServiceBase::Running => {
            "deploy the service with a revision of its own once (aws ecs update-service --task-definition), and give the \
             migration a family of its own with --family"
        }
        ServiceBase::Latest => {
            "omit --service-base latest, and give the migration a family of its own with --family"
        }
    };
    if let Some(container) = base.names_no_database() {
        return Err(Failure::input(format!(
            "service {service} would get its revision from {name}, which is a migration's own: its container {} is told \
             to take its database from RunTask",
            printable(container, 255)
        ))
        .hint(fix));
    }
    let Some(variable) = migration.map(|migration| migration.database_variable) else { return Ok(()) };
    let told = |one: &TaskDefinition| -> Vec<(String, String)> {
        let of = |container: &str| one.environment(container, variable).map(str::to_owned);
        let told = one.container_names().into_iter().filter_map(|name| Some((name.to_owned(), of(name)?)));
        told.collect()
    };
    // The database in the revision that a service runs counts as right; another one in the newest revision does not.
    if asked == ServiceBase::Latest && told(base).iter().any(|one| !told(running).contains(one)) {
        return Err(Failure::input(format!(
            "service {service} would get its revision from {name}, which tells its containers another {variable} than {} \
             does: it may be a migration's own",
            phrase(&running.name())
        ))
        .hint(fix));
    }
    Ok(())
}

/// Returns the containers that get the image: `named`, else those whose image is in the same repository.
///
/// # Errors
/// There are none.
fn containers(
    service: &str,
    base: &TaskDefinition,
    image: &str,
    named: &[String],
) -> Result<Vec<String>, Failure> {
    let names = base.container_names();
    let chosen: Vec<&str> = match named {
        [] => base.containers_in_repository_of(image),
        _ => names.iter().filter(|name| named.iter().any(|named| named == *name)).copied().collect(),
    };
    if !chosen.is_empty() {
        return Ok(chosen.into_iter().map(str::to_owned).collect());
    }
    let there: Vec<String> = base
        .images()
        .map(|(name, image)| {
            let repository = ImageReference::parse(image).repository();
            format!("{} ({})", printable(name, 255), phrase(&repository))
        })
        .collect();
    let definition = phrase(&base.name());
    let message = match named {
        [] => format!(
            "no container of service {service} ({definition}) has an image of repository {}",
            phrase(&ImageReference::parse(image).repository())
        ),
        _ => format!("service {service} ({definition}) has none of the containers of --service-container"),
    };
    Err(Failure::input(message).hint(format!(
        "its containers, with their repositories: {}; choose with --service-container, or check --repository and --image",
        there.join(", ")
    )))
}
