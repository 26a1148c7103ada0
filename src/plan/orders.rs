//! What a task is told besides its databases: two tasks do the same work only when they are told the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::database_name::list_variable;
use crate::hex::hex;
use crate::ports::Overrides;
use crate::task_definition::TaskDefinition;
use crate::untrusted::printable;

/// Everything except the databases by which RunTask changes what a revision does. The order of variables makes no
/// difference, nor does one that is repeated with the same value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Orders {
    command: Option<Vec<String>>,
    /// Variables of the migration container. A name with several values keeps them all: ECS does not say which of
    /// them counts.
    environment: BTreeMap<String, BTreeSet<String>>,
    /// Other overrides, by what a person calls them: files of variables, other containers, the task's role.
    further: BTreeMap<String, String>,
}

impl Orders {
    /// Reads what a task's migration container, and its task, are told.
    pub fn of(overrides: &Overrides, container: &str, database_variable: &str) -> Self {
        let (one, list) = (database_variable, list_variable(database_variable));
        let mut orders = Self::default();
        for entry in &overrides.containers {
            if entry.name != container {
                let is_told = entry.command.is_some()
                    || !entry.environment.is_empty()
                    || !entry.environment_files.is_empty();
                if is_told {
                    let all = json!([entry.command, sorted(&entry.environment), entry.environment_files]);
                    orders.add(format!("container {}", printable(&entry.name, 255)), &all);
                }
                continue;
            }
            match &entry.command {
                Some(again) if orders.command.as_ref().is_some_and(|command| command != again) => {
                    orders.add("command".to_owned(), &json!(again));
                }
                Some(command) => orders.command = Some(command.clone()),
                None => {}
            }
            for (name, value) in entry.environment.iter().filter(|(name, _)| *name != one && *name != list) {
                orders.environment.entry(name.clone()).or_default().insert(value.clone());
            }
            if !entry.environment_files.is_empty() {
                orders.add("environment files".to_owned(), &json!(entry.environment_files));
            }
        }
        if let Some(role) = &overrides.task_role {
            orders.add("task role".to_owned(), &json!(role));
        }
        orders
    }

    fn add(&mut self, what: String, told: &Value) {
        self.further.entry(what).or_default().push_str(&told.to_string());
    }

    /// Returns the first thing that another task was told differently, such as `command` or `variable MODE`, without
    /// its value; none where all is the same.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if self.command != other.command {
            return Some("command".to_owned());
        }
        if let Some(name) = differing(&self.environment, &other.environment) {
            return Some(format!("variable {}", printable(name, 200)));
        }
        differing(&self.further, &other.further).cloned()
    }

    /// Returns a digest of all of it, for a token: no value can be read from it.
    pub fn digest(&self) -> String {
        let parts = json!([self.command, self.environment, self.further]);
        hex(&Sha256::digest(parts.to_string())[..16])
    }

    /// Returns a digest of what the migration container does by its revision with these orders over it, without its
    /// databases and its image.
    pub fn digest_over(&self, base: &TaskDefinition, container: &str, database_variable: &str) -> String {
        let list = list_variable(database_variable);
        let mut environment: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in base.variables(container) {
            if name != database_variable && name != list && !self.environment.contains_key(name) {
                environment.entry(name).or_default().insert(value);
            }
        }
        for (name, values) in &self.environment {
            environment.entry(name).or_default().extend(values.iter().map(String::as_str));
        }
        let command = self.command.clone().or_else(|| base.command(container));
        let parts = json!([
            command,
            base.entry_point(container),
            environment,
            base.variables_from_elsewhere(container),
            self.further
        ]);
        hex(&Sha256::digest(parts.to_string())[..16])
    }
}

/// Names only: a value, or a word of the command, may be a password.
impl std::fmt::Debug for Orders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Orders")
            .field("command", &self.command.as_ref().map(Vec::len))
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .field("further", &self.further.keys().collect::<Vec<_>>())
            .finish()
    }
}

fn sorted(environment: &[(String, String)]) -> BTreeSet<&(String, String)> {
    environment.iter().collect()
}

