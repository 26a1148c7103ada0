//! The JSON schema of the configuration file, made from the types that read it. Editors take it from
//! docs/fargate-migrate.schema.json.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::file::{EXCLUSIVE, File};

/// Where the published schema is found.
const ID: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/main/docs/fargate-migrate.schema.json");

/// What the reader can say of a file by its shape alone. That the members of groups are databases, and how many bytes a
/// name has, only the reader knows.
pub fn schema() -> Value {
    // Draft 7 is what editors' YAML support and check-jsonschema know best.
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<File>();
    let mut schema = schema.to_value();
    let rules: Vec<Value> = EXCLUSIVE
        .iter()
        .flat_map(|(key, others)| others.iter().map(move |other| json!({"not": {"required": [key, other]}})))
        .collect();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".into(), json!(ID));
        object.insert("allOf".into(), json!(rules));
    }
    schema
}

#[cfg(test)]
mod tests;
