//! Pure: the images of what a service goes back to, and whether ECR still has them.

use crate::ecr_registry::RegistryHost;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::ports::{ImagePlatform, RepositoryName, RevisionImage, StoredImage};
use crate::task_definition::TaskDefinition;
use crate::untrusted::{phrase, printable};

/// A container's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContainerImage {
    pub container: String,
    /// As the task definition names it.
    pub reference: String,
    /// `sha256:…` of what ran, or of what the reference is pinned to; absent where ECS has not recorded it.
    pub digest: Option<String>,
    /// Its tags, where they are known.
    pub tags: Vec<String>,
}

/// Lists the images of a task definition, with the digests that ran.
pub(crate) fn images(definition: &TaskDefinition, ran: &[RevisionImage]) -> Vec<ContainerImage> {
    let image = |container: &str| {
        let reference = definition.image(container)?.to_owned();
        let pinned = ImageReference::parse(&reference).digest.map(str::to_owned);
        let recorded = ran.iter().find(|image| image.container == container);
        let digest = pinned.or_else(|| recorded?.digest.clone());
        Some(ContainerImage { container: container.to_owned(), reference, digest, tags: Vec::new() })
    };
    definition.container_names().into_iter().filter_map(image).collect()
}

/// A question to ECR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub repository: RepositoryName,
    pub tag_or_digest: String,
}

/// What ECR says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Stored(StoredImage),
    /// The repository has no such image.
    Missing,
    NoRepository,
    /// Why it could not be looked up: another account's repository need not allow it to these credentials.
    Unseen(String),
}

/// The answers of ECR.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looked(pub Vec<(Look, Seen)>);

impl Looked {
    fn of(&self, repository: &RepositoryName, tag_or_digest: &str) -> Option<&Seen> {
        let is_it = |look: &Look| look.repository == *repository && look.tag_or_digest == tag_or_digest;
        self.0.iter().find(|(look, _)| is_it(look)).map(|(_, seen)| seen)
    }
}

/// Returns the repository of an image, where it is one of ECR or of this machine.
pub(crate) fn repository(reference: &str) -> Option<RepositoryName> {
    let parsed = ImageReference::parse(reference);
    let registry = match parsed.host()? {
        RegistryHost::Ecr(registry) => Some(registry),
        RegistryHost::ThisMachine => None,
        RegistryHost::EcrPublic | RegistryHost::Elsewhere => return None,
    };
    Some(RepositoryName { registry, name: parsed.path.to_owned() })
}

/// Lists what has to be looked up in ECR before an image can run again; nothing for one of another registry.
pub(crate) fn looks(image: &ContainerImage) -> Vec<Look> {
    let Some(repository) = repository(&image.reference) else { return Vec::new() };
    let look = |tag_or_digest: &str| Look {
        repository: repository.clone(),
        tag_or_digest: tag_or_digest.to_owned(),
    };
    tag(&image.reference).into_iter().chain(image.digest.as_deref()).map(look).collect()
}

/// Returns the tag that decides what runs: `latest` where a reference has neither tag nor digest, none where it has a
/// digest.
fn tag(reference: &str) -> Option<&str> {
    let parsed = ImageReference::parse(reference);
    parsed.digest.is_none().then(|| parsed.tag.unwrap_or("latest"))
}

