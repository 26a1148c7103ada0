//! What a reviewer reads before a revision is registered.
//!
//! A diff is posted on pull requests, so it shows what is known to be harmless and hides the rest: values of
//! variables that the run does not set, and texts in fields that take anything (labels, options, health checks,
//! unknown fields). A value that changed is marked, also where it is hidden. A command may hold a password, so only a
//! new one is shown: it was given in the clear, and a reviewer must see what will run.

use std::collections::{HashMap, VecDeque};

use serde_json::{Map, Value};
use similar::TextDiff;

use super::same::normal;
use super::{TaskDefinition, name_of, witness};
use crate::database_name::{PLACEHOLDER, why_invalid};
use crate::exact_json;
use crate::untrusted::{phrase, printable};

/// Fields of a task or a container whose texts are names, modes and sizes: no place for a secret.
const HARMLESS: [&str; 37] = [
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "requiresCompatibilities",
    "runtimePlatform",
    "placementConstraints",
    "containers",
    "volumes.name",
    "volumes.host",
    "volumes.efsVolumeConfiguration",
    "image",
    "repositoryCredentials",
    "links",
    "portMappings",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "dependsOn",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "dnsServers",
    "dnsSearchDomains",
    "ulimits",
    "resourceRequirements",
    "credentialSpecs",
    "logConfiguration.logDriver",
    "logConfiguration.secretOptions",
    "logConfiguration.options.mode",
    // Which words are the image's.
    "dockerLabels.fargate-migrate.witness",
];

/// One value of the document.
struct Leaf {
    name: String,
    /// Decides whether it changed; never shown as such.
    raw: String,
    /// As shown; hidden when absent.
    text: Option<String>,
    /// Shown on the new side when it changed.
    shown_if_new: Option<String>,
    /// ` = `, or ` ← ` for what comes from elsewhere.
    link: &'static str,
}

/// Where a reviewer looks for values: its name, and at least one of them.
type Section = (String, Vec<Leaf>);

impl TaskDefinition {
    /// Returns a unified diff from this document to `to`, by section, empty when they are the same. Values of the
    /// environment are shown, old and new, only for the variables that the run sets (the last argument).
    pub fn diff(&self, to: &Self, ours: &[&str]) -> String {
        if self.same_as(to) {
            return String::new();
        }
        let (old, new) = (sections(self, ours), sections(to, ours));
        let next = if to.revision.is_some() { to.name() } else { format!("{} (next revision)", to.family) };
        let mut text = format!("--- {}\n+++ {}\n", phrase(&self.name()), phrase(&next));
        let header = text.len();
        for (name, _) in old.iter().chain(new.iter().filter(|(name, _)| leaves(&old, name).is_empty())) {
            let (before, after) = (leaves(&old, name), leaves(&new, name));
            hunks(&mut text, name, &lines(before, None), &lines(after, Some(before)));
        }
        if text.len() == header {
            text.push_str("@@ task @@\n- (not shown)\n+ (not shown, changed)\n");
        }
        text
    }
}

fn leaves<'a>(sections: &'a [Section], name: &str) -> &'a [Leaf] {
    sections.iter().find(|(known, _)| known == name).map_or(&[], |(_, leaves)| leaves)
}

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

fn hunks(text: &mut String, section: &str, before: &[String], after: &[String]) {
    let [before, after] = [before, after].map(|side| side.iter().map(String::as_str).collect::<Vec<_>>());
    let diff = TextDiff::from_slices(&before, &after);
    for group in diff.grouped_ops(CONTEXT) {
        text.push_str(&format!("@@ {section} @@\n"));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            text.push_str(&format!("{} {}\n", change.tag(), change.value()));
        }
    }
}

/// Writes each leaf as a line. A leaf that looks as it did in `old` and has another value says so.
fn lines(leaves: &[Leaf], old: Option<&[Leaf]>) -> Vec<String> {
    // A name that stands there twice is matched in order.
    let mut known: HashMap<&str, VecDeque<&Leaf>> = HashMap::new();
    for leaf in old.into_iter().flatten() {
        known.entry(&leaf.name).or_default().push_back(leaf);
    }
    let line = |leaf: &Leaf| {
        let was = known.get_mut(leaf.name.as_str()).and_then(VecDeque::pop_front);
        let changed = was.is_some_and(|was| was.raw != leaf.raw);
        let is_new = old.is_some() && (changed || was.is_none());
        let text = leaf.text.as_ref().or_else(|| leaf.shown_if_new.as_ref().filter(|_| is_new));
        let value = match text {
            Some(text) if changed && was.is_some_and(|was| was.text.as_ref() == Some(text)) => {
                format!("{text} (changed)")
            }
            Some(text) => text.clone(),
            None if changed => "(hidden, changed)".into(),
            None => "(hidden)".into(),
        };
        format!("{}{}{value}", leaf.name, leaf.link)
    };
    leaves.iter().map(line).collect()
}

