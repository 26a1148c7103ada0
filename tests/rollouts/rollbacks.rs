//! Rollbacks: a service goes back to what really ran, and never to what it just left.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::report::back_report::BackReport;
use fargate_migrate::verdict::service::ServiceVerdict;
use sandbox::seed;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::drawn::{Drawn, Ends};
use crate::others::{self, Done};
use crate::world::{NEW, OLD, OTHER, Ran, Truth, World, digest, simulate, truth};
use crate::{oracle, seeds, sent};

const SEEDS: u64 = 45;
/// What a run may take beside its services' deployments, as for deploys.
const BESIDE: Duration = Duration::from_secs(45 * 60);

struct Trial {
    drawn: Drawn,
    world: World,
    done: Done,
    /// Each service as it is before the run.
    before: HashMap<String, Truth>,
    /// What services ran one after the other; the last one may still be under way.
    history: Vec<char>,
}

impl Trial {
    async fn new(seed: u64) -> Self {
        let (mut drawn, mut dice) = Drawn::new(seed ^ 0x0BAC_0000);
        drawn.flags.push("--accept-newer-schema".into());
        let world = World::new(seed);
        let mut history = vec![[OLD, OTHER][dice.usize(..2)]];
        for _ in 0..dice.usize(..4) {
            let next = [OLD, OTHER, '3'][dice.usize(..3)];
            if history.last() != Some(&next) {
                history.push(next);
            }
        }
        for service in &drawn.services {
            service.create(&world, &[history[0], OLD, OTHER, '3', NEW]);
            world.settled(&service.name).await;
        }
        for content in &history[1..] {
            Self::update(&world, &drawn, *content);
            for service in &drawn.services {
                world.settled(&service.name).await;
            }
        }
        if dice.bool() {
            // The new image, which may be any, is under way, or has come to its end.
            Self::update(&world, &drawn, NEW);
            history.push(NEW);
            sleep(Duration::from_millis(dice.u64(0..240_000))).await;
        }
        let before = drawn.services.iter().map(|one| (one.name.clone(), truth(&world.sandbox, &one.name)));
        let before = before.collect();
        drawn.disturb(&world.sandbox);
        Self { drawn, world, done: Done::default(), before, history }
    }

    fn update(world: &World, drawn: &Drawn, content: char) {
        for service in &drawn.services {
            let revision = others::revision(world, &service.name, content).expect("registered");
            let input =
                json!({"cluster": seed::CLUSTER, "service": service.name, "taskDefinition": revision});
            world.sandbox.ask("UpdateService", &input).map_err(|error| error.message).expect("updated");
        }
    }

    async fn roll_back(&self, interrupt: &Interrupt) -> Option<Ran<BackReport>> {
        let bound = self.drawn.timeout * 3 + BESIDE;
        timeout(bound, self.world.rollback(&self.drawn.flags, interrupt)).await.ok()
    }

    /// The run to its end; none where it was killed.
    async fn run(&self) -> Result<Option<Ran<BackReport>>, String> {
        let endless = || "the run has no end".to_owned();
        let (sender, interrupt) = Interrupt::by_hand();
        let ran = match self.drawn.ends {
            Ends::Itself => self.roll_back(&interrupt).await,
            Ends::Interrupted(after) => {
                let interrupts = async {
                    sleep(after).await;
                    sender.send(true).expect("the run listens");
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    ran = self.roll_back(&interrupt) => ran,
                    () = interrupts => unreachable!(),
                }
            }
            Ends::Killed(after, _) => match timeout(after, self.roll_back(&interrupt)).await {
                Ok(ran) => ran,
                Err(_) => return Ok(None),
            },
        };
        ran.ok_or_else(endless).map(Some)
    }

