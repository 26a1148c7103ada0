//! ECS takes 64 KiB: a document that nearly fills it, and one that our change would push over.

use serde_json::{Value, json};

use super::cases::Route;
use super::{migrated, only_our_change, read};
use crate::support::World;

/// Bytes of a task definition, without its tags and read-only members.
const MAX_SIZE: usize = 64 * 1024;

#[tokio::test]
async fn sixty_kibibytes_arrive_whole() {
    let document = filled(60 * 1024);
    let world = World::new().await;
    let (run, registered) = migrated(&world, &document, Route::Ecs, None).await.expect("a run");
    run.exits(0);
    let added =
        document["taskDefinition"]["containerDefinitions"][0]["environment"].as_array().map_or(0, Vec::len);
    let change = format!("+ /containerDefinitions/0/environment/{added}");
    only_our_change(&document, &registered[0], 0, &[&change]).unwrap_or_else(|why| panic!("{why}"));
}

#[tokio::test]
async fn what_our_change_makes_too_large_is_refused_before_anything_is_changed() {
    let document = filled(MAX_SIZE);
    let world = World::new().await;
    let (run, _) = migrated(&world, &document, Route::Ecs, None).await.expect("a run");
    run.exits(2).says("exceeds the maximum task definition length").says("hint:");
    assert_eq!(world.called("RegisterTaskDefinition"), 0);
}

/// The document `environment-empty`, with variables until it has `size` bytes.
fn filled(size: usize) -> Value {
    let mut document = read("environment-empty");
    let length = |document: &Value| {
        let mut definition = document["taskDefinition"].clone();
        let members = definition.as_object_mut().expect("an object");
        members.retain(|key, _| !super::READ_ONLY.contains(&key.as_str()));
        definition.to_string().len()
    };
    let value = "postgresql://db.internal:5432/?options=-c%20statement_timeout%3D0&note=\"quoted\\\"\n";
    for number in 0.. {
        let missing = size - length(&document);
        let variable = json!({"name": format!("FEATURE_{number:04}"), "value": value.repeat(2)});
        let variables = document["taskDefinition"]["containerDefinitions"][0]["environment"].as_array_mut();
        let variables = variables.expect("a list");
        if missing < 2 * variable.to_string().len() {
            let frame = json!({"name": "LAST", "value": ""}).to_string().len() + 1;
            variables.push(json!({"name": "LAST", "value": "x".repeat(missing - frame)}));
            break;
        }
        variables.push(variable);
    }
    assert_eq!(length(&document), size);
    document
}
