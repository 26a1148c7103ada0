//! The simulated databases, and the containers that worked on them: what really happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Where a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Runs,
    /// By itself, with this exit code.
    Exited(i32),
    /// Something has ended it.
    Killed,
}

/// What one container was told, and did.
#[derive(Debug, Clone)]
pub struct Container {
    pub task: String,
    pub told: Vec<String>,
    /// It was told them as a list.
    pub is_list: bool,
    /// In milliseconds on the sandbox's clock.
    pub began: i64,
    pub ended: Option<i64>,
    pub end: End,
    /// Databases without a pending migration by its work.
    pub migrated: Vec<String>,
    /// Databases that it worked on although it was told others.
    pub strayed: Vec<String>,
    /// Numbered lines that it has printed.
    pub lines: usize,
    /// All reports about each database were clean.
    pub clean: BTreeMap<String, bool>,
    /// How many reports there were about each.
    pub reports: BTreeMap<String, usize>,
}

/// All containers so far, in the order of their start.
#[derive(Clone)]
pub struct Databases {
    all: Arc<Mutex<Vec<Container>>>,
    /// An instant, and what the sandbox's clock said then. A container must not hold the sandbox that holds it.
    from: (Instant, i64),
}

/// The work of one container, which ends with it.
pub struct Work {
    of: Databases,
    at: usize,
}

impl Databases {
    /// None has had a container yet; `now` is the sandbox's.
    pub fn new(now: i64) -> Self {
        Self { all: Arc::default(), from: (Instant::now(), now) }
    }

    fn now(&self) -> i64 {
        let (instant, clock) = self.from;
        clock + i64::try_from(instant.elapsed().as_millis()).unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, Vec<Container>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn containers(&self) -> Vec<Container> {
        self.all().clone()
    }

    /// How many containers were told this database so far.
    pub fn tries(&self, database: &str) -> usize {
        self.all().iter().filter(|one| one.told.iter().any(|name| name == database)).count()
    }

    /// A container begins.
    pub fn begin(&self, task: &str, told: &[String], is_list: bool) -> Work {
        let began = self.now();
        let mut all = self.all();
        all.push(Container {
            task: task.to_owned(),
            told: told.to_vec(),
            is_list,
            began,
            ended: None,
            end: End::Runs,
            migrated: Vec::new(),
            strayed: Vec::new(),
            lines: 0,
            clean: BTreeMap::new(),
            reports: BTreeMap::new(),
        });
        Work { of: self.clone(), at: all.len() - 1 }
    }
}

impl Work {
    fn change(&self, change: impl FnOnce(&mut Container)) {
        change(&mut self.of.all()[self.at]);
    }

    /// The database has no pending migration from now on.
    pub fn migrates(&self, database: &str) {
        self.change(|one| {
            let into = if one.told.iter().any(|name| name == database) {
                &mut one.migrated
            } else {
                &mut one.strayed
            };
            into.push(database.to_owned());
        });
    }

    pub fn reports(&self, database: &str, is_clean: bool) {
        self.change(|one| {
            let clean = one.clean.entry(database.to_owned()).or_insert(true);
            *clean &= is_clean;
            *one.reports.entry(database.to_owned()).or_default() += 1;
        });
    }

    pub fn prints(&self, lines: usize) {
        self.change(|one| one.lines += lines);
    }

    pub fn exits(&self, code: i32) {
        let now = self.of.now();
        self.change(|one| (one.end, one.ended) = (End::Exited(code), Some(now)));
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let now = self.of.now();
        self.change(|one| {
            if one.ended.is_none() {
                (one.end, one.ended) = (End::Killed, Some(now));
            }
        });
    }
}
