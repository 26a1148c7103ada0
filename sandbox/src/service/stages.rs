//! The way of a deployment that shifts traffic: at once (BLUE_GREEN), in equal steps (LINEAR), or in two (CANARY).

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

/// Where LINEAR and CANARY leave something open.
pub(crate) const STEP_PERCENT: f64 = 10.0;
pub(crate) const STEP_BAKE_MINUTES: u64 = 6;
pub(crate) const CANARY_PERCENT: f64 = 5.0;
pub(crate) const CANARY_BAKE_MINUTES: u64 = 10;

pub(super) const RECONCILE_SERVICE: &str = "RECONCILE_SERVICE";
pub(super) const PRE_SCALE_UP: &str = "PRE_SCALE_UP";
pub(super) const SCALE_UP: &str = "SCALE_UP";
pub(super) const CLEAN_UP: &str = "CLEAN_UP";
const PRE_SHIFT: &str = "PRE_PRODUCTION_TRAFFIC_SHIFT";
const SHIFT: &str = "PRODUCTION_TRAFFIC_SHIFT";

/// How long a step lasts in addition to what has to happen in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lasts {
    /// As long as a stage takes that nothing waits in.
    Shortly,
    Bake(Duration),
}

/// A stage, or one of its steps: LINEAR and CANARY shift traffic more than once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// By the name that lifecycle hooks know it by.
    pub stage: &'static str,
    /// The target's part of production traffic from this step on, in percent.
    pub weight: f64,
    pub lasts: Lasts,
}

/// The steps that a service deployment still has before it.
#[derive(Debug, Clone)]
pub(crate) struct Stages {
    /// The present step first. The last one, CLEAN_UP, stays.
    way: VecDeque<Step>,
    /// `lifecycleStage`.
    pub shown: Option<&'static str>,
    /// `requestedProductionTrafficWeight` of the target.
    pub weight: f64,
    /// The present step has begun.
    pub begun: bool,
    /// When it is over, as far as time goes.
    pub until: Option<i64>,
}

impl Stages {
    /// Makes the way of a new deployment; `None` for ROLLING.
    pub fn of(configuration: &Value, reconciles: bool) -> Option<Self> {
        let shifts = shifts(configuration)?;
        let step = |stage, weight| Step { stage, weight, lasts: Lasts::Shortly };
        let mut way: VecDeque<Step> = VecDeque::new();
        if reconciles {
            way.push_back(step(RECONCILE_SERVICE, 0.0));
        }
        let before =
            [PRE_SCALE_UP, SCALE_UP, "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT"];
        way.extend(before.map(|stage| step(stage, 0.0)));
        let mut had = 0.0;
        for (weight, wait) in shifts {
            way.push_back(Step { stage: PRE_SHIFT, weight: had, lasts: Lasts::Bake(Duration::ZERO) });
            way.push_back(step(SHIFT, weight));
            if !wait.is_zero() {
                way.push_back(Step { stage: SHIFT, weight, lasts: Lasts::Bake(wait) });
            }
            had = weight;
        }
        way.push_back(step("POST_PRODUCTION_TRAFFIC_SHIFT", had));
        let bake = minutes(configuration["bakeTimeInMinutes"].as_u64().unwrap_or_default());
        way.push_back(Step { stage: "BAKE_TIME", weight: had, lasts: Lasts::Bake(bake) });
        way.push_back(step(CLEAN_UP, had));
        Some(Self::along(way, 0.0))
    }

    /// Makes the way back from here.
    pub fn back(&self) -> Self {
        let step = |stage| Step { stage, weight: 0.0, lasts: Lasts::Shortly };
        let mut way = VecDeque::from([step(CLEAN_UP)]);
        if self.weight > 0.0 {
            way.push_front(step(SHIFT));
        }
        Self { shown: self.shown, ..Self::along(way, self.weight) }
    }

    fn along(way: VecDeque<Step>, weight: f64) -> Self {
        Self { way, shown: None, weight, begun: false, until: None }
    }

    /// Returns the present step.
    pub(super) fn step(&self) -> Option<Step> {
        self.way.front().copied()
    }

    pub(super) fn begin(&mut self, step: Step) {
        self.begun = true;
        self.weight = step.weight;
        // What hooks know as a stage of its own, lifecycleStage does not.
        if step.stage != PRE_SHIFT {
            self.shown = Some(step.stage);
        }
    }

    pub(super) fn next(&mut self) {
        self.way.pop_front();
        (self.begun, self.until) = (false, None);
    }

