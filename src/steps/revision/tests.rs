use std::cell::{Cell, RefCell};

use serde_json::{Value, json};

use super::*;
use crate::failure::{Failure, Recourse};
use crate::plan::tests::document;
use crate::task_definition::Patch;

/// A family that other runs register in as well.
struct Family {
    /// So many registrations are refused first, in this way.
    refusals: u32,
    recourse: Recourse,
    calls: Cell<u32>,
    newest: Value,
}

impl DefinitionReads for Family {
    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>> {
        assert_eq!(name, wanted().family());
        Ok(Some(self.newest.clone()))
    }

    async fn task_definition_families_like(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

impl DefinitionWrites for Family {
    async fn register_task_definition(&self, document: &Value) -> Result<String> {
        assert_eq!(document, wanted().register_input());
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() <= self.refusals {
            return Err(Failure::service("register: too many at once").recourse(self.recourse).into());
        }
        Ok("arn:aws:ecs:us-east-1:123456789012:task-definition/ours:9".to_owned())
    }
}

fn family(refusals: u32, recourse: Recourse) -> Family {
    Family { refusals, recourse, calls: Cell::default(), newest: document() }
}

fn wanted() -> TaskDefinition {
    let base = TaskDefinition::from_json(document(), "test").expect("a task definition");
    let container = document()["taskDefinition"]["containerDefinitions"][0]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let patch =
        Patch { image: "registry.example/app@sha256:1".into(), environment: vec![], ..Patch::default() };
    base.patched(&container, &patch).expect("a patched one")
}

/// What DescribeTaskDefinition answers of a revision that another run has just registered.
fn registered_by_another() -> Value {
    let mut revision = wanted().register_input().clone();
    let tags = revision.as_object_mut().and_then(|revision| revision.remove("tags")).unwrap_or(json!([]));
    revision["taskDefinitionArn"] = "arn:aws:ecs:us-east-1:123456789012:task-definition/ours:8".into();
    json!({ "taskDefinition": revision, "tags": tags })
}

async fn registered(family: &Family) -> (Result<(String, bool)>, Vec<String>, Duration) {
    let notes = RefCell::new(Vec::new());
    let began = Instant::now();
    let done = register(&wanted(), family, &|text| notes.borrow_mut().push(text)).await;
    (done, notes.into_inner(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_meets_another_one_is_tried_again() {
    let family = family(3, Recourse::TryAgain);
    let (done, notes, took) = registered(&family).await;
    assert!(done.expect("a revision").1);
    assert_eq!(family.calls.get(), 4);
    assert_eq!(notes.len(), 3);
    assert!((5..8).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_another_run_has_registered_meanwhile_is_used_when_it_is_the_same() {
    let family = Family { newest: registered_by_another(), ..family(u32::MAX, Recourse::TryAgain) };
    let (done, notes, took) = registered(&family).await;
    assert_eq!(
        done.unwrap(),
        ("arn:aws:ecs:us-east-1:123456789012:task-definition/ours:8".to_owned(), false)
    );
    assert_eq!((family.calls.get(), took), (1, Duration::ZERO));
    assert!(notes[0].contains("ours:8"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_not_tried_for_ever_and_a_refusal_is_final() {
    let busy = family(u32::MAX, Recourse::TryAgain);
    let (done, _, took) = registered(&busy).await;
    assert!(done.is_err() && took <= PATIENCE + LONGEST_WAIT, "{took:?}");
    assert_eq!(busy.calls.get(), TRIES);

    // The adapter has waited for its rate already.
    for recourse in [Recourse::None, Recourse::SlowDown] {
        let refused = family(u32::MAX, recourse);
        assert!(registered(&refused).await.0.is_err());
        assert_eq!(refused.calls.get(), 1);
    }
}