fn differing<'a, V: PartialEq>(
    own: &'a BTreeMap<String, V>,
    others: &'a BTreeMap<String, V>,
) -> Option<&'a String> {
    own.keys().chain(others.keys()).find(|key| own.get(*key) != others.get(*key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::document;
    use crate::ports::ContainerOverride;

    fn told(container: &str, command: Option<&str>, environment: &[(&str, &str)]) -> ContainerOverride {
        ContainerOverride {
            name: container.into(),
            command: command.map(|words| words.split(' ').map(str::to_owned).collect()),
            environment: environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            environment_files: Vec::new(),
        }
    }

    fn orders(containers: Vec<ContainerOverride>) -> Orders {
        Orders::of(&Overrides { containers, task_role: None }, "migration", "DATABASE_NAME")
    }

    #[test]
    fn tasks_are_told_apart_by_everything_but_their_databases() {
        let ours = || told("migration", Some("app migrate"), &[("A", "1"), ("B", "2")]);
        let own = orders(vec![ours()]);
        let database =
            [("DATABASE_NAME", "shop"), ("B", "2"), ("DATABASE_NAMES", ""), ("A", "1"), ("A", "1")];
        for same in [
            vec![ours()],
            // Another order, a repetition, and databases.
            vec![told("migration", Some("app migrate"), &database)],
            // In two entries, and others that say nothing.
            vec![told("router", None, &[]), told("migration", None, &[("A", "1"), ("B", "2")]), {
                told("migration", Some("app migrate"), &[])
            }],
        ] {
            let other = orders(same);
            assert_eq!((own.difference(&other), own.digest()), (None, other.digest()));
        }
        for (containers, what) in [
            (vec![told("migration", Some("app serve"), &[("A", "1"), ("B", "2")])], "command"),
            (vec![told("migration", None, &[("A", "1"), ("B", "2")])], "command"),
            (vec![told("migration", Some("app  migrate"), &[("A", "1"), ("B", "2")])], "command"),
            (vec![told("migration", Some("app migrate"), &[("A", "1"), ("B", "")])], "variable B"),
            (vec![told("migration", Some("app migrate"), &[("A", "1")])], "variable B"),
            (
                vec![told("migration", Some("app migrate"), &[("A", "1"), ("B", "2"), ("C", "")])],
                "variable C",
            ),
            (
                vec![told("migration", Some("app migrate"), &[("A", "1"), ("A", "3"), ("B", "2")])],
                "variable A",
            ),
            (vec![ours(), told("router", None, &[("A", "1")])], "container router"),
            (vec![ours(), told("migration", Some("app serve"), &[])], "command"),
            (
                vec![ContainerOverride { environment_files: vec!["arn:aws:s3:::b/x.env".into()], ..ours() }],
                "environment files",
            ),
        ] {
            let other = orders(containers);
            assert_eq!(own.difference(&other).as_deref(), Some(what));
            assert_eq!(other.difference(&own).as_deref(), Some(what));
            assert_ne!(own.digest(), other.digest());
        }
        let role =
            Overrides { containers: vec![ours()], task_role: Some("arn:aws:iam::1:role/admin".into()) };
        let role = Orders::of(&role, "migration", "DATABASE_NAME");
        assert_eq!(own.difference(&role).as_deref(), Some("task role"));
    }

    #[test]
    fn neither_a_digest_nor_a_word_about_it_shows_a_value() {
        let secret = orders(vec![told("migration", Some("app --key hunter2"), &[("PASSWORD", "hunter2")])]);
        let differs = secret.difference(&orders(Vec::new())).expect("a difference");
        for shown in [secret.digest(), format!("{secret:?}"), differs] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn what_a_container_does_is_told_by_its_revision_as_well() {
        let digest = |change: &dyn Fn(&mut Value), orders: &Orders| {
            let mut document = document();
            change(&mut document["taskDefinition"]["containerDefinitions"][0]);
            let base = TaskDefinition::from_json(document, "test").expect("a task definition");
            orders.digest_over(&base, "migration", "DATABASE_NAME")
        };
        let none = Orders::default();
        let set =
            |name: &'static str, value: Value| move |container: &mut Value| container[name] = value.clone();
        let variable = |name: &'static str, value: &'static str| {
            move |container: &mut Value| {
                let list = container["environment"].as_array_mut().expect("a list");
                list.push(json!({"name": name, "value": value}));
            }
        };
        let plain = digest(&|_| (), &none);
        for same in [
            &variable("DATABASE_NAME", "x") as &dyn Fn(&mut Value),
            &variable("DATABASE_NAMES", "[]"),
            &set("image", json!("other")),
        ] {
            assert_eq!(digest(same, &none), plain);
        }
        for other in [
            &set("command", json!(["app", "serve"])) as &dyn Fn(&mut Value),
            &set("entryPoint", json!(["sh"])),
            &variable("MODE", "dry"),
            &set("environmentFiles", json!([{"type": "s3", "value": "arn:aws:s3:::b/x.env"}])),
            &set("secrets", json!([{"name": "DATABASE_HOST", "valueFrom": "arn:other"}])),
        ] {
            assert_ne!(digest(other, &none), plain);
        }
        let dry = orders(vec![told("migration", None, &[("MODE", "dry")])]);
        assert_ne!(digest(&|_| (), &dry), plain);
        assert_eq!(digest(&variable("MODE", "dry"), &none), digest(&variable("MODE", "wet"), &dry));
    }
}
