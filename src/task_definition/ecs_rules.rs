//! What ECS refuses of a task definition, so that a plan says it before anything is changed.
//!
//! A rule stands here when AWS's documentation or an answer of ECS states it; its comment says which. What is
//! not known for certain is left to ECS. ECS's own words follow `ECS:`.

mod containers;
mod limits;
mod roles;
mod volumes;

use serde_json::{Map, Value};

use super::{TaskDefinition, name_of};
use crate::exact_json;
use crate::failure::Failure;
use crate::untrusted::{phrase, printable};

/// A task definition as the rules look at it.
struct Judged<'a> {
    task: &'a Map<String, Value>,
    containers: Vec<&'a Map<String, Value>>,
    /// The container that migrates.
    migration: &'a str,
    /// Bytes of its JSON.
    size: usize,
}

/// A rule that is broken.
struct Broken {
    /// What the task definition has or lacks; follows its name.
    what: String,
    /// An imperative.
    fix: String,
}

type Rule = fn(&Judged<'_>) -> Option<Broken>;

/// What keeps a task from being started on Fargate, or from migrating once, whatever ECS said when the definition was
/// registered: ECS looks at it when the task starts.
const ALWAYS: [Rule; 3] = [roles::of_ecr_images, volumes::configured_at_launch, containers::restart_policy];

/// What ECS looks at when a definition for Fargate is registered.
const AT_REGISTRATION: [Rule; 29] = [
    roles::of_private_registries,
    roles::of_secrets,
    roles::of_environment_files,
    roles::of_awslogs,
    limits::family,
    limits::size,
    limits::tags,
    limits::task_size,
    limits::shares,
    limits::ephemeral_storage,
    containers::count,
    containers::names,
    containers::essential,
    containers::images,
    containers::credentials_beside_ecr,
    containers::members_of_others,
    containers::kernel,
    containers::secrets,
    containers::environment_files,
    containers::ports,
    containers::logs,
    containers::timeouts,
    containers::health_checks,
    containers::dependencies,
    containers::dependency_cycles,
    volumes::kinds,
    volumes::efs,
    volumes::mounts,
    limits::members_of_others,
];

impl TaskDefinition {
    /// Judges a document that is to be registered, or run, on Fargate.
    ///
    /// `registered` is what it was made from, when ECS has registered that for Fargate: a rule that this breaks as
    /// well is not a rule of ECS any more.
    ///
    /// # Errors
    /// ECS would refuse it, or a task of it would not migrate once; with the fix.
    pub(crate) fn check_rules(&self, migration: &str, registered: Option<&Self>) -> Result<(), Failure> {
        let Some(judged) = self.judged(migration) else { return Ok(()) };
        let before = registered.and_then(|base| base.judged(migration));
        let is_known = |rule: &Rule| before.as_ref().is_some_and(|before| rule(before).is_some());
        let always = ALWAYS.iter().find_map(|rule| rule(&judged));
        let broken = always
            .or_else(|| AT_REGISTRATION.iter().find_map(|rule| rule(&judged).filter(|_| !is_known(rule))));
        match broken {
            None => Ok(()),
            Some(Broken { what, fix }) => {
                Err(Failure::input(format!("task definition {} {what}", phrase(&self.name()))).hint(fix))
            }
        }
    }

    fn judged<'a>(&'a self, migration: &'a str) -> Option<Judged<'a>> {
        let task = self.document.as_object()?;
        let tags = task.get("tags").map_or(0, |tags| format!(r#""tags":{tags},"#).len());
        Some(Judged {
            task,
            containers: self.containers().collect(),
            migration,
            size: exact_json::text(&self.document).len() - tags,
        })
    }
}

impl Judged<'_> {
    fn has_role(&self) -> bool {
        text(self.task, "executionRoleArn").is_some()
    }

    /// Finds the first container that breaks a rule; the result begins with its name.
    fn each(&self, broken: impl Fn(&Map<String, Value>) -> Option<(String, String)>) -> Option<Broken> {
        self.containers.iter().find_map(|container| {
            let (what, fix) = broken(container)?;
            Some(Broken { what: format!("has a container {} {what}", shown(container)), fix })
        })
    }

    fn container(&self, name: &str) -> Option<&Map<String, Value>> {
        self.containers.iter().copied().find(|container| name_of(container) == Some(name))
    }
}

/// Returns a container's name, for a message.
fn shown(container: &Map<String, Value>) -> String {
    printable(name_of(container).unwrap_or_default(), 255)
}

/// Returns a text that is there and not empty.
fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

/// Lists the objects of a list; none where there is no list.
fn objects<'a>(object: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a Map<String, Value>> {
    object.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// Tells whether a member says anything: AWS's JSON takes null for absent, and "", [], {} and false ask for nothing.
fn given(object: &Map<String, Value>, key: &str) -> bool {
    match object.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(members)) => !members.is_empty(),
        Some(_) => true,
    }
}

fn number(object: &Map<String, Value>, key: &str) -> Option<f64> {
    object.get(key)?.as_f64()
}

/// Tells whether a name has 1 to 255 letters, digits, hyphens and underscores: family, container, volume.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=255).contains(&text.len()) && text.chars().all(allowed)
}
