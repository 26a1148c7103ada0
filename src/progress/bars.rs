//! Bars at the foot of a terminal; log lines scroll above them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::line_writer::LineWriter;
use super::tally::Crowd;
use super::{Clock, Sink, Stream, TaskPhase};
use crate::database_name::DatabaseName;
use crate::ports::ImageProgress;
use crate::untrusted;
use crate::verdict::{Checked, Verdict};

const STEP: &str = "{spinner} {prefix} {elapsed} {wide_msg:.dim}";
const PUSH: &str = "  {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}";
const DATABASE: &str = "{spinner} {prefix} {elapsed:>4} {wide_msg:.dim}";
const SEVERAL: &str = "  {bar:30} {pos} of {len} databases";
const FLEET: &str = "  {bar:30} {wide_msg}";
const TICK: Duration = Duration::from_millis(120);

pub(super) struct Bars {
    clock: Clock,
    bars: MultiProgress,
    /// How often elapsed times go on by themselves; absent in tests, which draw when they look.
    tick: Option<Duration>,
    state: Mutex<Shown>,
    lines: LineWriter,
}

#[derive(Default)]
struct Shown {
    step: Option<ProgressBar>,
    push: Option<ProgressBar>,
    fleet: Option<ProgressBar>,
    databases: HashMap<DatabaseName, ProgressBar>,
    /// The databases of the run; a fleet has one bar for all of them.
    crowd: Crowd,
}

impl Shown {
    fn show_tally(&self) {
        if let (Some(tally), Some(fleet)) = (&self.crowd.tally, &self.fleet) {
            fleet.set_message(tally.line());
        }
    }
}

impl Bars {
    pub(super) fn new(stream: Stream, clock: Clock) -> Self {
        Self::on(
            match stream {
                Stream::Stdout => ProgressDrawTarget::stdout(),
                Stream::Stderr => ProgressDrawTarget::stderr(),
            },
            clock,
            Some(TICK),
        )
    }

    pub(super) fn on(target: ProgressDrawTarget, clock: Clock, tick: Option<Duration>) -> Self {
        let bars = MultiProgress::with_draw_target(target);
        let lines = LineWriter::new({
            let bars = bars.clone();
            move |text| {
                // A terminal that went away is not a reason to leave a migration alone.
                let _ = bars.println(text.strip_suffix('\n').unwrap_or(text));
            }
        });
        Self { clock, bars, tick, state: Mutex::default(), lines }
    }

    #[cfg(test)]
    pub(super) fn redraw(&self) {
        let state = self.state();
        state.databases.values().chain(&state.step).chain(&state.fleet).for_each(ProgressBar::tick);
    }
}

impl ImageProgress for Bars {
    fn step(&self, title: &str) {
        let mut state = self.state();
        self.end_step(&mut state);
        let bar = self.add(STEP, ProgressBar::no_length());
        bar.set_prefix(untrusted::one_line(title).into_owned());
        state.step = Some(bar);
    }

    fn build_line(&self, line: &str) {
        if let Some(bar) = &self.state().step
            && let Some(last) = untrusted::lines(line).last()
        {
            bar.set_message(untrusted::one_line(last).into_owned());
        }
    }

    fn pushed(&self, done: u64, total: u64) {
        let mut state = self.state();
        let bar = state.push.get_or_insert_with(|| self.add(PUSH, ProgressBar::new(total)));
        bar.set_length(total);
        bar.set_position(done.min(total));
    }

    fn note(&self, text: &str) {
        for line in untrusted::lines(text) {
            self.lines.write(&format!("{} {}", self.clock.now(), untrusted::one_line(line)));
        }
    }
}

impl Sink for Bars {
    fn databases(&self, names: &[DatabaseName]) {
        let mut state = self.state();
        state.crowd = Crowd::of(names);
        if names.len() > 1 {
            let template = if state.crowd.tally.is_some() { FLEET } else { SEVERAL };
            state.fleet = Some(self.add(template, ProgressBar::new(names.len() as u64)));
        }
    }

    fn stage_pause(&self, title: &str, until: Timestamp) {
        self.step(&format!("{title}, next stage begins at {}", self.clock.coming(until)));
    }

