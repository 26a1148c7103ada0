//! Many days on all cores, and their figures.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::shrink::shrink;
use crate::told::story;
use crate::trial::{Outcome, trial};

/// After so many days that went wrong no more are begun.
pub const ENOUGH: usize = 10;

/// How often something was drawn, and how often it has struck.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Kind {
    pub drawn: u64,
    pub struck: u64,
}

/// A day that went wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Violation {
    pub seed: u64,
    pub what: Vec<String>,
}

/// The figures of many days.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sum {
    pub days: u64,
    pub runs: u64,
    pub killed: u64,
    pub databases: u64,
    pub tasks: u64,
    pub calls: u64,
    /// Simulated.
    pub hours: f64,
    /// Days at a time.
    pub threads: usize,
    /// The largest resident set of the process, in MiB; none where the system does not say.
    pub peak_mib: Option<f64>,
    pub kinds: BTreeMap<String, Kind>,
    pub verdicts: BTreeMap<String, u64>,
    pub exit_codes: BTreeMap<i32, u64>,
    pub violations: Vec<Violation>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.days += 1;
        self.runs += outcome.runs;
        self.killed += outcome.killed;
        self.databases += outcome.databases;
        self.tasks += outcome.tasks;
        self.calls += outcome.calls;
        self.hours += outcome.seconds / 3600.0;
        for (kind, (drawn, struck)) in outcome.kinds {
            let kind = self.kinds.entry(kind).or_default();
            kind.drawn += drawn;
            kind.struck += struck;
        }
        for (word, count) in outcome.verdicts {
            *self.verdicts.entry(word).or_default() += count;
        }
        for (code, count) in outcome.exit_codes {
            *self.exit_codes.entry(code).or_default() += count;
        }
        if !outcome.violations.is_empty() {
            self.violations.push(Violation { seed, what: outcome.violations });
        }
    }
}

/// Tries these seeds. After `enough` days that went wrong no more are begun.
pub fn all(seeds: Range<u64>, enough: usize) -> Sum {
    let (next, sum) = (AtomicU64::new(seeds.start), Mutex::new(Sum::default()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = trial(&Day::new(seed));
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    sum.add(seed, outcome);
                    if sum.violations.len() >= enough {
                        return;
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.violations.sort_by_key(|one| one.seed);
    (sum.threads, sum.peak_mib) = (threads, peak_mib());
    sum
}

/// Of this process so far, as Linux counts it (VmHWM of proc_pid_status(5)).
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// Every violation, and the story of the first one with the fewest events.
pub fn told(sum: &Sum) -> String {
    let mut text = String::new();
    for one in &sum.violations {
        text += &format!("seed {}:\n  {}\n", one.seed, one.what.join("\n  "));
    }
    if let Some(first) = sum.violations.first() {
        let day = Day::new(first.seed);
        let least = shrink(&day);
        let what = trial(&least).violations;
        text += &format!(
            "\n{}\nWith the fewest events:\n{}  {}\n",
            story(&day),
            story(&least),
            what.join("\n  ")
        );
    }
    text
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} days, {} runs and {} that were killed, {} databases, {} tasks, {} calls, {:.0} h of AWS, {:.0} MiB with {} at a time",
            self.days,
            self.runs,
            self.killed,
            self.databases,
            self.tasks,
            self.calls,
            self.hours,
            self.peak_mib.unwrap_or(f64::NAN),
            self.threads
        )?;
        writeln!(f, "verdicts {:?}\nexit codes {:?}", self.verdicts, self.exit_codes)?;
        for (kind, one) in &self.kinds {
            writeln!(f, "{kind}: drawn {}, struck {}", one.drawn, one.struck)?;
        }
        write!(f, "violations: {}", self.violations.len())
    }
}
