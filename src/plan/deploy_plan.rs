//! The plan of `fargate-migrate deploy`: first that of the migration, or of an image whose databases are proved
//! elsewhere, and then the services.

use super::image_plan::image_and_platforms;
use super::service_plan::{MigrationBefore, ServiceImage};
use super::{ImagePlan, ObservedImage, ObservedService, Plan, ServicePlan, service_notes};
use crate::choices::{OnDeploying, Proof};
use crate::failure::Failure;
use crate::ports::{Account, ImagePlatform};
use crate::settings::{DeploySettings, ImageSettings};
use crate::task_definition::TaskDefinition;
use crate::untrusted::{phrase, printable};

mod data;
mod document;
#[cfg(test)]
pub(crate) mod tests;

#[derive(Debug, Clone)]
pub struct DeployPlan {
    pub account: Account,
    pub cluster: String,
    pub first: FirstPlan,
    /// In the order in which they were asked for.
    pub services: Vec<ServicePlan>,
    pub on_deploying: OnDeploying,
    /// What a person should know before this is done, except what the migration's plan says.
    pub notes: Vec<String>,
}

/// What comes before the services.
#[derive(Debug, Clone)]
pub enum FirstPlan {
    Migrate(Box<Plan>),
    /// `--no-migration`
    ProvedElsewhere(Box<ImagePlan>),
}

impl FirstPlan {
    pub fn image(&self) -> &ImagePlan {
        match self {
            Self::Migrate(plan) => &plan.image,
            Self::ProvedElsewhere(image) => image,
        }
    }
}

/// What was seen of an image that is deployed without a migration.
#[derive(Debug, Clone)]
pub struct ObservedAlone {
    pub account: Account,
    pub image: ObservedImage,
    pub notes: Vec<String>,
}

/// What was seen of the services, all of them fit to be deployed.
#[derive(Debug, Clone)]
pub struct ObservedServices {
    pub services: Vec<ObservedService>,
    pub notes: Vec<String>,
}

impl DeployPlan {
    /// Makes the plan of a deploy after a migration.
    ///
    /// # Errors
    /// A service cannot be deployed as it is asked for, or the migration was planned without AWS.
    pub fn after(
        migration: Plan,
        settings: &DeploySettings,
        observed: ObservedServices,
    ) -> Result<Self, Failure> {
        let account = migration.account.clone().ok_or_else(needs_aws)?;
        let before = MigrationBefore {
            family: migration.family(),
            database_variable: migration.task.common.database_variable.as_str(),
        };
        let (image, platforms) = (&migration.image, migration.image_platforms.as_deref());
        let (services, mut notes) = services(settings, observed, image, platforms, Some(before))?;
        if migration.task.proof == Proof::ExitCode {
            notes.push(
                "--proof exit-code: the services are deployed on exit code 0, also where no report proves a database"
                    .to_owned(),
            );
        }
        Ok(Self {
            account,
            cluster: settings.cluster.clone(),
            first: FirstPlan::Migrate(Box::new(migration)),
            services,
            on_deploying: settings.on_deploying,
            notes,
        })
    }

    /// Makes the plan of a deploy of an image whose databases are proved elsewhere.
    ///
    /// # Errors
    /// A service cannot be deployed as it is asked for.
    pub fn alone(
        image: &ImageSettings,
        settings: &DeploySettings,
        seen: ObservedAlone,
        observed: ObservedServices,
    ) -> Result<Self, Failure> {
        let ObservedAlone { account, image: seen, mut notes } = seen;
        let base = observed.services.first().map(|one| &one.running);
        let (image, platforms) = image_and_platforms(image, base, seen, &mut notes)?;
        let (services, more) = services(settings, observed, &image, platforms.as_deref(), None)?;
        notes.extend(more);
        Ok(Self {
            account,
            cluster: settings.cluster.clone(),
            first: FirstPlan::ProvedElsewhere(Box::new(image)),
            services,
            on_deploying: settings.on_deploying,
            notes,
        })
    }

    pub fn image(&self) -> &ImagePlan {
        self.first.image()
    }
}

/// Says why there is no such plan without AWS.
pub(crate) fn needs_aws() -> Failure {
    Failure::input("a deploy cannot be planned without AWS: what the services run is not known").hint(
        "give it credentials that may read; migrate --plan needs none with the task definition as a file",
    )
}

/// Plans the services, and collects the notes on all of them.
fn services(
    settings: &DeploySettings,
    observed: ObservedServices,
    image: &ImagePlan,
    platforms: Option<&[ImagePlatform]>,
    migration: Option<MigrationBefore<'_>>,
) -> Result<(Vec<ServicePlan>, Vec<String>), Failure> {
    let reference = image.reference();
    if let ImagePlan::Given { reference, digest: None } = image {
        return Err(Failure::input(format!(
            "image {} is named by a tag, and what a service runs is proved by its digest",
            phrase(reference)
        ))
        .hint("name it by its digest, --image repository@sha256:…, or push it to ECR, where its digest is looked up"));
    }
    all_there(&settings.containers, &observed.services)?;
    let ObservedServices { services, notes } = observed;
    let seen = ServiceImage { reference: &reference, platforms };
    let plans = services.into_iter().map(|service| ServicePlan::new(settings, service, seen, migration));
    let plans = plans.collect::<Result<Vec<_>, _>>()?;
    let of_services = plans.iter().flat_map(|plan| plan.notes.iter().cloned());
    let notes =
        notes.into_iter().chain(of_services).chain(service_notes::for_all(&plans, settings)).collect();
    Ok((plans, notes))
}

/// Checks that each named container exists in one of the services.
///
/// # Errors
/// No service has a container that was named.
fn all_there(named: &[String], services: &[ObservedService]) -> Result<(), Failure> {
    let all: Vec<&TaskDefinition> = services.iter().map(|service| &service.running).collect();
    let is_there = |name: &&String| all.iter().any(|one| one.container_names().contains(&name.as_str()));
    match named.iter().find(|name| !is_there(name)) {
        None => Ok(()),
        Some(name) => {
            let mut there: Vec<&str> = all.iter().flat_map(|one| one.container_names()).collect();
            there.sort_unstable();
            there.dedup();
            let there: Vec<String> = there.into_iter().map(|name| printable(name, 255)).collect();
            Err(Failure::input(format!("no service has a container {}", printable(name, 255)))
                .hint(format!("their containers: {}; choose with --service-container", there.join(", "))))
        }
    }
}
