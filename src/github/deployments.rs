//! GitHub Deployments of databases and of services, recorded while the run goes on: they never change a verdict and
//! never hold a task up.
//!
//! [`DeploymentQueue`] and [`ServiceDeploymentQueue`] hear what happens and never wait. An [`Outbox`] sends it to
//! GitHub during the run, at GitHub's pace, and for a short time after its end. A note says what could not be
//! recorded.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use jiff::Timestamp;

use self::outbox::Outbox;
use self::wanted::{Kind, Subject, description, state};
use crate::database_name::DatabaseName;
use crate::hex::is_commit;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::ports::github::{DeploymentState, DeploymentTask, GitHubDeployments, NewDeployment};
use crate::report::{ImageUsed, Report};
use crate::settings::Settings;
use crate::state::github_history::Payload;
use crate::state::journal_record::Target;
use crate::verdict::Verdict;

mod outbox;
mod pace;
pub(crate) mod past;
mod recording;
mod services;
mod wanted;
#[cfg(test)]
mod tests;

/// With more databases, only results are recorded: two calls for each instead of three.
const SHOWS_PROGRESS: usize = 100;

pub(crate) use recording::Recording;
pub(crate) use services::{ServiceDeploymentQueue, ServiceDeployments};

/// The deployments of databases to record, and how far each of them is.
pub(crate) struct DeploymentQueue {
    settings: Settings,
    /// What the run migrates, once it is planned.
    target: RefCell<Option<Target>>,
    told: RefCell<Option<String>>,
    outbox: Rc<Outbox>,
}

/// What a deployment says of the run that started its task.
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
            outbox: Rc::default(),
        }
    }

    /// Keeps what the payloads take from the plan: its target, and the digest of what its migration container does.
    pub(crate) fn planned(&self, plan: &Plan) {
        self.target.replace(plan.target());
        self.told.replace(Some(plan.told_digest()));
    }

    /// Asks for the deployment of a database whose task has started. A database whose task never starts has none.
    pub(crate) fn started(&self, database: &DatabaseName, ran: &Ran) {
        // A tag that is a commit names what runs better than the commit of the workflow.
        let tag = ran.tag.clone().filter(|tag| is_commit(tag));
        let Some(commit) = tag.or_else(|| self.settings.image.commit.clone()) else { return };
        let wanted = (self.settings.databases.len() <= SHOWS_PROGRESS).then(|| {
            let text = format!("its task has started in {}", self.settings.cluster);
            (DeploymentState::InProgress, description(&text))
        });
        // After a task that was killed, the next one of the same database keeps its deployment.
        self.outbox.want(of(database), || self.deployment(database, commit, ran), wanted);
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
            task: DeploymentTask::Migrate,
            environment: format!("{prefix}{database}"),
            description: description(&format!("migrate {database} in {}", settings.cluster)),
            payload: serde_json::to_value(payload).unwrap_or_default(),
            commit,
        }
    }

    pub(crate) fn judged(&self, database: &DatabaseName, verdict: &Verdict) {
        let Some(state) = state(verdict) else { return };
        let text = description(&format!("{}: {}", verdict.word(), verdict.explain()));
        self.outbox.show(&of(database), state, text);
    }

    /// Awaits `run` and records meanwhile, as [`Outbox::record_during`] does.
    pub(crate) async fn record_during<T>(
        &self,
        api: &impl GitHubDeployments,
        run: impl Future<Output = T>,
        interrupt: &Interrupt,
    ) -> T {
        self.outbox.record_during(api, run, interrupt).await
    }

    /// Returns the notes for the report, one per cause; none when everything is recorded.
    pub(crate) fn notes(&self) -> Vec<String> {
        if self.settings.image.commit.is_none() && self.outbox.is_empty(Kind::Database) {
            return vec![
                "no GitHub Deployment is recorded: which commit this is about is not known".to_owned(),
            ];
        }
        self.outbox.notes(Kind::Database, self.settings.databases.len())
    }
}

fn of(database: &DatabaseName) -> Subject {
    Subject { kind: Kind::Database, name: database.to_string() }
}
