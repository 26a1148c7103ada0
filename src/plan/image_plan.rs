//! Where the image comes from.

use std::path::Path;

use super::observed::ObservedImage;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::ports::{BinaryImage, DockerBuild, ImageTag};
use crate::settings::{ImageChoice, ImageSettings, Settings};
use crate::task_definition::TaskDefinition;

/// What a task on Fargate runs on, unless its definition says otherwise.
const DEFAULT_PLATFORM: &str = "linux/amd64";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageSource {
    /// Built by docker and pushed in this run.
    Built,
    /// Packaged from `--binary` and pushed in this run.
    Packaged,
    /// The repository had the tag already.
    Reused,
    /// Named by `--image`.
    Given,
}

impl ImageSource {
    pub fn word(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Packaged => "packaged",
            Self::Reused => "reused",
            Self::Given => "given",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagePlan {
    /// The repository has the tag: its digest is used and nothing is built.
    Reuse {
        tag: ImageTag,
        digest: String,
    },
    Build {
        build: DockerBuild,
        to: ImageTag,
    },
    Package {
        binary: BinaryImage,
        to: ImageTag,
    },
    Given {
        reference: String,
        digest: Option<String>,
    },
}

impl ImagePlan {
    /// Of the image that will run; none while nobody has made it, and where the reference has none.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Reuse { digest, .. } => Some(digest),
            Self::Given { digest, .. } => digest.as_deref(),
            Self::Build { .. } | Self::Package { .. } => None,
        }
    }

    /// The image as the revision will name it. A digest that only the push will give is spelled out as such.
    pub fn reference(&self) -> String {
        match self {
            Self::Reuse { tag, digest } => format!("{}@{digest}", tag.repository.uri),
            Self::Build { to, .. } | Self::Package { to, .. } => {
                format!("{}@<digest of {} after the push>", to.repository.uri, to.tag)
            }
            Self::Given { reference, .. } => reference.clone(),
        }
    }

    /// The tag that names the image, where it has one.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Reuse { tag, .. } => Some(&tag.tag),
            Self::Build { to, .. } | Self::Package { to, .. } => Some(&to.tag),
            Self::Given { reference, .. } => ImageReference::parse(reference).tag,
        }
    }

    pub fn source(&self) -> ImageSource {
        match self {
            Self::Reuse { .. } => ImageSource::Reused,
            Self::Build { .. } => ImageSource::Built,
            Self::Package { .. } => ImageSource::Packaged,
            Self::Given { .. } => ImageSource::Given,
        }
    }
}

pub(super) fn image_plan(
    settings: &ImageSettings,
    base: Option<&TaskDefinition>,
    observed: ObservedImage,
    notes: &mut Vec<String>,
) -> Result<ImagePlan, Failure> {
    let to = match observed {
        ObservedImage::Reference { reference, digest } => {
            if digest.is_none() {
                notes.push(format!(
                    "image {reference} is not pinned by digest: what it names can change between two tasks"
                ));
            }
            return Ok(ImagePlan::Given { reference, digest });
        }
        ObservedImage::Tagged { repository, tag, digest: Some(digest) } => {
            return Ok(ImagePlan::Reuse { tag: ImageTag { repository, tag }, digest });
        }
        ObservedImage::Tagged { repository, tag, digest: None } => ImageTag { repository, tag },
    };
    if let ImageChoice::Binary(path) = &settings.choice {
        let binary = BinaryImage { path: path.clone(), platform: platform(base)?.to_owned() };
        return Ok(ImagePlan::Package { binary, to });
    }
    match docker_build(settings, base)? {
        Some(build) => Ok(ImagePlan::Build { build, to }),
        None => Err(Failure::input("no image to run").hint("pass --image, --binary or --dockerfile")),
    }
}

/// What docker is asked for, with the platform of the task definition.
pub(crate) fn docker_build(
    settings: &ImageSettings,
    base: Option<&TaskDefinition>,
) -> Result<Option<DockerBuild>, Failure> {
    let ImageChoice::Docker { context, dockerfile, target, build_args } = &settings.choice else {
        return Ok(None);
    };
    Ok(Some(DockerBuild {
        context: context.clone(),
        dockerfile: dockerfile.clone(),
        target: target.clone(),
        build_args: build_args.clone(),
        platform: platform(base)?.to_owned(),
    }))
}

pub(super) fn platform(base: Option<&TaskDefinition>) -> Result<&'static str, Failure> {
    base.map_or(Ok(DEFAULT_PLATFORM), TaskDefinition::platform)
}

/// An image of `--binary` holds one program, named as its file: a command of another name finds nothing to start.
pub(super) fn unknown_program(
    settings: &Settings,
    base: &TaskDefinition,
    image: &ImagePlan,
) -> Option<String> {
    let ImagePlan::Package { binary: BinaryImage { path: binary, .. }, .. } = image else { return None };
    let container = base.migration_container(settings.container.as_deref()).ok()?;
    let entry_point = base.entry_point(container).unwrap_or_default();
    let command =
        settings.task.command.as_deref().cloned().or_else(|| base.command(container)).unwrap_or_default();
    let program = entry_point.into_iter().chain(command).next()?;
    let name = binary.file_name()?.to_string_lossy();
    if Path::new(&program).file_name()?.to_string_lossy() == name {
        return None;
    }
    Some(format!(
        "container {container} starts {program}, and the image of --binary holds {name} alone: rename the file, or \
         pass --command '{name} …'"
    ))
}
