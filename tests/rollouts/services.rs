//! Services that a seed has drawn, and what their new image does.

use std::time::Duration;

use fastrand::Rng;
use sandbox::{Sandbox, Script, seed};
use serde_json::{Value, json};

use crate::world::{NEW, OLD, World, digest};

/// The alarm that services with alarms watch.
pub const ALARM: &str = "errors";

/// What the new image does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image {
    Healthy,
    Crashes { after: u64 },
    NeverHealthy,
    Slow { healthy_after: u64 },
}

impl Image {
    fn of(dice: &mut Rng) -> Self {
        match dice.u8(..10) {
            0..5 => Self::Healthy,
            5 | 6 => Self::Crashes { after: dice.u64(1..20) },
            7 => Self::Crashes { after: dice.u64(60..300) },
            8 => Self::NeverHealthy,
            _ => Self::Slow { healthy_after: dice.u64(60..300) },
        }
    }

    fn is_checked(self) -> bool {
        matches!(self, Self::NeverHealthy | Self::Slow { .. })
    }

    fn script(self) -> Script {
        let seconds = Duration::from_secs;
        match self {
            Self::Healthy => Script::new().until_stopped(),
            Self::Crashes { after } => Script::new().work(seconds(after)).exit(1),
            Self::NeverHealthy => Script::new().until_stopped().never_healthy(),
            Self::Slow { healthy_after } => {
                Script::new().until_stopped().healthy_after(seconds(healthy_after))
            }
        }
    }
}

#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    pub image: Image,
    pub desired: u64,
    pub configuration: Value,
    /// What ran before does not start again.
    pub old_is_sick: bool,
}

impl Service {
    pub fn of(number: usize, dice: &mut Rng) -> Self {
        let mut configuration = json!({});
        if dice.u8(..4) > 0 {
            configuration["deploymentCircuitBreaker"] = json!({"enable": true, "rollback": dice.u8(..5) > 0});
        }
        let desired = if dice.u8(..10) == 0 { 0 } else { dice.u64(1..6) };
        // Where neither a task can be started nor one stopped, nothing is planned.
        let (least, most) = match (dice.u8(..40), desired) {
            (0, _) => (100, 100),
            (_, ..2) => [(100, 200), (0, 100)][dice.usize(..2)],
            _ => [(100, 200), (100, 200), (50, 100), (0, 100), (100, 150)][dice.usize(..5)],
        };
        match dice.u8(..10) {
            0 => {
                configuration["strategy"] = "BLUE_GREEN".into();
                configuration["bakeTimeInMinutes"] = dice.u64(0..3).into();
            }
            1 => {
                configuration["strategy"] = "CANARY".into();
                configuration["bakeTimeInMinutes"] = dice.u64(0..3).into();
                configuration["canaryConfiguration"] =
                    json!({"canaryPercent": 10.0, "canaryBakeTimeInMinutes": dice.u64(0..3)});
            }
            _ => {
                configuration["minimumHealthyPercent"] = least.into();
                configuration["maximumPercent"] = most.into();
            }
        }
        if dice.u8(..5) == 0 {
            configuration["alarms"] = json!({"alarmNames": [ALARM], "enable": true, "rollback": dice.bool()});
        }
        Self {
            name: format!("web-{number}"),
            image: Image::of(dice),
            desired,
            configuration,
            old_is_sick: dice.u8(..10) == 0,
        }
    }

    /// Makes it, with these contents registered, oldest first; the first one runs.
    pub fn create(&self, world: &World, contents: &[char]) {
        let checked = self.image.is_checked();
        let sandbox = &world.sandbox;
        let image = self.image;
        sandbox.set_program(&self.name, move |context| match context.image.ends_with(&digest(NEW)) {
            true => image.script(),
            false => Script::new().until_stopped(),
        });
        let arns: Vec<String> =
            contents.iter().map(|content| world.register(&self.name, *content, checked)).collect();
        let input = json!({
            "cluster": seed::CLUSTER, "serviceName": self.name, "taskDefinition": arns[0],
            "desiredCount": self.desired, "launchType": "FARGATE",
            "deploymentConfiguration": self.configuration,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
        });
        sandbox.create_service(&input).map_err(|error| error.message).expect("a service");
    }

    /// From now on what ran before does not start any more, where that was drawn.
    pub fn fall_sick(&self, sandbox: &Sandbox) {
        let (image, is_sick) = (self.image, self.old_is_sick);
        if is_sick {
            sandbox.set_program(&self.name, move |context| match context.image.ends_with(&digest(OLD)) {
                true => Script::new().work(Duration::from_secs(1)).exit(1),
                false if context.image.ends_with(&digest(NEW)) => image.script(),
                false => Script::new().until_stopped(),
            });
        }
    }
}
