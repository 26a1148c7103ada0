//! `fargate-migrate rollback`: services go back to what they really ran before.
//!
//! ```text
//! observe ─► plan ─► ask ─► copies of revisions ─► ECS takes back what is under way ─► UpdateService for the rest
//!                                                  └─ SUCCESSFUL was faster ─► observe and plan anew ─┘
//! ```
//!
//! On a terminal the plan is shown, and whoever is there is asked. Any answer but `y` or `yes`, the end of the input
//! included, changes nothing and ends with exit code 2, which says so.

use anyhow::Result;

use self::ready::prepared;
use self::recorded::{check, recorded};
use self::rows::row;
use super::migrate::record_at_github;
use super::printing::colour;
use super::sql::{self, Code};
use super::{Operation, Planned, asking};
use crate::adapters::github::GitHub;
use crate::choices::OnCancel;
use crate::cli;
use crate::document::{Document, text};
use crate::failure::Failure;
use crate::github::deployments::{Recording, ServiceDeployments};
use crate::interrupt::interrupted;
use crate::plan::back::images::ContainerImage;
use crate::plan::back::{BackPlan, ServiceBack, Side, Way};
use crate::ports::github::DeploymentTask;
use crate::ports::{Reads, Writes};
use crate::recorder::Recorder;
use crate::report::back_report::BackReport;
use crate::session::Session;
use crate::settings::{Common, RollbackSettings};
use crate::steps::observe::observe_back;
use crate::steps::service::{Leave, PlannedTarget, Terms, Underway, WayBack, go_back};
use crate::verdict::service::ServiceVerdict;

mod ready;
mod recorded;
mod reported;
mod rows;

pub struct Rollback {
    settings: RollbackSettings,
}

impl Rollback {
    /// Reads the flags.
    ///
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::RollbackFlags, github: Option<&GitHub>) -> Result<Self, Failure> {
        Ok(Self { settings: RollbackSettings::new(flags, super::identity(github))? })
    }

    /// Plans how these services go back.
    ///
    /// # Errors
    /// One of them cannot go back.
    async fn planned<R: Reads, W>(
        &self,
        names: &[String],
        reads: &R,
        session: &Session<'_, W, BackReport>,
    ) -> Result<BackPlan> {
        let mut recorded = recorded(&self.settings, session.progress, session.github).await?;
        let observed = observe_back(&self.settings, names, reads).await?;
        check(&mut recorded, &observed.account)?;
        let mut plan = BackPlan::new(&self.settings, observed, &recorded.known)?;
        self.look_at_sql(&mut plan, session).await;
        Ok(plan.checked()?)
    }

    /// Adds to the plan what the SQL that came after what a service goes back to breaks for that.
    async fn look_at_sql<W>(&self, plan: &mut BackPlan, session: &Session<'_, W, BackReport>) {
        for one in &mut plan.services {
            let image = one.to.as_ref().and_then(|to| to.image(Some(&one.from)));
            let code = Code { service: &one.service.name, tag: image.and_then(ContainerImage::tag) };
            match sql::look_since(&self.settings.migrations, &code, session).await {
                None => {}
                Some(Ok(seen)) => one.sql = Some(seen),
                Some(Err(why)) => plan.notes.push(why),
            }
        }
    }

    /// Shows the plan, and asks. A change while someone thought about it was not agreed to.
    ///
    /// # Errors
    /// The answer is no, or the services are not what they were.
    async fn agreed<R: Reads>(&self, plan: &BackPlan, session: &Session<'_, &R, BackReport>) -> Result<()> {
        if self.settings.yes || !asking::is_possible(session.github) {
            return Ok(());
        }
        session.progress.closing(&text(&plan.document(), colour()));
        let answer = asking::ask("Roll back? [y/N]", session.interrupt).await?;
        if !asking::is_yes(answer.as_deref()) {
            return Err(Failure::input("nothing was changed: the answer was not yes")
                .hint("answer y to roll back, or add --yes, and nobody is asked")
                .into());
        }
        let again = self.planned(&self.settings.services, session.world, session);
        if !session.interrupt.unless(again).await?.does_the_same_as(plan) {
            return Err(Failure::input(
                "nothing was changed: the services are not what the plan says any more",
            )
            .hint("run this again, and look at the new plan")
            .into());
        }
        Ok(())
    }

    fn terms(&self) -> Terms {
        Terms {
            cluster: self.settings.cluster.clone(),
            // What runs now is what someone wants to get away from: nothing goes back from going back.
            on_cancel: match self.settings.on_cancel {
                OnCancel::Rollback => OnCancel::Stop,
                on_cancel => on_cancel,
            },
            on_failure: self.settings.on_failure,
            health: self.settings.health.clone(),
            is_back: true,
        }
    }

    /// Returns what the services' GitHub Deployments say of the run; `None` where no environment is set. A rollback
    /// is at the commit of each image, never at that of the workflow.
    fn recorded_as(&self, recorder: &Recorder<'_, BackReport>) -> Option<ServiceDeployments> {
        let RollbackSettings { service_environment, cluster, common, .. } = &self.settings;
        Some(ServiceDeployments {
            environment: service_environment.clone()?,
            task: DeploymentTask::RollBackServices,
            cluster: cluster.clone(),
            commit: None,
            started_by: common.run.started_by.clone(),
            started_at: recorder.update(|report| report.started_at),
        })
    }

    /// Plans again for a service that ECS has not taken back, because SUCCESSFUL was faster. Returns what is put on
    /// it, where it goes back to what the plan has shown; `None` where it does not, and then its row says why.
    async fn look_again<W: Reads + Writes>(
        &self,
        plan: &BackPlan,
        place: usize,
        session: &Session<'_, &W, BackReport>,
    ) -> Option<Leave> {
        let shown = plan.services.get(place)?;
        let names = std::slice::from_ref(&shown.service.name);
        let looked = async {
            let plan = self.planned(names, session.world, session).await?;
            match plan.services.first().map(|one| (one, &one.way)) {
                Some((one, Way::Update(_))) if !goes_to_the_same(one, shown) => {
                    Err(not_shown(one, shown).into())
                }
                Some((one, Way::Update(update))) => {
                    let to = row(one, &plan.account, &self.settings.cluster).to;
                    session.recorder.update(|report| report.services[place].to = to);
                    prepared(place, one, update, session).await
                }
                _ => Err(Failure::service("another deployment of it was started meanwhile").into()),
            }
        };
        match session.interrupt.unless(looked).await {
            Ok(leave) => Some(leave),
            Err(error) => {
                let why = Failure::from_error(&error).sentence();
                let why = format!("its deployment was faster than its rollback, and then: {why}");
                let verdict = ServiceVerdict::NotDeployed { why };
                session.recorder.update(|report| report.services[place].verdict = Some(verdict));
                None
            }
        }
    }

    /// Does all that comes before the first call that moves a service: a refusal of ECS then moves nothing.
    async fn ways<W: Reads + Writes>(
        &self,
        plan: &BackPlan,
        session: &Session<'_, &W, BackReport>,
    ) -> Result<Vec<(usize, WayBack)>> {
        let mut ways = Vec::new();
        for (place, one) in plan.services.iter().enumerate() {
            let way = match &one.way {
                Way::Update(update) => {
                    let prepared = prepared(place, one, update, session);
                    WayBack::Update(Box::new(session.interrupt.unless(prepared).await?))
                }
                Way::TakeBack { deployment, .. } => WayBack::TakeBack(Box::new(Underway {
                    before: one.service.clone(),
                    deployment: deployment.clone(),
                    to: one.to.as_ref().map(|to| PlannedTarget {
                        revision: to.revision.clone(),
                        task_definition: to.task_definition.clone(),
                        images: one.images(),
                    }),
                    timeout: one.timeout,
                })),
            };
            ways.push((place, way));
        }
        Ok(ways)
    }

    async fn roll_back<W: Reads + Writes>(
        &self,
        plan: &BackPlan,
        recording: &Recording,
        session: &Session<'_, &W, BackReport>,
    ) -> Result<()> {
        let recorder = session.recorder;
        let ways = self.ways(plan, session).await?;
        recording.services_begin(&recorder.update(|report| report.services.clone()));
        let again = async |place: usize| Box::pin(self.look_again(plan, place, session)).await;
        go_back(&ways, again, &self.terms(), session).await;
        recorder.save();
        let are_done = recorder.update(|report| {
            report.services.iter().all(|row| row.verdict.as_ref().is_some_and(ServiceVerdict::is_done))
        });
        if session.interrupt.is_set() && !are_done { Err(interrupted().into()) } else { Ok(()) }
    }
}