    fn task_phase(&self, names: &[DatabaseName], phase: TaskPhase) {
        let mut state = self.state();
        if !state.crowd.phase(names, phase) {
            return;
        }
        if state.crowd.tally.is_some() {
            state.show_tally();
            return;
        }
        let width = state.crowd.name_width;
        for name in names {
            // Only what runs has a bar: a queue would fill the screen.
            if phase == TaskPhase::Queued && !state.databases.contains_key(name) {
                continue;
            }
            let bar = state
                .databases
                .entry(name.clone())
                .or_insert_with(|| self.add(DATABASE, ProgressBar::no_length()));
            bar.set_prefix(format!("{:<width$} {:<12}", untrusted::one_line(name), phase.word()));
        }
    }

    fn database_reported(&self, _: &[DatabaseName], database: &str) {
        let mut state = self.state();
        if let Some(tally) = &mut state.crowd.tally {
            tally.reported(database);
            state.show_tally();
        } else if let Some(bar) = state.databases.get(database) {
            bar.set_message("has reported");
        }
    }

    fn log_line(&self, name: &str, timestamp_ms: i64, line: &str) {
        let state = self.state();
        let Some(prefix) = state.crowd.log_prefix(&self.clock, timestamp_ms, name) else { return };
        let bar = state.databases.get(name);
        for line in untrusted::lines(line) {
            let line = untrusted::one_line(line);
            self.lines.push(&format!("{prefix} {line}"));
            if let Some(bar) = bar {
                bar.set_message(line.into_owned());
            }
        }
    }

    fn flush(&self) {
        self.lines.flush();
    }

    fn database_verdict(&self, database: &DatabaseName, verdict: &Verdict) {
        self.end(database, |crowd| crowd.verdict(database, verdict));
    }

    fn database_checked(&self, database: &DatabaseName, checked: &Checked) {
        self.end(database, |crowd| crowd.checked(database, checked));
    }

    fn closing(&self, text: &str) {
        self.clear(&mut self.state());
        self.lines.write(text.trim_end_matches('\n'));
    }

    fn last_words(&self, _: &str, text: &str) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !self.lines.is_free() {
            return false;
        }
        self.clear(&mut state);
        self.lines.write(text.trim_end_matches('\n'));
        true
    }

    fn finish(&self) {
        self.clear(&mut self.state());
        self.lines.flush();
    }
}

impl Bars {
    fn state(&self) -> MutexGuard<'_, Shown> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the bar of a database that is judged, and writes the line that `tell` returns for it.
    fn end(&self, database: &DatabaseName, tell: impl FnOnce(&mut Crowd) -> Option<String>) {
        let mut state = self.state();
        let took = state.databases.remove(database).map(|bar| {
            bar.finish_and_clear();
            self.bars.remove(&bar);
            bar.elapsed()
        });
        if let Some(fleet) = &state.fleet {
            fleet.inc(1);
        }
        let told = tell(&mut state.crowd);
        state.show_tally();
        if let Some(line) = told {
            let took = took.map(|took| format!(" ({})", HumanDuration(took))).unwrap_or_default();
            self.lines.write(&format!("{} {line}{took}", self.clock.now()));
        }
    }

    fn add(&self, template: &str, bar: ProgressBar) -> ProgressBar {
        let style = ProgressStyle::with_template(template).expect("a template of this file is well formed");
        let bar = self.bars.add(bar.with_style(style));
        if let Some(tick) = self.tick {
            bar.enable_steady_tick(tick);
        }
        bar
    }

    fn end_step(&self, state: &mut Shown) {
        if let Some(push) = state.push.take() {
            push.finish_and_clear();
        }
        if let Some(step) = state.step.take() {
            step.finish_and_clear();
            let took = HumanDuration(step.elapsed());
            self.lines.write(&format!("{} ▸ {} ({took})", self.clock.now(), step.prefix()));
        }
    }

    fn clear(&self, state: &mut Shown) {
        self.end_step(state);
        for bar in state.databases.drain().map(|(_, bar)| bar).chain(state.fleet.take()) {
            bar.finish_and_clear();
        }
    }
}
