//! The witness in front of what a container starts, and what it starts without it.
//!
//! A container's `entryPoint` puts the image's CMD out of force, so that words of the image that the container takes are
//! written out. A label tells the next run which they are: another image may have other words.

use serde_json::{Map, Value, json};

use super::{TaskDefinition, name_of};
use crate::failure::Failure;
use crate::untrusted::{phrase, printable};
use crate::witness::{ImageProcess, PATH};

/// The label of a container that has the witness in front; its value lists the fields that are the image's words.
const LABEL: &str = "fargate-migrate.witness";
/// Its value where no field is.
const NONE: &str = "none";
/// Ends the witness's own flags.
const END_OF_FLAGS: &str = "--";

/// The witness, and what is known of the image that it is in.
#[derive(Debug, Clone, Copy)]
pub struct InFront<'a> {
    pub flags: &'a [String],
    pub image: &'a ImageProcess,
}

impl TaskDefinition {
    /// Tells whether a container starts the witness, put there by an earlier run.
    pub(crate) fn has_witness(&self, container: &str) -> bool {
        self.container(container).is_some_and(|object| label(object).is_some())
    }

    /// Returns the definition without the witness that an earlier run has put in front of the container's command.
    pub(crate) fn without_witness(&self, container: &str) -> Self {
        let mut own = self.clone();
        if let Some(object) = own.container_mut(container) {
            remove(object);
        }
        own
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        let containers = self.document.get_mut("containerDefinitions")?.as_array_mut()?;
        containers.iter_mut().filter_map(Value::as_object_mut).find(|object| name_of(object) == Some(name))
    }

    /// Fails where a container starts nothing, so that the witness would have no command.
    pub(super) fn put_in_front(&mut self, container: &str, witness: &InFront<'_>) -> Result<(), Failure> {
        let name = self.name();
        let Some(object) = self.container_mut(container) else { return Ok(()) };
        let own_entry = words(object, "entryPoint");
        let own_command = words(object, "command");
        let mut of_image = Vec::new();
        let entry = own_entry.clone().unwrap_or_else(|| {
            of_image.push("entryPoint");
            witness.image.entry_point.clone()
        });
        let command = match own_command {
            None if own_entry.is_none() && !witness.image.command.is_empty() => {
                of_image.push("command");
                Some(witness.image.command.clone())
            }
            own => own,
        };
        let mut line = entry.iter().chain(command.iter().flatten());
        if line.next().is_some_and(|program| program.rsplit('/').next() == Some("witness")) {
            return Err(Failure::input(format!(
                "container {} of task definition {} starts the witness already",
                printable(container, 255),
                phrase(&name)
            ))
            .hint("omit --witness: the image or the task definition has it"));
        }
        if entry.is_empty() && command.is_none() {
            return Err(Failure::input(format!(
                "container {} of task definition {} starts nothing: it has neither entryPoint nor command, and its image \
                 neither ENTRYPOINT nor CMD",
                printable(container, 255),
                phrase(&name)
            ))
            .hint("give the container the command that migrates, in the task definition or as CMD in the Dockerfile"));
        }
        let line: Vec<&str> = [PATH]
            .into_iter()
            .chain(witness.flags.iter().map(String::as_str))
            .chain([END_OF_FLAGS])
            .chain(entry.iter().map(String::as_str))
            .collect();
        object.insert("entryPoint".into(), json!(line));
        if let Some(command) = command {
            object.insert("command".into(), json!(command));
        }
        let value = if of_image.is_empty() { NONE.to_owned() } else { of_image.join(",") };
        let labels = object.entry("dockerLabels").or_insert(Value::Null);
        if !labels.is_object() {
            *labels = json!({});
        }
        labels[LABEL] = value.into();
        Ok(())
    }
}

