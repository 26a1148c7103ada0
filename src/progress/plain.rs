//! Timestamped lines, for logs and for GitHub's runner.

use std::collections::HashSet;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use indicatif::HumanBytes;
use jiff::Timestamp;
use tokio::time::Instant;

use super::line_writer::LineWriter;
use super::tally::Crowd;
use super::{Clock, Sink, TaskPhase, Vocabulary};
use crate::database_name::{DatabaseName, short_list};
use crate::ports::ImageProgress;
use crate::untrusted;
use crate::verdict::{Checked, Verdict};
use crate::workflow_commands::{self, Fence, Place};

/// The time between two lines about where a fleet is.
const TALLY_INTERVAL: Duration = Duration::from_secs(30);

pub(super) struct Plain {
    clock: Clock,
    // Locked before lines are written: a fence and what stands behind it stay in order.
    state: Mutex<Spoken>,
    lines: LineWriter,
}

#[derive(Default)]
struct Spoken {
    /// Present when GitHub's runner reads along.
    fence: Option<Fence>,
    in_group: bool,
    /// Databases of packs that have reported.
    reported: HashSet<String>,
    pushed_quarters: u64,
    crowd: Crowd,
    tallied_at: Option<Instant>,
}

impl Plain {
    pub(super) fn new(mut writer: Box<dyn Write + Send>, vocabulary: Vocabulary, clock: Clock) -> Self {
        let fence = (vocabulary == Vocabulary::GitHub).then(Fence::default);
        let lines = LineWriter::new(move |text| {
            // A reader that went away, as in `| head`, is not a reason to leave a migration alone.
            let _ = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
        });
        Self { clock, state: Mutex::new(Spoken { fence, ..Spoken::default() }), lines }
    }
}

impl ImageProgress for Plain {
    fn step(&self, title: &str) {
        let mut state = self.state();
        state.pushed_quarters = 0;
        if state.fence.is_some() {
            self.end_group(&mut state);
            self.lines.write(&workflow_commands::group(&untrusted::one_line(title)));
            state.in_group = true;
        } else {
            self.say(&state, &format!("{} ▸ {}", self.clock.now(), untrusted::one_line(title)));
        }
    }

    fn build_line(&self, line: &str) {
        self.quote(&mut self.state(), &format!("{} │", self.clock.now()), line);
        self.lines.flush();
    }

    fn pushed(&self, done: u64, total: u64) {
        let mut state = self.state();
        let quarters = done.min(total).saturating_mul(4).checked_div(total).unwrap_or(4);
        if quarters > state.pushed_quarters {
            state.pushed_quarters = quarters;
            let (now, done, total) = (self.clock.now(), HumanBytes(done), HumanBytes(total));
            self.say(&state, &format!("{now} pushed {done} of {total}"));
        }
    }

    fn note(&self, text: &str) {
        let state = self.state();
        for line in untrusted::lines(text) {
            self.say(&state, &format!("{} {}", self.clock.now(), untrusted::one_line(line)));
        }
    }
}

impl Sink for Plain {
    fn databases(&self, names: &[DatabaseName]) {
        self.state().crowd = Crowd::of(names);
    }

    fn stage_pause(&self, title: &str, until: Timestamp) {
        self.step(&format!("{title}, next stage begins at {}", self.clock.coming(until)));
    }

    fn task_phase(&self, names: &[DatabaseName], phase: TaskPhase) {
        let mut state = self.state();
        let is_news = state.crowd.phase(names, phase);
        if state.crowd.tally.is_some() {
            self.say_tally(&mut state);
            return;
        }
        // A queue is not news to a person.
        if is_news && phase != TaskPhase::Queued {
            let name = short_list(names);
            let name = untrusted::one_line(&name);
            self.say(&state, &format!("{} {name}: {}", self.clock.now(), phase.word()));
        }
    }

    fn database_reported(&self, databases: &[DatabaseName], database: &str) {
        let mut state = self.state();
        if let Some(tally) = &mut state.crowd.tally {
            tally.reported(database);
            self.say_tally(&mut state);
            return;
        }
        if state.reported.insert(database.to_owned()) {
            let count = databases.iter().filter(|name| state.reported.contains(name.as_str())).count();
            let name = short_list(databases);
            let (name, all) = (untrusted::one_line(&name), databases.len());
            self.say(&state, &format!("{} {name}: {count} of {all} have reported", self.clock.now()));
        }
    }

