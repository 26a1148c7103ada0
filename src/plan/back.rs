//! The plan of `fargate-migrate rollback`: what each service goes back to, how, and what stays as it is.

use std::collections::BTreeSet;
use std::time::Duration;

use self::images::ContainerImage;
use self::observed::ObservedBack;
use self::ran::Span;
use self::schema::{Recorded, Schema, minute};
use self::service::service;
use self::stays::Stays;
use super::RevisionPlan;
use crate::arn;
use crate::choices::OnCancel;
use crate::failure::Failure;
use crate::image_reference::commit_or_first;
use crate::ports::{Account, DeploymentStatus, RevisionImage, Service, ServiceRevision};
use crate::settings::RollbackSettings;
use crate::sql::SeenSql;
use crate::task_definition::TaskDefinition;
use crate::untrusted::phrase;

mod copies;
mod data;
mod document;
pub(crate) mod goal;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod observed;
pub(crate) mod ran;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod schema;
mod service;
pub(crate) mod stays;
#[cfg(test)]
mod tests;

/// Statements that a refusal shows.
const EVIDENCE: usize = 20;

#[derive(Debug, Clone)]
pub struct BackPlan {
    pub account: Account,
    pub cluster: String,
    pub(crate) services: Vec<ServiceBack>,
    /// `--accept-newer-schema`.
    pub accepted: bool,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
}

/// One service.
#[derive(Debug, Clone)]
pub(crate) struct ServiceBack {
    pub service: Service,
    pub from: Side,
    /// Absent where ECS does not say what it goes back to.
    pub to: Option<Side>,
    pub way: Way,
    /// Unified diff of the task definition.
    pub diff: String,
    /// Empty where ECS restores the whole service revision.
    pub stays: Vec<Stays>,
    pub schema: Schema,
    /// What the SQL that changed since its commit breaks for what it goes back to; absent where nobody has looked.
    pub sql: Option<SeenSql>,
    pub timeout: Duration,
}

/// What a service runs, before or after.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// The service revision, as an ARN.
    pub revision: Option<String>,
    /// As an ARN.
    pub task_definition: String,
    pub images: Vec<ContainerImage>,
    /// When it ran; absent where nothing is recorded of it.
    pub span: Option<Span>,
}

#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// ECS takes back the deployment that is under way.
    TakeBack {
        /// As an ARN.
        deployment: String,
        status: DeploymentStatus,
        /// The lifecycle hook at which it is paused.
        paused: Option<String>,
    },
    /// UpdateService.
    Update(Box<Update>),
}

#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub revision: RevisionPlan,
    /// The document of that revision.
    pub definition: TaskDefinition,
    /// Containers, each with a digest that its tasks may have in the end.
    pub digests: Vec<(String, String)>,
    /// The service revision that ECS has recorded; absent where only the user says that this ran.
    pub ran: Option<ServiceRevision>,
    /// Whether the service has this revision already, so that a new deployment has to be forced: a tag names another
    /// image.
    pub force: bool,
}

impl BackPlan {
    /// Makes the plan of a rollback from what was observed of its services and what is recorded of the databases. Whether
    /// the code meets a newer schema is still to be [checked](Self::checked).
    ///
    /// # Errors
    /// A service cannot go back: an image is gone.
    pub(crate) fn new(
        settings: &RollbackSettings,
        observed: ObservedBack,
        recorded: &Recorded,
    ) -> Result<Self, Failure> {
        let mut notes = recorded.notes.clone();
        if settings.on_cancel == OnCancel::Rollback {
            notes.push(
                "--on-cancel rollback is for deploy: a rollback that is interrupted goes on, and not back to what runs now"
                    .to_owned(),
            );
        }
        let mut services = Vec::new();
        for one in observed.services {
            services.push(service(settings, one, recorded, &mut notes)?);
        }
        notes.extend(services.iter().filter_map(ServiceBack::unknown_schema));
        let mut once = std::collections::HashSet::new();
        notes.retain(|note| once.insert(note.clone()));
        Ok(Self {
            account: observed.account,
            cluster: settings.cluster.clone(),
            services,
            accepted: settings.accept_newer_schema,
            notes,
        })
    }
}

impl BackPlan {
    /// Checks that the code of no service meets a newer schema.
    ///
    /// # Errors
    /// It does, or may, and nobody has accepted that. The failure has the statements that the code may not survive.
    pub(crate) fn checked(self) -> Result<Self, Failure> {
        for one in &self.services {
            // The old tasks of a deployment that is taken back still run, and meet that schema now. A refusal would
            // keep the new ones.
            if matches!(one.way, Way::Update(_)) {
                let breaks = one.sql.iter().flat_map(SeenSql::lines);
                let checked = one.schema.check(&one.service.name, self.accepted);
                checked.map_err(|failure| failure.evidence(breaks.take(EVIDENCE)))?;
            }
        }
        Ok(self)
    }

