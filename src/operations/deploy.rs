//! `fargate-migrate deploy`: all of a migration, and then the services. Each gets a revision of its own task
//! definition with the image that has migrated the databases; its deployment is watched and proved.
//!
//! ```text
//! migrate ─► AllMigrated ─► Deployable ─► all revisions registered ─► roll_out
//! ```
//!
//! Without proof of every database no service is touched, and no other image than the one that migrated is deployed.

use anyhow::Result;
use tokio::try_join;

use self::ready::Ready;
use super::migrate::{Migrate, comment_plan, record_at_github};
use super::sql::Code;
use super::{Operation, Planned, post};
use crate::adapters::ThisMachine;
use crate::adapters::github::GitHub;
use crate::adapters::identity::Access;
use crate::cli;
use crate::document::Document;
use crate::failure::Failure;
use crate::github::deployments::{Recording, ServiceDeployments};
use crate::interrupt::interrupted;
use crate::plan::deploy_plan::{DeployPlan, FirstPlan, needs_aws};
use crate::ports::github::DeploymentTask;
use crate::ports::{Reads, Writes};
use crate::recorder::Recorder;
use crate::report::{Report, ServiceReport};
use crate::session::Session;
use crate::settings::{Common, DeploySettings, First, ImageSettings, NoMigration};
use crate::sql::SeenSql;
use crate::steps::observe::{observe_alone, observe_services};
use crate::steps::service::{Terms, roll_out};

mod ready;
mod rows;
#[cfg(test)]
mod whole_tests;

pub struct Deploy {
    settings: DeploySettings,
    first: FirstStage,
}

/// What comes before the services.
enum FirstStage {
    Migrate(Box<Migrate>),
    ProvedElsewhere { image: Box<ImageSettings>, word: NoMigration },
}

impl Deploy {
    /// Reads the flags. The commit of the workflow's run is the image's tag where there is none and nothing is
    /// checked out.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::DeployFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        let commit = github.and_then(|github| github.sha.clone());
        Ok(Self::of(DeploySettings::new(flags, commit, super::identity(github))?))
    }

    /// Makes a deploy with these settings, and takes the state file over where they name one.
    pub fn of(settings: DeploySettings) -> Self {
        let first = match &settings.first {
            First::Migrate(migrate) => FirstStage::Migrate(Box::new(Migrate::of((**migrate).clone()))),
            First::ProvedElsewhere { image, word } => {
                FirstStage::ProvedElsewhere { image: image.clone(), word: word.clone() }
            }
        };
        Self { settings, first }
    }

    fn terms(&self) -> Terms {
        let DeploySettings { cluster, on_cancel, on_failure, health, .. } = &self.settings;
        Terms {
            cluster: cluster.clone(),
            on_cancel: *on_cancel,
            on_failure: *on_failure,
            health: health.clone(),
            is_back: false,
        }
    }

    /// Returns what the services' GitHub Deployments say of the run; `None` where no environment is set.
    fn recorded_as(&self, recorder: &Recorder<'_, Report>) -> Option<ServiceDeployments> {
        let DeploySettings { environment, cluster, common, first, .. } = &self.settings;
        let image = match first {
            First::Migrate(settings) => &settings.image,
            First::ProvedElsewhere { image, .. } => image,
        };
        Some(ServiceDeployments {
            environment: environment.clone()?,
            task: DeploymentTask::DeployServices,
            cluster: cluster.clone(),
            commit: image.commit.clone(),
            started_by: common.run.started_by.clone(),
            started_at: recorder.update(|report| report.started_at),
        })
    }

    async fn deploy<W: Reads + Writes>(
        &self,
        plan: &DeployPlan,
        recording: &Recording,
        session: &Session<'_, &W, Report>,
    ) -> Result<()> {
        let recorder = session.recorder;
        rows::planned(plan, recorder);
        let tagged = async {
            rows::tagged(plan, recorder, session.world).await;
            Ok(())
        };
        session.interrupt.unless(tagged).await?;
        let ready = self.ready(plan, recording.databases(), session).await?;
        let Some(Ready { deployable, rollouts }) = ready else { return Ok(()) };
        if let Some(github) = session.github {
            let state = post::ServicesState::new(&self.settings, &rollouts, session.world.region());
            recorder.note_unwritten("the step's state was", post::deploys(github, &state));
        }
        session.progress.step("deploy");
        recording.services_begin(&recorder.update(|report| report.services.clone()));
        roll_out(&deployable, &rollouts, &self.terms(), session).await;
        // The post stage tries once more what an interrupt has left no time for.
        if session.interrupt.is_set() && !rows::are_all_done(recorder) {
            return Err(interrupted().into());
        }
        Ok(())
    }
}

