//! ECR's API; the push itself speaks the registry's own protocol ([`super::docker`], [`super::oci`]).

use anyhow::Result;
use aws_config::Region;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::batch_get_image::builders::BatchGetImageFluentBuilder;
use aws_sdk_ecr::types::{ImageFailureCode, ImageIdentifier};

use super::aws_error::{incomplete, looked_up};
use super::call_log::CallLog;
use super::registry_login::RegistryLogin;
use super::{Aws, docker, oci};
use crate::ecr_registry::EcrRegistry;
use crate::failure::Failure;
use crate::ports::{
    BinaryImage, Call, DockerBuild, ImagePlatform, ImageProgress, ImageReads, ImageTag, ImageWrites, Lookup,
    Repository, RepositoryName, StoredImage,
};
use crate::witness::image::{
    DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, StoredContent, WithWitness,
};
use crate::witness::layer::digest as digest_of;

mod manifest;

/// What ECR says of a repository that does not exist.
const ABSENT: &str = "RepositoryNotFoundException";
/// Every manifest type that an image can be stored as; BatchGetImage converts to one of these, or fails.
const MANIFEST_TYPES: [&str; 4] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];

impl ImageReads for Aws {
    async fn repository(&self, wanted: &RepositoryName) -> Result<Lookup<Repository>> {
        let (call, doing) = (Call::DESCRIBE_REPOSITORIES, format!("describe repository {}", wanted.name));
        let client = self.ecr_of(wanted.registry.as_ref());
        let described = async || {
            let request = client.describe_repositories().repository_names(&wanted.name);
            looked_up(call, &doing, ABSENT, request.set_registry_id(id(wanted)).send().await)
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
                looked_up(call, doing, ABSENT, request.set_next_token(token.clone()).send().await)
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

    async fn image_content(
        &self,
        repository: &Repository,
        digest: &str,
        platform: &ImagePlatform,
    ) -> Result<StoredContent> {
        let image = format!("{}@{digest}", repository.uri);
        let (mut media_type, mut manifest) = self.manifest(repository, digest).await?;
        if [OCI_INDEX, DOCKER_LIST].contains(&media_type.as_str()) {
            let images = manifest::index(&manifest).unwrap_or_default();
            let own = images.into_iter().find(|image| image.platform == *platform).ok_or_else(|| {
                Failure::input(format!("image {image} is an index that names no image for {platform}"))
                    .hint(format!("build the image for {platform} (docker build --platform {platform})"))
            })?;
            (media_type, manifest) = self.manifest(repository, &own.digest).await?;
        }
        let manifest = manifest.into_bytes();
        let configuration = StoredContent::configuration_of(&manifest, &image)?;
        let login = self.registry_login(repository).await?;
        let configuration = oci::read_configuration(repository, &configuration, &login).await?;
        Ok(StoredContent { media_type, manifest, configuration })
    }

    async fn image_tags(&self, repository: &RepositoryName, digest: &str) -> Result<Vec<String>> {
        let (call, name) = (Call::DESCRIBE_IMAGES, &repository.name);
        let doing = format!("read the tags of image {digest} in repository {name}");
        let image = ImageIdentifier::builder().image_digest(digest).build();
        let client = self.ecr_of(repository.registry.as_ref());
        let request = client.describe_images().repository_name(name).image_ids(image);
        let request = request.set_registry_id(id(repository));
        let answer = self.call(call, &doing, async || request.clone().send().await).await?;
        let tags = answer.image_details().iter().flat_map(|image| image.image_tags());
        Ok(tags.cloned().collect())
    }

    /// Calls BatchGetImage: what is absent comes back in `failures[]`, not as an exception.
    async fn stored_image(
        &self,
        repository: &RepositoryName,
        tag_or_digest: &str,
    ) -> Result<Lookup<Option<StoredImage>>> {
        let (call, name) = (Call::BATCH_GET_IMAGE, &repository.name);
        let doing = format!("look for image {tag_or_digest} in repository {name}");
        let request = self.batch_get_image(repository, tag_or_digest);
        let asked = async || looked_up(call, &doing, ABSENT, request.clone().send().await);
        let answer = match self.call(call, &doing, asked).await? {
            Lookup::Found(answer) => answer,
            Lookup::Absent => return Ok(Lookup::Absent),
            Lookup::Denied(error) => return Ok(Lookup::Denied(error)),
        };
        if let Some(image) = answer.images().first() {
            let digest = image.image_id().and_then(ImageIdentifier::image_digest).map(str::to_owned);
            let digest = digest.ok_or_else(|| incomplete(call, &doing, "imageDigest"))?;
            let index = image.image_manifest().and_then(manifest::index);
            let ids = answer.images().iter().filter_map(|image| image.image_id());
            let of_it = ids.filter(|id| id.image_digest() == Some(&digest));
            let tags = of_it.filter_map(|id| id.image_tag()).map(str::to_owned).collect();
            return Ok(Lookup::Found(Some(StoredImage { digest, index, tags })));
        }
        match answer.failures().first() {
            None => Ok(Lookup::Found(None)),
            Some(failure) if failure.failure_code() == Some(&ImageFailureCode::ImageNotFound) => {
                Ok(Lookup::Found(None))
            }
            Some(failure) => {
                let reason = failure.failure_reason().unwrap_or("no reason given");
                Err(not_answered(&doing, failure.failure_code(), reason).into())
            }
        }
    }
}

/// Makes the failure of an image that ECR may have, and does not answer with.
fn not_answered(doing: &str, code: Option<&ImageFailureCode>, reason: &str) -> Failure {
    let name = code.map_or("failure", |code| code.as_str());
    let message = format!("{doing}: {name}: {reason}");
    match code {
        // It is archived: no task can pull it.
        Some(ImageFailureCode::ImageInaccessible) => Failure::input(message).hint(
            "where the image is archived, restore it (aws ecr update-image-storage-class), and run this again",
        ),
        _ => Failure::service(message),
    }
}

/// Returns the registry's id; `None` is the default one of the credentials.
fn id(repository: &RepositoryName) -> Option<String> {
    repository.registry.as_ref().map(|registry| registry.account.clone())
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

    async fn push_with_witness(
        &self,
        image: &WithWitness,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String> {
        oci::push(&image.into(), to, &self.registry_login(&to.repository).await?, progress).await
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
            let config = aws_sdk_ecr::config::Builder::from(&self.config).interceptor(CallLog);
            Client::from_conf(config.region(Region::new(region.clone())).build())
        };
        self.ecr.borrow_mut().entry(region.clone()).or_insert_with(new).clone()
    }

    /// Makes the request for an image by its tag or its digest, as it is stored.
    fn batch_get_image(
        &self,
        repository: &RepositoryName,
        tag_or_digest: &str,
    ) -> BatchGetImageFluentBuilder {
        let image = ImageIdentifier::builder();
        let image = if tag_or_digest.starts_with("sha256:") {
            image.image_digest(tag_or_digest)
        } else {
            image.image_tag(tag_or_digest)
        };
        let client = self.ecr_of(repository.registry.as_ref());
        let request = client.batch_get_image().repository_name(&repository.name).image_ids(image.build());
        let request = request.set_registry_id(id(repository));
        request.set_accepted_media_types(Some(MANIFEST_TYPES.map(str::to_owned).to_vec()))
    }

    /// Reads a manifest with its media type (BatchGetImage), and checks its digest.
    async fn manifest(&self, repository: &Repository, digest: &str) -> Result<(String, String)> {
        let (call, name) = (Call::BATCH_GET_IMAGE, &repository.name);
        let doing = format!("read the manifest of image {digest} in repository {name}");
        let request = self.batch_get_image(&repository.to_name(), digest);
        let answer = self.call(call, &doing, async || request.clone().send().await).await?;
        if let Some(failure) = answer.failures().first() {
            let reason = failure.failure_reason().unwrap_or("no reason given");
            return Err(not_answered(&doing, failure.failure_code(), reason).into());
        }
        let image = answer.images.unwrap_or_default().into_iter().next();
        let manifest = image.as_ref().and_then(|image| image.image_manifest());
        let media_type = image.as_ref().and_then(|image| image.image_manifest_media_type());
        let (Some(manifest), Some(media_type)) = (manifest, media_type) else {
            return Err(incomplete(call, &doing, "imageManifest and imageManifestMediaType"));
        };
        let found = digest_of(manifest.as_bytes());
        if found != digest {
            return Err(Failure::service(format!("{doing}: ECR answered with the manifest of {found}"))
                .hint("run it again; the manifest of a digest never changes")
                .into());
        }
        Ok((media_type.to_owned(), manifest.to_owned()))
    }

    /// Calls GetAuthorizationToken: the password lasts twelve hours, for every registry of its Region that the
    /// credentials may use.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ExitCode;

    #[test]
    fn an_archived_image_is_something_to_fix() {
        let of = |code: ImageFailureCode| not_answered("look for image 1", Some(&code), "why");
        let archived = of(ImageFailureCode::ImageInaccessible);
        assert_eq!(archived.exit_code, ExitCode::BadInput);
        assert!(archived.message.contains("ImageInaccessible: why") && archived.hint.is_some());
        assert_eq!(of(ImageFailureCode::KmsError).exit_code, ExitCode::Service);
    }
}
