//! The state file (`--state`): what a run did, so that another one can go on after it (`--resume`).
//!
//! It is a journal: a record is appended before what it announces is done ([`journal_record`], [`journal`]), and the
//! whole of it says what became of each database ([`history`]).
//!
//! # Why no two migrations of one database run at once
//!
//! Let a process be killed at any instant, and another one resume. Which tasks of the first may run then?
//!
//! 1. Only those whose intent is in the file: RunTask is called after its record was written, and not at all when it
//!    could not be. A last line that was cut belongs to a call that was never made.
//! 2. Only for launches that the file does not know to be over: its migration container seen to have ended for good,
//!    or refused by ECS with no call of that token left unanswered. Such a launch is not started again with another
//!    token before one of the two.
//! 3. When ECS lists or describes its task, that task is followed, or its end awaited. Otherwise RunTask is called
//!    with *the recorded token*. ECS keeps a token for min(24 h, the task's end + 1 h) (RunTask, idempotency). While
//!    it does, it names the token's task and starts none: with equal parameters in its answer, with others in a
//!    ConflictException. The databases that the task was told are compared then.
//! 4. When ECS has forgotten the token, its task ended an hour ago, and may be started anew; or it is 24 hours old,
//!    and ListTasks, which takes seconds or minutes to know a new task, has shown it long before: see 3. Between that
//!    look and RunTask there must not be 24 hours, so nothing is resumed [`FRESH`] after the look.
//!
//! So this machine's clock decides nothing, and neither does the order in which ECS's stores come to agree. The first
//! process itself is gone: the file is locked while it lives, and a call that it sent reaches ECS within its
//! connection's life or never. Where two machines have a copy of the file, the lock does not help; both then use the
//! same tokens for what was open, and start what was not, so a state file is for one run at a time.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::ResumeFlags;
use crate::failure::Failure;
use crate::settings::{RunIdentity, Settings};

pub(crate) mod github_history;
pub(crate) mod history;
mod journal;
pub(crate) mod journal_record;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub(crate) use history::{Change, History, Latest, Next};
pub(crate) use journal::Journal;

use journal_record::Target;

/// How long a look at ECS for a launch without an outcome is good for: half of a token's life.
pub(crate) const FRESH: Duration = Duration::from_hours(12);

/// The journal of this run, and what it said when the run began.
#[derive(Debug, Default)]
pub(crate) struct State {
    path: PathBuf,
    /// None for a plan, which writes nothing.
    pub journal: Option<Journal>,
    /// What earlier runs did. A run that does not resume only learns from it how long things take.
    pub history: History,
    pub resumes: bool,
    /// Databases that `--only-failed` leaves out although no run has begun them.
    pub never_ran: usize,
    /// What a person should know about the file.
    pub notes: Vec<String>,
}

impl State {
    /// Takes the state file over. A resumed run has the databases that are left to do, and the name of the run that
    /// it goes on with, so that ECS knows the tasks of both as one run's.
    ///
    /// # Errors
    /// The file is in use, cannot be read, or does not fit what is asked. Nothing was changed.
    pub(crate) fn take_up(settings: &Settings) -> Result<(Settings, Option<Self>), Failure> {
        let mut settings = settings.clone();
        let Some(path) = settings.resume.state.clone() else { return Ok((settings, None)) };
        let ResumeFlags { resume, only_failed, .. } = settings.resume;
        let exists = path.exists();
        if resume && !exists {
            return Err(Failure::input(format!("state file {} does not exist", path.display()))
                .hint("--resume goes on with a run that had --state; leave it out to begin a run"));
        }
        let (journal, contents) = match settings.common.plan_only {
            true if exists => (None, Journal::peek(&path)?),
            true => (None, journal::Contents::default()),
            false => Journal::open(&path).map(|(journal, contents)| (Some(journal), contents))?,
        };
        let history = contents.history;
        let mut notes = Vec::new();
        let mut never_ran = 0;
        if contents.was_cut {
            notes.push(journal::cut(&path));
        }
        match history.run() {
            Some(run) if resume => {
                settings.common.run =
                    RunIdentity { started_by: run.started_by.clone(), may_have_a_past: true };
            }
            None if resume => {
                notes.push(format!(
                    "no run has begun in state file {}: there is nothing to resume",
                    path.display()
                ));
            }
            _ => nothing_is_open(&history, &path)?,
        }
        if only_failed {
            let before = settings.databases.len();
            never_ran = settings.databases.iter().filter(|name| !history.has_run(name)).count();
            settings.databases.retain(|name| history.ran_in_vain(name, settings.task.proof));
            let left_out = before - settings.databases.len();
            let why = format!("{} migrated, {never_ran} never ran", left_out - never_ran);
            if settings.databases.is_empty() {
                return Err(Failure::input(format!(
                    "--only-failed: no database has failed, by state file {}: {why}",
                    path.display()
                ))
                .hint(match never_ran {
                    0 => "there is nothing left to do",
                    _ => "leave out --only-failed to run those that never ran",
                }));
            }
            if left_out > 0 {
                notes.push(format!("--only-failed leaves out {left_out} of {before} databases: {why}"));
            }
        }
        Ok((settings, Some(Self { path, journal, history, resumes: resume, never_ran, notes })))
    }

    /// Makes a state whose file cannot be written to.
    #[cfg(test)]
    pub(crate) fn full(path: &std::path::Path) -> Self {
        Self { journal: Some(Journal::full(path)), ..Self::default() }
    }

    /// Checks that the file is about the databases of the plan. A file without a run fits any plan, and so does any
    /// file where the plan's account is not known.
    ///
    /// # Errors
    /// The file is about other databases than the plan: its account, Region, cluster, task definition, container or
    /// database variable is another one.
    pub(crate) fn check(&self, planned: Option<&Target>) -> Result<(), Failure> {
        let recorded = self.history.run().map(|run| &run.target);
        match recorded.zip(planned).and_then(|(theirs, ours)| theirs.difference(ours)) {
            None => Ok(()),
            Some((what, theirs, ours)) => Err(Failure::input(format!(
                "state file {} was written for {what} {theirs}, but this run uses {ours}",
                self.path.display()
            ))
            .hint("pass another file with --state, or run with the values that the file was written for")),
        }
    }
}

/// Fails when a task of an earlier run may still work: a new run must not start what that task may be doing.
fn nothing_is_open(history: &History, path: &std::path::Path) -> Result<(), Failure> {
    let mut open: Vec<String> = history.open().map(str::to_owned).collect();
    if open.is_empty() {
        return Ok(());
    }
    open.sort_unstable();
    Err(Failure::input(format!(
        "state file {} lists tasks of an earlier run that may still migrate {}",
        path.display(),
        crate::failure::listed(&open)
    ))
    .hint("add --resume to find out, or pass another file with --state"))
}