fn goes_to_the_same(now: &ServiceBack, shown: &ServiceBack) -> bool {
    now.to.as_ref().zip(shown.to.as_ref()).is_some_and(|(now, shown)| now.is_the_same_as(shown))
}

/// Makes the error of a service that would go back to what nobody has agreed to.
fn not_shown(now: &ServiceBack, shown: &ServiceBack) -> Failure {
    let name = |one: &ServiceBack| one.to.as_ref().map_or("what ran before".into(), Side::in_words);
    let message = format!("it would go back to {} now, and the plan was {}", name(now), name(shown));
    Failure::service(message).hint("run this again, and look at the new plan")
}

impl Operation for Rollback {
    type Plan = BackPlan;
    type Report = BackReport;

    fn common(&self) -> &Common {
        &self.settings.common
    }

    fn report(&self) -> BackReport {
        let Common { aws, .. } = &self.settings.common;
        BackReport::new(&self.settings.cluster, aws.region.as_deref(), &self.settings.services)
    }

    async fn plan<R: Reads>(&self, session: &Session<'_, Option<&R>, BackReport>) -> Result<BackPlan> {
        let Some(aws) = session.world else {
            return Err(Failure::input("a rollback cannot be planned without AWS").into());
        };
        self.planned(&self.settings.services, aws, session).await
    }

    async fn apply<W: Reads + Writes>(
        &self,
        plan: &BackPlan,
        session: &Session<'_, &W, BackReport>,
    ) -> Result<()> {
        let recorder = session.recorder;
        recorder.update(|report| {
            report.account = Some(plan.account.caller.account.clone());
            report.region = Some(plan.account.region.clone());
            report.notes.clone_from(&plan.notes);
        });
        self.agreed(plan, session).await?;
        let cluster = &self.settings.cluster;
        recorder.update(|report| {
            let rows = plan.services.iter().map(|one| row(one, &plan.account, cluster));
            report.services = rows.collect();
        });
        recorder.save();
        let recording = Recording::new(None, self.recorded_as(recorder));
        let rolling_back = async {
            let ended = self.roll_back(plan, &recording, session).await;
            if let Err(error) = &ended {
                let why = Failure::from_error(error).message;
                recorder.update(|report| report.end_services(&why));
            }
            recording.services_end(&recorder.update(|report| report.services.clone()));
            ended
        };
        record_at_github(&recording, rolling_back, session).await
    }
}

impl Planned for BackPlan {
    fn document(&self) -> Result<Document, Failure> {
        Ok(self.document())
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }
}

#[cfg(test)]
mod tests;
