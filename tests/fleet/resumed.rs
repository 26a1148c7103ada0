//! A run is killed at an instant that a seed picks, once or twice in a row, right after the kill or hours later another
//! one goes on. Whatever the instant: no database has two tasks at once, none is skipped, none that is proved runs
//! again.

mod ecs;
/// Another run starts tasks for the same databases meanwhile.
mod others;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sandbox::StandIn;
use sandbox::stand_in::{Ends, Migration, takes};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::world::{Ran, Shape, World, simulate};

const OTHER_IMAGE: &str =
    "--image=registry.example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222";
const DATABASES: usize = 12;
const MINUTE: Duration = Duration::from_secs(60);

/// Numbers that a seed repeats.
struct Dice(fastrand::Rng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }
}

struct Trial {
    world: Rc<World>,
    state: PathBuf,
    flags: Vec<String>,
    /// What the trial does, for whoever reads of its failure.
    story: String,
    _directory: TempDir,
}

impl Trial {
    /// Every fifth database fails the first time. What takes a minute takes `slowly` of them.
    fn new(seed: u64, packed: bool, slowly: u32, dice: &mut Dice) -> Self {
        let tries: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
        let image = StandIn::new(4, move |name| {
            let mut tries = tries.lock().expect("one thread");
            let tried = tries.entry(name.to_owned()).or_default();
            *tried += 1;
            let fails = *tried == 1 && name.ends_with(['2', '7']);
            let error = "relation \"orders\" already exists".to_owned();
            Migration::new(takes(name) * slowly, if fails { Ends::Failed { error } } else { Ends::Migrated })
        });
        let settles = Duration::from_secs([0, 15][dice.below(2)]);
        let world = World::new(Shape { databases: DATABASES, seed, image, settles, ..Shape::default() });
        // Memory, where there is a disk of it: the state file is synchronised before each RunTask.
        let memory = Path::new("/dev/shm");
        let directory = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        let directory = directory.expect("a directory");
        let state = directory.path().join("state.jsonl");
        let flags = ["--max-parallel=5", "--keep-going", "--timeout=3h"].map(str::to_owned);
        let mut flags = Vec::from(flags);
        flags.push(format!("--state={}", state.display()));
        if packed {
            flags.push("--databases-per-task=4".to_owned());
        }
        let story = format!("seed {seed}, packed {packed}, stores settle in {settles:?}");
        Self { world: Rc::new(world), state, flags, story, _directory: directory }
    }

    fn flags<'a>(&'a self, more: &'a [&str]) -> Vec<&'a str> {
        self.flags.iter().map(String::as_str).chain(more.iter().copied()).collect()
    }

    fn size(&self) -> u64 {
        std::fs::metadata(&self.state).map_or(0, |found| found.len())
    }

    /// A run that dies after RunTask has started so many tasks, before it hears of the last one; or somewhat after it has
    /// written so many bytes.
    async fn die(&mut self, run: &str, more: &[&str], dice: &mut Dice) {
        if dice.below(3) == 0 {
            let tasks = 1 + dice.below(7);
            let wanted = self.world.figures().tasks.started + tasks;
            let is_time = || self.world.figures().tasks.started >= wanted;
            let ended = self.world.killed_when(is_time, run, &self.flags(more)).await;
            self.story += &format!(
                "\n{run} {more:?}: killed at {:?} when ECS had started {tasks} more{}",
                self.world.now(),
                if ended.is_some() { "; it had ended before" } else { "" }
            );
            return;
        }
        self.die_writing(run, more, dice).await;
    }

