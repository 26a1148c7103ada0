//! The JSON schema of the configuration file, made from the flags that its keys are. Editors take it from
//! docs/fargate-migrate.schema.json.

use clap::builder::PossibleValue;
use clap::{Arg, Command, ValueEnum as _};
use serde_json::{Map, Value, json};

use super::keys::{aliases, exclusive, is_list, is_switch, name};
use super::rollout;
use crate::choices::Rest;
use crate::database_name;
use crate::values::{Grammar, VARIABLE, Written};

/// Where the published schema is found.
const ID: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/main/docs/fargate-migrate.schema.json");

const ABOUT: &str = "What a team's runs of fargate-migrate have in common. Each key is the flag of the same name; a \
                     flag, and an input of the Action, override it. Paths are relative to the directory that \
                     fargate-migrate runs in, which is the repository's root in GitHub Actions.";

const DATABASES: &str = "Every database there is. `--database` then takes no other one, and the order here is the order \
                         of a run.";

const GROUPS: &str = "Names for several databases, which `--database` and the workflow's dropdown take. A member is a \
                      database, or a pattern with * and ?. The group `all` is there without being written.";

const COMMANDS: &str =
    "Commands for `fargate-migrate run --named`, by name: each a list of words, which no shell reads.";

const ROLLOUT: &str = "Stages that a run goes through: the next one begins when all databases of the one before are through, \
                       and a stage that fails stops what comes after it. A run of some databases has the stages that \
                       name one of them.";

const REST: &str = "What becomes of databases that no stage of rollout names: they are the last stage, or nothing is \
                    migrated [default: last]";

/// Makes the schema: what the reader can say of a file by its shape alone. Only the reader knows that the members of
/// groups are databases, and how many bytes a name has.
pub(super) fn schema(keys: &Command) -> Value {
    let mut properties = properties(keys);
    let name = name_like(r"^[\p{L}\p{N}_$][\p{L}\p{N}_.$-]*$");
    let member = name_like(r"^[\p{L}\p{N}_$*?][\p{L}\p{N}_.$*?-]*$");
    properties.insert(
        "databases".into(),
        json!({"description": DATABASES, "type": ["array", "null"], "items": &name, "uniqueItems": true}),
    );
    properties.insert(
        "groups".into(),
        json!({
            "description": GROUPS,
            "type": ["object", "null"],
            "propertyNames": &name,
            "additionalProperties": {"type": "array", "items": member, "minItems": 1},
        }),
    );
    let word = json!({"type": "string", "pattern": r"^[^\x00]*$"});
    properties.insert(
        "commands".into(),
        json!({
            "description": COMMANDS,
            "type": ["object", "null"],
            "propertyNames": name,
            "additionalProperties": {"type": "array", "items": word, "minItems": 1},
        }),
    );
    let stage = stage(&rollout::keys(), &name, &member);
    properties
        .insert("rollout".into(), json!({"description": ROLLOUT, "type": ["array", "null"], "items": stage}));
    properties.insert(
        "rest".into(),
        json!({
            "description": REST,
            "type": ["string", "null"],
            "oneOf": Rest::value_variants()
                .iter()
                .filter_map(Rest::to_possible_value)
                .map(|value| choice(&value))
                .chain([json!({"enum": [null, ""]})])
                .collect::<Vec<_>>(),
        }),
    );
    json!({
        // Draft 7 is what editors' YAML support and check-jsonschema know best.
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "fargate-migrate.yml",
        "description": ABOUT,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "allOf": rules(keys),
        "dependencies": {"rest": ["rollout"]},
    })
}

fn properties(keys: &Command) -> Map<String, Value> {
    let mut properties: Map<String, Value> =
        keys.get_arguments().map(|arg| (name(arg).to_owned(), property(arg))).collect();
    for arg in keys.get_arguments() {
        for alias in aliases(arg) {
            let mut property = property(arg);
            property["description"] = format!("Another name of {}", name(arg)).into();
            properties.insert(alias.to_owned(), property);
        }
    }
    properties
}

fn rules(keys: &Command) -> Vec<Value> {
    exclusive(keys).map(|(key, other)| json!({"not": {"required": [key, other]}})).collect()
}

fn stage(keys: &Command, name: &Value, member: &Value) -> Value {
    let mut properties = properties(keys);
    for (key, about) in [
        ("name", name.clone()),
        ("databases", json!({"items": {"anyOf": [{"const": database_name::ALL}, member]}, "minItems": 1})),
    ] {
        if let (Some(Value::Object(property)), Value::Object(about)) = (properties.get_mut(key), about) {
            property.extend(about);
        }
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["databases"],
        "properties": properties,
        "allOf": rules(keys),
    })
}

fn property(arg: &Arg) -> Value {
    let mut schema = match Grammar::of(arg).written {
        Written::Switch => json!({"type": "boolean"}),
        Written::Choice => json!({
            "type": "string",
            "oneOf": arg
                .get_possible_values()
                .iter()
                .map(choice)
                .chain([json!({"type": "null"})])
                .collect::<Vec<_>>(),
        }),
        Written::Text(None) => json!({"type": "string"}),
        Written::Text(Some(pattern)) => json!({"type": "string", "pattern": pattern}),
        Written::Number { most } => json!({"type": "integer", "minimum": 1, "maximum": most}),
        Written::NumberOrAuto => {
            json!({"type": ["integer", "string"], "minimum": 1, "pattern": "^auto$"})
        }
        Written::Pairs { need_value } => json!({
            "type": "object",
            "propertyNames": {"pattern": VARIABLE},
            "additionalProperties": {"type": if need_value { json!("string") } else { json!(["string", "null"]) }},
        }),
    };
    if is_list(arg) && schema["type"] != "object" {
        schema = json!({"type": "array", "items": schema});
    }
    // A key without a value is absent.
    schema["type"] = match schema["type"].take() {
        Value::Array(types) => types.into_iter().chain([json!("null")]).collect(),
        one => json!([one, "null"]),
    };
    let mut property = json!({"description": described(arg)});
    if let (Value::Object(property), Value::Object(schema)) = (&mut property, schema) {
        property.extend(schema);
    }
    property
}

fn choice(value: &PossibleValue) -> Value {
    let about = value.get_help().map(ToString::to_string).unwrap_or_default();
    json!({"const": value.get_name(), "description": about})
}

/// Returns a flag's help, with its default.
fn described(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let default = arg.get_default_values().first().filter(|_| !is_switch(arg));
    match default {
        Some(default) => format!("{help} [default: {}]", default.to_string_lossy()),
        None => help,
    }
}

fn name_like(pattern: &str) -> Value {
    json!({
        "type": "string",
        "maxLength": database_name::MAX_BYTES,
        "pattern": pattern,
        "not": {"enum": [database_name::ALL, database_name::PLACEHOLDER]},
    })
}

#[cfg(test)]
mod tests;
