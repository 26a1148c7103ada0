//! Services that a run was deploying when it was cut off: they go on, or ECS is told to take them back.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout_at};

use super::CALL_TIMEOUT;
use crate::adapters::Aws;
use crate::adapters::identity::{Access, role::Role};
use crate::arn;
use crate::choices::OnCancel;
use crate::document::{Content, Document, Line, Section, Table};
use crate::failure::Failure;
use crate::ports::{DeploymentStatus, Lookup, ServiceDeployment, ServiceReads, ServiceWrites};
use crate::progress::Progress;
use crate::settings::DeploySettings;
use crate::steps::service::Rollout;
use crate::words::counted;

/// The time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a deployment is looked for, from the stage's begin on: ListServiceDeployments has a new deployment some
/// seconds after its UpdateService, and the main stage's last call was before the begin.
const LATECOMERS: Duration = Duration::from_secs(12);

/// What the main stage leaves before it updates the first service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesState {
    region: String,
    cluster: String,
    started_by: String,
    role_to_assume: Option<String>,
    /// `--on-cancel rollback`
    rolls_back: bool,
    pub(super) services: Vec<ServiceState>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ServiceState {
    name: String,
    /// The revision that it is to run, as an ARN.
    revision: String,
    /// Deployments that were there before, as their classic ids: none of them is this run's.
    before: Vec<String>,
}

impl ServicesState {
    pub(crate) fn new(settings: &DeploySettings, rollouts: &[(usize, Rollout)], region: &str) -> Self {
        let runs_it = |rollout: &&Rollout| rollout.before.task_definition.as_ref() == Some(&rollout.revision);
        let rollouts = rollouts.iter().map(|(_, rollout)| rollout);
        let updated = rollouts.filter(|rollout| rollout.force || !runs_it(rollout));
        let service = |rollout: &Rollout| ServiceState {
            name: rollout.before.name.clone(),
            revision: rollout.revision.clone(),
            before: rollout.before.deployments.iter().map(|one| one.id.clone()).collect(),
        };
        Self {
            region: region.to_owned(),
            cluster: settings.cluster.clone(),
            started_by: settings.common.run.started_by.clone(),
            role_to_assume: settings.common.credentials.role_to_assume.as_deref().cloned(),
            rolls_back: settings.on_cancel == OnCancel::Rollback,
            services: updated.map(service).collect(),
        }
    }

    fn access(&self) -> Access {
        let role = |arn: &String| Role { arn: arn.clone(), run: self.started_by.clone() };
        Access {
            region: Some(self.region.clone()),
            call_timeout: CALL_TIMEOUT,
            api_share: 1.0,
            role: self.role_to_assume.as_ref().map(role),
        }
    }
}

/// What became of the services.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deploying {
    services: Vec<(String, Fate)>,
    /// Why nothing is known of them.
    problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// `--on-cancel` does not take it back.
    GoesOn,
    /// It was over before the post stage came, with this status.
    Over(String),
    /// There is no deployment of this run's revision.
    NotBegun,
    /// ECS was told to go back, or does so already.
    GoesBack,
    /// ECS refused to, or could not be asked.
    Refused(String),
}

/// Does with the services of a run that was cut off what `--on-cancel` says. Never fails: the result says what could
/// not be done by the deadline.
pub(super) async fn settle(state: &str, deadline: Instant, progress: &Progress) -> Deploying {
    let state: ServicesState = match serde_json::from_str(state) {
        Ok(state) => state,
        Err(error) => {
            let problem = format!(
                "the step's state of the services cannot be read: {error}; both stages need the same version of the action"
            );
            return Deploying { problem: Some(problem), ..Deploying::default() };
        }
    };
    if !state.rolls_back {
        let count = counted(state.services.len(), "service");
        progress.note(&format!("the run was cut off while it deployed {count}: ECS goes on with that"));
        let fates = Fates::new(&state);
        return fates.with_rest(&state, &Fate::GoesOn, None);
    }
    progress.step("take back what the run was deploying");
    let (access, aside) = (state.access(), progress.aside());
    let connect = Aws::connect(&access, &aside);
    Box::pin(take_back::<Aws>(&state, connect, deadline, progress)).await
}

