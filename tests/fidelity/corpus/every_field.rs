//! Every field of botocore's RegisterTaskDefinition, filled by botocore's model: each value of each enum, then nothing
//! in any of them. None is lost, and what the binary registers passes botocore's validation.

use futures::StreamExt as _;
use serde_json::Value;

use super::cases::Route;
use super::{PARALLEL, READ_ONLY, migrated, only_our_change};
use crate::python::python;
use crate::support::World;

const SCRIPT: &str = "every_field.py";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_botocores_shape_survives() {
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
    let inputs: Vec<Value> =
        futures::stream::iter(documents).map(registered).buffer_unordered(PARALLEL).collect().await;

    let verdict = python.run(SCRIPT, &["check"], Value::Array(inputs).to_string());
    let problems = String::from_utf8_lossy(&verdict.stdout).into_owned();
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
    assert_eq!(problems, "", "botocore's verdict");
}

async fn registered(document: Value) -> Value {
    let world = World::new().await;
    let family = document["taskDefinition"]["family"].to_string();
    let (run, registered) =
        migrated(&world, &document, Route::Ecs, None).await.unwrap_or_else(|why| panic!("{family}: {why}"));
    run.exits(0);
    let variables = document["taskDefinition"]["containerDefinitions"][0]["environment"].as_array();
    let change = format!("+ /containerDefinitions/0/environment/{}", variables.map_or(0, Vec::len));
    only_our_change(&document, &registered[0], 0, &[&change]).unwrap_or_else(|why| panic!("{family}: {why}"));
    registered[0].clone()
}
