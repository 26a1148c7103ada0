//! What `fargate-migrate deploy` was asked for, checked.

use std::time::Duration;

use super::service_names::service_names;
use super::{Common, ImageSettings, RunIdentity, Settings};
use crate::choices::{OnCancel, OnDeploying, OnFailure, ServiceBase};
use crate::cli;
use crate::failure::Failure;

/// The placeholder of the service's name in `--service-environment`.
const SERVICE: &str = "{service}";

#[derive(Debug, Clone)]
pub struct DeploySettings {
    pub common: Common,
    pub cluster: String,
    pub first: First,
    /// Names, not empty, each once, in the order given.
    pub services: Vec<String>,
    /// The containers that get the image; empty for those whose image is in the same repository.
    pub containers: Vec<String>,
    pub base: ServiceBase,
    pub on_deploying: OnDeploying,
    pub on_failure: OnFailure,
    pub on_cancel: OnCancel,
    /// Absent for as long as the service's strategy takes.
    pub deploy_timeout: Option<Duration>,
    pub health: cli::HealthFlags,
    /// `--service-environment`, which may have `{service}` in it.
    pub environment: Option<String>,
    pub github: cli::GitHubFlags,
    /// The share of AWS's documented rates that this run uses.
    pub api_share: f64,
}

/// What comes before the services.
#[derive(Debug, Clone)]
pub enum First {
    Migrate(Box<Settings>),
    /// `--no-migration`: the image is found or made, and its databases are proved elsewhere.
    ProvedElsewhere {
        image: Box<ImageSettings>,
        word: NoMigration,
    },
}

/// The user's word that the databases of the image are proved elsewhere: only the flag `--no-migration` makes one.
#[derive(Debug, Clone)]
pub struct NoMigration(());

#[cfg(test)]
impl NoMigration {
    pub(crate) fn given() -> Self {
        Self(())
    }
}

impl DeploySettings {
    /// Checks the flags of `deploy`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing, or its value cannot be used with those of others.
    pub fn new(flags: cli::DeployFlags, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let cli::DeployFlags { migrate, services: more } = flags;
        let cli::ServiceFlags { service, deploy_timeout, health, on_failure, service_environment } =
            more.services;
        let cluster = migrate.target.cluster.clone().unwrap_or_default();
        let has_databases =
            !migrate.selection.database.is_empty() || migrate.selection.databases_file.is_some();
        if !has_databases && !more.no_migration {
            return Err(Failure::input("no database given, and no service is deployed without proof of all")
                .hint(
                    "pass --database NAME for each database that the service uses; or --no-migration, where the \
                     databases of this image are proved elsewhere",
                ));
        }
        if more.no_migration {
            without_databases(&migrate)?;
        }
        if migrate.check {
            return Err(Failure::input("--check with deploy")
                .hint("run `fargate-migrate migrate --plan --check`, or `check`"));
        }
        if migrate.resume.only_failed {
            return Err(Failure::input("--only-failed leaves databases out, and deploy wants proof of all")
                .hint("omit --only-failed: --resume skips what is proved migrated with this image"));
        }
        let services = service_names(&service, &cluster)?;
        check_containers(&more.service_container)?;
        check_health(&health)?;
        check_environment(service_environment.as_deref())?;
        let (github, on_cancel) = (migrate.github.clone(), migrate.task.common.on_cancel);
        let api_share = *migrate.fleet.api_share;
        let (common, first) = if more.no_migration {
            let common = Common {
                plan_only: migrate.plan,
                aws: migrate.target.aws,
                credentials: migrate.credentials,
                output: migrate.output,
                run,
            };
            let image = Box::new(ImageSettings::new(migrate.image.image, migrate.image.source, commit));
            (common, First::ProvedElsewhere { image, word: NoMigration(()) })
        } else {
            let settings = Settings::new(migrate, commit, run)?;
            (settings.common.clone(), First::Migrate(Box::new(settings)))
        };
        Ok(Self {
            common,
            cluster,
            first,
            services,
            containers: more.service_container,
            base: more.service_base,
            on_deploying: more.on_deploying,
            on_failure,
            on_cancel,
            deploy_timeout: deploy_timeout.map(|period| *period),
            health,
            environment: service_environment,
            github,
            api_share,
        })
    }

    /// Returns the environment of a service's GitHub Deployment; without `{service}` all services share it.
    pub fn environment(&self, service: &str) -> Option<String> {
        Some(self.environment.as_ref()?.replace(SERVICE, service))
    }
}

/// Refuses `--no-migration` with a flag that says what is migrated.
///
/// # Errors
/// Such a flag is given.
fn without_databases(flags: &cli::MigrateFlags) -> Result<(), Failure> {
    let given = [
        (!flags.selection.database.is_empty(), "--database"),
        (flags.selection.databases_file.is_some(), "--databases-file"),
        (!flags.selection.exclude.is_empty(), "--exclude"),
        (flags.resume.state.is_some(), "--state"),
        (flags.resume.resume, "--resume"),
        (flags.resume.only_failed, "--only-failed"),
    ];
    match given.into_iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, flag)) => Err(Failure::input(format!("{flag} cannot be used with --no-migration"))
            .hint(format!("omit {flag} to deploy without a migration, or --no-migration to migrate first"))),
    }
}

fn check_containers(names: &[String]) -> Result<(), Failure> {
    match names.iter().any(|name| name.trim().is_empty()) {
        false => Ok(()),
        true => Err(Failure::input("--service-container names no container")
            .hint("pass the container's name, or omit it")),
    }
}

fn check_health(flags: &cli::HealthFlags) -> Result<(), Failure> {
    if let Some(url) = &flags.health_url
        && !["http://", "https://"].iter().any(|scheme| {
            url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
                && url.len() > scheme.len()
        })
    {
        return Err(Failure::input("--health-url is not an http or https URL")
            .hint("pass it whole, such as https://shop.example/health"));
    }
    if flags.health_expect.as_ref().is_some_and(String::is_empty) {
        return Err(Failure::input("--health-expect is empty, and every answer contains that")
            .hint("pass what only the new image answers, such as the commit, or omit it"));
    }
    Ok(())
}

/// Characters of an environment's name, at most (GitHub, Deployments API).
const LONGEST_ENVIRONMENT: usize = 255;

fn check_environment(name: Option<&str>) -> Result<(), Failure> {
    match name {
        Some(name) if name.trim().is_empty() || name.chars().count() > LONGEST_ENVIRONMENT => {
            Err(Failure::input("--service-environment can name no environment").hint(format!(
                "pass a name of at most {LONGEST_ENVIRONMENT} characters, such as production/{SERVICE}"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