    fn log_line(&self, name: &str, timestamp_ms: i64, line: &str) {
        let mut state = self.state();
        if let Some(prefix) = state.crowd.log_prefix(&self.clock, timestamp_ms, name) {
            self.quote(&mut state, &prefix, line);
        }
    }

    fn flush(&self) {
        self.lines.flush();
    }

    fn database_verdict(&self, database: &DatabaseName, verdict: &Verdict) {
        let mut state = self.state();
        let line = state.crowd.verdict(database, verdict);
        self.say_end(&mut state, line);
    }

    fn database_checked(&self, database: &DatabaseName, checked: &Checked) {
        let mut state = self.state();
        let line = state.crowd.checked(database, checked);
        self.say_end(&mut state, line);
    }

    fn annotate_error(&self, place: Option<&Place>, title: &str, message: &str) {
        self.command(|| Some(workflow_commands::error_annotation(place, title, message)));
    }

    fn annotate_warning(&self, place: Option<&Place>, title: &str, message: &str) {
        self.command(|| Some(workflow_commands::warning_annotation(place, title, message)));
    }

    fn mask(&self, secret: &str) {
        self.command(|| workflow_commands::mask(secret));
    }

    fn closing(&self, text: &str) {
        self.close(&mut self.state(), text);
    }

    fn last_words(&self, message: &str, text: &str) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !self.lines.is_free() {
            return false;
        }
        self.lower(&mut state);
        if state.fence.is_some() {
            self.lines.write(&workflow_commands::error_annotation(None, "fargate-migrate", message));
        }
        self.close(&mut state, text);
        true
    }

    fn finish(&self) {
        self.end_group(&mut self.state());
        self.lines.flush();
    }
}

impl Plain {
    /// Writes the line of a database that is judged, if it has one, and where the fleet is.
    fn say_end(&self, state: &mut Spoken, line: Option<String>) {
        if let Some(line) = line {
            self.say(state, &format!("{} {line}", self.clock.now()));
        }
        self.say_tally(state);
    }

    /// Writes where a fleet is: now and then, and when all of it is judged.
    fn say_tally(&self, state: &mut Spoken) {
        let Some(tally) = &state.crowd.tally else { return };
        if tally.is_over() || state.tallied_at.is_none_or(|at| at.elapsed() >= TALLY_INTERVAL) {
            let line = format!("{} {}", self.clock.now(), tally.line());
            state.tallied_at = Some(Instant::now());
            self.say(state, &line);
        }
    }

    fn state(&self) -> MutexGuard<'_, Spoken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line of the program itself, in which there may be names and messages from outside.
    fn say(&self, state: &Spoken, line: &str) {
        match &state.fence {
            Some(fence) if !fence.is_up() => self.lines.write(&workflow_commands::without_commands(line)),
            _ => self.lines.write(line),
        }
    }

    /// Lets lines that someone else wrote wait for the program's next line or a flush, with commands off.
    fn quote(&self, state: &mut Spoken, prefix: &str, text: &str) {
        self.raise(state);
        for line in untrusted::lines(text) {
            self.lines.push(&format!("{prefix} {}", untrusted::one_line(line)));
        }
    }

    fn command(&self, line: impl FnOnce() -> Option<String>) {
        let mut state = self.state();
        if state.fence.is_some()
            && let Some(line) = line()
        {
            self.lower(&mut state);
            self.lines.write(&line);
        }
    }

    fn close(&self, state: &mut Spoken, text: &str) {
        self.end_group(state);
        self.raise(state);
        self.lines.write(text.trim_end_matches('\n'));
        self.lower(state);
    }

    fn end_group(&self, state: &mut Spoken) {
        self.lower(state);
        if std::mem::take(&mut state.in_group) {
            self.lines.write(workflow_commands::END_GROUP);
        }
    }

    fn raise(&self, state: &mut Spoken) {
        if let Some(line) = state.fence.as_mut().and_then(Fence::raise) {
            self.lines.write(&line);
        }
    }

    fn lower(&self, state: &mut Spoken) {
        if let Some(line) = state.fence.as_mut().and_then(Fence::lower) {
            self.lines.write(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_wait_for_no_lock() {
        let plain = Plain::new(Box::new(std::io::sink()), Vocabulary::GitHub, Clock::system());
        let held = plain.state();
        assert!(!plain.last_words("why", "why"));
        drop(held);
        assert!(plain.last_words("why", "why"));
    }
}
