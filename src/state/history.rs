//! What a journal amounts to: what became of each database, and what is still to be found out.

use std::collections::HashMap;
use std::time::Duration;

use super::github_history::Terms;
use super::journal_record::{Intent, JournalRecord, Run, VERSION};
use crate::choices::Proof;
use crate::verdict::Judged;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    run: Option<Run>,
    /// By token.
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
    /// The token of the last one; absent for a database that only tasks of other runs have migrated.
    launch: Option<String>,
    /// One more than the highest attempt.
    attempts: u32,
    /// Of the last launch.
    verdict: Option<Judged>,
    took: Option<Duration>,
}

/// What a resumed run has to do about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// Nothing: this proves it.
    Proved(&'a Judged),
    /// A task of this launch may run, or may have migrated it unseen.
    FindOut(&'a RecordedLaunch),
    /// Nothing of ours runs there.
    Start,
}

impl History {
    /// # Errors
    /// The record makes no sense after those before it.
    pub fn take(&mut self, record: JournalRecord) -> Result<(), String> {
        match record {
            JournalRecord::Run(run) => self.begins(run),
            _ if self.run.is_none() => Err("no run has begun before it".into()),
            JournalRecord::Intent(intent) => self.intends(intent),
            JournalRecord::Started { token, task, .. } => {
                self.launch(&token)?.task = Some(task.clone());
                self.tokens.insert(task, token);
                Ok(())
            }
            JournalRecord::Refused { token, .. } => {
                self.launch(&token)?.is_over = true;
                Ok(())
            }
            JournalRecord::Ended { task, .. } => {
                // A task of another run that was adopted is no launch of ours.
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
        let Intent { token, attempt, databases, .. } = intent;
        // RunTask's clientToken: it is sent again.
        if token.is_empty() || token.len() > 64 || !token.bytes().all(|byte| (33..=126).contains(&byte)) {
            return Err("its token is none that RunTask takes".into());
        }
        // A token that is sent again may start a task again, when ECS has forgotten it.
        let launch = RecordedLaunch { token: token.clone(), attempt, task: None, is_over: false };
        self.launches.insert(token.clone(), launch);
        for database in databases {
            let past = self.databases.entry(database).or_default();
            past.launch = Some(token.clone());
            past.attempts = past.attempts.max(attempt.saturating_add(1));
            past.verdict = None;
        }
        Ok(())
    }

    /// The last run; none when the file is new.
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Without terms, or a digest in them, nothing is known to be proved.
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
            // It has ended, and nobody has judged it.
            Some(launch) if launch.task.is_some() && past.verdict.is_none() => Next::FindOut(launch),
            _ => Next::Start,
        }
    }

    /// The attempt that was never made for the database: from 0 on.
    pub fn next_attempt(&self, database: &str) -> u32 {
        self.databases.get(database).map_or(0, |past| past.attempts)
    }

    /// Whether a task was to be started for it, or has ended, without a proof that it is migrated.
    pub fn ran_in_vain(&self, database: &str, proof: Proof) -> bool {
        let past = self.databases.get(database);
        past.is_some_and(|past| !past.verdict.as_ref().is_some_and(|judged| judged.proves(proof)))
    }

    /// Whether a run has begun the database.
    pub fn has_run(&self, database: &str) -> bool {
        self.databases.contains_key(database)
    }

    /// Databases of which a task may still run, or may have run unseen.
    pub fn open(&self) -> impl Iterator<Item = &str> {
        let is_open = |past: &DatabaseHistory| {
            let launch = past.launch.as_ref().and_then(|token| self.launches.get(token));
            launch.is_some_and(|launch| !launch.is_over)
        };
        self.databases.iter().filter(move |(_, past)| is_open(past)).map(|(database, _)| database.as_str())
    }

    /// How long each database's migration took when it was last known.
    pub fn durations(&self) -> HashMap<String, Duration> {
        let known = self.databases.iter();
        known.filter_map(|(database, past)| Some((database.clone(), past.took?))).collect()
    }
}
