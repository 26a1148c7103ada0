//! Retry: when a pack's container was killed, the databases that it had not reported on run in new tasks.
//!
//! One of them may have killed it: with too much memory, or with a crash. So they run in smaller packs, and at last
//! alone: each database gets a verdict of its own, whatever its neighbours do.

use std::borrow::Cow;
use std::cell::Cell;

use super::Migration;
use super::judge::PackOutcome;
use super::log_lines::Heard;
use super::other_runs::Found;
use crate::database_name::DatabaseName;
use crate::plan::{Pack, Told};
use crate::ports::{MigrationWorld, Task};
use crate::verdict::{Death, Verdict, death};

/// Tasks for one database, at most.
const MAX_TASKS: u32 = 3;

/// A pack on its way.
pub(super) struct Unit<'p> {
    pub pack: Cow<'p, Pack>,
    /// Tasks that died before they reported on its databases.
    deaths: u32,
    /// The verdicts of the last of them, for each database in its order; empty at first.
    before: Vec<Verdict>,
}

impl<'p> Unit<'p> {
    pub(super) fn new(pack: &'p Pack) -> Self {
        Self { pack: Cow::Borrowed(pack), deaths: 0, before: Vec::new() }
    }

    /// Makes a unit that no task was started for yet.
    pub(super) fn of(pack: Pack) -> Self {
        Self::after(pack, Vec::new())
    }

    /// Makes a unit whose databases a task has ended with these verdicts; none where it was not judged.
    pub(super) fn after(pack: Pack, before: Vec<Verdict>) -> Self {
        Self { pack: Cow::Owned(pack), deaths: 0, before }
    }

    /// Splits the unit: the databases that tasks of other runs were found to migrate, a unit for each task, and the
    /// rest.
    pub(super) fn split_by_other_runs(self, found: &Found, places: &Cell<usize>) -> Vec<Self> {
        let mut units: Vec<Self> = Vec::new();
        for (at, database) in self.pack.databases.iter().enumerate() {
            let running = found.get(database);
            let arn = running.map(|task| &task.arn);
            let is_its = |unit: &&mut Self| unit.pack.running.as_ref().map(|task| &task.arn) == arn;
            let before = self.before.get(at).cloned();
            if let Some(unit) = units.iter_mut().find(is_its) {
                unit.pack.to_mut().databases.push(database.clone());
                unit.before.extend(before);
                continue;
            }
            let place = match units.is_empty() {
                true => self.pack.place,
                false => places.replace(places.get() + 1),
            };
            let pack = Pack {
                databases: vec![database.clone()],
                place,
                running: running.cloned(),
                begun: self.pack.begun.clone(),
                attempt: self.pack.attempt,
            };
            units.push(Self {
                pack: Cow::Owned(pack),
                deaths: self.deaths,
                before: before.into_iter().collect(),
            });
        }
        units
    }

    /// Splits an outcome: the verdicts that are final, and what runs again, in new packs.
    pub(super) fn settled(
        self,
        outcome: PackOutcome,
        places: &Cell<usize>,
    ) -> (Vec<(DatabaseName, Verdict)>, Vec<Self>) {
        let PackOutcome { mut verdicts, death } = outcome;
        for (verdict, before) in verdicts.iter_mut().zip(&self.before) {
            // That no further task ran says less than the verdict of the last one.
            if matches!(verdict, Verdict::NeverStarted { .. } | Verdict::NotRun { .. }) {
                verdict.clone_from(before);
            }
        }
        let deaths = self.deaths + 1;
        let judged = self.pack.databases.iter().cloned().zip(verdicts);
        let Some(death) = death.filter(|_| deaths < MAX_TASKS) else { return (judged.collect(), Vec::new()) };
        let (retried, last): (Vec<_>, Vec<_>) = judged.partition(|(_, verdict)| is_open(verdict));
        let units = retried.chunks(size(retried.len(), death, deaths)).map(|chunk| {
            let (databases, before) = chunk.iter().cloned().unzip();
            let place = places.replace(places.get() + 1);
            let attempt = self.pack.attempt + 1;
            Self {
                pack: Cow::Owned(Pack { databases, place, running: None, begun: None, attempt }),
                deaths,
                before,
            }
        });
        (last, units.collect())
    }
}

/// Returns whether a database may run again: nothing was reported of it, and only the task's death ended it.
fn is_open(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Killed { .. } | Verdict::Unproved { .. })
}

/// Returns how many of `left` databases share the next task. A death from outside says nothing about them: they stay
/// together. Otherwise they are looked through in two rounds, in as many packs as each pack then has databases: no
/// other size takes fewer tasks to have the culprit alone.
fn size(left: usize, death: Death, deaths: u32) -> usize {
    match death {
        Death::FromOutside => left,
        Death::OfItsOwn if deaths + 1 < MAX_TASKS => left.isqrt(),
        Death::OfItsOwn => 1,
    }
    .max(1)
}

impl<W: MigrationWorld> Migration<'_, W> {
    /// Returns how the task of a pack died, when databases are left that it did not report on and that may run again:
    /// the task is over, and nobody has stopped it.
    pub(super) fn death(&self, heard: &Heard, task: &Task, verdicts: &[Verdict]) -> Option<Death> {
        let is_open = |(database, verdict): (&DatabaseName, &Verdict)| {
            is_open(verdict) && heard.reports.of(database).is_none()
        };
        let of_pack = matches!(heard.told, Told::Pack(_));
        let any_open = of_pack && heard.databases.iter().zip(verdicts).any(is_open);
        any_open.then(|| death(&self.asked(), task)).flatten()
    }

    pub(super) fn note_retry(&self, units: &[Unit<'_>]) {
        for unit in units {
            let mut died = None;
            self.record.rows(&unit.pack.databases, |row| {
                died.clone_from(&row.task_arn);
                row.killed_tasks.extend(row.task_arn.clone());
            });
            if let Some(arn) = died {
                self.record.note(format!(
                    "task {arn} was killed before it had reported on all of its databases: those run again, in smaller \
                     tasks"
                ));
            }
        }
    }
}
