//! The ECS task definition as raw JSON, so that registering it again loses nothing.
//!
//! A typed client drops what it does not know: a field that AWS added last week would vanish from the next revision.
//! Here a document is only ever patched ([`Patch`]); everything else stays as ECS wrote it.

mod choice;
mod diff;
mod ecr;
mod ecs_rules;
mod elsewhere;
mod images;
mod patch;
mod read;
mod restart;
mod same;
mod witness;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod properties;

use serde_json::{Map, Value};

use crate::failure::{Failure, listed};
use crate::ports::ImagePlatform;
use crate::untrusted::{phrase, printable};

pub use choice::Part;
pub use elsewhere::{Elsewhere, tells, word_tells};
pub use patch::Patch;
pub use restart::Restart;
pub use witness::InFront;

/// One task definition in the form that RegisterTaskDefinition takes, and what ECS said about it.
#[derive(Clone)]
pub struct TaskDefinition {
    document: Value,
    family: String,
    arn: Option<String>,
    revision: Option<u64>,
    status: Option<String>,
    /// What ECS found it fit for; unknown for a document that was never registered.
    compatibilities: Option<Vec<String>>,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logs {
    Awslogs {
        /// `awslogs-region`; absent means the cluster's.
        region: Option<String>,
        group: String,
        stream_prefix: String,
        /// `mode` says `blocking`: no line is lost. Absent means the account's default, which AWS made
        /// non-blocking in June 2025: lines that cannot be stored are dropped.
        blocking: bool,
    },
    /// awslogs, but without the option that names its log streams.
    Unlocatable {
        missing: &'static str,
    },
    /// Another driver, such as `awsfirelens`.
    OtherDriver(String),
    None,
}

impl TaskDefinition {
    pub fn family(&self) -> &str {
        &self.family
    }

    /// Returns the revision's ARN, when the document came from ECS and is unchanged.
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    pub fn revision(&self) -> Option<u64> {
        self.revision
    }

    /// Returns ACTIVE, INACTIVE or DELETE_IN_PROGRESS, when the document came from ECS.
    pub fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// Returns what a person calls it: `family:revision`, or the family alone.
    pub fn name(&self) -> String {
        match self.revision {
            Some(revision) => format!("{}:{revision}", self.family),
            None => self.family.clone(),
        }
    }

    pub fn container_names(&self) -> Vec<&str> {
        self.containers().filter_map(name_of).collect()
    }

    fn no_container(&self, named: &str) -> Failure {
        Failure::input(format!(
            "task definition {} has no container {}",
            phrase(&self.name()),
            printable(named, 255)
        ))
        .hint(format!("its containers: {}; choose with --container", listed_names(&self.container_names())))
    }

    pub fn image(&self, container: &str) -> Option<&str> {
        self.container(container)?.get("image")?.as_str()
    }

    /// Lists the roles of its tasks, as it names them: that of ECS first, then that of the containers.
    pub(crate) fn roles(&self) -> Vec<&str> {
        let input = self.register_input();
        ["executionRoleArn", "taskRoleArn"].into_iter().filter_map(|key| input.get(key)?.as_str()).collect()
    }

    /// Returns the value that a container's `environment` gives a variable; `environmentFiles` and `secrets` are not
    /// read.
    pub fn environment(&self, container: &str, name: &str) -> Option<&str> {
        let entries = self.container(container)?.get("environment")?.as_array()?;
        entries.iter().find(|entry| is_named(entry, name))?.get("value")?.as_str()
    }

    /// Lists the variables of a container's `environment`, as they stand: a name may be repeated.
    pub fn variables(&self, container: &str) -> impl Iterator<Item = (&str, &str)> {
        let entries =
            self.container(container).and_then(|container| container.get("environment")?.as_array());
        entries.into_iter().flatten().filter_map(|entry| {
            let text = |key: &str| entry.get(key).and_then(Value::as_str);
            Some((text("name")?, text("value").unwrap_or_default()))
        })
    }

    /// Tells whether the container takes a variable from a secret, or may take it from a file, where its
    /// `environment` does not set it.
    pub fn may_take_from_elsewhere(&self, container: &str, name: &str) -> bool {
        let list = |key: &str| self.container(container).and_then(|container| container.get(key)?.as_array());
        let has_files = list("environmentFiles").is_some_and(|files| !files.is_empty());
        has_files
            || list("secrets").is_some_and(|secrets| secrets.iter().any(|secret| is_named(secret, name)))
    }

    /// Returns what a container's variables come from besides its `environment`: addresses, no values.
    pub fn variables_from_elsewhere(&self, container: &str) -> [Option<&Value>; 2] {
        let list = |key: &str| {
            let list = self.container(container)?.get(key)?;
            list.as_array().is_some_and(|entries| !entries.is_empty()).then_some(list)
        };
        ["environmentFiles", "secrets"].map(list)
    }

