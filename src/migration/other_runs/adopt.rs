//! Adopt: a task that ran before is followed instead of a task of this run. It may migrate several packs of the run,
//! which find it one after the other: the first of them follows it, and the others are judged by what the first has
//! seen.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::migration::Migration;
use crate::migration::judge::{Followed, PackOutcome, Whose, all};
use crate::migration::log_lines::Heard;
use crate::plan::{Pack, RunningTask, Told};
use crate::ports::{MigrationWorld, Task};
use crate::progress::TaskPhase;
use crate::verdict::{Verdict, is_decided};

/// The adopted tasks, by ARN. Each is locked while a pack follows it, and `None` before.
pub(crate) type Adopted = RefCell<HashMap<String, Rc<Mutex<Option<Seen>>>>>;

/// What was seen of a task.
pub(crate) struct Seen {
    task: Task,
    heard: Heard,
    /// The verdict on the first database, and on each of them where the task was not followed to its end.
    verdict: Verdict,
}

impl<W: MigrationWorld> Migration<'_, W> {
    pub(in crate::migration) async fn adopt(
        &self,
        pack: &Pack,
        running: &RunningTask,
        told: &Told,
    ) -> PackOutcome {
        self.record.note(format!("{} is judged by task {}, which ran before", pack.name(), running.arn));
        let task = Task { arn: running.arn.clone(), ..Task::default() };
        let told = told.clone();
        let deadline = Instant::now() + *self.plan.task.common.timeout;
        if running.ours {
            self.record.started(&pack.databases, &running.arn);
            let followed = Followed { task, told, whose: Whose::TakenOver };
            return self.follow(pack, followed, deadline, &|_| ()).await;
        }
        self.record.runs(&pack.databases, &running.arn);
        self.progress.task_phase(&pack.databases, TaskPhase::Running);
        let adopted = Rc::clone(self.adopted.borrow_mut().entry(running.arn.clone()).or_default());
        let mut adopted = adopted.lock().await;
        let verdicts = match &mut *adopted {
            Some(seen) => self.judge_by(seen, pack),
            None => {
                let followed = Followed { task, told, whose: Whose::OtherRun };
                let mut following = self.following(pack, followed, &|_| ());
                let verdicts = self.verdicts(&mut following, Whose::OtherRun, deadline).await;
                let (task, heard) = (following.task, following.listener.heard);
                *adopted = verdicts.first().cloned().map(|verdict| Seen { task, heard, verdict });
                verdicts
            }
        };
        PackOutcome { verdicts, death: None }
    }

    fn judge_by(&self, Seen { task, heard, verdict }: &mut Seen, pack: &Pack) -> Vec<Verdict> {
        heard.databases.clone_from(&pack.databases);
        self.record.share(&pack.databases, &heard.tail);
        self.show(heard, task);
        let verdicts = match is_decided(&self.asked(), task) {
            true => self.judge(heard, task),
            false => all(&heard.databases, verdict),
        };
        self.fill_rows(heard, task, Whose::OtherRun, &verdicts);
        verdicts
    }
}
