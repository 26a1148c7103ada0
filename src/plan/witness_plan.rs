//! The witness in front of the migration container's command: which image it comes with, and which words it gets.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::image_plan::ImagePlan;
use crate::ecr_registry::RegistryHost;
use crate::failure::Failure;
use crate::hex::hex;
use crate::image_reference::ImageReference;
use crate::ports::{ImagePlatform, Repository};
use crate::settings::WitnessSettings;
use crate::task_definition::InFront;
use crate::witness::image::{WithWitness, tag};
use crate::witness::layer::Layer;
use crate::witness::{ImageProcess, PATH};

/// What was seen of the witness and of the image that it is added to.
#[derive(Debug, Clone)]
pub struct ObservedWitness {
    /// The task's.
    pub platform: ImagePlatform,
    /// Absent where this machine has no executable, and nothing is to be done but to plan.
    pub layer: Option<Layer>,
    /// Absent where the image is not made yet, or was not looked at.
    pub image: Option<WithWitness>,
}

/// What is added to the image, and to the revision.
#[derive(Debug, Clone)]
pub struct WitnessPlan {
    pub layer: Option<Layer>,
    pub flags: Vec<String>,
    pub repository: Repository,
    pub platform: ImagePlatform,
    /// The image with the witness; absent before the image is made.
    pub image: Option<WithWitness>,
    /// Of the image without the witness.
    pub of_tag: Option<String>,
    process: ImageProcess,
}

impl WitnessPlan {
    /// Plans the witness for the planned image.
    ///
    /// # Errors
    /// The image is not in ECR, where no layer can be added to it.
    pub(super) fn new(
        settings: &WitnessSettings,
        observed: ObservedWitness,
        image: &ImagePlan,
    ) -> Result<Self, Failure> {
        let repository = match image {
            ImagePlan::Reuse { tag, .. } => tag.repository.clone(),
            ImagePlan::Build { to, .. } | ImagePlan::Package { to, .. } => to.repository.clone(),
            ImagePlan::Given { reference, .. } => in_ecr(reference, &settings.flags)?,
        };
        let ObservedWitness { platform, layer, image: made } = observed;
        let process = made.as_ref().map_or_else(ImageProcess::unknown, |made| made.process.clone());
        Ok(Self {
            layer,
            flags: settings.flags.clone(),
            repository,
            platform,
            image: made,
            of_tag: image.tag().map(str::to_owned),
            process,
        })
    }

    /// Returns the image as the revision will name it; a digest that is known only after the push is in words.
    pub(super) fn reference(&self) -> String {
        self.with_digest(|| format!("<digest of {} after the push>", tag(self.of_tag.as_deref(), "")))
    }

    /// Returns the same as long as ECS will be given it.
    pub(super) fn pinned_reference(&self) -> String {
        self.with_digest(|| format!("sha256:{}", "0".repeat(64)))
    }

    fn with_digest(&self, unknown: impl FnOnce() -> String) -> String {
        let digest = self.image.as_ref().map_or_else(unknown, |image| image.digest.clone());
        format!("{}@{digest}", self.repository.uri)
    }

    pub(super) fn in_front(&self) -> InFront<'_> {
        InFront { flags: &self.flags, image: &self.process }
    }

    /// Returns a digest of the witness's flags and of what it starts.
    pub(super) fn told_digest(&self, command: &str) -> String {
        hex(&Sha256::digest(json!([command, self.flags]).to_string())[..16])
    }

    /// Says what is added, for the facts of a plan.
    pub(super) fn sentence(&self) -> String {
        let image = match &self.image {
            Some(image) => format!("{}@{}", self.repository.uri, image.digest),
            None => "of another digest".to_owned(),
        };
        let size =
            self.layer.as_ref().map(|layer| format!(" ({} KB)", layer.compressed.len().div_ceil(1000)));
        format!(
            "in front of the container's command, as one more layer{}: tasks run the image {image}. What is proved, and \
             what deploy deploys, is the image without it",
            size.unwrap_or_default()
        )
    }
}

/// Returns the repository of an image in ECR.
///
/// # Errors
/// It is in another registry: the failure says how the witness gets there.
pub(crate) fn in_ecr(reference: &str, flags: &[String]) -> Result<Repository, Failure> {
    let parsed = ImageReference::parse(reference);
    let registry = match parsed.host() {
        Some(RegistryHost::Ecr(registry)) => Some(registry),
        Some(RegistryHost::ThisMachine) => None,
        _ => {
            let words: Vec<String> = [PATH]
                .into_iter()
                .chain(flags.iter().map(String::as_str))
                .chain(["--"])
                .map(|word| format!("{word:?}"))
                .collect();
            return Err(Failure::input(format!("image {reference} is not in ECR, so --witness cannot add a layer to it"))
                .hint(format!(
                    "add it in the Dockerfile of the image, and omit --witness: COPY witness {PATH}, and ENTRYPOINT [{}, …] \
                     before the words of the present ENTRYPOINT",
                    words.join(", ")
                )));
        }
    };
    Ok(Repository { name: parsed.path.to_owned(), uri: parsed.repository().to_owned(), registry })
}