fn sections(definition: &TaskDefinition, ours: &[&str]) -> Vec<Section> {
    let document = normal(&definition.document);
    let Some(task) = document.as_object() else { return Vec::new() };
    let mut sections: Vec<Section> = Vec::new();
    let mut add =
        |name: String, leaves: Vec<Leaf>| match sections.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => known.extend(leaves),
            None if leaves.is_empty() => {}
            None => sections.push((name, leaves)),
        };
    let mut containers = Vec::new();
    flatten(&mut containers, "containers", "containers", &Value::from(definition.container_names()));
    add("task".into(), fields(containers, task, &["containerDefinitions", "tags"]));
    let containers = task.get("containerDefinitions").and_then(Value::as_array);
    for container in containers.into_iter().flatten().filter_map(Value::as_object) {
        let section = format!("container {}", printable(name_of(container).unwrap_or_default(), 255));
        let mut own = fields(Vec::new(), container, &["name", "environment", "secrets"]);
        if let Some(leaf) = own.iter_mut().find(|leaf| leaf.name == "entryPoint") {
            leaf.shown_if_new = witness::in_the_clear(container).map(|line| words(&line));
        }
        add(section.clone(), own);
        let variables = entries(container.get("environment"), |name, entry| {
            let value = entry.get("value").and_then(Value::as_str).unwrap_or_default();
            let text = ours.contains(&name).then(|| printable(value, 1000));
            // A URL that stood there before may have a password.
            let is_harmless = value == PLACEHOLDER || why_invalid(value).is_none();
            (" = ", text.clone().filter(|_| is_harmless), text)
        });
        add(format!("{section}: environment"), variables);
        let secrets = entries(container.get("secrets"), |_, entry| {
            (" ← ", entry.get("valueFrom").and_then(Value::as_str).map(|arn| printable(arn, 1000)), None)
        });
        add(format!("{section}: secrets"), secrets);
    }
    let tags = entries(task.get("tags"), |_, tag| {
        (" = ", Some(phrase(tag.get("value").and_then(Value::as_str).unwrap_or_default())), None)
    });
    add("tags".into(), tags);
    sections
}

/// Lists the fields of an object except those that have sections of their own, sorted with the `leaves` before them.
fn fields(mut leaves: Vec<Leaf>, object: &Map<String, Value>, apart: &[&str]) -> Vec<Leaf> {
    for (key, value) in object.iter().filter(|(key, _)| !apart.contains(&key.as_str())) {
        flatten(&mut leaves, &printable(key, 100), key, value);
    }
    leaves.sort_by(|a, b| a.name.cmp(&b.name));
    leaves
}

/// Makes one leaf for each entry of a list of `{name, …}` (or, for tags, `{key, …}`). `shown` gives what links name
/// and text, and the text as it is always shown, and as it is when it is new.
fn entries(
    list: Option<&Value>,
    shown: impl Fn(&str, &Value) -> (&'static str, Option<String>, Option<String>),
) -> Vec<Leaf> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    let leaf = |entry: &Value| {
        let name = entry.get("name").or_else(|| entry.get("key")).and_then(Value::as_str);
        let name = name.unwrap_or("(no name)");
        let (link, text, shown_if_new) = shown(name, entry);
        Leaf { name: phrase(name), raw: canonical(entry), text, shown_if_new, link }
    };
    entries.map(leaf).collect()
}

/// Adds the leaves of a value. `shown` is the path for a reader, with indexes; `path` decides whether a text is
/// harmless.
fn flatten(leaves: &mut Vec<Leaf>, shown: &str, path: &str, value: &Value) {
    let harmless = is_harmless(path);
    let text = match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let shown = format!("{shown}.{}", printable(key, 100));
                flatten(leaves, &shown, &format!("{path}.{key}"), value);
            }
            return;
        }
        Value::Array(list) if list.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, item) in list.iter().enumerate() {
                flatten(leaves, &format!("{shown}[{index}]"), path, item);
            }
            return;
        }
        Value::String(text) => match exact_json::number(text) {
            Some(number) => Some(printable(number, 1000)),
            None => harmless.then(|| printable(text, 1000)),
        },
        Value::Array(list) => (harmless || list.is_empty()).then(|| words(list)),
        other => Some(other.to_string()),
    };
    let shown_if_new = match value {
        Value::Array(list) if path == "command" => Some(words(list)),
        _ => None,
    };
    leaves.push(Leaf { name: shown.to_owned(), raw: canonical(value), text, shown_if_new, link: " = " });
}

fn is_harmless(path: &str) -> bool {
    let within =
        |field: &str| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    path.starts_with("logConfiguration.options.awslogs-") || HARMLESS.iter().any(|field| within(field))
}

/// Writes a list of words: `["app", "migrate"]`.
fn words(list: &[Value]) -> String {
    let words: Vec<String> = list.iter().map(|word| printable(&exact_json::text(word), 1000)).collect();
    format!("[{}]", words.join(", "))
}

/// Writes the value in a form in which the order of keys does not matter.
fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}
