//! Pure: which services can be deployed at all, and how long that may take.

use std::collections::HashSet;
use std::time::Duration;

use crate::failure::Failure;
use crate::ports::{Controller, DeploymentRules, Service, Strategy};
use crate::untrusted::phrase;

/// What a deployment may take without bake times and steps: a circuit breaker takes up to 15 minutes to trigger.
const DEPLOY_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Returns the services that were asked for, in that order, each once and fit to be deployed.
///
/// # Errors
/// A service does not exist, or no UpdateService can deploy it.
pub(crate) fn fit(names: &[String], cluster: &str, seen: Vec<Service>) -> Result<Vec<Service>, Failure> {
    let services = deployed_by_ecs(names, cluster, seen)?;
    services.iter().try_for_each(can_move)?;
    Ok(services)
}

/// Returns the services that were asked for, in that order, each once and with deployments of ECS that can be taken
/// back.
///
/// # Errors
/// A service does not exist, or ECS does not deploy it.
pub(crate) fn deployed_by_ecs(
    names: &[String],
    cluster: &str,
    seen: Vec<Service>,
) -> Result<Vec<Service>, Failure> {
    let missing: Vec<&String> =
        names.iter().filter(|name| !seen.iter().any(|service| service.name == **name)).collect();
    if let Some(name) = missing.first() {
        return Err(Failure::input(format!(
            "service {} does not exist in cluster {}",
            phrase(name),
            phrase(cluster)
        ))
        .hint("check --service, --cluster and --region"));
    }
    let mut once = HashSet::new();
    let order = names.iter().filter(|name| once.insert(name.as_str()));
    let services: Vec<Service> =
        order.filter_map(|name| seen.iter().find(|service| service.name == *name).cloned()).collect();
    services.iter().try_for_each(check)?;
    Ok(services)
}

/// Checks that ECS deploys the service.
///
/// # Errors
/// It does not: the service is not ACTIVE, is in Express Mode, or has another deployment controller.
fn check(service: &Service) -> Result<(), Failure> {
    let name = phrase(&service.name);
    if service.status != "ACTIVE" {
        let status = phrase(&service.status);
        return Err(Failure::input(format!("service {name} is {status}, not ACTIVE"))
            .hint("it was deleted: create it again, or name another one with --service"));
    }
    if service.is_express {
        return Err(Failure::input(format!("service {name} is an Express Mode service, which ECS manages"))
            .hint("deploy it with UpdateExpressGatewayService: this program updates services of your own"));
    }
    match &service.controller {
        Controller::Ecs => {}
        // The message of AWS: "Unable to update task definition on services with a CODE_DEPLOY deployment
        // controller."
        Controller::CodeDeploy => {
            return Err(Failure::input(format!("service {name} has the deployment controller CODE_DEPLOY"))
                .hint(
                    "create its deployments with AWS CodeDeploy, or move it to blue/green deployments of ECS",
                ));
        }
        other => {
            let kind = match other {
                Controller::Other(kind) => phrase(kind),
                _ => "EXTERNAL".to_owned(),
            };
            return Err(Failure::input(format!("service {name} has the deployment controller {kind}"))
                .hint("whoever manages its task sets deploys it: this program needs the controller ECS"));
        }
    }
    Ok(())
}

/// Checks that a rolling deployment of the service can start or stop a task.
///
/// # Errors
/// The service's counts keep every rolling deployment from both.
pub(crate) fn can_move(service: &Service) -> Result<(), Failure> {
    let (name, rules) = (phrase(&service.name), &service.rules);
    if rules.strategy == Strategy::Rolling && is_stuck(service.desired, rules) {
        let (minimum, maximum) = (minimum(rules), maximum(rules));
        return Err(Failure::input(format!(
            "no deployment of service {name} can move: with {} wanted, a minimum of {minimum} % and a maximum of \
             {maximum} %, ECS may neither start a task nor stop one",
            service.desired
        ))
        .hint("raise maximumPercent or lower minimumHealthyPercent in its deploymentConfiguration"));
    }
    Ok(())
}

/// Returns minimumHealthyPercent: 100 where a service says nothing (DeploymentConfiguration).
fn minimum(rules: &DeploymentRules) -> i32 {
    rules.minimum_healthy.unwrap_or(100)
}