    /// Returns whether both plans do the same to the same services. Times and counts may differ.
    pub(crate) fn does_the_same_as(&self, other: &Self) -> bool {
        fn gist(one: &ServiceBack) -> impl PartialEq {
            let to = one.to.as_ref().map(|to| (to.task_definition.as_str(), &to.images[..]));
            let underway = match &one.way {
                Way::TakeBack { deployment, .. } => Some(deployment.as_str()),
                Way::Update(_) => None,
            };
            (one.service.name.as_str(), to, underway)
        }
        self.services.iter().map(gist).eq(other.services.iter().map(gist))
    }
}

impl Side {
    /// Returns whether both sides run the same images by the same task definition. When they ran may differ, and so
    /// may the names of the images.
    pub(crate) fn is_the_same_as(&self, other: &Self) -> bool {
        let image = |one: &ContainerImage| {
            let content = one.digest.clone().unwrap_or_else(|| one.reference.clone());
            (one.container.clone(), content)
        };
        let images = |side: &Self| side.images.iter().map(image).collect::<BTreeSet<_>>();
        self.task_definition == other.task_definition && images(self) == images(other)
    }

    /// Describes the task definition and what each of its containers runs: `shop:3 (web: sha256:…)`.
    pub(crate) fn in_words(&self) -> String {
        let image = |one: &ContainerImage| {
            let content = one.digest.as_deref().unwrap_or(&one.reference);
            format!("{}: {}", phrase(&one.container), phrase(content))
        };
        let images: Vec<String> = self.images.iter().map(image).collect();
        format!("{} ({})", phrase(arn::name(&self.task_definition)), images.join(", "))
    }

    /// Takes tags for its images; `tags` has them by digest.
    fn takes(&mut self, tags: &[(String, Vec<String>)]) {
        for image in &mut self.images {
            let known = tags.iter().find(|(digest, _)| Some(digest) == image.digest.as_ref());
            image.tags.extend(known.into_iter().flat_map(|(_, tags)| tags.iter().cloned()));
        }
    }

    /// Returns the container image that a person means by the service's image: the first that differs from the other
    /// side's, else the first.
    pub(crate) fn image(&self, other: Option<&Side>) -> Option<&ContainerImage> {
        let differs = |image: &&ContainerImage| {
            let theirs =
                other.and_then(|other| other.images.iter().find(|one| one.container == image.container));
            theirs.is_some_and(|theirs| theirs.digest != image.digest)
        };
        self.images.iter().find(differs).or(self.images.first())
    }
}

impl ContainerImage {
    /// Returns the tag of its reference, else the commit among its tags, else the first of them.
    pub(crate) fn tag(&self) -> Option<&str> {
        let own = crate::image_reference::ImageReference::parse(&self.reference).tag;
        own.or_else(|| commit_or_first(&self.tags))
    }
}

impl ServiceBack {
    /// Returns the images that the service goes back to, as ECS would record them.
    pub(crate) fn images(&self) -> Vec<RevisionImage> {
        let images = self.to.iter().flat_map(|to| &to.images);
        let image = |one: &ContainerImage| RevisionImage {
            container: one.container.clone(),
            image: one.reference.clone(),
            digest: one.digest.clone(),
        };
        images.map(image).collect()
    }

    /// Says which databases nothing is known of; none where all are known.
    fn unknown_schema(&self) -> Option<String> {
        let name = phrase(&self.service.name);
        let since = self.schema.since.map(|at| format!(" since {}", minute(at)));
        let since = since.unwrap_or_else(|| " since it ran".to_owned());
        match (&self.schema.from, self.schema.unknown.is_empty()) {
            (None, _) => Some(format!(
                "not known whether databases were migrated{since}, when what service {name} goes back to began to run: \
                 name the state file of their runs with --state, or add --deployments"
            )),
            (Some(from), false) => Some(format!(
                "not known whether {} migrated{since}, when what service {name} goes back to began to run, by {from}",
                were(&self.schema.unknown)
            )),
            (Some(_), true) => None,
        }
    }
}

/// Lists databases with the verb that follows: `a was`, `a and 2 more were`.
pub(super) fn were(databases: &[String]) -> String {
    let verb = if databases.len() == 1 { "was" } else { "were" };
    let names: Vec<String> = databases.iter().map(|name| phrase(name)).collect();
    format!("{} {verb}", crate::database_name::short_list(&names))
}

/// Returns what a person calls a task definition: `web:7`.
pub(super) fn definition_name(arn: &str) -> &str {
    arn::name(arn)
}
