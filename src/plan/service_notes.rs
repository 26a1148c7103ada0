//! What a person should know before a service is deployed.

use std::time::Duration;

use super::service_plan::{MigrationBefore, ServicePlan};
use crate::choices::{OnDeploying, OnFailure, ServiceBase};
use crate::database_name::PLACEHOLDER;
use crate::failure::{Failure, listed};
use crate::image_reference::ImageReference;
use crate::ports::{DeploymentRules, Strategy};
use crate::settings::DeploySettings;
use crate::task_definition::TaskDefinition;
use crate::untrusted::{phrase, printable};
use crate::words::{counted, duration, millis};

/// How long a session of an assumed role lasts, unless it is asked for more or less.
const SESSION: Duration = Duration::from_secs(3600);

pub(super) fn notes(
    plan: &ServicePlan,
    settings: &DeploySettings,
    image: &str,
    migration: Option<MigrationBefore<'_>>,
) -> Result<Vec<String>, Failure> {
    let name = phrase(plan.name());
    let rules = &plan.service.rules;
    let mut notes = Vec::new();
    notes.extend(drift(plan, settings.base));
    if let Some(migration) = migration.filter(|migration| migration.family == plan.base.family()) {
        notes.push(format!(
            "service {name} runs family {}, where the migration's revisions go as well: none of them is deployed, and \
             whoever deploys the family's newest revision gets one",
            phrase(migration.family)
        ));
    }
    if let Some(under_way) = &plan.under_way {
        let then = match settings.on_deploying {
            OnDeploying::Fail | OnDeploying::Wait if plan.is_under_way(image)? => {
                "it deploys what this run would deploy, so it is followed"
            }
            OnDeploying::Supersede => "ECS stops it for this one, when the databases are migrated",
            _ => "its end is waited for before the service is updated",
        };
        notes.push(format!("{} of service {name} is under way: {then}", under_way.words()));
    }
    notes.extend(nothing_to_go_back_to(plan, settings.on_deploying));
    if plan.service.desired == 0 {
        notes.push(format!("service {name} wants no tasks: nothing will prove that one starts"));
    }
    if !rules.breaker && rules.alarms.is_empty() {
        notes.push(format!(
            "service {name} has no deployment circuit breaker: ECS starts the tasks of a failing deployment again and \
             again, and this run gives up after {}",
            duration(millis(plan.timeout))
        ));
    } else if rules.breaker && !rules.breaker_rolls_back && rules.alarms.is_empty() {
        notes.push(format!(
            "the deployment circuit breaker of service {name} does not roll back: a failed deployment stays"
        ));
    }
    if !rules.alarms.is_empty() {
        let alarms: Vec<String> = rules.alarms.iter().map(|name| phrase(name)).collect();
        notes.push(format!(
            "{} can end a deployment of service {name}: {}. ECS ignores them where one is in ALARM at the start",
            counted(alarms.len(), "alarm"),
            listed(&alarms)
        ));
    }
    if rules.early_success {
        notes.push(format!(
            "a deployment of service {name} counts as successful with fewer tasks than it wants (early success)"
        ));
    }
    if rules.has_hooks {
        notes.push(format!("lifecycle hooks may hold a deployment of service {name} up"));
    }
    if plan.timeout > SESSION && settings.common.credentials.role_to_assume.is_none() {
        notes.push(format!(
            "a deployment of service {name} may take {}, and the credentials are not renewed by this run: a session of an \
             hour ends before. --role-to-assume renews them",
            duration(millis(plan.timeout))
        ));
    }
    let ours = ImageReference::parse(image);
    for container in &plan.containers {
        let theirs = ImageReference::parse(plan.base.image(container).unwrap_or_default());
        if !theirs.is_in_repository_of(&ours) {
            notes.push(format!(
                "container {} of service {name} has an image of {}, and gets one of {} (--service-container)",
                printable(container, 255),
                phrase(&theirs.repository()),
                phrase(&ours.repository())
            ));
        }
    }
    Ok(notes)
}

