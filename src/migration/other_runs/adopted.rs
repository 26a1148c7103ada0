//! Adopted: a task that ran before is followed instead of one of ours. It may migrate several packs of ours, which find
//! it one after the other: the first of them follows it, and the others are judged by what that has seen.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::migration::{Migration, Shared};
use crate::plan::{Pack, RunningTask};
use crate::ports::{Reads, Task, Writes};
use crate::progress::TaskPhase;
use crate::steps::task::follow::End;
use crate::steps::task::following::{Followed, Following, Outcome};
use crate::steps::task::watch::Sight;
use crate::verdict::Verdict;

/// By ARN. Locked while a pack follows the task; none before.
pub type Adopted = RefCell<HashMap<String, Rc<Mutex<Option<Seen>>>>>;

/// What was seen of a task.
pub struct Seen {
    following: Following<'static>,
    /// What it came to for the first database, and for each of them where it was not followed to its end.
    verdict: Verdict,
}

impl<W: Reads + Writes> Migration<'_, W> {
    pub async fn adopt(&self, pack: &Pack, running: &RunningTask, shared: &Shared<'_, W>) -> Outcome {
        self.recorder.note(format!("{} is judged by task {}, which ran before", pack.name(), running.arn));
        let task = Task { arn: running.arn.clone(), ..Task::default() };
        let told = running.told.clone();
        let deadline = Instant::now() + self.plan.timeout;
        if running.ours {
            self.recorder.started(&pack.databases, &running.arn);
            return self.follow(pack, Followed::ours(task, told), shared, deadline, &|_| ()).await;
        }
        self.recorder.runs(&pack.databases, &running.arn);
        self.progress.task_phase(&pack.databases, TaskPhase::Running);
        let adopted = Rc::clone(shared.adopted.borrow_mut().entry(running.arn.clone()).or_default());
        let mut adopted = adopted.lock().await;
        let verdicts = match &mut *adopted {
            Some(seen) => self.judge_by(seen, pack),
            None => {
                let others = Followed::of_others(task, told);
                let mut following = self.following(pack, others, shared, &|_| ());
                let verdicts = self.verdicts(&mut following, deadline).await;
                // It is not looked at any more.
                following.sight = watch::channel(Sight::Seen(Box::default())).1;
                *adopted = verdicts.first().cloned().map(|verdict| Seen { following, verdict });
                verdicts
            }
        };
        Outcome { verdicts, death: None }
    }

    fn judge_by(&self, Seen { following, verdict }: &mut Seen, pack: &Pack) -> Vec<Verdict> {
        following.databases.clone_from(&pack.databases);
        self.recorder.share(&pack.databases, &following.tail);
        self.show(following);
        let verdicts = match following.task.is_stopped() {
            true => self.judge(following, End::Stopped),
            false => following.all(verdict.clone()),
        };
        self.fill_rows(following, &verdicts);
        verdicts
    }
}