/// Removes the witness, with the words of the image that came with it.
pub(super) fn remove(object: &mut Map<String, Value>) {
    let Some(of_image) = label(object).map(str::to_owned) else { return };
    let is_of_image = |field: &str| of_image.split(',').any(|known| known == field);
    if is_of_image("entryPoint") {
        object.shift_remove("entryPoint");
    } else if let Some(line) = words(object, "entryPoint")
        && line.first().is_some_and(|first| first == PATH)
        && let Some(end) = line.iter().position(|word| word == END_OF_FLAGS)
    {
        object.insert("entryPoint".into(), json!(line[end + 1..]));
    }
    if is_of_image("command") {
        object.shift_remove("command");
    }
    if let Some(labels) = object.get_mut("dockerLabels").and_then(Value::as_object_mut) {
        labels.shift_remove(LABEL);
        if labels.is_empty() {
            object.shift_remove("dockerLabels");
        }
    }
}

/// Returns the words of an entry point that were given in the clear: the witness's own, and the image's. Those that stood
/// in the definition before may hold a secret.
pub(super) fn in_the_clear(object: &Map<String, Value>) -> Option<Vec<Value>> {
    let of_image = label(object)?.split(',').any(|field| field == "entryPoint");
    let line = words(object, "entryPoint").filter(|line| line.first().is_some_and(|first| first == PATH))?;
    let end = line.iter().position(|word| word == END_OF_FLAGS).map_or(line.len(), |end| end + 1);
    let shown = if of_image { line.len() } else { end };
    let rest = (shown < line.len()).then(|| json!("(hidden)"));
    Some(line[..shown].iter().map(|word| json!(word)).chain(rest).collect())
}

fn label(object: &Map<String, Value>) -> Option<&str> {
    object.get("dockerLabels")?.get(LABEL)?.as_str()
}