/// What became of each service so far, in their order.
struct Fates(RefCell<Vec<Option<Fate>>>);

impl Fates {
    fn new(state: &ServicesState) -> Self {
        Self(RefCell::new(vec![None; state.services.len()]))
    }

    /// Returns what became of all services: `rest` of those of which nothing is known.
    fn with_rest(self, state: &ServicesState, rest: &Fate, problem: Option<String>) -> Deploying {
        let fates = self.0.into_inner().into_iter().map(|fate| fate.unwrap_or_else(|| rest.clone()));
        let names = state.services.iter().map(|service| service.name.clone());
        Deploying { services: names.zip(fates).collect(), problem }
    }
}

/// Takes all services back at once: what becomes of one waits for no other.
async fn take_back<W: ServiceReads + ServiceWrites>(
    state: &ServicesState,
    connect: impl Future<Output = Result<impl Borrow<W>>>,
    deadline: Instant,
    progress: &Progress,
) -> Deploying {
    let fates = Fates::new(state);
    let began = Instant::now();
    let taking_back = async {
        let connected = connect.await?;
        let world: &W = connected.borrow();
        join_all(state.services.iter().enumerate().map(async |(place, service)| {
            progress.note(&format!("take service {} back to what ran before", service.name));
            let fate = of_service(state, service, world, began).await;
            let fate = fate.unwrap_or_else(|error| Fate::Refused(Failure::from_error(&error).sentence()));
            fates.0.borrow_mut()[place] = Some(fate);
        }))
        .await;
        anyhow::Ok(())
    };
    let problem = match timeout_at(deadline, taking_back).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Failure::from_error(&error).sentence()),
        Err(_) => Some("AWS did not answer in time".to_owned()),
    };
    let rest = Fate::Refused(problem.clone().unwrap_or_default());
    fates.with_rest(state, &rest, problem)
}

/// Returns what becomes of each service, in words.
#[cfg(test)]
pub(in crate::operations) async fn taken_back(
    state: &ServicesState,
    world: &Aws,
    within: Duration,
) -> Vec<(String, String)> {
    let deadline = Instant::now() + within;
    let deploying = take_back::<Aws>(state, async { Ok(world) }, deadline, &Progress::silent()).await;
    deploying.services.into_iter().map(|(name, fate)| (name, fate.words())).collect()
}

/// Looks for the deployment of this run's revision until it shows, and takes it back where it is under way. `began`
/// is the stage's begin.
async fn of_service<W: ServiceReads + ServiceWrites>(
    state: &ServicesState,
    service: &ServiceState,
    world: &W,
    began: Instant,
) -> Result<Fate> {
    loop {
        if let Some(ours) = ours(state, service, world).await? {
            if ours.status.is_over() {
                return Ok(Fate::Over(ours.status.name().to_owned()));
            }
            let goes_back = matches!(
                ours.status,
                DeploymentStatus::RollbackRequested | DeploymentStatus::RollbackInProgress
            );
            if !goes_back {
                match ours.pause() {
                    Some(hook) => world.roll_back_paused_service_deployment(&ours.arn, &hook.id).await?,
                    None => world.roll_back_service_deployment(&ours.arn).await?,
                }
            }
            return Ok(Fate::GoesBack);
        }
        if began.elapsed() >= LATECOMERS {
            return Ok(Fate::NotBegun);
        }
        sleep(INTERVAL).await;
    }
}

