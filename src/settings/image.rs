//! Which image is used, and how it is made where it does not exist yet.

use std::path::PathBuf;

use crate::cli;
use crate::ports::BuildMounts;
use crate::values::ImageName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSettings {
    /// An ECR repository's name or URI.
    pub repository: Option<String>,
    pub tag: Option<String>,
    /// The commit that GitHub says this run is about: the tag, where none is given and nothing is checked out.
    pub commit: Option<String>,
    pub choice: ImageChoice,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    Docker {
        context: PathBuf,
        dockerfile: PathBuf,
        target: Option<String>,
        build_args: Vec<String>,
        mounts: BuildMounts,
    },
    Binary(PathBuf),
    Reference(String),
}

impl ImageSettings {
    /// Makes the settings: `reference` is an image that exists, and comes before all that could make one.
    pub fn new(reference: Option<ImageName>, source: cli::ImageSourceFlags, commit: Option<String>) -> Self {
        let cli::ImageSourceFlags { repository, tag, binary, dockerfile, context, target, .. } = source;
        let mounts = BuildMounts {
            secrets: source.build_secret.iter().map(|secret| secret.to_string()).collect(),
            ssh: source.build_ssh,
            cache_from: source.cache_from,
            cache_to: source.cache_to,
        };
        let choice = match (reference, binary) {
            (Some(reference), _) => ImageChoice::Reference(reference.to_string()),
            (None, Some(binary)) => ImageChoice::Binary(binary),
            (None, None) => {
                let context = context.unwrap_or_else(|| ".".into());
                ImageChoice::Docker {
                    dockerfile: dockerfile.unwrap_or_else(|| context.join("Dockerfile")),
                    context,
                    target,
                    mounts,
                    build_args: source.build_arg.iter().map(|argument| argument.to_string()).collect(),
                }
            }
        };
        let repository = repository.map(|repository| repository.to_string());
        Self { repository, tag: tag.map(|tag| tag.to_string()), commit, choice }
    }
}