/// Returns the words of a field; none where it is absent or empty, which ECS takes for the same.
fn words(object: &Map<String, Value>, field: &str) -> Option<Vec<String>> {
    let words = object.get(field)?.as_array()?;
    (!words.is_empty()).then(|| super::strings(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(container: &Value) -> TaskDefinition {
        let mut own = json!({"name": "web", "image": "x:1"});
        own.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
        let document =
            json!({"family": "f", "containerDefinitions": [{"name": "proxy", "image": "y:1"}, own]});
        TaskDefinition::from_json(document, "test").expect("a task definition")
    }

    fn image(entry_point: &[&str], command: &[&str]) -> ImageProcess {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        ImageProcess { entry_point: owned(entry_point), command: owned(command) }
    }

    fn put(before: &TaskDefinition, image: &ImageProcess) -> Result<TaskDefinition, Failure> {
        let flags = ["--history=django".to_owned()];
        let mut after = before.clone();
        after.put_in_front("web", &InFront { flags: &flags, image }).map(|()| after)
    }

    /// What the container starts, and the label, as the images' and definitions' words are combined by a runtime.
    #[test]
    fn the_witness_starts_what_the_container_would_have_started() {
        let front = [PATH, "--history=django", "--"];
        for (container, image, entry, command, label) in [
            (
                json!({}),
                image(&["tini", "--"], &["migrate"]),
                vec!["tini", "--"],
                Some(vec!["migrate"]),
                "entryPoint,command",
            ),
            (json!({}), image(&[], &["migrate"]), vec![], Some(vec!["migrate"]), "entryPoint,command"),
            (json!({}), image(&["migrate"], &[]), vec!["migrate"], None, "entryPoint"),
            (
                json!({"command": ["up"]}),
                image(&["tini"], &["serve"]),
                vec!["tini"],
                Some(vec!["up"]),
                "entryPoint",
            ),
            // An entry point of the container's own puts the image's command out of force.
            (
                json!({"entryPoint": ["sh", "-c"], "command": ["up"]}),
                image(&["x"], &["y"]),
                vec!["sh", "-c"],
                Some(vec!["up"]),
                "none",
            ),
            (json!({"entryPoint": ["up"], "command": []}), image(&["x"], &["y"]), vec!["up"], None, "none"),
        ] {
            let before = definition(&container);
            let after = put(&before, &image).unwrap();
            let words: Vec<&str> = front.into_iter().chain(entry).collect();
            assert_eq!(after.entry_point("web").unwrap(), words, "{container}");
            let command = command.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(after.command("web"), command, "{container}");
            assert_eq!(
                after.document["containerDefinitions"][1]["dockerLabels"][LABEL], label,
                "{container}"
            );
            assert_eq!(after.document["containerDefinitions"][0], before.document["containerDefinitions"][0]);
            assert!(after.has_witness("web") && !after.has_witness("proxy") && !before.has_witness("web"));
        }
    }

    #[test]
    fn without_it_the_definition_is_what_it_was() {
        for container in [
            json!({}),
            json!({"command": ["up"]}),
            json!({"entryPoint": ["sh", "-c", "exec \"$@\"", "--"], "command": ["up"], "dockerLabels": {"a": "b"}}),
        ] {
            let before = definition(&container);
            let after = put(&before, &image(&["x"], &["y"])).unwrap();
            assert!(after.without_witness("web").same_as(&before), "{container}");
            assert_eq!(after.without_witness("web").document, before.document, "{container}");
            // Twice is once, with the words of the newer image.
            let again = put(&after.without_witness("web"), &image(&["x"], &["z"])).unwrap();
            assert_eq!(again.document, put(&before, &image(&["x"], &["z"])).unwrap().document, "{container}");
        }
    }

    #[test]
    fn a_diff_shows_what_was_given_in_the_clear() {
        let own = definition(&json!({"entryPoint": ["tini", "--password=x"], "command": ["up"]}));
        let diff = own.diff(&put(&own, &image(&["x"], &["y"])).unwrap(), &[]);
        assert!(
            diff.contains(&format!(r#"+ entryPoint = ["{PATH}", "--history=django", "--", "(hidden)"]"#)),
            "{diff}"
        );
        assert!(
            !diff.contains("password") && diff.contains("+ dockerLabels.fargate-migrate.witness = none"),
            "{diff}"
        );
        let of_image = definition(&json!({}));
        let diff = of_image.diff(&put(&of_image, &image(&["tini"], &["up"])).unwrap(), &[]);
        assert!(
            diff.contains(&format!(r#"+ entryPoint = ["{PATH}", "--history=django", "--", "tini"]"#)),
            "{diff}"
        );
        assert!(diff.contains(r#"+ command = ["up"]"#), "{diff}");
    }

    #[test]
    fn what_another_has_labelled_or_changed_is_left_as_far_as_it_is_not_known() {
        let none = definition(&json!({"entryPoint": ["a", "--", "b"]}));
        assert_eq!(none.without_witness("web").document, none.document);
        let changed = definition(&json!({"entryPoint": ["a", "--", "b"], "dockerLabels": {LABEL: "none"}}));
        assert_eq!(changed.without_witness("web").entry_point("web").unwrap(), ["a", "--", "b"]);
    }

    #[test]
    fn a_container_that_starts_nothing_or_the_witness_is_refused() {
        for (container, image) in [
            (json!({}), image(&["/usr/local/bin/witness", "--"], &["up"])),
            (json!({}), image(&[], &["witness", "--", "up"])),
            (json!({"entryPoint": ["witness", "--history=knex", "--"], "command": ["up"]}), image(&[], &[])),
        ] {
            let twice = put(&definition(&container), &image).unwrap_err();
            assert!(twice.message.contains("starts the witness already"), "{container}: {twice}");
        }
        let failure = put(&definition(&json!({})), &image(&[], &[])).unwrap_err();
        assert!(
            failure.message.starts_with("container web of task definition f starts nothing"),
            "{failure}"
        );
        assert!(failure.hint.is_some());
    }
}