/// Returns the newest service deployment of this run's revision that was not there before; `None` while none shows.
async fn ours<W: ServiceReads>(
    state: &ServicesState,
    service: &ServiceState,
    world: &W,
) -> Result<Option<ServiceDeployment>> {
    let listed = match world.service_deployments(&state.cluster, &service.name, None).await? {
        Lookup::Found(listed) => listed,
        Lookup::Absent => return Ok(None),
        Lookup::Denied(error) => return Err(error),
    };
    let was_there = |target: &str| service.before.iter().any(|id| arn::name(id) == arn::name(target));
    let new = listed.iter().filter(|one| one.target.as_deref().is_some_and(|target| !was_there(target)));
    // The newest first. What is older than the newest new ones is not this run's to take back.
    let new: Vec<_> = new.take(MOST).collect();
    let targets: Vec<String> = new.iter().filter_map(|one| one.target.clone()).collect();
    let revisions = match world.service_revisions(&targets).await? {
        Lookup::Found(revisions) => revisions,
        Lookup::Absent => Vec::new(),
        Lookup::Denied(error) => return Err(error),
    };
    let is_ours = |target: &str| {
        revisions.iter().any(|one| one.arn == target && one.task_definition == service.revision)
    };
    let Some(brief) = new.into_iter().find(|one| one.target.as_deref().is_some_and(is_ours)) else {
        return Ok(None);
    };
    match world.describe_service_deployments(std::slice::from_ref(&brief.arn)).await? {
        Lookup::Found(described) => Ok(described.into_iter().next()),
        Lookup::Absent => Ok(None),
        Lookup::Denied(error) => Err(error),
    }
}

/// Deployments that are looked at, the newest first: this run's is among them unless someone deploys in a loop.
const MOST: usize = 5;

impl Deploying {
    /// Tells whether nothing is left that should have been taken back.
    pub(super) fn is_done(&self) -> bool {
        self.problem.is_none() && !self.services.iter().any(|(_, fate)| matches!(fate, Fate::Refused(_)))
    }

    /// Adds what became of the services, below what is said of the tasks.
    pub(super) fn beside(self, tasks: Document) -> Document {
        let headline = self.headline();
        let rows = self
            .services
            .into_iter()
            .map(|(name, fate)| (None, [name, fate.words()].map(Line::from).to_vec()));
        let table = Table { head: vec!["service", "now"], rows: rows.collect(), ..Table::default() };
        let problem = self.problem.map(|problem| Content::Warning(problem.into()));
        let mut document = tasks;
        if document.title.is_empty() {
            document.title = headline.clone().into();
            document.conclusion = Some(headline.into());
        } else {
            document.sections.push(Section::of([Content::Paragraph(headline.into())]));
        }
        document.sections.push(Section::of([Content::Table(table)]));
        document.sections.push(Section::of(problem));
        document
    }

    fn headline(&self) -> String {
        let count = |wanted: fn(&Fate) -> bool| self.services.iter().filter(|(_, fate)| wanted(fate)).count();
        let refused = count(|fate| matches!(fate, Fate::Refused(_)));
        let back = count(|fate| *fate == Fate::GoesBack);
        let on = count(|fate| *fate == Fate::GoesOn);
        let what = match (refused, back, on) {
            _ if self.services.is_empty() && self.problem.is_some() => {
                "what it deployed is not known".to_owned()
            }
            (1.., ..) => format!("{} could not be taken back", counted(refused, "service")),
            (_, 1.., _) => format!("ECS takes {} back to what ran before", counted(back, "service")),
            (.., 1..) => format!("ECS goes on deploying {}", counted(on, "service")),
            _ => "no deployment of a service was under way".to_owned(),
        };
        format!("The run was cut off: {what}")
    }
}

impl Fate {
    fn words(&self) -> String {
        match self {
            Self::GoesOn => "ECS goes on with the deployment (--on-cancel)".to_owned(),
            Self::Over(status) => format!("its deployment was over before: {status}"),
            Self::NotBegun => "no deployment of the new revision was seen".to_owned(),
            Self::GoesBack => "ECS was told to go back to what ran before".to_owned(),
            Self::Refused(why) => format!("not taken back: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
