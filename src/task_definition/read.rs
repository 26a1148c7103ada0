//! A document from ECS or from a file becomes what RegisterTaskDefinition takes, or is refused.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::{TaskDefinition, name_of, strings};
use crate::bounded_file;
use crate::exact_json;
use crate::failure::Failure;
use crate::untrusted::{phrase, printable};

/// What DescribeTaskDefinition answers and RegisterTaskDefinition does not take.
pub(super) const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "deregisteredAt",
    "deleteRequestedAt",
    "registeredBy",
];

impl TaskDefinition {
    /// Reads the body of DescribeTaskDefinition (`{"taskDefinition": {…}, "tags": […]}`), a bare task definition, or
    /// the input of RegisterTaskDefinition. `origin` names the document in errors: a path, or the name asked for.
    pub fn from_json(document: Value, origin: &str) -> Result<Self, Failure> {
        let refused = |what: &str| {
            Failure::input(format!("read task definition {}: {what}", phrase(origin))).hint(
                "give what `aws ecs describe-task-definition --include TAGS` prints, its `taskDefinition` alone, \
                 or the input of `aws ecs register-task-definition`",
            )
        };
        let Value::Object(mut outer) = document else {
            return Err(refused("the document is not a JSON object"));
        };
        let mut inner = match outer.remove("taskDefinition") {
            Some(Value::Object(mut inner)) => {
                // ECS answers with the tags next to the definition and takes them inside it.
                if let Some(tags) = outer.remove("tags").filter(|tags| !tags.is_null()) {
                    inner.insert("tags".into(), tags);
                }
                inner
            }
            Some(_) => return Err(refused("its taskDefinition is not an object")),
            None => outer,
        };
        let text = |inner: &Map<String, Value>, key: &str| inner.get(key)?.as_str().map(str::to_owned);
        let arn = text(&inner, "taskDefinitionArn");
        let status = text(&inner, "status");
        let revision = inner.get("revision").and_then(Value::as_u64);
        let compatibilities =
            inner.get("compatibilities").and_then(Value::as_array).map(|list| strings(list));
        // `shift_remove` keeps the order of the rest, which `remove` does not.
        for key in READ_ONLY {
            inner.shift_remove(key);
        }
        drop_reserved_tags(&mut inner).map_err(|what| refused(&what))?;
        let Some(family) = text(&inner, "family").filter(|family| !family.is_empty()) else {
            return Err(refused("it has no family"));
        };
        check_containers(&inner).map_err(|what| refused(&what))?;
        Ok(Self { document: Value::Object(inner), family, arn, revision, status, compatibilities })
    }

    /// Reads a JSON file, so that a plan needs no AWS.
    pub fn from_file(path: &Path) -> Result<Self, Failure> {
        let origin = path.display().to_string();
        let text = bounded_file::read_text(path, bounded_file::TEXT).map_err(|error| {
            Failure::input(format!("read task definition {}: {error}", phrase(&origin))).hint(
                "check --task-definition: a value that ends in .json or holds a path is a file, anything else is a \
                 family, family:revision or ARN",
            )
        })?;
        // PowerShell writes a byte order mark, and `jq` reads it.
        let document =
            exact_json::parse(text.trim_start_matches('\u{feff}').as_bytes()).map_err(|error| {
                Failure::input(format!("read task definition {}: it is not JSON: {error}", phrase(&origin)))
                    .hint("check it with `jq . FILE`; templates must be rendered first")
            })?;
        Self::from_json(document, &origin)
    }
}

/// Drops the tags that begin with `aws:`, which are AWS's own (CloudFormation sets some): it answers with them and
/// refuses to be given them. An empty list goes too.
fn drop_reserved_tags(document: &mut Map<String, Value>) -> Result<(), String> {
    let Some(tags) = document.get_mut("tags") else { return Ok(()) };
    match tags {
        Value::Null => {}
        Value::Array(list) => list.retain(|tag| {
            let key = tag.get("key").and_then(Value::as_str).unwrap_or_default();
            !key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"))
        }),
        _ => return Err("its tags are not a list".into()),
    }
    if tags.is_null() || tags.as_array().is_some_and(Vec::is_empty) {
        document.shift_remove("tags");
    }
    Ok(())
}

/// Checks the shape that patching relies on; ECS checks the rest.
fn check_containers(document: &Map<String, Value>) -> Result<(), String> {
    let Some(Value::Array(containers)) = document.get("containerDefinitions") else {
        return Err("it has no list containerDefinitions".into());
    };
    if containers.is_empty() {
        return Err("its containerDefinitions are empty".into());
    }
    let mut names = HashSet::new();
    for (index, container) in containers.iter().enumerate() {
        let Some(container) = container.as_object() else {
            return Err(format!("containerDefinitions[{index}] is not an object"));
        };
        let Some(name) = name_of(container).filter(|name| !name.is_empty()) else {
            return Err(format!("containerDefinitions[{index}] has no name"));
        };
        let shown = printable(name, 255);
        if !names.insert(name) {
            return Err(format!("two containers are named {shown}"));
        }
        for key in ["environment", "secrets"] {
            let well_formed = match container.get(key) {
                None | Some(Value::Null) => true,
                Some(Value::Array(entries)) => entries.iter().all(Value::is_object),
                Some(_) => false,
            };
            if !well_formed {
                return Err(format!("the {key} of container {shown} is not a list of objects"));
            }
        }
    }
    Ok(())
}
