//! The only changes that a task definition ever sees.

use serde_json::{Map, Value, json};

use super::{InFront, TaskDefinition, ecr, is_named, name_of, witness};
use crate::failure::Failure;
use crate::untrusted::{phrase, printable};

/// What a new revision changes, in the migration container only. A sidecar keeps its image, also when it is the same.
#[derive(Clone, Default)]
pub struct Patch<'a> {
    /// `registry/repository@sha256:…`. With an image of ECR, the container's `repositoryCredentials` go.
    pub image: String,
    /// Each name is left with exactly one entry, with this value.
    pub environment: Vec<(String, String)>,
    /// Replaces the container's command; absent leaves it.
    pub command: Option<Vec<String>>,
    /// What an earlier run has put in front of the container's command goes in any case.
    pub witness: Option<InFront<'a>>,
}

/// Names only: a value or a word of the command may be a password.
impl std::fmt::Debug for Patch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Patch")
            .field("image", &self.image)
            .field("environment", &names)
            .field("command", &self.command.as_ref().map(Vec::len))
            .field("witness", &self.witness.is_some())
            .finish()
    }
}

impl TaskDefinition {
    /// Makes the document that is to become the next revision. It has no ARN yet.
    ///
    /// A variable that the container already takes from `secrets` is refused, as ECS refuses it. What
    /// `environmentFiles` hold cannot be seen from here; ECS lets `environment` win over them.
    pub fn patched(&self, container: &str, patch: &Patch) -> Result<Self, Failure> {
        let mut document = self.document.clone();
        let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
        let Some(target) = containers
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .find(|object| name_of(object) == Some(container))
        else {
            return Err(self.no_container(container));
        };
        witness::remove(target);
        target.insert("image".into(), Value::String(patch.image.clone()));
        // ECS refuses a private registry's credentials with an image of ECR, which it pulls with the execution role.
        let credentials =
            target.get("repositoryCredentials").is_some_and(|credentials| !credentials.is_null());
        if credentials && ecr::has_image(&patch.image) {
            target.shift_remove("repositoryCredentials");
        }
        if let Some(command) = &patch.command {
            target.insert("command".into(), json!(command));
        }
        for (name, value) in &patch.environment {
            self.check_settable(container, target, name)?;
            set_variable(target, name, value);
        }
        let mut patched = Self { document, arn: None, revision: None, status: None, ..self.clone() };
        if let Some(witness) = &patch.witness {
            patched.put_in_front(container, witness)?;
        }
        Ok(patched)
    }

    /// Returns the same document as a revision of a family, which may be another one than its own.
    pub fn in_family(mut self, family: &str) -> Self {
        if self.family != family {
            self.document["family"] = family.into();
            self.family = family.to_owned();
        }
        self
    }

    /// Checks that an override may set a variable of the container.
    ///
    /// # Errors
    /// The name is not one that a variable can have, or the container takes it from a secret.
    pub fn check_variable(&self, container: &str, name: &str) -> Result<(), Failure> {
        self.container(container).map_or(Ok(()), |object| self.check_settable(container, object, name))
    }

    /// Tells whether the container takes a variable from a secret: ECS refuses an override of that name.
    pub fn takes_from_secret(&self, container: &str, name: &str) -> bool {
        self.container(container).is_some_and(|object| has_secret(object, name))
    }

    fn check_settable(
        &self,
        container: &str,
        object: &Map<String, Value>,
        name: &str,
    ) -> Result<(), Failure> {
        let shown = printable(name, 200);
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Failure::input(format!("{shown:?} cannot name an environment variable"))
                .hint("use letters, digits and underscores, as in DATABASE_NAME"));
        }
        if has_secret(object, name) {
            return Err(Failure::input(format!(
                "container {} of task definition {} takes {shown} from a secret, so it cannot be set per database",
                printable(container, 255),
                phrase(&self.name())
            ))
            .hint(format!(
                "ECS refuses a variable that is also a secret: remove {shown} from the `secrets` of container {} in \
                 family {}, or let the program read another variable and name that with --database-variable",
                printable(container, 255),
                printable(&self.family, 255)
            )));
        }
        Ok(())
    }
}

fn has_secret(container: &Map<String, Value>, name: &str) -> bool {
    let secrets = container.get("secrets").and_then(Value::as_array);
    secrets.is_some_and(|secrets| secrets.iter().any(|secret| is_named(secret, name)))
}

/// Sets a variable where it stands, or adds it at the end, and leaves exactly one of it.
fn set_variable(container: &mut Map<String, Value>, name: &str, value: &str) {
    let environment = container.entry("environment").or_insert(Value::Null);
    if environment.is_null() {
        *environment = json!([]);
    }
    let Some(entries) = environment.as_array_mut() else { return };
    let mut found = false;
    entries.retain(|entry| !is_named(entry, name) || !std::mem::replace(&mut found, true));
    match entries.iter_mut().filter_map(Value::as_object_mut).find(|entry| name_of(entry) == Some(name)) {
        Some(entry) => {
            entry.insert("value".into(), Value::String(value.to_owned()));
        }
        None => entries.push(json!({"name": name, "value": value})),
    }
}
