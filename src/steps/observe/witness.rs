//! The witness: its executable on this machine, and the image that it is added to.

use anyhow::Result;

use crate::failure::Failure;
use crate::plan::{ObservedImage, ObservedWitness, in_ecr};
use crate::ports::{ImagePlatform, ImageReads, Machine, Repository};
use crate::settings::Settings;
use crate::task_definition::TaskDefinition;
use crate::witness::image::WithWitness;
use crate::witness::layer::Layer;

/// Observes the executable, and the image where it exists; `reads` is absent for a plan without AWS. With `--plan`, a
/// machine that lacks the executable is a note.
pub(super) async fn witness(
    settings: &Settings,
    base: &TaskDefinition,
    image: &ObservedImage,
    machine: &impl Machine,
    reads: Option<&impl ImageReads>,
    notes: &mut Vec<String>,
) -> Result<Option<ObservedWitness>> {
    let plan_only = settings.common.plan_only;
    let Some(settings) = &settings.witness else { return Ok(None) };
    let platform = base.platform()?;
    let executable = machine.witness(settings.executable.as_deref(), platform);
    let Some(platform) = ImagePlatform::parse(platform) else { return Ok(None) };
    let layer = match executable {
        Ok(layer) => layer,
        Err(error) if plan_only => {
            let why = Failure::from_error(&error).sentence();
            notes.push(format!("on this machine the witness could not be added to the image: {why}"));
            return Ok(Some(ObservedWitness { platform, layer: None, image: None }));
        }
        Err(error) => return Err(error),
    };
    let image = match reads {
        None => None,
        Some(reads) => match existing(image, &settings.flags)? {
            Some((repository, digest)) => {
                Some(with_witness(&repository, &digest, &platform, &layer, reads).await?)
            }
            None => None,
        },
    };
    Ok(Some(ObservedWitness { platform, layer: Some(layer), image }))
}

/// Returns the repository and the digest of an image that exists; `None` of one that the run makes.
fn existing(image: &ObservedImage, flags: &[String]) -> Result<Option<(Repository, String)>, Failure> {
    match image {
        ObservedImage::Tagged { repository, stored, .. } => {
            Ok(stored.as_ref().map(|stored| (repository.clone(), stored.digest.clone())))
        }
        ObservedImage::Reference { reference, digest, .. } => {
            let repository = in_ecr(reference, flags)?;
            match digest {
                Some(digest) => Ok(Some((repository, digest.clone()))),
                None => Err(Failure::input(format!(
                    "image {reference} is not in ECR yet, so --witness cannot add a layer to it"
                ))
                .hint("let a first pull fetch it, or push it to a repository of ECR")),
            }
        }
    }
}

async fn with_witness(
    repository: &Repository,
    digest: &str,
    platform: &ImagePlatform,
    layer: &Layer,
    reads: &impl ImageReads,
) -> Result<WithWitness> {
    let content = reads.image_content(repository, digest, platform).await?;
    Ok(content.with(layer, &format!("{}@{digest}", repository.uri))?)
}