fn maximum(rules: &DeploymentRules) -> i32 {
    rules.maximum.unwrap_or(200)
}

/// Returns whether a rolling deployment can do nothing. ECS starts a task only where the maximum, rounded down, is
/// above the desired count, and stops one only where the minimum, rounded up, is below it (Amazon ECS service event
/// messages).
fn is_stuck(desired: i32, rules: &DeploymentRules) -> bool {
    let (wanted, part) = (i64::from(desired), |percent: i32| i64::from(desired) * i64::from(percent));
    let may_start = part(maximum(rules)) / 100 > wanted;
    let may_stop = (part(minimum(rules)) + 99) / 100 < wanted;
    wanted > 0 && !may_start && !may_stop
}

/// Returns how long a deployment may take: what is given, or the default plus everything that the strategy waits for.
pub(crate) fn deploy_timeout(given: Option<Duration>, rules: &DeploymentRules) -> Duration {
    given.unwrap_or_else(|| {
        let steps = match &rules.strategy {
            Strategy::Linear { step_percent, step_bake } if *step_percent > 0.0 => {
                step_bake.mul_f64((100.0 / step_percent).ceil().max(1.0))
            }
            Strategy::Canary { bake, .. } => *bake,
            _ => Duration::ZERO,
        };
        DEPLOY_TIMEOUT + rules.bake + steps
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str) -> Service {
        Service { name: name.into(), status: "ACTIVE".into(), desired: 1, ..Service::default() }
    }

    #[test]
    fn what_cannot_be_deployed_is_refused_and_the_rest_keeps_its_order() {
        let names = ["b", "a", "b"].map(str::to_owned);
        let fit_ones = fit(&names, "c", vec![service("a"), service("b")]).expect("both");
        assert_eq!(fit_ones.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        for (change, said) in [
            ((|one| one.status = "DRAINING".into()) as fn(&mut Service), "is DRAINING"),
            (|one| one.status = "INACTIVE".into(), "is INACTIVE"),
            (|one| one.is_express = true, "Express Mode"),
            (|one| one.controller = Controller::CodeDeploy, "controller CODE_DEPLOY"),
            (|one| one.controller = Controller::External, "controller EXTERNAL"),
            (|one| one.controller = Controller::Other("NEXT".into()), "controller NEXT"),
            (|one| one.rules.maximum = Some(100), "can move"),
            (|one| one.name = "other".into(), "does not exist"),
        ] {
            let mut one = service("a");
            change(&mut one);
            let failure = fit(&["a".to_owned()], "c", vec![one]).expect_err(said);
            assert!(failure.message.contains(said), "{failure}");
            assert!(failure.hint.is_some(), "{said}");
        }
    }

    #[test]
    fn counts_that_never_move() {
        for (desired, minimum, maximum, stuck) in [
            (1, Some(100), Some(100), true),
            (1, None, None, false),
            (1, Some(100), Some(199), true),
            (1, Some(0), Some(100), false),
            (2, Some(51), Some(100), true),
            (2, Some(50), Some(149), false),
            (3, Some(100), Some(133), true),
            (3, Some(100), Some(134), false),
            (0, Some(100), Some(100), false),
        ] {
            let rules = DeploymentRules { minimum_healthy: minimum, maximum, ..DeploymentRules::default() };
            assert_eq!(is_stuck(desired, &rules), stuck, "{desired} {minimum:?} {maximum:?}");
        }
    }

    #[test]
    fn a_deployment_may_take_what_its_strategy_waits_for() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        for (strategy, bake, expected) in [
            (Strategy::Rolling, 0, 30),
            (Strategy::Rolling, 5, 35),
            (Strategy::BlueGreen, 60, 90),
            (Strategy::Linear { step_percent: 10.0, step_bake: minutes(6) }, 5, 95),
            (Strategy::Linear { step_percent: 33.4, step_bake: minutes(1) }, 0, 33),
            (Strategy::Canary { percent: 5.0, bake: minutes(10) }, 10, 50),
        ] {
            let rules = DeploymentRules { strategy, bake: minutes(bake), ..DeploymentRules::default() };
            assert_eq!(deploy_timeout(None, &rules), minutes(expected), "{rules:?}");
            assert_eq!(deploy_timeout(Some(minutes(1)), &rules), minutes(1));
        }
    }
}
