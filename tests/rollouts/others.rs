//! Other people in the account: they update, stop and delete services, and an alarm goes off.

use std::cell::RefCell;
use std::time::Duration;

use fastrand::Rng;
use sandbox::seed;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::services::ALARM;
use crate::world::{NEW, OLD, OTHER, Truth, World, digest, truth};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// UpdateService with another content.
    Update(char),
    /// UpdateService that forces a deployment of what the service has.
    Force,
    /// StopServiceDeployment of what is under way.
    Stop,
    Alarm,
    Delete,
}

impl Act {
    pub fn of(dice: &mut Rng) -> Self {
        match dice.u8(..10) {
            0..3 => Self::Update([OLD, NEW, OTHER][dice.usize(..3)]),
            3 | 4 => Self::Force,
            5..8 => Self::Stop,
            8 => Self::Alarm,
            _ => Self::Delete,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Other {
    /// Since the run's start.
    pub after: Duration,
    pub service: String,
    pub act: Act,
}

/// What they have done so far: when, on the sandbox's clock, and to which service; empty is all of them.
#[derive(Debug, Default)]
pub struct Done(pub RefCell<Vec<(i64, String)>>);

impl Done {
    /// Whether somebody has done something to it before this time, and no longer ago than that.
    pub fn was_shortly_before(&self, at: i64, service: &str, slack: Duration) -> bool {
        let since = at - i64::try_from(slack.as_millis()).unwrap_or(i64::MAX);
        let done = self.0.borrow();
        done.iter().any(|(when, of)| (of == service || of.is_empty()) && (since..=at).contains(when))
    }
}

/// Does all of it at its time, and returns never.
pub async fn act(world: &World, others: &[Other], done: &Done) {
    let began = Instant::now();
    for other in others {
        sleep_until(began + other.after).await;
        let service = other.service.as_str();
        let input = |more: Value| {
            let mut input = json!({"cluster": seed::CLUSTER, "service": service});
            input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            input
        };
        let answer = match other.act {
            Act::Update(content) => match revision(world, service, content) {
                Some(arn) => world.sandbox.ask("UpdateService", &input(json!({"taskDefinition": arn}))),
                None => continue,
            },
            Act::Force => world.sandbox.ask("UpdateService", &input(json!({"forceNewDeployment": true}))),
            Act::Stop => match under_way(&truth(&world.sandbox, service)) {
                Some(arn) => world.sandbox.ask(
                    "StopServiceDeployment",
                    &json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"}),
                ),
                None => continue,
            },
            Act::Alarm => {
                world.sandbox.set_alarm(ALARM, true);
                Ok(Value::Null)
            }
            Act::Delete => world.sandbox.ask("DeleteService", &input(json!({"force": true}))),
        };
        if answer.is_ok() {
            let service = if other.act == Act::Alarm { "" } else { service };
            done.0.borrow_mut().push((world.sandbox.now(), service.to_owned()));
        }
    }
    std::future::pending().await
}

/// A revision of the service's family with this content.
pub fn revision(world: &World, service: &str, content: char) -> Option<String> {
    let mut all = world.sandbox.task_definitions().into_iter().map(|one| one["taskDefinition"].clone());
    let of = |one: &Value| {
        let image = one["containerDefinitions"][0]["image"].as_str().unwrap_or_default();
        one["family"] == service && image.ends_with(&digest(content))
    };
    all.rfind(of).and_then(|one| one["taskDefinitionArn"].as_str().map(str::to_owned))
}

fn under_way(Truth(now): &Truth) -> Option<String> {
    let newest = now["serviceDeployments"].as_array()?.last()?.clone();
    let is_under_way = matches!(newest["status"].as_str(), Some("PENDING" | "IN_PROGRESS"));
    is_under_way.then(|| newest["serviceDeploymentArn"].as_str().map(str::to_owned))?
}
