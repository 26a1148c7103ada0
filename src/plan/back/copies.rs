//! Pure: which task definitions of a record say the same. A copy that a rollback has registered has the content of
//! its original, under another ARN.

use std::collections::{BTreeMap, HashMap};

use super::history::ServiceHistory;
use crate::image_reference::ImageReference;
use crate::ports::ServiceRevision;
use crate::task_definition::{Patch, TaskDefinition};

/// Task definitions that are read, at most, to tell copies from others. The rest stays unclear.
pub(crate) const MAX_ALIKE: usize = 50;

/// The digests of a revision's images, by container.
type Digests<'a> = BTreeMap<&'a str, Option<&'a str>>;

impl ServiceHistory {
    /// Returns the task definitions, as ARNs, that only their documents tell apart, since they ran with the same
    /// digests: [`MAX_ALIKE`] at most. Those with the digests of what runs now come first, and the newest first
    /// within each group.
    pub(crate) fn alike(&self) -> Vec<String> {
        let mut alike: Vec<String> = Vec::new();
        for group in self.groups() {
            for revision in group {
                if !alike.contains(&revision.task_definition) {
                    alike.push(revision.task_definition.clone());
                }
            }
        }
        alike.truncate(MAX_ALIKE);
        alike
    }

    /// Takes the documents of those task definitions, by ARN. What has no document stays unclear.
    pub(crate) fn told_apart(&mut self, definitions: &HashMap<String, TaskDefinition>) {
        let mut meanings: Vec<(String, Option<String>)> = Vec::new();
        for group in self.groups() {
            let mut distinct: Vec<(TaskDefinition, String)> = Vec::new();
            for revision in group {
                let document =
                    definitions.get(&revision.task_definition).and_then(|one| pinned(one, revision));
                let meaning = document.map(|document| {
                    let known = distinct.iter().find(|(other, _)| other.same_as(&document));
                    if let Some((_, meaning)) = known {
                        return meaning.clone();
                    }
                    distinct.push((document, revision.task_definition.clone()));
                    revision.task_definition.clone()
                });
                meanings.push((revision.arn.clone(), meaning));
            }
        }
        for (revision, meaning) in meanings {
            self.means(&revision, meaning);
        }
    }

