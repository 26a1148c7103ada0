//! GitHub as it keeps deployments, on a good day and on a bad one.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::pending;

use super::*;

/// What GitHub does on a bad day.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::github::deployments) enum Mood {
    Answers,
    Silent,
    Down,
    Denies,
    /// Takes this many requests, then asks to wait for a minute.
    LimitsAfter(usize),
    Refuses(&'static str),
}

/// Deployments as GitHub keeps them: an environment's state is that of its last status.
pub(in crate::github::deployments) struct Environments {
    pub mood: Cell<Mood>,
    /// How long an answer takes.
    pub takes: Duration,
    pub made: RefCell<Vec<NewDeployment>>,
    pub states: RefCell<HashMap<u64, Vec<DeploymentState>>>,
    pub sent: RefCell<Vec<Instant>>,
    pub limited_until: Cell<Option<Instant>>,
}

impl Environments {
    pub(in crate::github::deployments) fn new(mood: Mood) -> Self {
        Self {
            mood: Cell::new(mood),
            takes: Duration::from_millis(300),
            made: RefCell::default(),
            states: RefCell::default(),
            sent: RefCell::default(),
            limited_until: Cell::default(),
        }
    }

    pub(in crate::github::deployments) fn states(&self, environment: &str) -> Vec<DeploymentState> {
        let made = self.made.borrow();
        let index = made.iter().position(|new| new.environment == environment);
        index.and_then(|index| self.states.borrow().get(&(index as u64)).cloned()).unwrap_or_default()
    }

    async fn answer(&self, environment: Option<&str>) -> Result<(), GitHubFailure> {
        self.sent.borrow_mut().push(Instant::now());
        sleep(self.takes).await;
        let of = |kind, failure| Err(GitHubFailure { kind, failure });
        match self.mood.get() {
            Mood::Answers => Ok(()),
            Mood::Silent => pending().await,
            Mood::Down => of(GitHubFailureKind::Passing { wait: None }, Failure::service("GitHub is down")),
            Mood::Denies => of(
                GitHubFailureKind::Denied,
                Failure::service("GitHub answers 403").hint("add `deployments: write`"),
            ),
            Mood::LimitsAfter(count) if self.sent.borrow().len() > count => {
                let now = Instant::now();
                let until = self.limited_until.get().unwrap_or(now + Duration::from_secs(60));
                self.limited_until.set(Some(until));
                if now >= until {
                    return Ok(());
                }
                let wait = Some(until - now);
                of(GitHubFailureKind::Passing { wait }, Failure::service("GitHub asks to wait"))
            }
            Mood::Refuses(name) if environment.is_some_and(|environment| environment.contains(name)) => {
                of(GitHubFailureKind::Refused, Failure::service("GitHub answers 422"))
            }
            Mood::LimitsAfter(_) | Mood::Refuses(_) => Ok(()),
        }
    }
}

impl GitHubDeployments for Environments {
    async fn create_deployment(&self, new: &NewDeployment) -> Result<u64, GitHubFailure> {
        self.answer(Some(&new.environment)).await?;
        assert!(new.description.chars().count() <= 140);
        self.made.borrow_mut().push(new.clone());
        Ok(self.made.borrow().len() as u64 - 1)
    }

    async fn set_deployment_state(
        &self,
        id: u64,
        state: DeploymentState,
        description: &str,
    ) -> Result<(), GitHubFailure> {
        self.answer(None).await?;
        assert!(description.chars().count() <= 140);
        self.states.borrow_mut().entry(id).or_default().push(state);
        Ok(())
    }
}
