//! `deploymentConfiguration`: what AWS takes, and what the sandbox does not simulate.

use serde_json::{Map, Value, json};

use crate::answer::AwsError;
use crate::ecs::invalid;
use crate::service::{CANARY_BAKE_MINUTES, CANARY_PERCENT, STEP_BAKE_MINUTES, STEP_PERCENT};

/// Minutes of a bake time: 24 hours.
const MAX_BAKE_MINUTES: u64 = 1440;
/// `timeoutInMinutes` of a lifecycle hook: 14 days.
const MAX_HOOK_TIMEOUT: u64 = 20_160;
/// Where a lifecycle hook may pause a deployment.
const PAUSES: [&str; 6] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];
/// Where only a function may be called.
const NO_PAUSES: [&str; 2] = ["TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"];

/// Checks a configuration with what a request has changed in it; `given` is what the request says.
pub(super) fn check(configuration: &Value, given: &Value) -> Result<(), AwsError> {
    let strategy = configuration["strategy"].as_str().unwrap_or("ROLLING");
    if !matches!(strategy, "ROLLING" | "BLUE_GREEN" | "LINEAR" | "CANARY") {
        return Err(invalid(format!("Invalid deployment strategy: {strategy}")));
    }
    if strategy == "BLUE_GREEN" && configuration["bakeTimeInMinutes"].is_null() {
        return Err(invalid("bakeTimeInMinutes is required for the deployment strategy BLUE_GREEN."));
    }
    for (member, of) in [
        ("linearConfiguration", "LINEAR"),
        ("canaryConfiguration", "CANARY"),
        ("earlySuccessCriteria", "ROLLING"),
    ] {
        if !given[member].is_null() && strategy != of {
            let message = format!("{member} is not valid for the deployment strategy {strategy}.");
            return Err(invalid(message));
        }
    }
    let (linear, canary) = (&configuration["linearConfiguration"], &configuration["canaryConfiguration"]);
    minutes("bakeTimeInMinutes", &configuration["bakeTimeInMinutes"])?;
    minutes("stepBakeTimeInMinutes", &linear["stepBakeTimeInMinutes"])?;
    minutes("canaryBakeTimeInMinutes", &canary["canaryBakeTimeInMinutes"])?;
    percent("stepPercent", &linear["stepPercent"], 3.0)?;
    percent("canaryPercent", &canary["canaryPercent"], 0.1)?;
    if configuration["alarms"]["enable"] == true
        && crate::ecs::strings(&configuration["alarms"]["alarmNames"]).is_empty()
    {
        return Err(invalid("Deployment alarms have to have alarmNames."));
    }
    check_early_success(configuration)?;
    let hooks = configuration["lifecycleHooks"].as_array().into_iter().flatten();
    hooks.into_iter().try_for_each(|hook| check_hook(hook, strategy))
}

fn minutes(member: &str, value: &Value) -> Result<(), AwsError> {
    if value.is_null() || value.as_u64().is_some_and(|minutes| minutes <= MAX_BAKE_MINUTES) {
        return Ok(());
    }
    Err(invalid(format!("{member} should be between 0 and {MAX_BAKE_MINUTES}.")))
}

/// Checks that a value is a multiple of 0.1 from `least` to 100, or absent.
fn percent(member: &str, value: &Value, least: f64) -> Result<(), AwsError> {
    let is_one = |percent: f64| {
        let tenths = percent * 10.0;
        (least..=100.0).contains(&percent) && (tenths - tenths.round()).abs() < 1e-6
    };
    if value.is_null() || value.as_f64().is_some_and(is_one) {
        return Ok(());
    }
    Err(invalid(format!("{member} should be a multiple of 0.1 between {least:.1} and 100.0.")))
}