    fn check(&self, ran: Option<&Ran<BackReport>>) -> Result<(), String> {
        let calls = sent::calls(&self.world, 0);
        sent::check(&self.drawn, &[], &calls)?;
        let Some(ran) = ran else { return Ok(()) };
        let updates = sent::updates(&self.drawn, &[], &calls);
        for row in &ran.report.services {
            let verdict = row.verdict.as_ref().ok_or_else(|| format!("{} has no verdict", row.service))?;
            let of = |error: String| format!("{} is {}: {error}", row.service, verdict.word());
            match verdict {
                ServiceVerdict::WentBack(_) => {
                    let said = oracle::said(row, &ran.heard)?;
                    let moved = self.done.was_shortly_before(said.at, &row.service, self.drawn.slack());
                    self.went_back(&row.service, &said.truth, moved).map_err(of)?;
                }
                ServiceVerdict::Deployed(_) | ServiceVerdict::Unchanged(_) => {
                    return Err(of("nothing is deployed by a rollback".into()));
                }
                ServiceVerdict::NotDeployed { .. } | ServiceVerdict::Refused { .. }
                    if updates.iter().any(|one| one.service == row.service && one.took_effect) =>
                {
                    return Err(of("UpdateService was carried out".into()));
                }
                _ => {}
            }
        }
        let code = i32::from(ran.report.exit_code().number());
        let is_done = |row: &fargate_migrate::report::ServiceReport| {
            row.verdict.as_ref().is_some_and(ServiceVerdict::is_done)
        };
        let all_done = ran.report.services.iter().all(is_done) && ran.report.error.is_none();
        if all_done != (code == 0) {
            return Err(format!("exit code {code}"));
        }
        if self.drawn.ends == Ends::Itself { sent::check_share(&self.world) } else { Ok(()) }
    }

    fn went_back(&self, service: &str, now: &Truth, moved: bool) -> Result<(), String> {
        let before = &self.before[service];
        let ran: Vec<&str> = before.ran().into_iter().filter_map(|number| before.content(number)).collect();
        let left = before.primary_content();
        let content = now.primary_content();
        if moved {
            return Ok(());
        }
        if !ran.contains(&content) {
            return Err(format!("it runs {content}, which had never run"));
        }
        // What ECS was going back from already is what was left.
        let goes_back =
            before.deployments().last().is_some_and(|(status, _)| *status == "ROLLBACK_IN_PROGRESS");
        if content == left && !goes_back {
            return Err("it runs what it was to leave".into());
        }
        let wanted =
            [OLD, NEW, OTHER, '3'].into_iter().find(|one| digest(*one) == content).expect("a content");
        now.runs(wanted, false, true)
    }
}

fn trial(seed: u64) -> Vec<String> {
    simulate(seed, async || {
        let trial = Trial::new(seed).await;
        let ran = tokio::select! {
            biased;
            ran = trial.run() => ran,
            () = others::act(&trial.world, &trial.drawn.others, &trial.done) => unreachable!(),
        };
        let told = RefCell::new(format!("  it ran {:?}\n", trial.history));
        let checked = ran.and_then(|ran| {
            let mut words = Vec::new();
            for row in ran.iter().flat_map(|ran| &ran.report.services) {
                let verdict = row.verdict.as_ref();
                let done = if verdict.is_some_and(ServiceVerdict::is_done) { "" } else { "not: " };
                words.push(format!("{done}{}", verdict.map_or("none", ServiceVerdict::word)));
                let said = verdict.map(ServiceVerdict::explain).unwrap_or_default();
                *told.borrow_mut() += &format!("  {}: {}: {said}\n", row.service, words[words.len() - 1]);
            }
            if let Some(ran) = &ran {
                *told.borrow_mut() += &format!(
                    "  exit code {} after {} s, {:?}, {:?}\n",
                    i32::from(ran.report.exit_code().number()),
                    ran.seconds(),
                    ran.report.error,
                    ran.report.notes
                );
            }
            trial.check(ran.as_ref())?;
            Ok(words)
        });
        println!("{}{}", trial.drawn.story(), told.borrow());
        checked.unwrap_or_else(|error| {
            panic!("{error}\n{}{}  others did {:?}", trial.drawn.story(), told.borrow(), trial.done)
        })
    })
}

#[test]
fn a_service_goes_back_to_what_ran_and_never_to_what_it_left() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let seeds = seeds(SEEDS);
    let all = seeds.end - seeds.start >= SEEDS;
    for seed in seeds {
        trial(seed).into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    println!("{counts:?}");
    if all {
        for word in ["rolled back", "not: not deployed"] {
            assert!(counts.contains_key(word), "no seed came to {word}: {counts:?}");
        }
    }
}
