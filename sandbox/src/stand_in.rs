//! An image that speaks the migration report protocol, without an image: light enough for thousands of tasks.
//!
//! It does what `app migrate` does as seen from outside: one database from DATABASE_NAME, or a pack from
//! DATABASE_NAMES with a bounded number at a time, and a report for each as it ends.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::clock::Pace;
use crate::engine::{Script, TaskContext};

/// How the migration of one database goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// On Fargate; a faster pace makes it shorter.
    pub takes: Duration,
    /// Lines of log before its report.
    pub lines: usize,
    pub ends: Ends,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ends {
    /// With a report of one applied migration.
    Migrated,
    /// With a report of none.
    UpToDate,
    /// With a report that says so, and exit code 1.
    Failed { error: String },
    /// The whole container ends with this exit code, and no report for this database or any later one.
    Dies { exit_code: i32 },
}

impl Migration {
    pub fn new(takes: Duration, ends: Ends) -> Self {
        Self { takes, lines: 1, ends }
    }
}

/// Returns 5 to 65 s, by the database's name.
pub fn takes(name: &str) -> Duration {
    let mixed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Duration::from_millis(5_000 + mixed % 60_000)
}

/// The image. Each database's migration is what a function says of its name.
#[derive(Clone)]
pub struct StandIn {
    migration: Arc<dyn Fn(&str) -> Migration + Send + Sync>,
    jobs: usize,
    /// By whose clock its reports say how long it took.
    pace: Pace,
}

impl StandIn {
    /// Makes an image that migrates the databases of a pack, `jobs` at a time.
    pub fn new(jobs: usize, migration: impl Fn(&str) -> Migration + Send + Sync + 'static) -> Self {
        Self { migration: Arc::new(migration), jobs: jobs.max(1), pace: Pace::Realistic { scale: 1.0 } }
    }

    /// Makes one that is fit for rehearsals: eight databases at a time, each of which [`takes`] its time and ends
    /// well.
    pub fn rehearsal() -> Self {
        Self::new(8, |name| Migration::new(takes(name), Ends::Migrated))
    }

    /// Makes it report the time that its container takes at this pace, and not Fargate's.
    pub fn at(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Returns what a container with this environment does.
    pub fn script(&self, context: &TaskContext) -> Script {
        match databases(context) {
            Ok(databases) => self.run(&databases),
            Err(why) => Script::new().line(format!("error: {why}")).exit(2),
        }
    }

    fn run(&self, databases: &[String]) -> Script {
        let mut script = Script::new();
        let (mut now, mut exit_code) = (Duration::ZERO, 0);
        for (at, database, migration) in self.schedule(databases) {
            script = script.work(at.saturating_sub(now));
            now = at;
            let name = database.clone();
            script = script.lines((0..migration.lines).map(move |n| format!("{name}: line {n}")));
            match &migration.ends {
                Ends::Dies { exit_code } => return script.exit(*exit_code),
                Ends::Failed { .. } => exit_code = 1,
                Ends::Migrated | Ends::UpToDate => {}
            }
            script = script.line(report(&database, &migration, self.took(&migration)));
        }
        script.exit(exit_code)
    }

    fn took(&self, migration: &Migration) -> Duration {
        self.pace.phase(migration.takes)
    }

    /// Returns when each database's migration is over, in that order: each begins as soon as one of the jobs is free.
    fn schedule(&self, databases: &[String]) -> Vec<(Duration, String, Migration)> {
        let mut free: BinaryHeap<Reverse<Duration>> =
            (0..self.jobs).map(|_| Reverse(Duration::ZERO)).collect();
        let mut ends: Vec<_> = databases
            .iter()
            .map(|database| {
                let migration = (self.migration)(database);
                let Reverse(start) = free.pop().unwrap_or_default();
                let end = start + migration.takes;
                free.push(Reverse(end));
                (end, database.clone(), migration)
            })
            .collect();
        ends.sort_by_key(|(end, ..)| *end);
        ends
    }
}

/// Reads the names of the databases that a container is to migrate.
fn databases(context: &TaskContext) -> Result<Vec<String>, String> {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty());
    match (variable("DATABASE_NAMES"), variable("DATABASE_NAME")) {
        (Some(_), Some(_)) => Err("DATABASE_NAME and DATABASE_NAMES are both set".into()),
        (Some(list), None) => {
            serde_json::from_str(list).map_err(|error| format!("read DATABASE_NAMES: {error}"))
        }
        (None, Some(name)) => Ok(vec![name.clone()]),
        (None, None) => Err("DATABASE_NAME not set".into()),
    }
}

fn report(database: &str, migration: &Migration, took: Duration) -> String {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let applied = match migration.ends {
        Ends::Migrated => json!([{ "version": "11", "name": "create_reviews_and_audit", "ms": ms }]),
        _ => json!([]),
    };
    let mut report = json!({
        "version": 1, "database": database, "from": "10", "applied": applied, "pending": 0, "current": "11",
        "tables": 57, "ms": ms,
    });
    if let Ends::Failed { error } = &migration.ends {
        report["pending"] = 1.into();
        report["current"] = "10".into();
        report["failed"] = json!({ "version": "11", "name": "create_reviews_and_audit", "error": error });
    }
    json!({ "migration_report": report }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand_in(jobs: usize) -> StandIn {
        StandIn::new(jobs, |name| {
            let seconds = name.trim_start_matches('t').parse().unwrap();
            Migration::new(Duration::from_secs(seconds), Ends::UpToDate)
        })
    }

    #[test]
    fn a_pack_runs_as_many_at_a_time_as_it_has_jobs() {
        let names = ["t3", "t1", "t1", "t1"].map(str::to_owned);
        let ends = |jobs| -> Vec<u64> {
            stand_in(jobs).schedule(&names).iter().map(|(end, ..)| end.as_secs()).collect()
        };
        assert_eq!(ends(1), [3, 4, 5, 6]);
        assert_eq!(ends(2), [1, 2, 3, 3]);
        assert_eq!(ends(9), [1, 1, 1, 3]);
    }

    #[test]
    fn a_report_has_the_time_of_the_clock_that_its_task_is_seen_by() {
        let migration = Migration::new(Duration::from_secs(40), Ends::UpToDate);
        let ms = |pace| stand_in(1).at(pace).took(&migration).as_millis();
        assert_eq!(ms(Pace::Realistic { scale: 1.0 }), 40_000);
        assert_eq!(ms(Pace::Realistic { scale: 20.0 }), 2_000);
        assert_eq!(ms(Pace::Instant), 1);
    }

    #[test]
    fn one_variable_or_the_other_names_databases() {
        let told = |pairs: &[(&str, &str)]| {
            let environment = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            databases(&TaskContext { environment, ..TaskContext::default() })
        };
        assert_eq!(told(&[("DATABASE_NAME", "a")]), Ok(vec!["a".into()]));
        assert_eq!(told(&[("DATABASE_NAMES", r#"["a","b"]"#)]), Ok(vec!["a".into(), "b".into()]));
        assert!(told(&[("DATABASE_NAME", "a"), ("DATABASE_NAMES", "[]")]).is_err());
        assert!(told(&[("DATABASE_NAMES", "a,b")]).is_err());
        assert!(told(&[]).is_err());
    }
}