/// Returns the notes that are true of all services.
pub(super) fn for_all(plan: &[ServicePlan], settings: &DeploySettings) -> Vec<String> {
    let mut notes = vec![
        "only services are deployed: scheduled tasks (EventBridge) that name a revision keep it".to_owned(),
    ];
    if settings.on_failure == OnFailure::Rollback && plan.len() > 1 {
        notes.push(
            "when one service is not deployed, those that are done go back to what ran before (--on-failure rollback)"
                .to_owned(),
        );
    }
    if settings.health.health_url.is_some() && settings.health.health_expect.is_none() {
        notes.push(
            "--health-url without --health-expect: an answer of the old image counts as well".to_owned(),
        );
    }
    notes
}

/// Returns a note where ECS has nothing to go back to: it goes back to a deployment that is COMPLETED, and without
/// one a deployment that fails stalls (How the Amazon ECS deployment circuit breaker handles failures).
fn nothing_to_go_back_to(plan: &ServicePlan, on_deploying: OnDeploying) -> Option<String> {
    let rollouts: Vec<&str> =
        plan.service.deployments.iter().filter_map(|one| one.rollout.as_deref()).collect();
    let is_waited_for = plan.under_way.is_some() && on_deploying == OnDeploying::Wait;
    let has_one = rollouts.is_empty() || rollouts.contains(&"COMPLETED");
    (!has_one && !is_waited_for).then(|| {
        format!(
            "no deployment of service {} is complete now, so ECS has nothing to go back to when this one fails",
            phrase(plan.name())
        )
    })
}

/// Returns a note on a newer revision of the family that the service does not run; none for one that differs only in
/// its image or is a migration's own.
fn drift(plan: &ServicePlan, base: ServiceBase) -> Option<String> {
    let ServicePlan { running, newest, .. } = plan;
    let newest = newest.as_ref()?;
    let is_newer = newest.revision() > running.revision() && !newest.same_as(running);
    // It is a migration's own revision, or one that an earlier run of this image has registered.
    let is_drift = is_newer && newest.names_no_database().is_none() && !is_but_another_image(plan, newest);
    let (newer, runs, name) = (phrase(&newest.name()), phrase(&running.name()), phrase(plan.name()));
    match base {
        _ if !is_drift => None,
        ServiceBase::Running => Some(format!(
            "{newer} is newer than {runs}, which service {name} runs: what else it changes is not deployed. --service-base \
             latest takes it"
        )),
        ServiceBase::Latest => Some(format!(
            "the new revision is made from {newer}, and service {name} runs {runs}: what it changes besides is deployed \
             with it (--service-base latest)"
        )),
    }
}

fn is_but_another_image(plan: &ServicePlan, newest: &TaskDefinition) -> bool {
    let same = plan.running.with_image(&plan.containers, PLACEHOLDER);
    newest
        .with_image(&plan.containers, PLACEHOLDER)
        .is_ok_and(|newest| same.is_ok_and(|running| running.same_as(&newest)))
}

/// Describes in a few words how the service rolls a deployment out.
pub(super) fn strategy(rules: &DeploymentRules) -> String {
    let mut words = match &rules.strategy {
        Strategy::Rolling => format!(
            "rolling, between {} % and {} % of the wanted tasks",
            rules.minimum_healthy.unwrap_or(100),
            rules.maximum.unwrap_or(200)
        ),
        Strategy::BlueGreen => "blue/green".to_owned(),
        Strategy::Linear { step_percent, step_bake } => {
            format!("linear, {step_percent} % each {}", duration(millis(*step_bake)))
        }
        Strategy::Canary { percent, bake } => {
            format!("canary, {percent} % for {}", duration(millis(*bake)))
        }
        Strategy::Other(name) => phrase(name),
    };
    if !rules.bake.is_zero() {
        words.push_str(&format!(", {} bake time", duration(millis(rules.bake))));
    }
    words.push_str(match (rules.breaker, rules.breaker_rolls_back) {
        (false, _) => ", no circuit breaker",
        (true, false) => ", circuit breaker without rollback",
        (true, true) => ", circuit breaker with rollback",
    });
    words
}
