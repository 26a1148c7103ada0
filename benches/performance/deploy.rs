//! Services rolled onto an image, on the simulated AWS at Fargate's pace: how late an end is seen, and what seeing costs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::report::Report;
use sandbox::{Script, seed};
use serde_json::{Value, json};

use crate::data::{Deploys, Rollouts, Rounds};
use crate::services::{NEW, OLD, Ran, Truth, World, digest, simulate, truth};

/// Each API bucket that a deploy draws on, its calls a second, and its operations.
const BUCKETS: [(&str, f64, &[&str]); 5] = [
    ("service read", 20.0, &["ecs:DescribeServices", "ecs:ListServices"]),
    ("service modify", 5.0, &["ecs:UpdateService"]),
    ("service deployment", 20.0, &["ecs:ListServiceDeployments", "ecs:DescribeServiceDeployments"]),
    ("service revision", 20.0, &["ecs:DescribeServiceRevisions"]),
    ("cluster resource read", 20.0, &["ecs:DescribeTasks", "ecs:ListTasks"]),
];

/// What one round has come to: seconds.
struct Round {
    length: f64,
    calls: BTreeMap<String, u64>,
    seen: Vec<f64>,
    said: Vec<f64>,
}

pub fn measure(quick: bool) -> Result<Deploys> {
    let rounds = if quick { 5 } else { 30 };
    let of = |services| {
        let good: Vec<Round> = (0..rounds).map(|seed| round(seed, services, true)).collect::<Result<_>>()?;
        let bad: Vec<Round> = (0..rounds).map(|seed| round(seed, services, false)).collect::<Result<_>>()?;
        let all = |rounds: &[Round], of: fn(&Round) -> &[f64]| {
            Rounds(rounds.iter().flat_map(|round| of(round).iter().copied()).collect())
        };
        let mut calls: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (operation, count) in good.iter().flat_map(|round| &round.calls) {
            calls.entry(operation.clone()).or_default().push(*count as f64);
        }
        anyhow::Ok(Rollouts {
            services,
            rounds: good.len(),
            length: Rounds(good.iter().map(|round| round.length).collect()),
            finished_to_seen: all(&good, |round| &round.seen),
            finished_to_verdict: all(&good, |round| &round.said),
            rollback_to_verdict: all(&bad, |round| &round.said),
            calls: calls
                .into_iter()
                .map(|(operation, counts)| (operation, Rounds(counts).median()))
                .collect(),
            shares: BUCKETS.iter().map(|bucket| (bucket.0.to_owned(), share(bucket, &good))).collect(),
        })
    };
    Ok(Deploys { sizes: [1, 3, 10].into_iter().map(of).collect::<Result<_>>()? })
}

/// The largest part of a bucket's calls that any round has used, over its length and without the burst.
fn share((_, rate, operations): &(&str, f64, &[&str]), rounds: &[Round]) -> f64 {
    let of = |round: &Round| {
        let calls: u64 = operations.iter().filter_map(|operation| round.calls.get(*operation)).sum();
        calls as f64 / (rate * round.length)
    };
    rounds.iter().map(of).fold(0.0, f64::max)
}

/// An image that starts, or one that exits at once, on so many services of two tasks.
fn round(seed: u64, services: usize, is_good: bool) -> Result<Round> {
    simulate(seed, async || {
        let world = World::new(seed);
        let names: Vec<String> = (0..services).map(|number| format!("web-{number}")).collect();
        for name in &names {
            create(&world, name, is_good)?;
        }
        for name in &names {
            world.settled(name).await;
        }
        let (_keep, interrupt) = Interrupt::by_hand();
        let flags = [format!("--service={}", names.join(",")), "--no-migration".to_owned()];
        let ran = world.deploy(&flags, &interrupt).await;
        let calls = world.sandbox.figures().calls;
        let mut round = Round {
            length: ran.seconds(),
            calls: calls.into_iter().map(|(operation, figures)| (operation, figures.calls)).collect(),
            seen: Vec::new(),
            said: Vec::new(),
        };
        for name in &names {
            let (word, end) = if is_good { ("deployed", "finishedAt") } else { ("rolled back", "startedAt") };
            let Truth(now) = truth(&world.sandbox, name);
            let newest = now["serviceDeployments"].as_array().and_then(|all| all.last());
            let newest = newest.with_context(|| format!("find the deployment of {name}"))?;
            let of = if is_good { newest } else { &newest["rollback"] };
            let at = of[end].as_f64().with_context(|| format!("read {end} of {name}"))?;
            round.said.push(heard(&ran, name, word)? - at);
            if is_good {
                round.seen.push(heard(&ran, name, "SUCCESSFUL")? - at);
            }
        }
        let done = ran.report.exit_code().number() == 0;
        ensure!(done == is_good, "{:?}", ran.report.services);
        Ok(round)
    })
}

/// When something was said of a service first, in seconds on the sandbox's clock.
fn heard(ran: &Ran<Report>, service: &str, what: &str) -> Result<f64> {
    let first = ran.heard.iter().find(|one| one.service == service && one.what == what);
    let first = first.with_context(|| format!("hear that {service} is {what}"))?;
    Ok(first.at as f64 / 1000.0)
}

fn create(world: &World, name: &str, is_good: bool) -> Result<()> {
    world.sandbox.set_program(name, move |context| match is_good || !context.image.ends_with(&digest(NEW)) {
        true => Script::new().until_stopped(),
        false => Script::new().work(Duration::from_secs(1)).exit(1),
    });
    let input: Value = json!({
        "cluster": seed::CLUSTER, "serviceName": name, "taskDefinition": world.register(name, OLD, false),
        "desiredCount": 2, "launchType": "FARGATE",
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"]}},
    });
    let created = world.sandbox.create_service(&input).map_err(|error| anyhow::anyhow!(error.message));
    created.with_context(|| format!("create {name}")).map(drop)
}
