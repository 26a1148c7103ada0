//! ECR's API; the push itself speaks the registry's own protocol ([`super::docker`], [`super::oci`]).

use std::error::Error;

use anyhow::Result;
use aws_config::Region;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::aws_error::{failed, incomplete};
use super::registry_login::RegistryLogin;
use super::{Aws, docker, oci};
use crate::ecr_registry::EcrRegistry;
use crate::failure::Failure;
use crate::ports::{
    BinaryImage, Call, DockerBuild, ImageProgress, ImageReads, ImageTag, ImageWrites, Lookup, Repository,
    RepositoryName, StoredImage,
};

mod manifest;

/// Every manifest type that an image can be stored as; BatchGetImage converts to one of these, or fails.
const MANIFEST_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

impl ImageReads for Aws {
    async fn repository(&self, wanted: &RepositoryName) -> Result<Lookup<Repository>> {
        let (call, doing) = (Call::DESCRIBE_REPOSITORIES, format!("describe repository {}", wanted.name));
        let client = self.ecr_of(wanted.registry.as_ref());
        let described = async || {
            let request = client.describe_repositories().repository_names(&wanted.name);
            looked_up(call, &doing, request.set_registry_id(id(wanted)).send().await)
        };
        let answer = match self.call(call, &doing, described).await? {
            Lookup::Found(answer) => answer,
            Lookup::Absent => return Ok(Lookup::Absent),
            Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
        };
        let found = answer.repositories.unwrap_or_default().into_iter().next();
        let uri = found.and_then(|repository| repository.repository_uri);
        let uri = uri.ok_or_else(|| incomplete(call, &doing, "repositoryUri"))?;
        Ok(Lookup::Found(Repository { name: wanted.name.clone(), uri, registry: wanted.registry.clone() }))
    }

    async fn repositories_beside(&self, name: &RepositoryName) -> Result<Vec<String>> {
        let client = self.ecr_of(name.registry.as_ref());
        let listed = async || client.describe_repositories().set_registry_id(id(name)).send().await;
        let answer = self.call(Call::DESCRIBE_REPOSITORIES, "list repositories", listed).await?;
        let names = answer.repositories().iter().filter_map(|repository| repository.repository_name());
        Ok(names.map(str::to_owned).collect())
    }

    async fn pull_through_prefixes(&self, name: &RepositoryName) -> Result<Lookup<Vec<String>>> {
        let (call, doing) = (Call::DESCRIBE_PULL_THROUGH_CACHE_RULES, "describe pull-through cache rules");
        let client = self.ecr_of(name.registry.as_ref());
        let (mut prefixes, mut token) = (Vec::new(), None);
        loop {
            let page = async || {
                let request = client.describe_pull_through_cache_rules().set_registry_id(id(name));
                looked_up(call, doing, request.set_next_token(token.clone()).send().await)
            };
            let page = match self.call(call, doing, page).await? {
                Lookup::Found(page) => page,
                Lookup::Absent => break,
                Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
            };
            let rules = page.pull_through_cache_rules.unwrap_or_default().into_iter();
            prefixes.extend(rules.filter_map(|rule| rule.ecr_repository_prefix));
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(Lookup::Found(prefixes))
    }

    /// BatchGetImage: what is absent comes back in `failures[]`, not as an exception.
    async fn stored_image(
        &self,
        repository: &RepositoryName,
        tag_or_digest: &str,
    ) -> Result<Lookup<Option<StoredImage>>> {
        let (call, name) = (Call::BATCH_GET_IMAGE, &repository.name);
        let doing = format!("look for image {tag_or_digest} in repository {name}");
        let image = ImageIdentifier::builder();
        let image = if tag_or_digest.starts_with("sha256:") {
            image.image_digest(tag_or_digest)
        } else {
            image.image_tag(tag_or_digest)
        };
        let client = self.ecr_of(repository.registry.as_ref());
        let request = client.batch_get_image().repository_name(name).image_ids(image.build());
        let request = request.set_registry_id(id(repository));
        let request = request.set_accepted_media_types(Some(MANIFEST_TYPES.map(str::to_owned).to_vec()));
        let asked = async || looked_up(call, &doing, request.clone().send().await);
        let answer = match self.call(call, &doing, asked).await? {
            Lookup::Found(answer) => answer,
            Lookup::Absent => return Ok(Lookup::Absent),
            Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
        };
        if let Some(image) = answer.images().first() {
            let digest = image.image_id().and_then(ImageIdentifier::image_digest).map(str::to_owned);
            let digest = digest.ok_or_else(|| incomplete(call, &doing, "imageDigest"))?;
            let platforms = image.image_manifest().and_then(manifest::platforms);
            return Ok(Lookup::Found(Some(StoredImage { digest, platforms })));
        }
        match answer.failures().first() {
            None => Ok(Lookup::Found(None)),
            Some(failure) if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) => {
                Ok(Lookup::Found(None))
            }
            Some(failure) => {
                let code = failure.failure_code().map_or("failure", |code| code.as_str());
                let reason = failure.failure_reason().unwrap_or("no reason given");
                Err(Failure::service(format!("{doing}: {code}: {reason}")).into())
            }
        }
    }
}

/// The registry's id; none is the default one of the credentials.
fn id(repository: &RepositoryName) -> Option<String> {
    repository.registry.as_ref().map(|registry| registry.account.clone())
}

/// Tells what is not there, and what may not be looked at, from a call that failed.
#[expect(clippy::result_large_err, reason = "the SDK's own error, on its way to `Aws::call`")]
fn looked_up<T, E>(
    call: Call,
    doing: &str,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Lookup<T>, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Lookup::Found(answer)),
        Err(error) => match error.code() {
            Some("RepositoryNotFoundException") => Ok(Lookup::Absent),
            Some("AccessDeniedException") => Ok(Lookup::Denied(failed(call, doing, error))),
            _ => Err(error),
        },
    }
}

impl ImageWrites for Aws {
    async fn build_and_push(
        &self,
        build: &DockerBuild,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String> {
        docker::build_and_push(build, to, &self.registry_login(&to.repository).await?, progress).await
    }

    async fn package_and_push(
        &self,
        binary: &BinaryImage,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String> {
        let image = oci::package(binary)?;
        oci::push(&image, to, &self.registry_login(&to.repository).await?, progress).await
    }
}

impl Aws {
    fn ecr_of(&self, registry: Option<&EcrRegistry>) -> Client {
        let region = registry.map_or(&self.region, |registry| &registry.region);
        let new = || {
            let config = aws_sdk_ecr::config::Builder::from(&self.config);
            Client::from_conf(config.region(Region::new(region.clone())).build())
        };
        self.ecr.borrow_mut().entry(region.clone()).or_insert_with(new).clone()
    }

    /// GetAuthorizationToken: a password that lasts twelve hours, for every registry of its Region that the credentials
    /// may use.
    async fn registry_login(&self, to: &Repository) -> Result<RegistryLogin> {
        let (call, doing) = (Call::GET_AUTHORIZATION_TOKEN, "get a registry login from ECR");
        let client = self.ecr_of(to.registry.as_ref());
        let answer = self.call(call, doing, async || client.get_authorization_token().send().await).await?;
        let data = answer.authorization_data().first();
        let data = data.and_then(|data| data.authorization_token().zip(data.proxy_endpoint()));
        let (token, endpoint) =
            data.ok_or_else(|| incomplete(call, doing, "authorizationToken and proxyEndpoint"))?;
        Ok(RegistryLogin::from_ecr(token, endpoint)?.at(&to.uri))
    }
}
