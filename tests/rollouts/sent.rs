//! What a run did with its calls.

use std::collections::BTreeMap;
use std::time::Duration;

use sandbox::{Call, Disturbance};

use crate::drawn::Drawn;
use crate::world::World;

/// An UpdateService that a run has sent.
#[derive(Debug, Clone)]
pub struct Update {
    pub service: String,
    pub task_definition: String,
    /// ECS has carried it out, whatever its answer was.
    pub took_effect: bool,
    /// On the sandbox's clock, in milliseconds.
    pub at: i64,
}

/// The calls of runs, from this one of the sandbox's on.
pub fn calls(world: &World, from: usize) -> Vec<Call> {
    world.sandbox.calls().split_off(from)
}

/// Every UpdateService of these calls. `drawn` has the faults in the order in which all calls of the world meet them, so
/// `before` are those of earlier runs.
pub fn updates(drawn: &Drawn, before: &[Call], calls: &[Call]) -> Vec<Update> {
    let mut silences = drawn
        .updates
        .iter()
        .filter(|what| matches!(what, Disturbance::DropBefore | Disturbance::DropAfter | Disturbance::Hang));
    let is_update = |call: &&Call| call.operation == "UpdateService";
    let skipped = before.iter().filter(is_update).filter(|call| call.status == 0).count();
    silences.by_ref().take(skipped).for_each(drop);
    let each = calls.iter().filter(is_update).map(|call| Update {
        service: call.input["service"].as_str().unwrap_or_default().to_owned(),
        task_definition: call.input["taskDefinition"].as_str().unwrap_or_default().to_owned(),
        took_effect: match call.status {
            0 => silences.next() == Some(&Disturbance::DropAfter) && call.error_code.is_none(),
            status => status == 200,
        },
        at: call.at,
    });
    each.collect()
}

/// What no run may ever do with its calls.
pub fn check(drawn: &Drawn, before: &[Call], calls: &[Call]) -> Result<(), String> {
    let keys = ["cluster", "service", "taskDefinition", "forceNewDeployment"];
    for call in calls.iter().filter(|call| call.operation == "UpdateService") {
        let others: Vec<&String> = call
            .input
            .as_object()
            .map(|input| input.keys().filter(|key| !keys.contains(&key.as_str())).collect())
            .unwrap_or_default();
        if !others.is_empty() {
            return Err(format!("UpdateService with {others:?}"));
        }
    }
    let mut done: BTreeMap<(String, String), i64> = BTreeMap::new();
    for update in updates(drawn, before, calls) {
        let key = (update.service.clone(), update.task_definition.clone());
        // What no read shows for so long is sent again. It is the same revision, so no second deployment begins.
        let patience = if drawn.stale >= LOOKED_FOR { LOOKED_FOR.as_millis() } else { u128::MAX };
        if let Some(first) = done.get(&key)
            && u128::from((update.at - first).unsigned_abs()) < patience
        {
            return Err(format!("a second UpdateService after one that was carried out: {update:?}"));
        }
        if update.took_effect {
            done.insert(key, update.at);
        }
    }
    Ok(())
}

/// How long an update without an answer is looked for at least.
const LOOKED_FOR: Duration = Duration::from_secs(55);

/// Burst of the buckets that services use, as AWS documents them.
const BURSTS: [(&str, f64); 5] = [
    ("service read", 100.0),
    ("service modify", 50.0),
    ("service deployment", 50.0),
    ("service revision", 50.0),
    ("cluster resource read", 100.0),
];

/// One run alone takes its share of every bucket and no more.
pub fn check_share(world: &World) -> Result<(), String> {
    for (name, used) in world.sandbox.figures().buckets {
        let burst = BURSTS.iter().find(|(of, _)| *of == name).map_or(0.0, |(_, burst)| *burst);
        let least = burst * (1.0 - crate::world::SHARE) - 1.0;
        if used.refused > 0 || used.lowest < least {
            return Err(format!("bucket {name}: {used:?}"));
        }
    }
    Ok(())
}
