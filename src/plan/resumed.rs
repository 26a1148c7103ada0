//! What a resumed run makes of what was begun before it: done already, to be found out, or to be started.

use std::collections::HashMap;

use super::pack::{KnownTasks, Pack};
use super::past::Past;
use super::proved::Proved;
use super::running_tasks::Reading;
use crate::database_name::DatabaseName;
use crate::ports::Task;
use crate::state::Next;
use crate::state::github_history::Terms;

/// What an earlier process of the run has begun for a pack, and whose end nobody has seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Begun {
    /// This task runs, or has ended and was not judged. The token is there where only its call was recorded.
    Task { arn: String, token: Option<String>, has_ended: bool },
    /// RunTask was called with this token, or was about to be.
    Call { token: String, attempt: u32 },
}

/// What is known of earlier processes of the run.
pub(super) struct Resumed<'a> {
    past: &'a Past,
    terms: &'a Terms<'a>,
    reading: Reading<'a>,
    /// The run's tasks that ECS lists now, as ARNs by the databases that they were told.
    alive: HashMap<String, String>,
    /// The tasks whose end nobody has judged, by their ARNs.
    unjudged: HashMap<&'a str, &'a Task>,
}

impl<'a> Resumed<'a> {
    /// Prepares what is known; `running` is what ECS lists now.
    pub(super) fn new(past: &'a Past, running: &[Task], terms: &'a Terms<'a>, reading: Reading<'a>) -> Self {
        let unjudged = past.tasks.iter().map(|task| (task.arn.as_str(), task)).collect();
        Self { past, terms, reading, alive: of_the_run(running, &reading), unjudged }
    }

    /// Sorts the databases of a wave by what they need. Each task or call that was begun gets a pack, in their order.
    pub(super) fn wave(&self, databases: &[DatabaseName], known: &KnownTasks<'_>) -> Wave {
        let mut wave = Wave::default();
        let mut places: HashMap<(Begun, Option<&str>), usize> = HashMap::new();
        for database in databases {
            if let Some(proved) = Proved::find(database, self.past, self.terms) {
                wave.proved.push(proved);
                continue;
            }
            let Some(begun) = self.begun(database) else {
                wave.to_pack.push(database.clone());
                continue;
            };
            let attempt = known.attempts.get(database.as_str()).copied().unwrap_or_default();
            let other = known.running.get(database.as_str()).filter(|task| !task.ours || task.told.is_err());
            let key = (begun.clone(), other.map(|task| task.arn.as_str()));
            let index = *places.entry(key).or_insert(wave.begun.len());
            match wave.begun.get_mut(index) {
                Some(pack) => {
                    pack.databases.push(database.clone());
                    pack.attempt = pack.attempt.max(attempt);
                }
                None => wave.begun.push(Pack {
                    databases: vec![database.clone()],
                    place: 0,
                    running: other.cloned(),
                    begun: Some(begun),
                    attempt,
                }),
            }
        }
        wave
    }

    /// Finds what was begun for a database that is not proved; none for a run that does not resume.
    fn begun(&self, database: &str) -> Option<Begun> {
        let Self { past, terms, reading, alive, unjudged } = self;
        if !past.resumes {
            return None;
        }
        let launch = match past.history.next(database, Some(terms)) {
            Next::FindOut(launch) => Some(launch),
            Next::Start | Next::Proved(_) => None,
        };
        if let Some(arn) = alive.get(database) {
            let token = launch.filter(|launch| launch.task.is_none()).map(|launch| launch.token.clone());
            return Some(Begun::Task { arn: arn.clone(), token, has_ended: false });
        }
        let launch = launch?;
        match launch.task.as_deref().and_then(|arn| unjudged.get(arn)) {
            Some(task) => {
                let is_its = match reading.told(task) {
                    // A token that ECS had forgotten may have been sent for fewer databases.
                    Ok(told) => told.is_some_and(|told| told.includes(database)),
                    // The run waits for a task when it is not known what that migrates.
                    Err(_) => !task.is_stopped(),
                };
                is_its.then(|| Begun::Task {
                    arn: task.arn.clone(),
                    token: None,
                    has_ended: task.is_stopped(),
                })
            }
            None if launch.is_over => None,
            None => Some(Begun::Call { token: launch.token.clone(), attempt: launch.attempt }),
        }
    }
}

/// The databases of a wave, sorted by what they need.
#[derive(Debug, Default)]
pub(super) struct Wave {
    pub proved: Vec<Proved>,
    pub begun: Vec<Pack>,
    pub to_pack: Vec<DatabaseName>,
}

/// Raises each database's count in `counted`, where the run resumes, to an attempt that it was never in: neither by
/// what ECS still knows nor by the state file.
pub(super) fn next_attempts(databases: &[DatabaseName], past: &Past, counted: &mut HashMap<String, u32>) {
    if !past.resumes {
        return;
    }
    for database in databases {
        let recorded = past.history.next_attempt(database);
        let attempts = counted.entry(database.to_string()).or_default();
        *attempts = recorded.max(*attempts);
    }
}

/// Maps the databases that the run's tasks were told to the tasks' ARNs.
fn of_the_run(running: &[Task], reading: &Reading<'_>) -> HashMap<String, String> {
    let ours = running
        .iter()
        .filter(|task| !task.is_stopped() && task.started_by.as_deref() == Some(reading.started_by));
    let mut by_database = HashMap::new();
    for task in ours {
        let Ok(Some(told)) = reading.told(task) else { continue };
        for database in told.databases() {
            by_database.insert(database.clone(), task.arn.clone());
        }
    }
    by_database
}

#[cfg(test)]
mod tests;
