//! Order: when nothing more starts, and why.

use std::cell::RefCell;

use crate::database_name::DatabaseName;
use crate::plan::Plan;
use crate::verdict::Verdict;

pub(super) struct Order {
    max_failures: Option<u32>,
    state: RefCell<SoFar>,
}

#[derive(Default)]
struct SoFar {
    failures: u32,
    first_failed: Option<DatabaseName>,
    /// A wave whose failure ends the run, whatever else is allowed, is over or under way.
    canary: bool,
    closed: Option<String>,
}

impl Order {
    pub(super) fn new(plan: &Plan) -> Self {
        let state = SoFar { canary: plan.canaries > 0, ..SoFar::default() };
        Self { max_failures: plan.fleet.stops_after(), state: RefCell::new(state) }
    }

    /// Why no database may start any more.
    pub(super) fn nothing_starts(&self) -> Option<String> {
        let state = self.state.borrow();
        if let Some(why) = &state.closed {
            return Some(why.clone());
        }
        let first = state.first_failed.as_ref()?;
        match self.max_failures {
            Some(1) => Some(format!("{first} was not migrated, and nothing starts after that")),
            Some(most) if state.failures >= most => Some(format!(
                "{} databases were not migrated, {first} first, and --max-failures is {most}",
                state.failures
            )),
            _ => None,
        }
    }

    /// A database that was not run is no failure of its own: something else was.
    pub(super) fn judged(&self, database: &DatabaseName, verdict: &Verdict) {
        if verdict.is_migrated() || matches!(verdict, Verdict::NotRun { .. }) {
            return;
        }
        let mut state = self.state.borrow_mut();
        state.failures += 1;
        state.first_failed.get_or_insert_with(|| database.clone());
    }

    /// All of a wave is judged: after the canaries, a failure closes the run even when it would keep going.
    pub(super) fn wave_ended(&self) {
        let mut state = self.state.borrow_mut();
        if std::mem::take(&mut state.canary)
            && let Some(first) = &state.first_failed
        {
            state.closed = Some(format!("canary {first} was not migrated, and nothing starts after that"));
        }
    }
}
