//! The repository that an image is pushed to: the one that is named, and no other.

use anyhow::Result;

use crate::ecr_registry::{EcrRegistry, RegistryHost};
use crate::failure::{Failure, listed};
use crate::image_reference::ImageReference;
use crate::ports::{Account, ImageReads, Lookup, Repository, RepositoryName};
use crate::settings::ImageSettings;
use crate::task_definition::TaskDefinition;

/// A repository, as a flag or the container's image names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub name: RepositoryName,
    /// The URI; of a name alone, the name.
    pub uri: String,
    host: Option<RegistryHost>,
}

impl Wanted {
    /// Takes the repository from `--repository`, else from where the container's image is now.
    ///
    /// # Errors
    /// There is neither, or it is not in ECR: in ECR the same name would be another repository.
    pub(super) fn new(
        settings: &ImageSettings,
        container: Option<(&TaskDefinition, &str)>,
    ) -> Result<Self, Failure> {
        let own = || container.and_then(|(base, name)| base.image(name));
        let text = settings.repository.as_deref().or_else(own).unwrap_or_default();
        let parsed = ImageReference::parse(text);
        let what = match (&settings.repository, container) {
            (None, Some((_, name))) => format!("the image of container {name}"),
            _ => "--repository".to_owned(),
        };
        let hint =
            "pass --repository NAME for a repository in ECR, or --image for an image that is built elsewhere";
        if parsed.path.is_empty() || text.contains(char::is_whitespace) {
            let message = match container {
                Some((_, name)) => format!("container {name} has no image to take the repository from"),
                None => "no repository given".to_owned(),
            };
            return Err(Failure::input(message).hint("pass --repository NAME"));
        }
        let host = parsed.host();
        let registry = match &host {
            Some(RegistryHost::Ecr(registry)) => Some(registry.clone()),
            Some(RegistryHost::ThisMachine) => None,
            None if settings.repository.is_some() => None,
            None => {
                let message =
                    format!("{what} is {}, on Docker Hub, and images are pushed to ECR", parsed.path);
                return Err(Failure::input(message).hint(hint));
            }
            Some(RegistryHost::EcrPublic | RegistryHost::Elsewhere) => {
                let message = format!(
                    "{what} is in registry {}, and images are pushed to an account's ECR",
                    parsed.registry.unwrap_or_default()
                );
                return Err(Failure::input(message).hint(hint));
            }
        };
        let name = RepositoryName { registry, name: parsed.path.to_owned() };
        Ok(Self { name, uri: parsed.repository(), host })
    }

    /// Returns the repository that ECR answered with, under the URI that was given: it may be the dual-stack one.
    fn takes(&self, answered: Repository) -> Result<Repository, Failure> {
        let host = answered.uri.split('/').next().unwrap_or_default();
        match (&self.host, EcrRegistry::of_host(host)) {
            (None, _) => Ok(answered),
            (Some(RegistryHost::Ecr(asked)), Some(found)) if *asked == found => {
                Ok(Repository { uri: self.uri.clone(), ..answered })
            }
            // A sandbox or an emulator, which has its registries on this machine.
            (Some(RegistryHost::Ecr(_)), None) => Ok(answered),
            _ if answered.uri == self.uri => Ok(answered),
            _ => Err(Failure::input(format!(
                "repository {} was asked for, and ECR has {}",
                self.uri, answered.uri
            ))
            .hint("pass --repository with the name alone, or with the URI that ECR has")),
        }
    }
}

/// Looks the repository up.
pub(super) async fn found(
    images: &impl ImageReads,
    wanted: &Wanted,
    account: &Account,
) -> Result<Repository> {
    match images.repository(&wanted.name).await? {
        Lookup::Found(answered) => Ok(wanted.takes(answered)?),
        Lookup::Absent => Err(unknown_repository(images, &wanted.name, account).await.into()),
        // A policy of another account's repository often allows the push and not DescribeRepositories, and the URI
        // says all that this call would.
        Lookup::Denied(_) if is_of_another_account(&wanted.name, account) => Ok(Repository {
            name: wanted.name.name.clone(),
            uri: wanted.uri.clone(),
            registry: wanted.name.registry.clone(),
        }),
        Lookup::Denied(error) => Err(error),
    }
}

pub(super) fn is_of_another_account(name: &RepositoryName, account: &Account) -> bool {
    name.registry.as_ref().is_some_and(|registry| registry.account != account.caller.account)
}

/// Makes the failure of a repository that does not exist there, with a hint of those that do.
pub(super) async fn unknown_repository(
    images: &impl ImageReads,
    name: &RepositoryName,
    account: &Account,
) -> Failure {
    let region = name.registry.as_ref().map_or(&account.region, |registry| &registry.region);
    let place = match &name.registry {
        Some(registry) if is_of_another_account(name, account) => {
            format!("account {} in {region}", registry.account)
        }
        _ => region.clone(),
    };
    let failure = Failure::input(format!("repository {} does not exist in {place}", name.name));
    match images.repositories_beside(name).await {
        Ok(names) if names.is_empty() => failure.hint(format!(
            "there is no repository in {place}: create it (aws ecr create-repository), or check --region"
        )),
        Ok(names) => failure.hint(format!("repositories that exist: {}", listed(&names))),
        Err(_) => failure.hint("check --repository and --region"),
    }
}

#[cfg(test)]
mod tests;
