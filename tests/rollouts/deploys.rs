//! Deploys: whatever happens, "deployed" is said of nothing else than what runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use fargate_migrate::interrupt::Interrupt;
use fargate_migrate::report::Report;
use fargate_migrate::verdict::service::ServiceVerdict;
use sandbox::Call;
use tokio::time::{sleep, timeout};

use crate::drawn::{Drawn, Ends};
use crate::others::{self, Done};
use crate::services::{Image, Service};
use crate::world::{NEW, OLD, OTHER, Ran, World, digest, simulate};
use crate::{oracle, seeds, sent};

/// In about a minute of two cores, with the rollbacks.
const SEEDS: u64 = 80;
/// What a run may take beside its services' deployments: the plan, a migration, looks for what got no answer, the end of a
/// rollback, the proof.
const BESIDE: Duration = Duration::from_secs(45 * 60);

pub struct Trial {
    pub drawn: Drawn,
    pub world: World,
    pub done: Done,
    databases: Vec<&'static str>,
}

impl Trial {
    async fn new(seed: u64) -> Self {
        let (mut drawn, mut dice) = Drawn::new(seed);
        let databases: Vec<&str> = match dice.u8(..8) {
            0 | 1 => vec!["shop_a"],
            2 => vec!["shop_a", "shop_b", "shop_c"],
            3 => vec!["shop_a", "bad_b"],
            _ => vec![],
        };
        drawn.flags.push(match databases.as_slice() {
            [] => "--no-migration".into(),
            names => format!("--database={}", names.join(",")),
        });
        drawn.flags.push(format!("--on-deploying={}", ["wait", "supersede", "fail"][dice.usize(..3)]));
        let world = World::new(seed);
        for service in &drawn.services {
            service.create(&world, &[OLD, OTHER]);
        }
        for service in &drawn.services {
            world.settled(&service.name).await;
        }
        drawn.disturb(&world.sandbox);
        Self { drawn, world, done: Done::default(), databases }
    }

    async fn deploy(&self, interrupt: &Interrupt) -> Option<Ran<Report>> {
        let bound = self.drawn.timeout * 3 + BESIDE;
        timeout(bound, self.world.deploy(&self.drawn.flags, interrupt)).await.ok()
    }

    /// All runs, to their ends, each with the calls before it.
    async fn runs(&self) -> Result<Vec<(Vec<Call>, Ran<Report>)>, String> {
        let endless = || "the run has no end".to_owned();
        let (sender, interrupt) = Interrupt::by_hand();
        match self.drawn.ends {
            Ends::Itself => Ok(vec![(vec![], self.deploy(&interrupt).await.ok_or_else(endless)?)]),
            Ends::Interrupted(after) => {
                let interrupts = async {
                    sleep(after).await;
                    sender.send(true).expect("the run listens");
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    ran = self.deploy(&interrupt) => Ok(vec![(vec![], ran.ok_or_else(endless)?)]),
                    () = interrupts => unreachable!(),
                }
            }
            Ends::Killed(after, pause) => {
                if let Ok(ran) = timeout(after, self.deploy(&interrupt)).await {
                    return Ok(vec![(vec![], ran.ok_or_else(endless)?)]);
                }
                let killed = sent::calls(&self.world, 0);
                sent::check(&self.drawn, &[], &killed)?;
                sleep(pause).await;
                let before = sent::calls(&self.world, 0);
                let ran = self.deploy(&interrupt).await.ok_or_else(endless)?;
                Ok(vec![(before, ran)])
            }
        }
    }

    fn check(&self, before: &[Call], ran: &Ran<Report>) -> Result<(), String> {
        let calls = sent::calls(&self.world, ran.first_call);
        sent::check(&self.drawn, before, &calls)?;
        let updates = sent::updates(&self.drawn, before, &calls);
        if self.databases.contains(&"bad_b") && !updates.is_empty() {
            return Err("a database is not proved, and UpdateService was sent".into());
        }
        if ran.report.services.len() != self.drawn.services.len() {
            return Err("not every service has a row".into());
        }
        for row in &ran.report.services {
            let verdict = row.verdict.as_ref().ok_or_else(|| format!("{} has no verdict", row.service))?;
            let of = |error: String| format!("{} is {}: {error}", row.service, verdict.word());
            let service = self.drawn.services.iter().find(|one| one.name == row.service).expect("drawn");
            let was_updated = updates.iter().any(|one| one.service == row.service && one.took_effect);
            match verdict {
                ServiceVerdict::Deployed(_)
                | ServiceVerdict::Unchanged(_)
                | ServiceVerdict::NoTasksWanted => {
                    let said = oracle::said(row, &ran.heard)?;
                    let moved = self.done.was_shortly_before(said.at, &row.service, self.drawn.slack());
                    let may_lack = service.image != Image::Healthy || !self.drawn.is_calm();
                    said.truth.runs(NEW, moved, may_lack).map_err(of)?;
                    let wants_none = said.truth.desired() == 0;
                    if wants_none != matches!(verdict, ServiceVerdict::NoTasksWanted) && !moved {
                        return Err(of(format!("{} tasks are wanted", said.truth.desired())));
                    }
                }
                ServiceVerdict::NotDeployed { .. } | ServiceVerdict::Refused { .. } if was_updated => {
                    return Err(of("UpdateService was carried out".into()));
                }
                ServiceVerdict::RolledBack { over: true, .. } | ServiceVerdict::RollbackFailed { .. }
                    if self.drawn.is_alone(&row.service) =>
                {
                    let said = oracle::said(row, &ran.heard)?;
                    if said.truth.primary_content() == digest(NEW)
                        && said.truth.ran().contains(&said.truth.primary())
                    {
                        return Err(of("it runs the new image".into()));
                    }
                }
                ServiceVerdict::Superseded { .. } if self.drawn.is_alone(&row.service) => {
                    return Err(of("nobody else was there".into()));
                }
                _ => {}
            }
        }
        // Also what was said and taken back later was so when it was said.
        for one in ran.heard.iter().filter(|one| one.what == "deployed" || one.what == "unchanged") {
            let moved = self.done.was_shortly_before(one.at, &one.service, self.drawn.slack());
            let back = self.drawn.has_flag("--on-failure=rollback");
            let runs = one.truth.runs(NEW, moved, true);
            runs.or_else(|error| if back { one.truth.runs(OLD, moved, true) } else { Err(error) })
                .map_err(|error| format!("{} was said to be {}: {error}", one.service, one.what))?;
        }
        self.check_code(ran)?;
        if self.drawn.ends == Ends::Itself && before.is_empty() {
            sent::check_share(&self.world)?;
        }
        self.check_fine_days(ran)
    }