    /// Returns groups of revisions with the same digests, where their task definitions differ.
    fn groups(&self) -> Vec<Vec<&ServiceRevision>> {
        let mut revisions: Vec<&ServiceRevision> = self.revisions.values().collect();
        revisions.sort_by(|one, other| (other.created_at, &other.arn).cmp(&(one.created_at, &one.arn)));
        let mut groups: Vec<(Digests<'_>, Vec<&ServiceRevision>)> = Vec::new();
        for revision in revisions {
            let own = digests(revision);
            match groups.iter_mut().find(|(digests, _)| *digests == own) {
                Some((_, group)) => group.push(revision),
                None => groups.push((own, vec![revision])),
            }
        }
        groups.retain(|(digests, group)| {
            let is_other = |one: &&ServiceRevision| one.task_definition != group[0].task_definition;
            !digests.is_empty() && group.iter().any(is_other)
        });
        let current = self.current.as_ref().map(digests);
        groups.sort_by_key(|(digests, _)| Some(digests) != current.as_ref());
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

fn digests(revision: &ServiceRevision) -> Digests<'_> {
    let images = revision.images.iter();
    images.map(|image| (image.container.as_str(), image.digest.as_deref())).collect()
}

/// Returns the task definition with the images that ran, named by their digests, so that another name of the same
/// image is not a difference. None where it lacks a container that ran.
fn pinned(definition: &TaskDefinition, ran: &ServiceRevision) -> Option<TaskDefinition> {
    let mut pinned = definition.clone();
    for image in &ran.images {
        let Some(digest) = &image.digest else { continue };
        let repository = ImageReference::parse(definition.image(&image.container)?).repository();
        let patch = Patch { image: format!("{repository}@{digest}"), ..Patch::default() };
        pinned = pinned.patched(&image.container, &patch).ok()?;
    }
    Some(pinned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::back::ran::Earlier;
    use crate::plan::back::samples::*;

    /// `web:<number>` with this image and this variable.
    fn definition(number: usize, image: &str, variable: &str) -> TaskDefinition {
        let document = json!({"taskDefinition": {
            "taskDefinitionArn": definition_arn(number), "family": "web", "revision": number, "status": "ACTIVE",
            "containerDefinitions": [{
                "name": "web", "image": image, "environment": [{"name": "MODE", "value": variable}],
            }],
        }});
        TaskDefinition::from_json(document, "test").expect("a task definition")
    }

    fn read(definitions: &[TaskDefinition]) -> HashMap<String, TaskDefinition> {
        let arn = |one: &TaskDefinition| one.arn().expect("an ARN").to_owned();
        definitions.iter().map(|one| (arn(one), one.clone())).collect()
    }

    fn tag(tag: &str) -> String {
        format!("{REPOSITORY}:{tag}")
    }

    /// A, B, C, and the copy of B, which runs.
    fn copied() -> ServiceHistory {
        history(&[revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "c"), revision(4, 4, "b")])
    }

    #[test]
    fn a_copy_is_what_it_is_a_copy_of() {
        let mut record = copied();
        assert_eq!(record.alike(), [definition_arn(4), definition_arn(2)], "and no other is read");
        let copy = definition(4, &format!("{REPOSITORY}@{}", digest("b")), "x");
        record.told_apart(&read(&[copy, definition(2, &tag("b"), "x")]));
        assert_eq!(record.before(), Earlier::Found(3));
        assert!(record.is_current(&revision(2, 2, "b")));
        assert_eq!(record.place_of(&revision_arn(2)), Some(0));
    }

    #[test]
    fn the_same_images_with_other_settings_are_another_content() {
        let mut record = copied();
        record.told_apart(&read(&[definition(4, &tag("b"), "x"), definition(2, &tag("b"), "y")]));
        assert_eq!(record.before(), Earlier::Found(1));
        assert!(!record.is_current(&revision(2, 2, "b")));
    }

    #[test]
    fn what_cannot_be_told_apart_from_what_runs_closes() {
        // web:2 is deleted.
        let mut record = copied();
        record.told_apart(&read(&[definition(4, &tag("b"), "x")]));
        assert_eq!(record.before(), Earlier::Unclear(2));
        // Nobody knows which images the two ran.
        let bare = |number: usize, definition: usize| {
            let mut one = revision(number, definition, "b");
            one.images[0].digest = None;
            one
        };
        let mut record = history(&[revision(1, 1, "a"), bare(2, 2), revision(3, 3, "c"), bare(4, 4)]);
        record.told_apart(&read(&[definition(4, &tag("b"), "x"), definition(2, &tag("b"), "x")]));
        assert_eq!(record.before(), Earlier::Unclear(2));
        // What is newer than what runs was left, whatever it is.
        let mut record =
            history(&[revision(1, 1, "a"), revision(2, 2, "b"), revision(3, 3, "b"), revision(4, 2, "b")]);
        record.told_apart(&read(&[definition(2, &tag("b"), "x")]));
        assert_eq!(record.before(), Earlier::Found(3));
    }

    #[test]
    fn more_than_fifty_are_not_read() {
        let all: Vec<ServiceRevision> =
            (1..=MAX_ALIKE + 10).map(|number| revision(number, number, "b")).collect();
        let mut record = history(&all);
        let alike = record.alike();
        assert_eq!((alike.len(), &alike[0]), (MAX_ALIKE, &definition_arn(MAX_ALIKE + 10)), "the newest");
        let known: Vec<TaskDefinition> =
            (11..=MAX_ALIKE + 10).map(|number| definition(number, &tag("b"), &number.to_string())).collect();
        record.told_apart(&read(&known));
        assert_eq!(record.before(), Earlier::Unclear(MAX_ALIKE + 9));
    }
}
