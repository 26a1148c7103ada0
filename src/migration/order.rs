//! Order: when nothing more starts, and why.

use std::cell::RefCell;

use crate::database_name::DatabaseName;
use crate::settings::{FailureRule, Stage, StageName};
use crate::verdict::Verdict;

/// The results of the stage under way, as far as other databases depend on them.
#[derive(Default)]
pub(super) struct Order(RefCell<SoFar>);

#[derive(Default)]
struct SoFar {
    stage: Option<(StageName, FailureRule)>,
    failures: u32,
    first_failed: Option<DatabaseName>,
    not_run: Option<DatabaseName>,
    /// Why no stage starts any more.
    closed: Option<String>,
}

impl Order {
    /// Begins a stage. Failures are counted anew: those of the stage before have let this one begin.
    pub(super) fn begins(&self, stage: &Stage) {
        let mut state = self.0.borrow_mut();
        let closed = state.closed.take();
        *state = SoFar { stage: Some((stage.name.clone(), stage.failures)), closed, ..SoFar::default() };
    }

    /// Returns why no database may start any more; `None` while one may.
    pub(super) fn nothing_starts(&self) -> Option<String> {
        let state = self.0.borrow();
        state.closed.clone().or_else(|| state.stopped())
    }

    pub(super) fn judged(&self, database: &DatabaseName, verdict: &Verdict) {
        let mut state = self.0.borrow_mut();
        match verdict {
            verdict if verdict.is_migrated() => {}
            // Not a failure of its own: the cause is elsewhere.
            Verdict::NotRun { .. } => drop(state.not_run.get_or_insert_with(|| database.clone())),
            _ => {
                state.failures += 1;
                state.first_failed.get_or_insert_with(|| database.clone());
            }
        }
    }

    /// Ends the stage when all of it is judged; returns whether it has passed. One that has not closes the run.
    pub(super) fn ended(&self) -> bool {
        let mut state = self.0.borrow_mut();
        if state.closed.is_none() {
            state.closed = state.failed();
        }
        state.closed.is_none()
    }
}

impl SoFar {
    /// Returns why no more of the stage starts; `None` while more may.
    fn stopped(&self) -> Option<String> {
        let ((name, rule), first) = (self.stage.as_ref()?, self.first_failed.as_ref()?);
        let of_stage = of_stage(name);
        match rule.stops_after? {
            1 => Some(format!("{first}{of_stage} was not migrated, and nothing starts after that")),
            most if self.failures >= most => {
                let (failures, flag) = (self.failures, if of_stage.is_empty() { "--" } else { "its " });
                Some(format!(
                    "{failures} databases{of_stage} were not migrated, {first} first, and {flag}max-failures is {most}"
                ))
            }
            _ => None,
        }
    }

    /// Returns why the stage has not passed, so that no later one starts; `None` when it has.
    fn failed(&self) -> Option<String> {
        let (name, rule) = self.stage.as_ref()?;
        let has_failed = self.failures >= rule.fails_with;
        let (database, what) = match (&self.first_failed, &self.not_run) {
            (Some(first), _) if has_failed => (first, "was not migrated"),
            (_, Some(first)) => (first, "was not run"),
            _ => return None,
        };
        match name {
            StageName::Canary => Some(format!("canary {database} {what}, and nothing starts after that")),
            _ if has_failed && self.stopped().is_some() => self.stopped(),
            name => Some(format!("{database}{} {what}, and no later stage starts", of_stage(name))),
        }
    }
}

/// Returns ` of stage TITLE`, which follows a database's name, for a stage of the configuration file; else nothing.
fn of_stage(name: &StageName) -> String {
    match name {
        StageName::Only | StageName::Canary | StageName::AfterCanary => String::new(),
        StageName::Named(_) | StageName::Rest => {
            name.title().map(|title| format!(" of stage {title}")).unwrap_or_default()
        }
    }
}