    /// At once, while RunTask is on its way or on its way back, or in the midst of migrations. A run that dies at once may
    /// do so in the midst of its last line.
    async fn die_writing(&mut self, run: &str, more: &[&str], dice: &mut Dice) {
        let from = self.size();
        let bytes = dice.below(9_000) as u64;
        let later = match dice.below(4) {
            0 | 1 => Duration::ZERO,
            2 => Duration::from_millis(dice.below(50) as u64),
            _ => Duration::from_millis(dice.below(90_000) as u64),
        };
        let reached = std::cell::Cell::new(None::<Instant>);
        let is_time = || {
            if reached.get().is_none() && self.size() > from + bytes {
                reached.set(Some(Instant::now()));
            }
            reached.get().is_some_and(|at| at.elapsed() >= later)
        };
        let ended = self.world.killed_when(is_time, run, &self.flags(more)).await;
        let mut cut = 0;
        if ended.is_none() && later.is_zero() && dice.below(2) == 0 {
            let text = std::fs::read(&self.state).expect("the state");
            let before_last =
                text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            cut = dice.below(text.len() - before_last);
            let file = std::fs::OpenOptions::new().write(true).open(&self.state).expect("open it");
            file.set_len((text.len() - cut) as u64).expect("cut it");
        }
        self.story += &format!(
            "\n{run} {more:?}: killed {later:?} after byte {bytes}, at {:?}, last line short of {cut} bytes{}",
            self.world.now(),
            if ended.is_some() { "; it had ended before" } else { "" }
        );
    }

    /// By the state file: databases with a proof of this image that is the last of them, and when it was written.
    fn proved(&self, image: &str) -> HashSet<String> {
        let digest = image.split_once('@').expect("a digest").1;
        let text = std::fs::read_to_string(&self.state).unwrap_or_default();
        let mut proved = HashSet::new();
        for line in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            match line["record"].as_str() {
                Some("intent") => {
                    let names = line["databases"].as_array().into_iter().flatten().filter_map(Value::as_str);
                    proved.retain(|name: &String| !names.clone().any(|begun| begun == name));
                }
                Some("verdict") if line["verdict"] == "migrated" && line["image_digest"] == digest => {
                    proved.insert(line["database"].as_str().expect("a name").to_owned());
                }
                _ => {}
            }
        }
        proved
    }

    /// How often a container was started for each database by a run that keeps the state.
    fn runs(&self) -> HashMap<String, usize> {
        let mut runs = HashMap::new();
        let ours = self.world.lives().into_iter().filter(|life| !life.started_by.contains(others::NAME));
        for database in ours.flat_map(|life| life.databases) {
            *runs.entry(database).or_default() += 1;
        }
        runs
    }

    /// Goes on, once.
    async fn resume(&mut self, image: &[&str]) -> Ran {
        let (wanted, named) = match image {
            [] => (crate::world::IMAGE, "the same image"),
            [other, ..] => (*other, "another image"),
        };
        let (proved, before) = (self.proved(wanted), self.runs());
        let resume: &[&str] = if self.state.exists() { &["--resume"] } else { &[] };
        let ran = self.world.migrate_as("again", &self.flags(&[resume, image].concat())).await;
        self.story +=
            &format!("\nresumed with {named}, over at {:?}: {:?}", self.world.now(), ran.verdicts());
        let after = self.runs();
        let again: Vec<_> = proved.iter().filter(|name| before.get(*name) != after.get(*name)).collect();
        assert!(again.is_empty(), "proved, and run again: {again:?}\n{}", self.story);
        ran
    }

    /// Goes on, until everything is migrated: what failed under a run's eyes is left to the next one.
    async fn resume_to_the_end(&mut self, image: &[&str]) {
        for _ in 0..4 {
            let ran = self.resume(image).await;
            let twice = self.world.tasked_twice_at_once();
            assert!(twice.is_empty(), "two tasks at once: {twice:?}\n{}", self.story);
            if ran.migrated() == DATABASES {
                return;
            }
        }
        panic!("it has no end\n{}", self.story);
    }
}

