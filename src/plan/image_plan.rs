//! Where the image comes from.

use std::path::Path;

use super::observed::ObservedImage;
use super::tag_notes::tag_note;
use crate::failure::{Failure, listed};
use crate::image_reference::ImageReference;
use crate::ports::{BinaryImage, DockerBuild, ImagePlatform, ImageTag};
use crate::settings::{ImageChoice, ImageSettings, Settings};
use crate::task_definition::TaskDefinition;
use crate::untrusted::printable;

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
    /// Returns the digest of the image that will run; none before it is made, and where the reference has none.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Reuse { digest, .. } => Some(digest),
            Self::Given { digest, .. } => digest.as_deref(),
            Self::Build { .. } | Self::Package { .. } => None,
        }
    }

    /// Returns the image as the revision will name it. A digest that is known only after the push is a placeholder in
    /// words.
    pub fn reference(&self) -> String {
        match self {
            Self::Reuse { tag, digest } => format!("{}@{digest}", tag.repository.uri),
            Self::Build { to, .. } | Self::Package { to, .. } => {
                format!("{}@<digest of {} after the push>", to.repository.uri, to.tag)
            }
            Self::Given { reference, .. } => reference.clone(),
        }
    }

    /// Returns the reference as long as ECS will be given it: a digest that is known only after the push is 64 zeros.
    pub(super) fn pinned_reference(&self) -> String {
        match self {
            Self::Build { to, .. } | Self::Package { to, .. } => {
                format!("{}@sha256:{}", to.repository.uri, "0".repeat(64))
            }
            known => known.reference(),
        }
    }

    /// Returns the tag that names the image, where it has one.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Reuse { tag, .. } => Some(&tag.tag),
            Self::Build { to, .. } | Self::Package { to, .. } => Some(&to.tag),
            Self::Given { reference, .. } => ImageReference::parse(reference).tag,
        }
    }

    /// Returns the platform of an image that this run makes, in the words of image indexes.
    pub(super) fn built_for(&self) -> Option<ImagePlatform> {
        let platform = match self {
            Self::Build { build, .. } => &build.platform,
            Self::Package { binary, .. } => &binary.platform,
            Self::Reuse { .. } | Self::Given { .. } => return None,
        };
        ImagePlatform::parse(platform)
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
        ObservedImage::Reference { reference, digest, platforms, unseen } => {
            runs_on(base, platforms.as_deref(), &reference)?;
            notes.extend(unseen);
            if digest.is_none() {
                notes.push(format!(
                    "image {reference} is not pinned by digest: what it names can change between two tasks"
                ));
            }
            return Ok(ImagePlan::Given { reference, digest });
        }
        ObservedImage::Tagged { repository, tag, named_by, stored: Some(stored) } => {
            notes.extend(tag_note(&tag, &named_by, true));
            let tag = ImageTag { repository, tag };
            runs_on(base, stored.platforms().as_deref(), &tag.reference())?;
            return Ok(ImagePlan::Reuse { tag, digest: stored.digest });
        }
        ObservedImage::Tagged { repository, tag, named_by, stored: None } => {
            notes.extend(tag_note(&tag, &named_by, false));
            ImageTag { repository, tag }
        }
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

/// Plans the image, and returns the platforms that it is for, where they are known.
pub(super) fn image_and_platforms(
    settings: &ImageSettings,
    base: Option<&TaskDefinition>,
    observed: ObservedImage,
    notes: &mut Vec<String>,
) -> Result<(ImagePlan, Option<Vec<ImagePlatform>>), Failure> {
    let seen = observed.platforms();
    let image = image_plan(settings, base, observed, notes)?;
    let platforms = image.built_for().map(|platform| vec![platform]).or(seen);
    Ok((image, platforms))
}

/// Checks that the image is for the platform that the task runs on, as far as both are known.
///
/// # Errors
/// The image's index has none for that platform: ECS would find no image to pull.
pub(super) fn runs_on(
    base: Option<&TaskDefinition>,
    platforms: Option<&[ImagePlatform]>,
    image: &str,
) -> Result<(), Failure> {
    let (Some(wanted), Some(platforms)) = (base.and_then(TaskDefinition::image_platform), platforms) else {
        return Ok(());
    };
    if platforms.contains(&wanted) {
        return Ok(());
    }
    let there: Vec<String> = platforms.iter().map(|platform| printable(&platform.to_string(), 60)).collect();
    let there = if there.is_empty() { "no platform".to_owned() } else { listed(&there) };
    Err(Failure::input(format!("image {image} is for {there}, and the task definition runs on {wanted}")).hint(
        format!("build the image for {wanted} (docker build --platform {wanted}), or change the runtimePlatform of the \
                 task definition"),
    ))
}

/// Returns the docker build of the settings, for the platform of the task definition; none where docker builds
/// nothing.
///
/// # Errors
/// The task definition runs on a platform that no image is built for.
pub(crate) fn docker_build(
    settings: &ImageSettings,
    base: Option<&TaskDefinition>,
) -> Result<Option<DockerBuild>, Failure> {
    let ImageChoice::Docker { context, dockerfile, target, build_args, mounts } = &settings.choice else {
        return Ok(None);
    };
    Ok(Some(DockerBuild {
        context: context.clone(),
        dockerfile: dockerfile.clone(),
        target: target.clone(),
        build_args: build_args.clone(),
        mounts: mounts.clone(),
        platform: platform(base)?.to_owned(),
    }))
}

pub(super) fn platform(base: Option<&TaskDefinition>) -> Result<&'static str, Failure> {
    base.map_or(Ok(DEFAULT_PLATFORM), TaskDefinition::platform)
}