/// Pairs each container with every digest that ECS may show for its tasks: that of the image and, where it is an
/// index, that of the index's image for the platform.
pub(crate) fn accepted(
    images: &[ContainerImage],
    looked: &Looked,
    platform: Option<&ImagePlatform>,
) -> Vec<(String, String)> {
    let of_index = |image: &ContainerImage, digest: &str| -> Vec<String> {
        let seen = repository(&image.reference).and_then(|repository| looked.of(&repository, digest));
        match (seen, platform) {
            (Some(Seen::Stored(stored)), Some(platform)) => {
                stored.digests_for(platform).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    };
    let of_image = |image: &ContainerImage| {
        let digests = image.digest.iter().flat_map(|digest| {
            let for_platform = of_index(image, digest);
            [digest.clone()].into_iter().chain(for_platform)
        });
        digests.map(|digest| (image.container.clone(), digest)).collect::<Vec<_>>()
    };
    images.iter().flat_map(of_image).collect()
}

/// How images can be run again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// Containers whose image has to be named by its digest, and that name.
    pub pins: Vec<(String, String)>,
    pub notes: Vec<String>,
}

/// Says how these images can be run again, and takes their tags from ECR's answers.
///
/// # Errors
/// ECR no longer has one of them.
pub(crate) fn again(service: &str, images: &mut [ContainerImage], looked: &Looked) -> Result<Again, Failure> {
    let mut again = Again::default();
    for image in images {
        let container = printable(&image.container, 255);
        let reference = phrase(&image.reference);
        let tag = tag(&image.reference).map(str::to_owned);
        let Some(repository) = repository(&image.reference) else {
            let moved = match (&image.digest, &tag) {
                (Some(_), Some(tag)) => format!(", nor whether its tag {} names the same image", phrase(tag)),
                _ => String::new(),
            };
            again.notes.push(format!(
                "image {reference} of container {container} is not in ECR: whether it is still there was not looked \
                 at{moved}"
            ));
            continue;
        };
        let gone = |what: &str| {
            Failure::input(format!(
                "image {what} of container {container}, which service {} would go back to, is not in repository {} \
                 any more",
                phrase(service),
                phrase(&repository.name)
            ))
            .hint("push it again, or name something else with --to; nothing was changed")
        };
        let Some(digest) = image.digest.clone() else {
            let tag = tag.unwrap_or_default();
            match looked.of(&repository, &tag) {
                Some(Seen::Missing | Seen::NoRepository) => return Err(gone(&tag)),
                _ => again.notes.push(format!(
                    "ECS has not recorded which image container {container} ran: tag {} is taken as it is now",
                    phrase(&tag)
                )),
            }
            continue;
        };
        match looked.of(&repository, &digest) {
            Some(Seen::Stored(stored)) => image.tags.clone_from(&stored.tags),
            Some(Seen::Missing | Seen::NoRepository) => return Err(gone(&digest)),
            Some(Seen::Unseen(why)) => again.notes.push(format!(
                "whether image {reference} of container {container} is still there was not seen: {}",
                phrase(why)
            )),
            None => again.notes.push(format!(
                "whether image {reference} of container {container} is still there was not asked"
            )),
        }
        let Some(tag) = tag else { continue };
        if matches!(looked.of(&repository, &tag), Some(Seen::Stored(stored)) if stored.digest == digest) {
            if !image.tags.contains(&tag) {
                image.tags.push(tag);
            }
            continue;
        }
        let pinned = format!("{}@{digest}", ImageReference::parse(&image.reference).repository());
        let why = match looked.of(&repository, &tag) {
            Some(Seen::Stored(_)) => "names another image by now",
            Some(Seen::Missing | Seen::NoRepository) => "is gone",
            _ => "may name another image by now",
        };
        again.notes.push(format!(
            "tag {} of what container {container} ran {why}: the image is named by its digest",
            phrase(&tag)
        ));
        again.pins.push((image.container.clone(), pinned));
    }
    Ok(again)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    fn digest(letter: &str) -> String {
        format!("sha256:{}", letter.repeat(64))
    }

    fn definition(images: &[(&str, &str)]) -> TaskDefinition {
        let containers: Vec<_> =
            images.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
        let document = json!({"taskDefinition": {"family": "web", "containerDefinitions": containers}});
        TaskDefinition::from_json(document, "test").expect("a task definition")
    }

    fn ran(container: &str, digest: Option<String>) -> RevisionImage {
        RevisionImage { container: container.into(), image: String::new(), digest }
    }

    fn stored(digest: String) -> Seen {
        Seen::Stored(StoredImage { digest, index: None, tags: Vec::new() })
    }

    /// One container; ECR answers these, by tag or digest.
    fn tried(
        reference: &str,
        recorded: Option<String>,
        answers: &[(&str, Seen)],
    ) -> Result<(Again, ContainerImage), Failure> {
        let mut images = images(&definition(&[("web", reference)]), &[ran("web", recorded)]);
        let looked = images.iter().flat_map(looks).map(|look| {
            let answer = answers.iter().find(|(name, _)| *name == look.tag_or_digest);
            let seen = answer.unwrap_or_else(|| panic!("{} was asked", look.tag_or_digest)).1.clone();
            (look, seen)
        });
        let looked = Looked(looked.collect());
        let again = again("web", &mut images, &looked)?;
        Ok((again, images.remove(0)))
    }

    #[test]
    fn what_is_pinned_or_has_its_tag_still_is_taken_as_it_is() {
        let (a, by_digest) = (digest("a"), format!("{HOST}/app@{}", digest("a")));
        let (again, image) = tried(&by_digest, None, &[(&a, stored(a.clone()))]).expect("it is there");
        assert_eq!((again, image.digest), (Again::default(), Some(a.clone())));
        let by_tag = format!("{HOST}/app:v1");
        let answers = [("v1", stored(a.clone())), (a.as_str(), stored(a.clone()))];
        let (again, image) = tried(&by_tag, Some(a.clone()), &answers).expect("it is there");
        assert_eq!((again, image.tags), (Again::default(), vec!["v1".to_owned()]));
    }

    #[test]
    fn a_tag_that_names_another_image_is_replaced_by_the_digest() {
        let (a, b) = (digest("a"), digest("b"));
        for now in [stored(b), Seen::Missing, Seen::Unseen("no permission".into())] {
            let answers = [("v1", now), (a.as_str(), stored(a.clone()))];
            let (again, _) =
                tried(&format!("{HOST}/app:v1"), Some(a.clone()), &answers).expect("it is there");
            assert_eq!(again.pins, [("web".to_owned(), format!("{HOST}/app@{a}"))]);
            assert_eq!(again.notes.len(), 1, "{:?}", again.notes);
        }
    }

    #[test]
    fn what_ecr_has_no_more_is_refused_before_anything_is_changed() {
        let a = digest("a");
        for gone in [Seen::Missing, Seen::NoRepository] {
            let answers = [("v1", stored(digest("b"))), (a.as_str(), gone.clone())];
            let failure =
                tried(&format!("{HOST}/app:v1"), Some(a.clone()), &answers).expect_err("it is gone");
            assert_eq!(failure.exit_code, crate::failure::ExitCode::BadInput);
            assert!(failure.message.contains(&a) && failure.hint.is_some(), "{failure}");
            // Nobody knows its digest: the tag is all that there is.
            tried(&format!("{HOST}/app"), None, &[("latest", gone)]).expect_err("it is gone");
        }
    }

    #[test]
    fn what_nobody_can_know_is_a_note_and_no_claim() {
        let a = digest("a");
        let (again, image) =
            tried(&format!("{HOST}/app:v1"), None, &[("v1", stored(a.clone()))]).expect("a tag");
        assert!(again.notes[0].contains("not recorded") && again.pins.is_empty());
        assert_eq!(image.digest, None, "what the tag names now is not what ran");
        let (again, _) = tried("nginx:1.27", Some(a.clone()), &[]).expect("it is elsewhere");
        assert!(again.notes[0].contains("is not in ECR") && again.notes[0].contains("tag 1.27"));
        let unseen = [(a.as_str(), Seen::Unseen("no permission".into()))];
        let (again, _) = tried(&format!("{HOST}/app@{a}"), None, &unseen).expect("of another account");
        assert!(again.notes[0].contains("was not seen: no permission"));
    }
}
