//! A fleet in one line: more databases than a person wants to read about one by one.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::phases::Phases;
use super::{Clock, TaskPhase};
use crate::database_name::{DatabaseName, is_fleet};
use crate::untrusted;
use crate::verdict::{Checked, NOT_PROVED, Verdict};

/// Databases that are named for taking longest.
const SLOWEST: usize = 3;

/// The databases of a run: a few, which are told about one by one, or a fleet, which is counted.
#[derive(Default)]
pub(super) struct Crowd {
    /// The width of the names before log lines: none with one database.
    pub name_width: usize,
    /// Present for a fleet.
    pub tally: Option<Tally>,
    phases: Phases,
}

impl Crowd {
    pub(super) fn of(names: &[DatabaseName]) -> Self {
        let widths = names.iter().map(|name| name.chars().count());
        let name_width = if names.len() > 1 { widths.max().unwrap_or(0) } else { 0 };
        let tally = is_fleet(names.len()).then(|| Tally::new(names.len()));
        Self { name_width, tally, phases: Phases::default() }
    }

    /// Takes note of where a task is, and returns whether that is news.
    pub(super) fn phase(&mut self, names: &[DatabaseName], phase: TaskPhase) -> bool {
        let is_news = self.phases.advance(names, phase);
        if is_news && let Some(tally) = &mut self.tally {
            names.iter().for_each(|name| tally.phase(name, phase));
        }
        is_news
    }

    /// Returns what stands before each line of a log; `None` for a fleet, whose logs are not shown.
    pub(super) fn log_prefix(&self, clock: &Clock, timestamp_ms: i64, name: &str) -> Option<String> {
        if self.tally.is_some() {
            return None;
        }
        let (time, name, width) = (clock.at(timestamp_ms), untrusted::one_line(name), self.name_width);
        Some(if width == 0 { format!("{time} │") } else { format!("{time} {name:<width$} │") })
    }

    /// Counts a verdict, and returns the line that tells it. A database of a fleet has a line only where it was run
    /// and is not migrated.
    pub(super) fn verdict(&mut self, database: &DatabaseName, verdict: &Verdict) -> Option<String> {
        self.phases.judged(database);
        if let Some(tally) = &mut self.tally {
            tally.verdict(database, verdict);
            if verdict.is_migrated() || matches!(verdict, Verdict::NotRun { .. }) {
                return None;
            }
        }
        let (database, word) = (untrusted::one_line(database), verdict.word());
        Some(match (verdict.is_proved(), verdict.is_migrated()) {
            (true, _) => format!("✔ {database}: {word}"),
            (false, true) => format!("⚠ {database}: {word}"),
            (false, false) => format!("✖ {database}: {word}: {}", untrusted::one_line(&verdict.explain())),
        })
    }

    /// Counts what a check has found, and returns the line that tells it. A database of a fleet has a line only where
    /// nothing is known of it.
    pub(super) fn checked(&mut self, database: &DatabaseName, checked: &Checked) -> Option<String> {
        self.phases.judged(database);
        if let Some(tally) = &mut self.tally {
            tally.checked(database, checked);
            if checked.report().is_some() {
                return None;
            }
        }
        let (database, word, why) = (untrusted::one_line(database), checked.word(), checked.explain());
        let why = if why.is_empty() { String::new() } else { format!(": {}", untrusted::one_line(&why)) };
        let sign = match checked.report() {
            Some(_) if checked.is_up_to_date() => '✔',
            Some(_) => '⚠',
            None => '✖',
        };
        Some(format!("{sign} {database}: {word}{why}"))
    }
}

/// Where the databases of a fleet are.
#[derive(Default)]
pub(super) struct Tally {
    total: usize,
    migrated: usize,
    not_proved: usize,
    not_run: usize,
    failed: usize,
    /// What a check has found, by its words, in the order in which they came.
    checked: Vec<(&'static str, usize)>,
    under_way: HashMap<DatabaseName, (TaskPhase, Instant)>,
    /// Databases of packs that have reported, while their task runs on.
    reported: HashSet<DatabaseName>,
}

impl Tally {
    pub(super) fn new(total: usize) -> Self {
        Self { total, ..Self::default() }
    }

    pub(super) fn phase(&mut self, database: &DatabaseName, phase: TaskPhase) {
        match self.under_way.get_mut(database) {
            Some(known) if phase == TaskPhase::Queued => *known = (phase, Instant::now()),
            Some((known, _)) => *known = phase,
            None => drop(self.under_way.insert(database.clone(), (phase, Instant::now()))),
        }
    }

