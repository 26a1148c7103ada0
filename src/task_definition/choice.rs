//! Which container migrates: the one that is named, or the only one that could be it. Nothing is guessed.

use serde_json::{Map, Value};

use super::{Restart, TaskDefinition, listed_names, name_of};
use crate::failure::Failure;
use crate::untrusted::{phrase, printable};

/// A container's part in its task, as far as its definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its end ends the task. ECS takes an absent `essential` as true.
    pub is_essential: bool,
    pub restart: Restart,
    /// Containers that start when it has ended: `dependsOn` with COMPLETE or SUCCESS.
    pub awaited_by: Vec<String>,
}

impl Default for Part {
    /// Makes the part of a container of which nothing is said.
    fn default() -> Self {
        Self { is_essential: true, restart: Restart::Never, awaited_by: Vec::new() }
    }
}

impl Part {
    /// Tells whether this exit code of the container is its last. Where the container is essential, ECS says so by
    /// telling the task to stop.
    pub fn is_last(&self, exit_code: i32, task_is_told_to_stop: bool) -> bool {
        task_is_told_to_stop || !(self.is_essential || self.restart.may_follow(exit_code))
    }
}

impl TaskDefinition {
    /// Returns the container that migrates: `named`, or the only one that could be it.
    ///
    /// # Errors
    /// There is none of that name; or none is named and several could be it, or none.
    pub fn migration_container(&self, named: Option<&str>) -> Result<&str, Failure> {
        if let Some(named) = named {
            let found = self.container_names().into_iter().find(|name| *name == named);
            return found.ok_or_else(|| self.no_container(named));
        }
        let shown = phrase(&self.name());
        if !self.containers().any(is_essential) {
            return Err(Failure::input(format!("task definition {shown} has no essential container"))
                .hint("ECS requires one: set \"essential\": true on the container that migrates"));
        }
        let candidates: Vec<(&str, String)> =
            self.containers().filter_map(|one| Some((name_of(one)?, self.may_migrate(one)?))).collect();
        match candidates.as_slice() {
            [(only, _)] => Ok(only),
            [] => Err(Failure::input(format!(
                "no container of task definition {shown} could be the one that migrates"
            ))
            .hint(format!("name it with --container: {}", listed_names(&self.container_names())))),
            several => {
                let whys: Vec<String> =
                    several.iter().map(|(name, why)| format!("{} ({why})", printable(name, 255))).collect();
                let names: Vec<&str> = several.iter().map(|(name, _)| *name).collect();
                Err(Failure::input(format!(
                    "task definition {shown} has {} containers that could be the one that migrates, and none was \
                     chosen: {}",
                    several.len(),
                    whys.join(", ")
                ))
                .hint(format!("name the one that migrates with --container: {}", listed_names(&names))))
            }
        }
    }

    /// Lists the names of the other essential containers: each of them ends the task.
    pub fn essential_beside(&self, container: &str) -> Vec<String> {
        let names = self.containers().filter(|one| is_essential(one)).filter_map(name_of);
        names.filter(|name| *name != container).map(str::to_owned).collect()
    }

    /// Returns what part a container has in its task; none when there is no such container.
    pub fn part(&self, container: &str) -> Option<Part> {
        let own = self.container(container)?;
        let awaits = |other: &&Map<String, Value>| self.conditions(other, container).any(is_end);
        let awaited_by = self.containers().filter(awaits).filter_map(name_of).map(str::to_owned).collect();
        Some(Part { is_essential: is_essential(own), restart: Restart::of(own), awaited_by })
    }

    /// Tells whether a task runs on when this container has ended.
    pub fn outlives(&self, container: &str) -> bool {
        self.part(container).is_some_and(|part| !part.is_essential)
    }

    /// Says why a container could be the one that migrates; none for one that could not.
    ///
    /// A container that is not essential is a sidecar where it serves others (they wait until it has started, or is
    /// healthy) or runs what its image runs by default. One that is waited for to end, that is told a command or that
    /// runs the image of another container does work of its own, and that may be the migration.
    fn may_migrate(&self, container: &Map<String, Value>) -> Option<String> {
        let name = name_of(container)?;
        // A log router runs for as long as the task does.
        if is_there(container, "firelensConfiguration") {
            return None;
        }
        let Part { is_essential, awaited_by, .. } = self.part(name)?;
        if !awaited_by.is_empty() {
            return Some(format!("{} until it has ended", waits(&awaited_by)));
        }
        if is_essential {
            return Some("essential".to_owned());
        }
        let serves = self.containers().any(|other| self.conditions(other, name).next().is_some());
        if serves {
            return None;
        }
        let is_told = ["command", "entryPoint"]
            .iter()
            .any(|key| container.get(*key).and_then(Value::as_array).is_some_and(|words| !words.is_empty()));
        let image = self.image(name);
        let shares = || {
            self.containers().any(|other| {
                name_of(other) != Some(name) && other.get("image").and_then(Value::as_str) == image
            })
        };
        match (is_told, image) {
            (true, _) => Some("it has a command of its own".to_owned()),
            (false, Some(_)) if shares() => Some("it runs the image of another container".to_owned()),
            _ => None,
        }
    }

    /// Returns the conditions under which a container waits for another.
    fn conditions<'a>(
        &self,
        waiting: &'a Map<String, Value>,
        for_whom: &str,
    ) -> impl Iterator<Item = &'a str> {
        let list = waiting.get("dependsOn").and_then(Value::as_array);
        let its = list
            .into_iter()
            .flatten()
            .filter(move |entry| entry.get("containerName").and_then(Value::as_str) == Some(for_whom));
        its.filter_map(|entry| entry.get("condition")?.as_str())
    }
}

