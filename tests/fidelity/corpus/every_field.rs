//! Every field of botocore's RegisterTaskDefinition, filled by botocore's model: each value of each enum, then nothing
//! in any of them. None is lost, and what would be registered passes botocore's validation.

use fargate_migrate::database_name::PLACEHOLDER;
use fargate_migrate::task_definition::{Patch, TaskDefinition};
use serde_json::Value;

use super::{READ_ONLY, only_our_change};
use crate::python::python;
use crate::support::IMAGE;

const SCRIPT: &str = "every_field.py";

#[test]
fn every_field_of_botocores_shape_survives() {
    let Some(python) = python() else { return };
    let made = python.run(SCRIPT, &["make"], "");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(
        made["read_only"],
        serde_json::json!(READ_ONLY),
        "what botocore describes and does not register"
    );

    let documents = made["documents"].as_array().cloned().unwrap_or_default();
    assert!(documents.len() > 10, "{} documents", documents.len());
    let inputs: Vec<Value> = documents.into_iter().map(registered).collect();

    let verdict = python.run(SCRIPT, &["check"], Value::Array(inputs).to_string());
    let problems = String::from_utf8_lossy(&verdict.stdout).into_owned();
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
    assert_eq!(problems, "", "botocore's verdict");
}

/// What would be registered. No document with every field can be: ECS's rules exclude some beside others.
fn registered(document: Value) -> Value {
    let family = document["taskDefinition"]["family"].to_string();
    let definition = TaskDefinition::from_json(document.clone(), "every field").expect("a document");
    let patch = Patch {
        image: IMAGE.into(),
        environment: vec![("DATABASE_NAME".into(), PLACEHOLDER.into())],
        ..Patch::default()
    };
    let patched = definition.patched("migration", &patch).unwrap_or_else(|why| panic!("{family}: {why}"));
    let input = patched.register_input();
    let variables = document["taskDefinition"]["containerDefinitions"][0]["environment"].as_array();
    let change = format!("+ /containerDefinitions/0/environment/{}", variables.map_or(0, Vec::len));
    only_our_change(&document, input, 0, &[&change]).unwrap_or_else(|why| panic!("{family}: {why}"));
    input.clone()
}