    pub(super) fn reported(&mut self, database: &str) {
        if let Some((database, _)) = self.under_way.get_key_value(database) {
            self.reported.insert(database.clone());
        }
    }

    pub(super) fn verdict(&mut self, database: &DatabaseName, verdict: &Verdict) {
        self.under_way.remove(database);
        self.reported.remove(database);
        match verdict {
            verdict if verdict.is_proved() => self.migrated += 1,
            Verdict::Migrated(_) => self.not_proved += 1,
            Verdict::NotRun { .. } => self.not_run += 1,
            _ => self.failed += 1,
        }
    }

    pub(super) fn checked(&mut self, database: &DatabaseName, checked: &Checked) {
        self.under_way.remove(database);
        self.reported.remove(database);
        match self.checked.iter_mut().find(|(word, _)| *word == checked.word()) {
            Some((_, count)) => *count += 1,
            None => self.checked.push((checked.word(), 1)),
        }
    }

    pub(super) fn judged(&self) -> usize {
        let checked: usize = self.checked.iter().map(|(_, count)| count).sum();
        self.migrated + self.not_proved + self.not_run + self.failed + checked
    }

    pub(super) fn is_over(&self) -> bool {
        self.judged() >= self.total
    }

    /// Returns where the fleet is:
    /// `120 of 1000: 118 migrated, 2 failed; 20 running, 4 starting, 856 queued; slowest a 5:00, b 4:07`. A database
    /// of a pack counts as `reported`, not as `running`, once the task has reported on it.
    pub(super) fn line(&self) -> String {
        let at = |wanted: fn(TaskPhase) -> bool| {
            self.under_way.values().filter(|(phase, _)| wanted(*phase)).count()
        };
        let running =
            at(|phase| matches!(phase, TaskPhase::Running | TaskPhase::Stopping | TaskPhase::Reading));
        let starting = at(|phase| matches!(phase, TaskPhase::Provisioning | TaskPhase::Pulling));
        let queued = self.total - self.judged().min(self.total) - (running + starting).min(self.total);
        let part = |counts: &[(usize, &str)]| -> String {
            let parts = counts.iter().filter(|(count, _)| *count > 0);
            parts.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
        };
        let reported = self.reported.len();
        let over = part(&[
            (self.migrated, "migrated"),
            (self.not_proved, NOT_PROVED),
            (self.failed, "failed"),
            (self.not_run, "not run"),
        ]);
        let under_way = part(&[
            (running.saturating_sub(reported), "running"),
            (reported.min(running), "reported"),
            (starting, "starting"),
            (queued, "queued"),
        ]);
        let checked: Vec<_> = self.checked.iter().map(|(word, count)| (*count, *word)).collect();
        let parts = [over, part(&checked), under_way, self.slowest()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{} of {}: {}", self.judged(), self.total, parts.join("; "))
    }

    fn slowest(&self) -> String {
        let mut running: Vec<(Duration, &str)> = self
            .under_way
            .iter()
            .filter(|(_, (phase, _))| *phase != TaskPhase::Queued)
            .map(|(database, (_, since))| (since.elapsed(), database.as_str()))
            .collect();
        running.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        running.truncate(SLOWEST);
        let parts = running.iter().map(|(took, database)| {
            let (minutes, seconds) = (took.as_secs() / 60, took.as_secs() % 60);
            format!("{} {minutes}:{seconds:02}", untrusted::one_line(database))
        });
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { String::new() } else { format!("slowest {}", parts.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fleet_reads_in_one_line() {
        let mut tally = Tally::new(1_000);
        tally.phase(&"a".into(), TaskPhase::Queued);
        tally.phase(&"a".into(), TaskPhase::Running);
        tokio::time::advance(Duration::from_secs(65)).await;
        tally.phase(&"b".into(), TaskPhase::Provisioning);
        tally.phase(&"c".into(), TaskPhase::Queued);
        tally.phase(&"d".into(), TaskPhase::Running);
        tally.verdict(&"d".into(), &Verdict::Failed { exit_code: 1 });
        tally.verdict(&"e".into(), &Verdict::NotRun { why: "x".into() });
        assert_eq!(
            tally.line(),
            "2 of 1000: 1 failed, 1 not run; 1 running, 1 starting, 996 queued; slowest a 1:05, b 0:00"
        );
    }
}
