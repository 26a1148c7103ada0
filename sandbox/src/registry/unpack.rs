//! From a reference to a directory: what a container runtime does with an image before it starts it.

mod layer;
mod tree;

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::images::{DOCKER_LIST, OCI_INDEX};
use super::{Digest, ImageKey, Reference, Registry, RegistryError, StoredManifest};
use crate::images::{ImageConfig, Images, PullError};

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Child>,
}

#[derive(Deserialize)]
struct Child {
    digest: Digest,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Manifest {
    config: Part,
    layers: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    digest: Digest,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(flatten)]
    platform: Option<Platform>,
    #[serde(default)]
    config: Option<Process>,
}

/// `null` and absent mean the same everywhere here: docker writes either.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Process {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
}

impl Images for Registry {
    fn resolve(&self, reference: &str) -> Result<String, PullError> {
        self.find(reference).map(|(_, manifest)| manifest.digest.to_string())
    }

    fn unpack(&self, reference: &str, into: &Path) -> Result<ImageConfig, PullError> {
        let (repository, mut manifest) = self.find(reference)?;
        if [OCI_INDEX, DOCKER_LIST].contains(&manifest.media_type.as_str()) {
            let child = child_for_this_machine(&manifest.bytes)?;
            manifest = self.manifest(&repository, &ImageKey::Digest(child)).map_err(broken)?;
        }
        let outline: Manifest = serde_json::from_slice(&manifest.bytes).map_err(broken)?;
        let configuration = self.configuration(&repository, &outline.config.digest)?;
        let tree = tree::Tree::new(into).map_err(broken)?;
        for part in &outline.layers {
            let blob = self.open_layer(&repository, &part.digest).map_err(broken)?;
            layer::apply(BufReader::new(blob), &tree).map_err(|error| {
                PullError::Broken(format!("failed to extract layer {}: {error}", part.digest))
            })?;
        }
        Ok(configuration)
    }
}

impl Registry {
    fn find(&self, reference: &str) -> Result<(String, StoredManifest), PullError> {
        let parsed = Reference::parse(reference)
            .map_err(|_| PullError::Broken(format!("invalid reference format: {reference}")))?;
        if !self.is_ours(&parsed.registry) {
            return Err(PullError::Broken(format!(
                "failed to resolve ref {reference}: registry {} is not reachable from the sandbox",
                parsed.registry
            )));
        }
        match self.manifest(&parsed.repository, &parsed.image) {
            Ok(manifest) => Ok((parsed.repository, manifest)),
            Err(RegistryError::RepositoryNotFound { .. } | RegistryError::ImageNotFound { .. }) => {
                Err(PullError::NotFound(format!(
                    "pull image manifest has been retried 1 time(s): failed to resolve ref {reference}: {reference}"
                )))
            }
            Err(error) => Err(broken(error)),
        }
    }

    /// Returns whether a registry is this one: by its own address, or by the name that it has on AWS.
    fn is_ours(&self, registry: &str) -> bool {
        registry == self.host()
            || registry == format!("{}.dkr.ecr.{}.amazonaws.com", self.account(), self.region())
    }

    fn configuration(&self, repository: &str, digest: &Digest) -> Result<ImageConfig, PullError> {
        let mut bytes = Vec::new();
        self.open_layer(repository, digest).map_err(broken)?.read_to_end(&mut bytes).map_err(broken)?;
        let configuration: Configuration = serde_json::from_slice(&bytes).map_err(broken)?;
        if configuration.platform.is_some_and(|platform| !platform.is_this_machine()) {
            return Err(wrong_platform());
        }
        let process = configuration.config.unwrap_or_default();
        // A later assignment of the same variable wins.
        let env: BTreeMap<_, _> = process
            .env
            .unwrap_or_default()
            .into_iter()
            .filter_map(|line| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        Ok(ImageConfig {
            entrypoint: process.entrypoint.unwrap_or_default(),
            cmd: process.cmd.unwrap_or_default(),
            env: env.into_iter().collect(),
            working_dir: process.working_dir.unwrap_or_default(),
            user: process.user.unwrap_or_default(),
        })
    }
}

impl Platform {
    fn is_this_machine(&self) -> bool {
        self.os == "linux" && self.architecture == architecture()
    }
}

fn child_for_this_machine(index: &[u8]) -> Result<Digest, PullError> {
    let index: Index = serde_json::from_slice(index).map_err(broken)?;
    index
        .manifests
        .into_iter()
        .find(|child| child.platform.as_ref().is_some_and(Platform::is_this_machine))
        .map(|child| child.digest)
        .ok_or_else(wrong_platform)
}

/// Returns GOARCH of this machine, the word that images use.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn wrong_platform() -> PullError {
    PullError::Broken(format!(
        "pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching \
         platform 'linux/{}'",
        architecture()
    ))
}

fn broken(error: impl std::fmt::Display) -> PullError {
    PullError::Broken(error.to_string())
}
