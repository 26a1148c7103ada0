//! The deployments to send to GitHub, and how far each of them is.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::Either;
use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::pace::Pace;
use super::wanted::{self, DeploymentRow, Kind, Subject};
use crate::interrupt::Interrupt;
use crate::ports::github::{
    DeploymentState, GitHubDeployments, GitHubFailure, GitHubFailureKind, NewDeployment,
};

/// Calls that are under way at the same time.
pub(super) const AT_ONCE: usize = 4;
/// The pause after a failure that may pass, when GitHub does not say how long.
const PAUSE: Duration = Duration::from_secs(30);
/// How long the outbox sends after the run: in all, and while no call succeeds.
pub(super) const FLUSH: Duration = Duration::from_secs(60);
pub(super) const FLUSH_IN_VAIN: Duration = Duration::from_secs(15);
/// The runner leaves a cancelled step 10 s, and stopping tasks may have taken 5 of them.
const FLUSH_CANCELLED: Duration = Duration::from_secs(2);

/// The deployments in the order in which they were begun. A run has one outbox: GitHub's limits are for all of its
/// calls.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) rows: RefCell<Vec<DeploymentRow>>,
    wake: Notify,
    closing: Cell<bool>,
    /// When a call last succeeded, or the run ended.
    moved_at: Cell<Option<Instant>>,
    trouble: RefCell<Option<GitHubFailure>>,
}

impl Outbox {
    /// Asks for a deployment of `of`, where there is none yet, and sets the state and text that it is to show.
    /// Without these nothing is sent yet.
    pub(super) fn want(
        &self,
        of: Subject,
        new: impl FnOnce() -> NewDeployment,
        wanted: Option<(DeploymentState, String)>,
    ) {
        let mut rows = self.rows.borrow_mut();
        match rows.iter_mut().find(|row| row.of == of) {
            Some(row) => row.wanted = wanted,
            None => rows.push(DeploymentRow {
                of,
                new: new(),
                id: None,
                wanted,
                sent: None,
                busy: false,
                refused: None,
            }),
        }
        self.wake.notify_one();
    }

    /// Sets the state and text that the deployment of `of` is to show, where there is one.
    pub(super) fn show(&self, of: &Subject, state: DeploymentState, text: String) {
        if let Some(row) = self.rows.borrow_mut().iter_mut().find(|row| row.of == *of) {
            row.wanted = Some((state, text));
        }
        self.wake.notify_one();
    }

    pub(super) fn is_empty(&self, kind: Kind) -> bool {
        self.rows.borrow().iter().all(|row| row.of.kind != kind)
    }

    /// Returns the notes for the report on the deployments of this kind, one per cause.
    pub(super) fn notes(&self, kind: Kind, asked_for: usize) -> Vec<String> {
        wanted::notes(&self.rows.borrow(), self.trouble.borrow().as_ref(), kind, asked_for)
    }

    /// Awaits `run` and records meanwhile. After the run it goes on with what is still to be recorded: for a minute
    /// at most, fifteen seconds without a successful call, and two seconds after an interrupt.
    pub(super) async fn record_during<T>(
        &self,
        api: &impl GitHubDeployments,
        run: impl Future<Output = T>,
        interrupt: &Interrupt,
    ) -> T {
        let (run, work) = (pin!(run), pin!(self.work(api)));
        let (ended, work) = match futures::future::select(run, work).await {
            Either::Left((ended, work)) => (ended, work),
            // Recording has given up.
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

    /// Sends what is ready. Ends when the run is over and everything is sent, and when no further call can succeed in
    /// time.
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

    /// Returns the index of the next row to send: results before beginnings, since the environment shows them from
    /// then on.
    fn next(&self) -> Option<usize> {
        let rows = self.rows.borrow();
        let ready = |finals: bool| {
            rows.iter().position(|row| {
                row.is_ready() && row.wanted.as_ref().is_some_and(|(state, _)| state.is_final() == finals)
            })
        };
        ready(true).or_else(|| ready(false))
    }

    /// Makes the next call for a row: it creates the deployment or, once there is one, sets the state that is wanted.
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
}

#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    /// GitHub has named the wait itself.
    asked_for: bool,
}
