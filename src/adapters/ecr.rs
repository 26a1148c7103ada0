//! ECR's API; the push itself speaks the registry's own protocol ([`super::docker`], [`super::oci`]).

use anyhow::Result;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};

use super::aws_error::{incomplete, unless};
use super::registry_login::RegistryLogin;
use super::{Aws, docker, oci};
use crate::failure::{Failure, listed};
use crate::ports::{
    BinaryImage, Call, DockerBuild, ImageProgress, ImageReads, ImageTag, ImageWrites, Repository,
};

/// Every manifest type that an image can be stored as; BatchGetImage converts to one of these, or fails.
const MANIFEST_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

impl ImageReads for Aws {
    async fn repository(&self, name: &str) -> Result<Repository> {
        let (doing, region) = (format!("describe repository {name}"), &self.region);
        let described = async || {
            let request = self.ecr.describe_repositories().repository_names(name);
            unless("RepositoryNotFoundException", request.send().await)
        };
        let Some(answer) = self.call(Call::DESCRIBE_REPOSITORIES, &doing, described).await? else {
            let failure = Failure::input(format!("repository {name} does not exist in {region}"));
            return Err(match self.repositories().await {
                Ok(names) if names.is_empty() => failure.hint(format!(
                    "there is no repository in {region}: create it (aws ecr create-repository), or check --region"
                )),
                Ok(names) => failure.hint(format!("repositories that exist: {}", listed(&names))),
                Err(_) => failure.hint("check --repository and --region"),
            }
            .into());
        };
        let found = answer.repositories.unwrap_or_default().into_iter().next();
        let uri = found.and_then(|repository| repository.repository_uri);
        let uri = uri.ok_or_else(|| incomplete(Call::DESCRIBE_REPOSITORIES, &doing, "repositoryUri"))?;
        Ok(Repository { name: name.to_owned(), uri })
    }

    /// BatchGetImage: what is absent comes back in `failures[]`, not as an exception.
    async fn image_digest(&self, repository: &str, tag_or_digest: &str) -> Result<Option<String>> {
        let doing = format!("look for image {tag_or_digest} in repository {repository}");
        let id = ImageIdentifier::builder();
        let id = if tag_or_digest.starts_with("sha256:") {
            id.image_digest(tag_or_digest)
        } else {
            id.image_tag(tag_or_digest)
        };
        let request = self.ecr.batch_get_image().repository_name(repository).image_ids(id.build());
        let request = request.set_accepted_media_types(Some(MANIFEST_TYPES.map(str::to_owned).to_vec()));
        let answer = self.call(Call::BATCH_GET_IMAGE, &doing, async || request.clone().send().await).await?;
        if let Some(image) = answer.images().first() {
            let digest = image.image_id().and_then(ImageIdentifier::image_digest).map(str::to_owned);
            return digest.map(Some).ok_or_else(|| incomplete(Call::BATCH_GET_IMAGE, &doing, "imageDigest"));
        }
        match answer.failures().first() {
            None => Ok(None),
            Some(failure) if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) => Ok(None),
            Some(failure) => {
                let code = failure.failure_code().map_or("failure", |code| code.as_str());
                let reason = failure.failure_reason().unwrap_or("no reason given");
                Err(Failure::service(format!("{doing}: {code}: {reason}")).into())
            }
        }
    }
}

impl ImageWrites for Aws {
    async fn build_and_push(
        &self,
        build: &DockerBuild,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String> {
        docker::build_and_push(build, to, &self.registry_login().await?, progress).await
    }

    async fn package_and_push(
        &self,
        binary: &BinaryImage,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String> {
        let image = oci::package(binary)?;
        oci::push(&image, to, &self.registry_login().await?, progress).await
    }
}

impl Aws {
    async fn repositories(&self) -> Result<Vec<String>> {
        let listed = async || self.ecr.describe_repositories().send().await;
        let answer = self.call(Call::DESCRIBE_REPOSITORIES, "list repositories", listed).await?;
        let names = answer.repositories().iter().filter_map(|repository| repository.repository_name());
        Ok(names.map(str::to_owned).collect())
    }

    /// GetAuthorizationToken: a password that lasts twelve hours.
    async fn registry_login(&self) -> Result<RegistryLogin> {
        let (call, doing) = (Call::GET_AUTHORIZATION_TOKEN, "get a registry login from ECR");
        let answer = self.call(call, doing, async || self.ecr.get_authorization_token().send().await).await?;
        let data = answer.authorization_data().first();
        let data = data.and_then(|data| data.authorization_token().zip(data.proxy_endpoint()));
        let (token, endpoint) =
            data.ok_or_else(|| incomplete(call, doing, "authorizationToken and proxyEndpoint"))?;
        RegistryLogin::from_ecr(token, endpoint)
    }
}