    /// Returns whether old tasks are to go now.
    pub(super) fn cleans_up(&self) -> bool {
        self.begun && self.step().is_none_or(|step| step.stage == CLEAN_UP)
    }
}

/// Returns the weights that production traffic is shifted to, each with the wait after it; `None` for ROLLING.
fn shifts(configuration: &Value) -> Option<Vec<(f64, Duration)>> {
    match configuration["strategy"].as_str() {
        Some("BLUE_GREEN") => Some(vec![(100.0, Duration::ZERO)]),
        Some("CANARY") => {
            let canary = &configuration["canaryConfiguration"];
            let percent = canary["canaryPercent"].as_f64().unwrap_or(CANARY_PERCENT);
            let bake = minutes(canary["canaryBakeTimeInMinutes"].as_u64().unwrap_or(CANARY_BAKE_MINUTES));
            Some(stairs(&[percent, 100.0], bake))
        }
        Some("LINEAR") => {
            let linear = &configuration["linearConfiguration"];
            let percent = linear["stepPercent"].as_f64().unwrap_or(STEP_PERCENT);
            let bake = minutes(linear["stepBakeTimeInMinutes"].as_u64().unwrap_or(STEP_BAKE_MINUTES));
            // Tenths of a percent are whole numbers; their sums in binary fractions are not.
            let tenths = (percent * 10.0).round().max(1.0) as u32;
            let steps: Vec<f64> =
                (1..=1000_u32.div_ceil(tenths)).map(|count| f64::from(count * tenths) / 10.0).collect();
            Some(stairs(&steps, bake))
        }
        _ => None,
    }
}

/// Pairs the weights with the waits after them: "This bake time is not applied after reaching 100 percent traffic."
fn stairs(weights: &[f64], bake: Duration) -> Vec<(f64, Duration)> {
    let mut stairs: Vec<(f64, Duration)> =
        weights.iter().filter(|weight| **weight < 100.0).map(|weight| (*weight, bake)).collect();
    stairs.push((100.0, Duration::ZERO));
    stairs
}

pub(crate) fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Weights and minutes of waiting.
    fn of(configuration: &Value) -> Vec<(f64, u64)> {
        let shifts = shifts(configuration).unwrap_or_default();
        shifts.into_iter().map(|(weight, wait)| (weight, wait.as_secs() / 60)).collect()
    }

    #[test]
    fn traffic_is_shifted_as_the_strategy_says() {
        assert_eq!(of(&json!({ "strategy": "BLUE_GREEN" })), [(100.0, 0)]);
        assert_eq!(of(&json!({ "strategy": "CANARY" })), [(5.0, 10), (100.0, 0)]);
        let ten = of(&json!({ "strategy": "LINEAR" }));
        assert_eq!((ten.len(), ten[0], ten[8], ten[9]), (10, (10.0, 6), (90.0, 6), (100.0, 0)));
        let third = json!({ "stepPercent": 33.4, "stepBakeTimeInMinutes": 1 });
        let third = of(&json!({ "strategy": "LINEAR", "linearConfiguration": third }));
        assert_eq!(third, [(33.4, 1), (66.8, 1), (100.0, 0)]);
        let all = json!({ "canaryPercent": 100.0 });
        assert_eq!(of(&json!({ "strategy": "CANARY", "canaryConfiguration": all })), [(100.0, 0)]);
        assert_eq!(of(&json!({ "strategy": "ROLLING" })), []);
    }

    #[test]
    fn a_hook_before_each_shift_is_no_stage_of_its_own() {
        let mut stages = Stages::of(&json!({ "strategy": "CANARY" }), true).unwrap();
        let (mut shown, mut hooked) = (Vec::new(), Vec::new());
        while let Some(step) = stages.step() {
            stages.begin(step);
            hooked.push(step.stage);
            shown.extend(stages.shown);
            stages.next();
        }
        shown.dedup();
        let order = [
            "RECONCILE_SERVICE",
            "PRE_SCALE_UP",
            "SCALE_UP",
            "POST_SCALE_UP",
            "TEST_TRAFFIC_SHIFT",
            "POST_TEST_TRAFFIC_SHIFT",
            "PRODUCTION_TRAFFIC_SHIFT",
            "POST_PRODUCTION_TRAFFIC_SHIFT",
            "BAKE_TIME",
            "CLEAN_UP",
        ];
        assert_eq!(shown, order);
        assert_eq!(hooked.iter().filter(|stage| **stage == PRE_SHIFT).count(), 2);
    }
}