    /// Returns the command that replaces the image's own; none when it replaces nothing.
    pub fn command(&self, container: &str) -> Option<Vec<String>> {
        self.words(container, "command")
    }

    /// Returns what replaces the image's own entry point; none when nothing does.
    pub fn entry_point(&self, container: &str) -> Option<Vec<String>> {
        self.words(container, "entryPoint")
    }

    fn words(&self, container: &str, key: &str) -> Option<Vec<String>> {
        let words = self.container(container)?.get(key)?.as_array()?;
        (!words.is_empty()).then(|| strings(words))
    }

    pub fn logs(&self, container: &str) -> Logs {
        let configuration = self.container(container).and_then(|container| container.get("logConfiguration"));
        let Some(driver) = configuration.and_then(|logs| logs.get("logDriver")?.as_str()) else {
            return Logs::None;
        };
        if driver != "awslogs" {
            return Logs::OtherDriver(driver.to_owned());
        }
        let option = |name: &str| {
            let text = configuration?.get("options")?.get(name)?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        match (option("awslogs-group"), option("awslogs-stream-prefix")) {
            (None, _) => Logs::Unlocatable { missing: "awslogs-group" },
            (_, None) => Logs::Unlocatable { missing: "awslogs-stream-prefix" },
            (Some(group), Some(stream_prefix)) => {
                let blocking = option("mode").as_deref() == Some("blocking");
                Logs::Awslogs { region: option("awslogs-region"), group, stream_prefix, blocking }
            }
        }
    }

    /// Returns the platform that an image must be built for: `linux/amd64` or `linux/arm64`. Any other one is an
    /// error.
    pub fn platform(&self) -> Result<&'static str, Failure> {
        let field = |name: &str| self.document.get("runtimePlatform")?.get(name)?.as_str();
        let refused = |what: String| {
            Failure::input(format!("task definition {} runs on {what}", phrase(&self.name())))
                .hint("migration images are Linux images for X86_64 or ARM64: change its runtimePlatform")
        };
        match field("operatingSystemFamily") {
            None | Some("LINUX") => {}
            Some(other) => return Err(refused(printable(other, 60))),
        }
        match field("cpuArchitecture") {
            None | Some("X86_64") => Ok("linux/amd64"),
            Some("ARM64") => Ok("linux/arm64"),
            Some(other) => Err(refused(printable(other, 60))),
        }
    }

    /// Returns the platform that an image must have, in the words of image indexes (RuntimePlatform); none for words
    /// that are not known.
    pub fn image_platform(&self) -> Option<ImagePlatform> {
        let field = |name: &str| self.document.get("runtimePlatform")?.get(name)?.as_str();
        let os = match field("operatingSystemFamily") {
            None | Some("LINUX") => "linux",
            Some(family) if family.starts_with("WINDOWS_SERVER_") => "windows",
            Some(_) => return None,
        };
        let architecture = match field("cpuArchitecture") {
            None | Some("X86_64") => "amd64",
            Some("ARM64") => "arm64",
            Some(_) => return None,
        };
        Some(ImagePlatform { os: os.into(), architecture: architecture.into() })
    }

    pub fn network_mode(&self) -> Option<&str> {
        self.document.get("networkMode")?.as_str()
    }

    /// Tells whether RunTask can start it on Fargate. What ECS found counts, then what the document requires; a
    /// document that says neither must have what Fargate requires: awsvpc, and cpu and memory of the whole task.
    pub fn is_fargate_compatible(&self) -> bool {
        let required = self.document.get("requiresCompatibilities").and_then(Value::as_array);
        match (&self.compatibilities, required) {
            (Some(found), _) => found.iter().any(|kind| kind == "FARGATE"),
            (None, Some(required)) if !required.is_empty() => required.iter().any(|kind| kind == "FARGATE"),
            _ => {
                let has = |key: &str| self.document.get(key).is_some_and(|value| !value.is_null());
                self.network_mode() == Some("awsvpc") && has("cpu") && has("memory")
            }
        }
    }

    /// Returns exactly what RegisterTaskDefinition is given: the document without its nine read-only keys, tags
    /// inside.
    pub fn register_input(&self) -> &Value {
        &self.document
    }

    fn containers(&self) -> impl Iterator<Item = &Map<String, Value>> {
        let list = self.document.get("containerDefinitions").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_object)
    }

    fn container(&self, name: &str) -> Option<&Map<String, Value>> {
        self.containers().find(|container| name_of(container) == Some(name))
    }
}

/// Names only: the document may hold secrets.
impl std::fmt::Debug for TaskDefinition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskDefinition")
            .field("family", &self.family)
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

fn name_of(object: &Map<String, Value>) -> Option<&str> {
    object.get("name")?.as_str()
}

fn is_named(entry: &Value, name: &str) -> bool {
    entry.get("name").and_then(Value::as_str) == Some(name)
}

fn listed_names(containers: &[&str]) -> String {
    listed(&containers.iter().map(|name| printable(name, 255)).collect::<Vec<_>>())
}

fn strings(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