fn check_early_success(configuration: &Value) -> Result<(), AwsError> {
    let criteria = &configuration["earlySuccessCriteria"];
    if criteria["enable"] != true {
        return Ok(());
    }
    let least = configuration["minimumHealthyPercent"].as_u64().unwrap_or(100);
    if !criteria["healthyPercent"].as_u64().is_some_and(|percent| (least..=100).contains(&percent)) {
        return Err(invalid(format!(
            "healthyPercent should be between minimumHealthyPercent, which is {least}, and 100."
        )));
    }
    match criteria["sourceServiceRevisionCleanup"].as_str() {
        Some("BLOCKING" | "DEFERRED") => Ok(()),
        other => {
            let given = other.unwrap_or("none");
            Err(invalid(format!("Invalid sourceServiceRevisionCleanup: {given}")))
        }
    }
}

fn check_hook(hook: &Value, strategy: &str) -> Result<(), AwsError> {
    let target = hook["targetType"].as_str().unwrap_or("AWS_LAMBDA");
    if target != "PAUSE" {
        return Err(super::not_simulated(&format!("lifecycle hooks of target type {target}, only PAUSE")));
    }
    if strategy == "ROLLING" {
        // AWS's own pages contradict each other about it.
        return Err(super::not_simulated("lifecycle hooks of the deployment strategy ROLLING"));
    }
    let stages = crate::ecs::strings(&hook["lifecycleStages"]);
    if stages.is_empty() {
        return Err(invalid("A lifecycle hook has to have lifecycleStages."));
    }
    for stage in stages {
        if NO_PAUSES.contains(&stage.as_str()) {
            return Err(invalid(format!("PAUSE hooks cannot be configured at the stage {stage}.")));
        }
        if !PAUSES.contains(&stage.as_str()) {
            return Err(invalid(format!("Invalid lifecycle stage: {stage}")));
        }
    }
    let timeout = &hook["timeoutConfiguration"];
    let minutes = &timeout["timeoutInMinutes"];
    if !minutes.is_null() && !minutes.as_u64().is_some_and(|count| (1..=MAX_HOOK_TIMEOUT).contains(&count)) {
        return Err(invalid(format!("timeoutInMinutes should be between 1 and {MAX_HOOK_TIMEOUT}.")));
    }
    match timeout["action"].as_str() {
        None | Some("CONTINUE" | "ROLLBACK") => Ok(()),
        Some(action) => Err(invalid(format!("Invalid action: {action}"))),
    }
}

/// Adds what AWS takes for left out, and drops what belongs to another strategy.
pub(super) fn complete(configuration: &mut Map<String, Value>) {
    let strategy = configuration.get("strategy").and_then(Value::as_str).unwrap_or("ROLLING").to_owned();
    for (member, of, defaults) in [
        (
            "linearConfiguration",
            "LINEAR",
            json!({ "stepPercent": STEP_PERCENT, "stepBakeTimeInMinutes": STEP_BAKE_MINUTES }),
        ),
        (
            "canaryConfiguration",
            "CANARY",
            json!({ "canaryPercent": CANARY_PERCENT, "canaryBakeTimeInMinutes": CANARY_BAKE_MINUTES }),
        ),
        ("earlySuccessCriteria", "ROLLING", json!({})),
    ] {
        if strategy != of {
            configuration.shift_remove(member);
        } else if defaults != json!({}) {
            fill(configuration.entry(member).or_insert_with(|| json!({})), defaults);
        }
    }
    fill_members(
        configuration,
        json!({
            "deploymentCircuitBreaker": { "enable": false, "rollback": false },
            "maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING", "bakeTimeInMinutes": 0,
        }),
    );
}

fn fill(value: &mut Value, defaults: Value) {
    if let Some(members) = value.as_object_mut() {
        fill_members(members, defaults);
    }
}

fn fill_members(members: &mut Map<String, Value>, defaults: Value) {
    if let Value::Object(defaults) = defaults {
        for (member, value) in defaults {
            members.entry(member).or_insert(value);
        }
    }
}
