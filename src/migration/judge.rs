//! Judge: a followed task, from its end and what it has printed to a verdict for each database.

use tokio::time::Instant;

use super::Migration;
use super::log_lines::{Heard, MigrationLog};
use crate::choices::Leftover;
use crate::database_name::{DatabaseName, is_fleet};
use crate::plan::{Pack, Told};
use crate::ports::{MigrationWorld, Task};
use crate::steps::task::follow::{End, FollowedContainer, Following, Stop, Until, left_running, may_run_on};
use crate::verdict::{Death, Verdict, is_decided, judge, judge_pack};

/// A task, and whose it is.
pub(super) struct Followed {
    pub task: Task,
    pub told: Told,
    pub whose: Whose,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This process has started it.
    Started,
    /// An earlier process of the run has started it.
    TakenOver,
    /// Another run has started it: this run does not stop it.
    OtherRun,
}

/// The result of a pack.
pub(super) struct PackOutcome {
    /// For each database, in the pack's order.
    pub verdicts: Vec<Verdict>,
    /// How its task died, when databases are left that may be run again.
    pub death: Option<Death>,
}

impl PackOutcome {
    /// Gives each database of the pack the same verdict.
    pub(super) fn all(pack: &Pack, verdict: Verdict) -> Self {
        Self { verdicts: all(&pack.databases, &verdict), death: None }
    }
}

impl<'a, W: MigrationWorld> Migration<'a, W> {
    pub(super) async fn follow(
        &self,
        pack: &Pack,
        followed: Followed,
        deadline: Instant,
        when_ended: &dyn Fn(&Task),
    ) -> PackOutcome {
        let whose = followed.whose;
        let mut following = self.following(pack, followed, when_ended);
        let verdicts = self.verdicts(&mut following, whose, deadline).await;
        let death = match whose {
            Whose::OtherRun => None,
            _ => self.death(&following.listener.heard, &following.task, &verdicts),
        };
        PackOutcome { verdicts, death }
    }

    pub(super) fn following<'m>(
        &'m self,
        pack: &Pack,
        followed: Followed,
        when_ended: &'m dyn Fn(&Task),
    ) -> Following<MigrationLog<'m, 'a, W>> {
        let log = self.listen(pack, &followed, when_ended);
        let container = &self.plan.container;
        let stream = self.plan.log_stream(container, &followed.task);
        let own = FollowedContainer {
            name: container.clone(),
            part: self.part.clone(),
            is_only_essential: self.part.is_essential && self.essential.is_empty(),
            is_ours: followed.whose != Whose::OtherRun,
        };
        self.tasks.following(followed.task, stream, own, log)
    }

    /// Follows the task to its end. The verdicts are those of the databases that it is followed for, in their order.
    pub(super) async fn verdicts(
        &self,
        following: &mut Following<MigrationLog<'_, '_, W>>,
        whose: Whose,
        deadline: Instant,
    ) -> Vec<Verdict> {
        let until = match whose {
            Whose::OtherRun => Until::left_alone(deadline),
            _ => Until {
                deadline,
                on_timeout: self.plan.task.common.on_timeout,
                on_cancel: self.plan.task.common.on_cancel.tasks(),
            },
        };
        let end = self.tasks.follow(following, until).await;
        following.listener.heard.ending = following.ending();
        let runs_on = following.runs_on();
        let (task, heard) = (&following.task, &following.listener.heard);
        if let Some(note) = end.not_stopped(task, &heard.name()) {
            self.record.note(note);
        }
        if let Some(why) = runs_on {
            self.record.note(may_run_on(&self.plan.cluster, task, &heard.name(), why));
        }
        if matches!(&end, End::Interrupted(Stop::Left)) && whose != Whose::OtherRun {
            self.left(task);
        }
        let verdicts = self.at_end(heard, task, end);
        if !verdicts.iter().all(Verdict::is_migrated) {
            self.hear_other_containers(heard, task).await;
        }
        self.fill_rows(heard, task, whose, &verdicts);
        verdicts
    }

    fn at_end(&self, heard: &Heard, task: &Task, end: End) -> Vec<Verdict> {
        match end {
            End::Decided | End::Unread => self.judge(heard, task),
            End::Lost(why) => all(&heard.databases, &lost(&why)),
            End::TimedOut(Stop::Taken) => self.reported_in_time(heard, task),
            End::TimedOut(_) => all(&heard.databases, &Verdict::TimedOut { stopped: false }),
            End::Interrupted(stop) => {
                all(&heard.databases, &Verdict::Cancelled { stopped: matches!(stop, Stop::Taken) })
            }
        }
    }

    /// Judges a task by its end.
    pub(super) fn judge(&self, heard: &Heard, task: &Task) -> Vec<Verdict> {
        let Heard { databases, told, reports, ending, .. } = heard;
        let asked = &self.asked();
        match told {
            Told::Pack(told) => judge_pack(databases, told, asked, task, reports, ending),
            Told::One(_) => databases.iter().map(|name| judge(name, asked, task, reports, ending)).collect(),
        }
    }

    /// Judges a task that was stopped at `--timeout`: what it reported of a pack's databases by then is true, and the
    /// others timed out.
    fn reported_in_time(&self, heard: &Heard, task: &Task) -> Vec<Verdict> {
        let mut verdicts = all(&heard.databases, &Verdict::TimedOut { stopped: true });
        if matches!(heard.told, Told::Pack(_)) && is_decided(&self.asked(), task) {
            for (verdict, judged) in verdicts.iter_mut().zip(self.judge(heard, task)) {
                if judged.is_by_report() {
                    *verdict = judged;
                }
            }
        }
        verdicts
    }

    /// Applies `--on-cancel` to a task of this run that nobody follows yet: stops it, or notes that it goes on.
    pub(super) async fn cancelled(&self, task: &Task) -> Verdict {
        if self.plan.task.common.on_cancel.tasks() == Leftover::Leave {
            self.left(task);
        }
        let stopped = self.plan.task.common.on_cancel.tasks() == Leftover::Stop
            && self.tasks.stop(&task.arn, "the run was interrupted").await.is_ok();
        Verdict::Cancelled { stopped }
    }

    /// Notes what `--on-cancel leave` leaves running. The note of a fleet names no task: its rows do.
    fn left(&self, task: &Task) {
        let cluster = &self.plan.cluster;
        self.record.note(match is_fleet(self.plan.packs.len()) {
            true => format!(
                "--on-cancel leave: tasks of this run go on in cluster {cluster}, and nothing follows them"
            ),
            false => left_running(cluster, task),
        });
    }
}

/// Gives each of these databases the same verdict.
pub(super) fn all(databases: &[DatabaseName], verdict: &Verdict) -> Vec<Verdict> {
    vec![verdict.clone(); databases.len()]
}

pub(super) fn lost(why: &str) -> Verdict {
    Verdict::Unproved { why: format!("its task can no longer be described, and may still be running: {why}") }
}