    fn check_code(&self, ran: &Ran<Report>) -> Result<(), String> {
        let code = i32::from(ran.report.exit_code().number());
        let words: Vec<&str> = ran
            .report
            .services
            .iter()
            .filter_map(|row| row.verdict.as_ref())
            .map(ServiceVerdict::word)
            .collect();
        let is_done = |word: &&str| oracle::codes(word) == [0];
        let migrated = ran
            .report
            .databases
            .iter()
            .all(|row| row.verdict.as_ref().is_some_and(|verdict| verdict.is_migrated()));
        let all_done = words.iter().all(is_done) && migrated && ran.report.error.is_none();
        if all_done != (code == 0) {
            return Err(format!("exit code {code} for {words:?}"));
        }
        let interrupted = matches!(self.drawn.ends, Ends::Interrupted(_));
        let fits = |word: &&str| oracle::codes(word).contains(&code);
        if code == 0 || words.iter().any(fits) || !migrated || (interrupted && code == 130) {
            Ok(())
        } else {
            Err(format!("exit code {code} for {words:?}, {:?}", ran.report.error))
        }
    }

    /// Where nothing goes wrong, a healthy image is deployed.
    fn check_fine_days(&self, ran: &Ran<Report>) -> Result<(), String> {
        let Drawn { services, others, ends, .. } = &self.drawn;
        let can_move = |one: &Service| {
            one.configuration["maximumPercent"] != one.configuration["minimumHealthyPercent"]
                || one.configuration["maximumPercent"].is_null()
        };
        let is_fine = self.drawn.is_calm()
            && others.is_empty()
            && *ends == Ends::Itself
            && !self.databases.contains(&"bad_b")
            && services.iter().all(|one| one.image == Image::Healthy && can_move(one));
        let is_done = |row: &fargate_migrate::report::ServiceReport| {
            row.verdict.as_ref().is_some_and(ServiceVerdict::is_done)
        };
        let has_time = |row: &fargate_migrate::report::ServiceReport| {
            !matches!(row.verdict, Some(ServiceVerdict::TimedOut { .. }))
        };
        let rows = &ran.report.services;
        if is_fine && rows.iter().all(has_time) && !rows.iter().all(is_done) {
            return Err(format!("nothing went wrong: {:?}", ran.report.services));
        }
        Ok(())
    }
}

/// What the runs of a seed have come to, by words.
fn trial(seed: u64) -> Vec<String> {
    simulate(seed, async || {
        let trial = Trial::new(seed).await;
        let runs = tokio::select! {
            biased;
            runs = trial.runs() => runs,
            () = others::act(&trial.world, &trial.drawn.others, &trial.done) => unreachable!(),
        };
        let told = RefCell::new(String::new());
        let checked = runs.and_then(|runs| {
            let mut words = Vec::new();
            for (before, ran) in &runs {
                for row in &ran.report.services {
                    let verdict = row.verdict.as_ref();
                    words.push(verdict.map_or("none", ServiceVerdict::word).to_owned());
                    let said = verdict.map(ServiceVerdict::explain).unwrap_or_default();
                    *told.borrow_mut() += &format!("  {}: {}: {said}\n", row.service, words[words.len() - 1]);
                }
                *told.borrow_mut() += &format!(
                    "  exit code {} after {} s, {:?}, {:?}\n",
                    i32::from(ran.report.exit_code().number()),
                    ran.seconds(),
                    ran.report.error,
                    ran.report.notes
                );
                trial.check(before, ran)?;
            }
            Ok(words)
        });
        println!("{}{}", trial.drawn.story(), told.borrow());
        checked.unwrap_or_else(|error| {
            panic!("{error}\n{}{}  others did {:?}", trial.drawn.story(), told.borrow(), trial.done)
        })
    })
}

#[test]
fn no_verdict_is_more_than_what_runs() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let seeds = seeds(SEEDS);
    let all = seeds.end - seeds.start >= SEEDS;
    for seed in seeds {
        let words = trial(seed);
        words.into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    println!("{counts:?}");
    if all {
        for word in
            ["deployed", "rolled back", "superseded", "not deployed", "timed out", "unproved", "cancelled"]
        {
            assert!(counts.contains_key(word), "no seed came to {word}: {counts:?}");
        }
    }
}