/// Returns a note where the container starts a program that the image of `--binary` does not hold: it holds one,
/// named as its file.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::TagSource;
    use crate::ports::{IndexedImage, Repository, StoredImage};

    fn base(platform: serde_json::Value) -> TaskDefinition {
        let text = include_str!("../../sandbox/fixtures/describe-task-definition.json");
        let mut document: serde_json::Value = serde_json::from_str(text).expect("JSON");
        document["taskDefinition"]["runtimePlatform"] = platform;
        TaskDefinition::from_json(document, "test").expect("a task definition")
    }

    /// An image with these platforms, as `--image` and as what a tag is on already.
    fn observed(platforms: Option<&[(&str, &str)]>) -> [ObservedImage; 2] {
        let platforms = platforms.map(|list| {
            let platform = |(os, architecture): &(&str, &str)| ImagePlatform {
                os: (*os).into(),
                architecture: (*architecture).into(),
            };
            list.iter().map(platform).collect::<Vec<_>>()
        });
        let index = platforms.clone().map(|list| {
            let image = |platform| IndexedImage { platform, digest: "sha256:1".into() };
            list.into_iter().map(image).collect()
        });
        let (digest, uri) = ("sha256:0".to_owned(), "registry.example/shop".to_owned());
        let repository = Repository { name: "shop".into(), uri, registry: None };
        [
            ObservedImage::Reference {
                reference: "registry.example/shop:1".into(),
                digest: Some(digest.clone()),
                platforms: platforms.clone(),
                unseen: None,
            },
            ObservedImage::Tagged {
                repository,
                tag: "1".into(),
                named_by: TagSource::CheckedOut { github: None },
                stored: Some(StoredImage { digest, index, tags: Vec::new() }),
            },
        ]
    }

    #[test]
    fn an_image_without_the_tasks_platform_is_refused_before_anything_is_registered() {
        let (x86, arm) = (
            json!({"cpuArchitecture": "X86_64"}),
            json!({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}),
        );
        let windows =
            json!({"cpuArchitecture": "X86_64", "operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"});
        let both = [("linux", "amd64"), ("linux", "arm64")];
        for (platform, platforms, refused) in [
            (
                json!(null),
                Some(&[("linux", "arm64")][..]),
                Some("is for linux/arm64, and the task definition runs on linux/amd64"),
            ),
            (x86.clone(), Some(&[("linux", "arm64")]), Some("runs on linux/amd64")),
            (arm.clone(), Some(&[("linux", "amd64")]), Some("runs on linux/arm64")),
            (
                arm.clone(),
                Some(&[("windows", "amd64"), ("linux", "amd64")]),
                Some("is for linux/amd64, windows/amd64"),
            ),
            (windows.clone(), Some(&[("linux", "amd64")]), Some("runs on windows/amd64")),
            (x86.clone(), Some(&[]), Some("is for no platform")),
            (x86.clone(), Some(&both), None),
            (arm, Some(&both), None),
            (windows, Some(&[("windows", "amd64")]), None),
            (json!({"cpuArchitecture": "RISCV64"}), Some(&[("linux", "amd64")]), None),
            (json!({"operatingSystemFamily": "PLAN9"}), Some(&[("linux", "amd64")]), None),
            (x86, None, None),
        ] {
            let base = base(platform.clone());
            for observed in observed(platforms) {
                let settings = ImageSettings {
                    repository: None,
                    tag: None,
                    commit: None,
                    choice: ImageChoice::Reference("registry.example/shop:1".into()),
                };
                let plan = image_plan(&settings, Some(&base), observed, &mut Vec::new());
                match refused {
                    None => assert!(plan.is_ok(), "{platform} {platforms:?}: {plan:?}"),
                    Some(said) => {
                        let failure = plan.expect_err(said);
                        assert!(failure.message.contains(said), "{failure}");
                        assert!(failure.hint.is_some_and(|hint| hint.contains("runtimePlatform")));
                    }
                }
            }
        }
    }
}
