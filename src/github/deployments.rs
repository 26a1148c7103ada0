//! A GitHub Deployment per database, recorded beside the run: it never changes a verdict and never holds a task up.
//!
//! [`DeploymentQueue`] is told what happens and is always ready. [`DeploymentQueue::record_during`] sends it on while
//! the run goes on, at GitHub's pace, and for a short time after its end. What could not be recorded is said in a note.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::Either;
use futures::stream::{FuturesUnordered, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use self::pace::Pace;
use self::wanted::{DeploymentRow, description, state};
use crate::database_name::DatabaseName;
use crate::hex::is_commit;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::ports::github::{
    DeploymentState, GitHubDeployments, GitHubFailure, GitHubFailureKind, NewDeployment,
};
use crate::report::{ImageUsed, Report};
use crate::settings::Settings;
use crate::state::github_history::Payload;
use crate::state::journal_record::Target;
use crate::verdict::Verdict;

mod pace;
pub(crate) mod past;
mod wanted;
#[cfg(test)]
mod tests;

/// Calls that are under way at the same time.
const AT_ONCE: usize = 4;
/// With more databases, only results are recorded: two calls for each instead of three.
const SHOWS_PROGRESS: usize = 100;
/// The pause after a failure that may pass, when GitHub does not say how long.
const PAUSE: Duration = Duration::from_secs(30);
/// After the run: in all, and as long as nothing arrives.
const FLUSH: Duration = Duration::from_secs(60);
const FLUSH_IN_VAIN: Duration = Duration::from_secs(15);
/// The runner leaves a cancelled step 10 s, and stopping tasks may have taken 5 of them.
const FLUSH_CANCELLED: Duration = Duration::from_secs(2);

/// What is to be recorded, and how far that is.
pub(crate) struct DeploymentQueue {
    settings: Settings,
    /// Once it is planned.
    target: RefCell<Option<Target>>,
    told: RefCell<Option<String>>,
    rows: RefCell<Vec<DeploymentRow>>,
    wake: Notify,
    closing: Cell<bool>,
    /// When a call last succeeded, or the run ended.
    moved_at: Cell<Option<Instant>>,
    trouble: RefCell<Option<GitHubFailure>>,
}

/// What a deployment says of the run whose task it is about.
pub(crate) struct Ran {
    tag: Option<String>,
    image: Option<ImageUsed>,
    /// The revision's ARN.
    revision: Option<String>,
    started_at: Timestamp,
}

impl Ran {
    pub(crate) fn of(report: &Report) -> Self {
        Self {
            tag: report.tag.clone(),
            image: report.image.clone(),
            revision: report.revision.as_ref().map(|revision| revision.arn.clone()),
            started_at: report.started_at,
        }
    }
}

impl DeploymentQueue {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            target: RefCell::default(),
            told: RefCell::default(),
            rows: RefCell::default(),
            wake: Notify::new(),
            closing: Cell::default(),
            moved_at: Cell::default(),
            trouble: RefCell::default(),
        }
    }

    /// What this is about is known.
    pub(crate) fn planned(&self, plan: &Plan) {
        self.target.replace(plan.target());
        self.told.replace(Some(plan.told_digest()));
    }

    /// A task of the database has started. A database whose task never does has no deployment.
    pub(crate) fn started(&self, database: &DatabaseName, ran: &Ran) {
        // A tag that is a commit names what runs better than the commit of the workflow.
        let tag = ran.tag.clone().filter(|tag| is_commit(tag));
        let Some(commit) = tag.or_else(|| self.settings.image.commit.clone()) else { return };
        let wanted = (self.settings.databases.len() <= SHOWS_PROGRESS).then(|| {
            let text = format!("its task has started in {}", self.settings.cluster);
            (DeploymentState::InProgress, description(&text))
        });
        if let Some(row) = self.rows.borrow_mut().iter_mut().find(|row| row.database == *database) {
            // Another task, after one that was killed.
            row.wanted = wanted;
            return;
        }
        self.rows.borrow_mut().push(DeploymentRow {
            database: database.clone(),
            new: self.deployment(database, commit, ran),
            id: None,
            wanted,
            sent: None,
            busy: false,
            refused: None,
        });
        self.wake.notify_one();
    }

    fn deployment(&self, database: &DatabaseName, commit: String, ran: &Ran) -> NewDeployment {
        let (settings, image) = (&self.settings, ran.image.as_ref());
        let started_by = &settings.common.run.started_by;
        let prefix = settings.github.environment_prefix.as_deref().unwrap_or_default();
        let payload = Payload {
            key: format!("{started_by}/{database}/{}", ran.started_at.as_nanosecond()),
            database: database.to_string(),
            target: self.target.borrow().clone(),
            image: image.map(|image| image.reference.clone()),
            image_digest: image.and_then(|image| image.digest.clone()),
            task_definition: ran.revision.clone(),
            told: self.told.borrow().clone(),
            proof: settings.task.proof,
        };
        NewDeployment {
            environment: format!("{prefix}{database}"),
            description: description(&format!("migrate {database} in {}", settings.cluster)),
            payload: serde_json::to_value(payload).unwrap_or_default(),
            commit,
        }
    }

    pub(crate) fn judged(&self, database: &DatabaseName, verdict: &Verdict) {
        let Some(state) = state(verdict) else { return };
        let text = description(&format!("{}: {}", verdict.word(), verdict.explain()));
        if let Some(row) = self.rows.borrow_mut().iter_mut().find(|row| row.database == *database) {
            row.wanted = Some((state, text));
        }
        self.wake.notify_one();
    }

    /// Does `run`, and records beside it. After the run it stays for what is still to be recorded: a minute while
    /// GitHub answers, fifteen seconds when it does not, two when the run was interrupted.
    pub(crate) async fn record_during<T>(
        &self,
        api: &impl GitHubDeployments,
        run: impl Future<Output = T>,
        interrupt: &Interrupt,
    ) -> T {
        let (run, work) = (pin!(run), pin!(self.work(api)));
        let (ended, work) = match futures::future::select(run, work).await {
            Either::Left((ended, work)) => (ended, work),
            // It gave up.
            Either::Right(((), run)) => return run.await,
        };
        self.closing.set(true);
        self.moved_at.set(Some(Instant::now()));
        self.wake.notify_one();
        tokio::select! {
            () = work => {}
            () = self.patience() => {}
            () = async { interrupt.wait().await; sleep(FLUSH_CANCELLED).await } => {}
        }
        ended
    }

    async fn patience(&self) {
        let end = Instant::now() + FLUSH;
        loop {
            let until = self.moved_at.get().map_or(end, |at| end.min(at + FLUSH_IN_VAIN));
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// Ends when the run is over and everything is sent, and when there is no point in going on.
    async fn work(&self, api: &impl GitHubDeployments) {
        let mut calls = FuturesUnordered::new();
        let mut pace = Pace::default();
        let mut pause: Option<Pause> = None;
        loop {
            let now = Instant::now();
            let mut slot = None;
            while calls.len() < AT_ONCE
                && let Some(index) = self.next()
            {
                let resume = pause.filter(|pause| pause.asked_for || !self.closing.get());
                let at = resume.map_or(now, |pause| pause.until).max(pace.next(now));
                if at > now {
                    slot = Some(at);
                    break;
                }
                pace.take(now);
                calls.push(self.send(api, index));
            }
            if self.closing.get() && calls.is_empty() && slot.is_none_or(|at| at > now + FLUSH_IN_VAIN) {
                return;
            }
            tokio::select! {
                Some(sent) = calls.next(), if !calls.is_empty() => match sent {
                    Ok(()) => {
                        pause = None;
                        self.trouble.replace(None);
                        self.moved_at.set(Some(Instant::now()));
                    }
                    Err(failed) => {
                        let kind = failed.kind;
                        self.trouble.replace(Some(failed));
                        match kind {
                            GitHubFailureKind::Denied => return,
                            GitHubFailureKind::Refused => {}
                            GitHubFailureKind::Passing { .. } if self.closing.get() => return,
                            GitHubFailureKind::Passing { wait } => {
                                let until = Instant::now() + wait.unwrap_or(PAUSE);
                                pause = Some(Pause { until, asked_for: wait.is_some() });
                            }
                        }
                    }
                },
                () = sleep_until(slot.unwrap_or(now)), if slot.is_some() => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Results before beginnings: they are what the environment shows from then on.
    fn next(&self) -> Option<usize> {
        let rows = self.rows.borrow();
        let ready = |finals: bool| {
            rows.iter().position(|row| {
                row.is_ready() && row.wanted.as_ref().is_some_and(|(state, _)| state.is_final() == finals)
            })
        };
        ready(true).or_else(|| ready(false))
    }

    /// One call for a row: its deployment first, then the state that is wanted by then.
    fn send(
        &self,
        api: &impl GitHubDeployments,
        index: usize,
    ) -> impl Future<Output = Result<(), GitHubFailure>> {
        let (new, id, wanted) = {
            let row = &mut self.rows.borrow_mut()[index];
            row.busy = true;
            (row.new.clone(), row.id, row.wanted.clone())
        };
        async move {
            let sent = match (id, &wanted) {
                (None, _) => api.create_deployment(&new).await.map(Some),
                (Some(id), Some((state, text))) => {
                    api.set_deployment_state(id, *state, text).await.map(|()| None)
                }
                (Some(_), None) => Ok(None),
            };
            let row = &mut self.rows.borrow_mut()[index];
            row.busy = false;
            match sent {
                Ok(Some(id)) => row.id = Some(id),
                Ok(None) => row.sent = wanted.map(|(state, _)| state),
                Err(failed) => {
                    if failed.kind == GitHubFailureKind::Refused {
                        row.refused = Some(failed.failure.message.clone());
                    }
                    return Err(failed);
                }
            }
            Ok(())
        }
    }

    /// What the report should say, a note per cause; nothing when everything is recorded.
    pub(crate) fn notes(&self) -> Vec<String> {
        if self.settings.image.commit.is_none() && self.rows.borrow().is_empty() {
            return vec![
                "no GitHub Deployment is recorded: which commit this is about is not known".to_owned(),
            ];
        }
        wanted::notes(&self.rows.borrow(), self.trouble.borrow().as_ref(), self.settings.databases.len())
    }
}

#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    /// GitHub said so itself.
    asked_for: bool,
}