fn is_essential(container: &Map<String, Value>) -> bool {
    container.get("essential") != Some(&Value::Bool(false))
}

/// Tells whether a condition of `dependsOn` wants the container to have ended.
fn is_end(condition: &str) -> bool {
    matches!(condition, "COMPLETE" | "SUCCESS")
}

fn is_there(container: &Map<String, Value>, key: &str) -> bool {
    container.get(key).is_some_and(|value| !value.is_null())
}

/// Says who waits: `web waits`, `web and worker wait`.
fn waits(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| printable(name, 255)).collect();
    format!("{} {}", names.join(" and "), if names.len() == 1 { "waits" } else { "wait" })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(containers: Value) -> TaskDefinition {
        let document = json!({"family": "f", "containerDefinitions": containers});
        TaskDefinition::from_json(document, "test").unwrap()
    }

    fn chosen(containers: Value) -> Result<String, Failure> {
        of(containers).migration_container(None).map(str::to_owned)
    }

    #[test]
    fn the_only_one_that_could_be_it_is_chosen() {
        let waits = |name, condition| json!([{"containerName": name, "condition": condition}]);
        for (containers, only) in [
            (json!([{"name": "m"}]), "m"),
            (json!([{"name": "agent", "essential": false}, {"name": "m", "command": ["migrate"]}]), "m"),
            // AWS's own examples have the log router essential.
            (
                json!([
                    {"name": "log_router", "essential": true, "firelensConfiguration": {"type": "fluentbit"}},
                    {"name": "m", "essential": true},
                ]),
                "m",
            ),
            (
                json!([
                    {"name": "router", "essential": false, "command": ["-c"], "firelensConfiguration": {"type": "fluentd"}},
                    {"name": "m"},
                ]),
                "m",
            ),
            (
                json!([
                    {"name": "m", "dependsOn": waits("proxy", "HEALTHY")},
                    {"name": "proxy", "essential": false, "command": ["--port=5432"]},
                ]),
                "m",
            ),
            (
                json!([
                    {"name": "m", "dependsOn": waits("envoy", "START")},
                    {"name": "envoy", "essential": false, "entryPoint": ["envoy"]},
                ]),
                "m",
            ),
            (json!([{"name": "m", "image": "a:1"}, {"name": "x", "image": "b:1", "essential": false}]), "m"),
            (
                json!([{"name": "m"}, {"name": "x", "essential": false, "command": [], "firelensConfiguration": null}]),
                "m",
            ),
        ] {
            assert_eq!(chosen(containers.clone()).unwrap(), only, "{containers}");
        }
    }

    #[test]
    fn nothing_is_guessed_where_several_could_be_it() {
        let waits = |name, condition| json!([{"containerName": name, "condition": condition}]);
        for (containers, whys) in [
            (
                json!([{"name": "web", "essential": null}, {"name": "m", "essential": true}]),
                "web (essential), m (essential)",
            ),
            (
                json!([
                    {"name": "m", "essential": false, "command": ["migrate"]},
                    {"name": "web", "dependsOn": waits("m", "SUCCESS")},
                ]),
                "m (web waits until it has ended), web (essential)",
            ),
            (
                json!([
                    {"name": "m", "essential": false},
                    {"name": "web", "dependsOn": waits("m", "COMPLETE")},
                    {"name": "worker", "essential": false, "dependsOn": waits("m", "SUCCESS")},
                ]),
                "m (web and worker wait until it has ended), web (essential)",
            ),
            (
                json!([{"name": "web"}, {"name": "m", "essential": false, "command": ["migrate"]}]),
                "web (essential), m (it has a command of its own)",
            ),
            (
                json!([{"name": "web"}, {"name": "m", "essential": false, "entryPoint": ["migrate"]}]),
                "web (essential), m (it has a command of its own)",
            ),
            (
                json!([{"name": "web", "image": "a:1"}, {"name": "m", "image": "a:1", "essential": false}]),
                "web (essential), m (it runs the image of another container)",
            ),
            // A server that another one waits for: either could be meant.
            (
                json!([{"name": "app"}, {"name": "nginx", "dependsOn": waits("app", "HEALTHY")}]),
                "app (essential), nginx (essential)",
            ),
            (
                json!([
                    {"name": "log_router", "firelensConfiguration": {"type": "fluentbit"}},
                    {"name": "web"},
                    {"name": "m", "essential": false, "command": ["migrate"]},
                ]),
                "web (essential), m (it has a command of its own)",
            ),
        ] {
            let error = chosen(containers.clone()).unwrap_err();
            assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput);
            assert_eq!(
                error.message,
                format!(
                    "task definition f has 2 containers that could be the one that migrates, and none was chosen: {whys}"
                ),
                "{containers}"
            );
            assert!(error.hint.unwrap().starts_with("name the one that migrates with --container: "));
        }
        let none =
            chosen(json!([{"name": "router", "firelensConfiguration": {"type": "fluentbit"}}])).unwrap_err();
        assert_eq!(none.message, "no container of task definition f could be the one that migrates");
        assert_eq!(none.hint.unwrap(), "name it with --container: router");
    }

    #[test]
    fn a_container_that_is_named_is_it() {
        let two = of(json!([{"name": "agent", "essential": false}, {"name": "migration"}]));
        assert_eq!(two.migration_container(Some("agent")).unwrap(), "agent");
        let unknown = two.migration_container(Some("web")).unwrap_err();
        assert_eq!(unknown.message, "task definition f has no container web");
        assert_eq!(unknown.hint.unwrap(), "its containers: agent, migration; choose with --container");
        let none = chosen(json!([{"name": "a", "essential": false}])).unwrap_err();
        assert!(none.message.contains("no essential container"));
    }
}
