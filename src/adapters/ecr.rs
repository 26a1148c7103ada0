//! ECR's API; the push itself speaks the registry's own protocol ([`super::docker`], [`super::oci`]).

use anyhow::Result;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::ImageIdentifier;

use super::aws_error::{self, failed, incomplete};
use super::registry_login::RegistryLogin;
use crate::failure::{Failure, listed};
use crate::ports::{Call, Repository};

/// Every manifest type that an image can be stored as; BatchGetImage converts to one of these, or fails.
const MANIFEST_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

pub async fn repository(client: &Client, region: &str, name: &str) -> Result<Repository> {
    let answer = client.describe_repositories().repository_names(name).send().await;
    let doing = format!("describe repository {name}");
    match answer {
        Ok(answer) => {
            let uri = answer
                .repositories()
                .first()
                .and_then(|repository| repository.repository_uri())
                .ok_or_else(|| incomplete(Call::DESCRIBE_REPOSITORIES, &doing, "repositoryUri"))?;
            Ok(Repository { name: name.to_owned(), uri: uri.to_owned() })
        }
        Err(error) if aws_error::code(&error) == Some("RepositoryNotFoundException") => {
            let failure = Failure::input(format!("repository {name} does not exist in {region}"));
            Err(match repositories(client).await {
                Ok(names) if names.is_empty() => failure.hint(format!(
                    "there is no repository in {region}: create it (aws ecr create-repository), or check --region"
                )),
                Ok(names) => failure.hint(format!("repositories that exist: {}", listed(&names))),
                Err(_) => failure.hint("check --repository and --region"),
            }
            .into())
        }
        Err(error) => Err(failed(Call::DESCRIBE_REPOSITORIES, &doing, error)),
    }
}

async fn repositories(client: &Client) -> Result<Vec<String>> {
    let answer = client
        .describe_repositories()
        .send()
        .await
        .map_err(|error| failed(Call::DESCRIBE_REPOSITORIES, "list repositories", error))?;
    let names = answer.repositories().iter().filter_map(|repository| repository.repository_name());
    Ok(names.map(str::to_owned).collect())
}

/// BatchGetImage: what is absent comes back in `failures[]`, not as an exception.
pub async fn image_digest(client: &Client, repository: &str, tag_or_digest: &str) -> Result<Option<String>> {
    let doing = format!("look for image {tag_or_digest} in repository {repository}");
    let id = ImageIdentifier::builder();
    let id = if tag_or_digest.starts_with("sha256:") {
        id.image_digest(tag_or_digest)
    } else {
        id.image_tag(tag_or_digest)
    };
    let answer = client
        .batch_get_image()
        .repository_name(repository)
        .image_ids(id.build())
        .set_accepted_media_types(Some(MANIFEST_TYPES.map(str::to_owned).to_vec()))
        .send()
        .await
        .map_err(|error| failed(Call::BATCH_GET_IMAGE, &doing, error))?;
    if let Some(image) = answer.images().first() {
        let digest = image.image_id().and_then(ImageIdentifier::image_digest);
        return digest
            .map(|digest| Some(digest.to_owned()))
            .ok_or_else(|| incomplete(Call::BATCH_GET_IMAGE, &doing, "imageDigest"));
    }
    match answer.failures().first() {
        None => Ok(None),
        Some(failure) => match failure.failure_code().map(|code| code.as_str()) {
            Some("ImageNotFound") => Ok(None),
            code => Err(Failure::service(format!(
                "{doing}: {}: {}",
                code.unwrap_or("failure"),
                failure.failure_reason().unwrap_or("no reason given")
            ))
            .into()),
        },
    }
}

/// GetAuthorizationToken: a password that lasts twelve hours.
pub async fn login(client: &Client) -> Result<RegistryLogin> {
    let doing = "get a registry login from ECR";
    let answer = client
        .get_authorization_token()
        .send()
        .await
        .map_err(|error| failed(Call::GET_AUTHORIZATION_TOKEN, doing, error))?;
    let data = answer.authorization_data().first();
    let (Some(token), Some(endpoint)) =
        (data.and_then(|data| data.authorization_token()), data.and_then(|data| data.proxy_endpoint()))
    else {
        return Err(incomplete(Call::GET_AUTHORIZATION_TOKEN, doing, "authorizationToken and proxyEndpoint"));
    };
    RegistryLogin::from_ecr(token, endpoint)
}
