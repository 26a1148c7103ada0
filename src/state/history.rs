//! What a journal says as a whole: what became of each database, and what is still to be found out.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::github_history::Terms;
use super::journal_record::{Intent, JournalRecord, Run, VERSION};
use crate::choices::Proof;
use crate::verdict::Judged;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    run: Option<Run>,
    /// The launches by their tokens.
    launches: HashMap<String, RecordedLaunch>,
    /// The token of each task.
    tokens: HashMap<String, String>,
    databases: HashMap<String, DatabaseHistory>,
}

/// RunTask with one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedLaunch {
    pub token: String,
    pub attempt: u32,
    /// The task, once RunTask has named it.
    pub task: Option<String>,
    /// No task of this token runs any more, or ever will.
    pub is_over: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct DatabaseHistory {
    /// The token of the last launch; absent for a database that only tasks of other runs have migrated.
    launch: Option<String>,
    /// One more than the highest attempt.
    attempts: u32,
    /// The verdict of the last launch.
    verdict: Option<Judged>,
    took: Option<Duration>,
    /// What last proved that it is migrated, or said so by its exit code alone.
    proved: Option<Judged>,
    /// A later task that did not.
    failed: Option<Judged>,
    /// What its tasks have applied, the last by each image.
    changes: Vec<Change>,
    /// Launches whose task was never judged: it may have applied something.
    unjudged: Vec<Unjudged>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Unjudged {
    token: String,
    /// The task, once RunTask has named it. A token that is sent again may have another one.
    task: Option<String>,
    change: Change,
}

impl DatabaseHistory {
    /// Records that the token has this task.
    fn starts(&mut self, token: &str, task: &str) {
        let is_known =
            self.unjudged.iter().any(|one| one.token == token && one.task.as_deref() == Some(task));
        let is_open = |one: &Unjudged| one.token == token && one.task.is_none();
        if is_known {
            self.unjudged.retain(|one| !is_open(one));
        }
        for one in self.unjudged.iter_mut().filter(|one| is_open(one)) {
            one.task = Some(task.to_owned());
        }
    }
}

/// What a task has done to a database's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When it was judged, or else begun, by the clock of the machine that recorded it.
    pub at: Timestamp,
    /// The digest of the image that ran; absent where it is named by a tag of another registry.
    pub image_digest: Option<String>,
    /// Whether it has applied a migration; absent where that is not known.
    pub applied: Option<bool>,
}

impl Change {
    /// Returns what a judged task has done; none where no task has run.
    fn of(judged: &Judged) -> Option<Self> {
        judged.task.as_ref()?;
        let report = judged.report.as_ref().filter(|_| judged.is_migrated());
        Some(Self {
            at: judged.at,
            image_digest: judged.image_digest.clone(),
            applied: report.map(|report| !report.applied.is_empty()),
        })
    }
}

/// What the file says of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest<'a> {
    /// What last said that it is migrated.
    pub proved: Option<&'a Judged>,
    /// A later task that was judged otherwise.
    pub failed: Option<&'a Judged>,
    /// When a still later task was to be started that was never judged.
    pub unjudged: Option<Timestamp>,
}