impl Operation for Deploy {
    type Plan = DeployPlan;
    type Report = Report;

    fn common(&self) -> &Common {
        &self.settings.common
    }

    fn access(&self) -> Access {
        Access { api_share: self.settings.api_share, ..Access::of(self.common()) }
    }

    fn report(&self) -> Report {
        let mut report = match &self.first {
            FirstStage::Migrate(migrate) => migrate.report(),
            FirstStage::ProvedElsewhere { image, .. } => Report {
                cluster: self.settings.cluster.clone(),
                region: self.settings.common.aws.region.clone(),
                tag: image.tag.clone(),
                no_migration: true,
                started_at: jiff::Timestamp::now(),
                ..Report::default()
            },
        };
        let row = |name: &String| ServiceReport { service: name.clone(), ..ServiceReport::default() };
        report.services = self.settings.services.iter().map(row).collect();
        report
    }

    fn prepare(&self, session: &Session<'_, (), Report>) -> Result<()> {
        match &self.first {
            FirstStage::Migrate(migrate) => migrate.prepare(session),
            FirstStage::ProvedElsewhere { .. } => Ok(()),
        }
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, Report>) -> Result<DeployPlan> {
        let settings = &self.settings;
        let Some(reads) = session.world else { return Err(needs_aws().into()) };
        Ok(match &self.first {
            FirstStage::Migrate(migrate) => {
                let (plan, services) = try_join!(migrate.plan(session), observe_services(settings, reads))?;
                let mut plan = DeployPlan::after(plan, settings, services)?;
                if settings.common.plan_only && migrate.looks_at_files() {
                    rows::tag(&mut plan, reads).await;
                }
                plan
            }
            FirstStage::ProvedElsewhere { image, .. } => {
                let services = observe_services(settings, reads).await?;
                let seen = observe_alone(settings, image, &services.services, &ThisMachine, reads).await?;
                DeployPlan::alone(image, settings, seen, services)?
            }
        })
    }

    async fn only_planned(&self, plan: &mut DeployPlan, session: &Session<'_, (), Report>) -> Result<()> {
        if let (FirstStage::Migrate(migrate), FirstPlan::Migrate(first)) = (&self.first, &mut plan.first) {
            let services = plan.services.iter();
            let running: Vec<_> =
                services.map(|one| Code { service: one.name(), tag: one.tag.as_deref() }).collect();
            migrate.look_at_sql(first, &running, session).await;
        }
        if self.settings.github.comment {
            comment_plan(plan, session).await;
        }
        Ok(())
    }

    async fn apply<W: Reads + Writes>(
        &self,
        plan: &DeployPlan,
        session: &Session<'_, &W, Report>,
    ) -> Result<()> {
        let recorder = session.recorder;
        let databases = match &self.first {
            FirstStage::Migrate(migrate) => migrate.github_deployments(),
            FirstStage::ProvedElsewhere { .. } => None,
        };
        let recording = Recording::new(databases, self.recorded_as(recorder));
        let deploying = async {
            let ended = Box::pin(self.deploy(plan, &recording, session)).await;
            if let Err(error) = &ended {
                rows::not_deployed(recorder, &Failure::from_error(error).message);
            }
            recording.services_end(&recorder.update(|report| report.services.clone()));
            ended
        };
        let ended = record_at_github(&recording, deploying, session).await;
        post::ends(session, ended.as_ref().err());
        ended
    }
}

impl Planned for DeployPlan {
    fn document(&self) -> Result<Document, Failure> {
        self.document()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn sql(&self) -> Option<&SeenSql> {
        match &self.first {
            FirstPlan::Migrate(plan) => plan.sql.as_deref(),
            FirstPlan::ProvedElsewhere(_) => None,
        }
    }
}