fn trial(seed: u64, packed: bool) {
    simulate(seed, async || {
        let mut dice = Dice(fastrand::Rng::with_seed(seed));
        let mut trial = Trial::new(seed, packed, 1, &mut dice);
        trial.die("first", &[], &mut dice).await;
        let pauses = [Duration::ZERO, Duration::ZERO, Duration::from_secs(20), 75 * MINUTE];
        sleep(pauses[dice.below(4)]).await;
        let image: &[&str] = if dice.below(2) == 0 { &[OTHER_IMAGE] } else { &[] };
        if dice.below(2) == 0 && trial.state.exists() {
            let flags = [&["--resume"], image].concat();
            trial.die("second", &flags, &mut dice).await;
            sleep([Duration::ZERO, 75 * MINUTE][dice.below(2)]).await;
        }
        trial.resume_to_the_end(image).await;
        // The image that was asked for last has run, to its end, for each database.
        let runs = trial.runs();
        assert_eq!(runs.len(), DATABASES, "{}", trial.story);
        assert_eq!(trial.world.migrated_twice_at_once(), [""; 0], "{}", trial.story);
        let digest = image.first().copied().unwrap_or(crate::world::IMAGE);
        assert_eq!(trial.proved(digest).len(), DATABASES, "{}", trial.story);
    });
}

#[test]
fn one_task_each_killed_anywhere_and_resumed() {
    (0..32).for_each(|seed| trial(seed, false));
}

#[test]
fn packs_killed_anywhere_and_resumed() {
    (0..32).for_each(|seed| trial(seed, true));
}

/// ECS knows the tasks of the last hour: how often a database was tried before, only the state file does.
#[test]
fn the_third_try_is_a_third_task() {
    simulate(1, async || {
        let mut trial = Trial::new(1, false, 1, &mut Dice(fastrand::Rng::with_seed(0)));
        let tries = Arc::new(Mutex::new(0));
        let image = StandIn::new(1, move |_| {
            let mut tries = tries.lock().expect("one thread");
            *tries += 1;
            let error = "relation \"orders\" already exists".to_owned();
            let ends = if *tries < 3 { Ends::Failed { error } } else { Ends::Migrated };
            Migration::new(Duration::from_secs(20), ends)
        });
        trial.world = Rc::new(World::new(Shape { databases: 1, image, ..Shape::default() }));
        let ran = trial.world.migrate_as("first", &trial.flags(&[])).await;
        assert_eq!(ran.migrated(), 0);
        for (pause, migrated) in [(50 * MINUTE, 0), (20 * MINUTE, 1)] {
            sleep(pause).await;
            let ran = trial.world.migrate_as("again", &trial.flags(&["--resume", "--only-failed"])).await;
            assert_eq!(ran.migrated(), migrated, "{:#?}", ran.report);
        }
        assert_eq!(trial.world.lives().len(), 3);
        let ran = trial.world.migrate_as("again", &trial.flags(&["--resume", "--only-failed"])).await;
        assert!(ran.report.error.expect("nothing to do").message.starts_with("--only-failed"));
    });
}

/// After a day ECS knows no token any more, but it lists the task.
#[test]
fn a_migration_of_more_than_a_day_is_found_when_its_token_has_ended() {
    simulate(1, async || {
        let mut trial = Trial::new(1, false, 1, &mut Dice(fastrand::Rng::with_seed(0)));
        let long = |_: &str| Migration::new(26 * 60 * MINUTE, Ends::Migrated);
        let image = StandIn::new(1, long);
        trial.world = Rc::new(World::new(Shape { databases: 1, image, ..Shape::default() }));
        trial.flags.retain(|flag| !flag.starts_with("--timeout"));
        let text = || std::fs::read_to_string(&trial.state).unwrap_or_default();
        let flags = trial.flags(&["--timeout=30h"]);
        let started = || text().contains("\"started\"");
        assert!(trial.world.killed_when(started, "first", &flags).await.is_none());
        // As if it had died before the answer came.
        let until = text().find("{\"record\":\"started\"").expect("it started");
        std::fs::write(&trial.state, &text()[..until]).expect("write the state");
        sleep(24 * 60 * MINUTE + MINUTE).await;
        let flags = trial.flags(&["--timeout=30h", "--resume"]);
        let ran = trial.world.migrate_as("again", &flags).await;
        assert_eq!(ran.migrated(), 1, "{:#?}", ran.report);
        assert_eq!(trial.world.lives().len(), 1);
    });
}