/// What a resumed run has to do about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// Nothing: this proves it.
    Proved(&'a Judged),
    /// A task of this launch may run, or may have migrated it unseen.
    FindOut(&'a RecordedLaunch),
    /// To start a task: no earlier launch in the file is open.
    Start,
}

impl History {
    /// Adds the next record.
    ///
    /// # Errors
    /// The record makes no sense after those before it.
    pub fn take(&mut self, record: JournalRecord) -> Result<(), String> {
        match record {
            JournalRecord::Run(run) => self.begins(run),
            _ if self.run.is_none() => Err("no run has begun before it".into()),
            JournalRecord::Intent(intent) => self.intends(intent),
            JournalRecord::Started { token, task, .. } => {
                self.launch(&token)?.task = Some(task.clone());
                self.databases.values_mut().for_each(|past| past.starts(&token, &task));
                self.tokens.insert(task, token);
                Ok(())
            }
            JournalRecord::Refused { token, .. } => {
                self.launch(&token)?.is_over = true;
                // No task has run for this call.
                let is_it = |one: &Unjudged| one.token == token && one.task.is_none();
                self.databases.values_mut().for_each(|past| past.unjudged.retain(|one| !is_it(one)));
                Ok(())
            }
            JournalRecord::Ended { task, .. } => {
                // A task of another run that was adopted is not a launch in this file.
                if let Some(launch) = self.tokens.get(&task).and_then(|token| self.launches.get_mut(token))
                    && launch.task.as_ref() == Some(&task)
                {
                    launch.is_over = true;
                }
                Ok(())
            }
            JournalRecord::Verdict(judged) => {
                let past = self.databases.entry(judged.database.clone()).or_default();
                past.took = judged.ms.map(Duration::from_millis).or(past.took);
                // It says nothing about other tasks.
                past.unjudged.retain(|one| one.task.is_none() || one.task != judged.task);
                if let Some(change) = Change::of(&judged).filter(|change| change.applied != Some(false)) {
                    past.changes.retain(|known| {
                        known.image_digest != change.image_digest || known.applied != change.applied
                    });
                    past.changes.push(change);
                }
                if judged.is_migrated() {
                    (past.proved, past.failed) = (Some((*judged).clone()), None);
                } else if judged.task.is_some() {
                    past.failed = Some((*judged).clone());
                }
                past.verdict = Some(*judged);
                Ok(())
            }
        }
    }

    fn launch(&mut self, token: &str) -> Result<&mut RecordedLaunch, &'static str> {
        self.launches.get_mut(token).ok_or("no RunTask had this token")
    }

    fn begins(&mut self, run: Run) -> Result<(), String> {
        if run.version != VERSION {
            return Err(format!("it is of version {}, and this program knows {VERSION}", run.version));
        }
        // RunTask's startedBy: it is sent again.
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-/_".contains(c);
        if run.started_by.is_empty() || run.started_by.len() > 128 || !run.started_by.chars().all(is_name) {
            return Err("its started_by is none that RunTask takes".into());
        }
        if let Some((what, own, others)) =
            self.run.as_ref().and_then(|own| own.target.difference(&run.target))
        {
            return Err(format!("the runs before it are about {what} {own}, and it is about {others}"));
        }
        self.run = Some(run);
        Ok(())
    }

    fn intends(&mut self, intent: Intent) -> Result<(), String> {
        let Intent { at, token, attempt, databases, .. } = intent;
        // RunTask's clientToken: it is sent again.
        if token.is_empty() || token.len() > 64 || !token.bytes().all(|byte| (33..=126).contains(&byte)) {
            return Err("its token is none that RunTask takes".into());
        }
        // A token that is sent again may start a task again, when ECS has forgotten it.
        let launch = RecordedLaunch { token: token.clone(), attempt, task: None, is_over: false };
        self.launches.insert(token.clone(), launch);
        let image_digest = self.run.as_ref().and_then(|run| run.image_digest.clone());
        for database in databases {
            let past = self.databases.entry(database).or_default();
            // Sent once more before it had an answer.
            past.unjudged.retain(|one| one.token != token || one.task.is_some());
            let change = Change { at, image_digest: image_digest.clone(), applied: None };
            past.unjudged.push(Unjudged { token: token.clone(), task: None, change });
            past.launch = Some(token.clone());
            past.attempts = past.attempts.max(attempt.saturating_add(1));
            past.verdict = None;
        }
        Ok(())
    }

    /// Returns the last run; none when the file is new.
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Returns what a resumed run does about a database. Without terms, or a digest in them, nothing is known to be
    /// proved.
    pub fn next(&self, database: &str, terms: Option<&Terms<'_>>) -> Next<'_> {
        let Some(past) = self.databases.get(database) else { return Next::Start };
        if let Some((judged, terms)) = past.verdict.as_ref().zip(terms)
            && judged.proves(terms.proof)
            && terms.digest.is_some()
            && judged.image_digest.as_deref() == terms.digest
            && judged.told.as_deref() == Some(terms.told)
        {
            return Next::Proved(judged);
        }
        match past.launch.as_ref().and_then(|token| self.launches.get(token)) {
            Some(launch) if !launch.is_over => Next::FindOut(launch),
            // It has ended, and was not judged.
            Some(launch) if launch.task.is_some() && past.verdict.is_none() => Next::FindOut(launch),
            _ => Next::Start,
        }
    }

    /// Returns what is recorded last of a database; none where no run has begun it.
    pub fn latest(&self, database: &str) -> Option<Latest<'_>> {
        let past = self.databases.get(database)?;
        let is_last = |one: &&Unjudged| past.verdict.is_none() && past.launch.as_ref() == Some(&one.token);
        let unjudged = past.unjudged.iter().find(is_last).map(|one| one.change.at);
        Some(Latest { proved: past.proved.as_ref(), failed: past.failed.as_ref(), unjudged })
    }

    /// Returns the number of the first attempt that the file does not have for the database: from 0 on.
    pub fn next_attempt(&self, database: &str) -> u32 {
        self.databases.get(database).map_or(0, |past| past.attempts)
    }

    /// Tells whether a task was to be started for it, or has ended, without a proof that it is migrated.
    pub fn ran_in_vain(&self, database: &str, proof: Proof) -> bool {
        let past = self.databases.get(database);
        past.is_some_and(|past| !past.verdict.as_ref().is_some_and(|judged| judged.proves(proof)))
    }

    /// Tells whether a run has begun the database.
    pub fn has_run(&self, database: &str) -> bool {
        self.databases.contains_key(database)
    }

    /// Lists the databases of which a task may still run, or may have run unseen.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        let is_open = |past: &DatabaseHistory| {
            let launch = past.launch.as_ref().and_then(|token| self.launches.get(token));
            launch.is_some_and(|launch| !launch.is_over)
        };
        self.databases.iter().filter(move |(_, past)| is_open(past)).map(|(database, _)| database.as_str())
    }

    /// Lists what tasks have applied, or may have, by database: the last by each image, and every task that was never
    /// judged.
    pub fn changes(&self) -> impl Iterator<Item = (&str, &Change)> {
        self.databases.iter().flat_map(|(database, past)| {
            let unjudged = past.unjudged.iter().map(|one| &one.change);
            past.changes.iter().chain(unjudged).map(move |change| (database.as_str(), change))
        })
    }

    /// Counts the databases that runs have begun.
    pub fn count(&self) -> usize {
        self.databases.len()
    }

    /// Returns how long each database's migration took when it was last known.
    pub fn durations(&self) -> HashMap<String, Duration> {
        let known = self.databases.iter();
        known.filter_map(|(database, past)| Some((database.clone(), past.took?))).collect()
    }
}
