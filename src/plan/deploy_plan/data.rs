//! The plan of a deploy for programs.

use serde_json::{Value, json};

use super::{DeployPlan, FirstPlan};
use crate::choices::OnDeploying;
use crate::failure::Failure;
use crate::plan::data::image_json;
use crate::plan::service_notes::strategy;
use crate::plan::{RevisionPlan, ServicePlan, Update, update};
use crate::ports::UpdateService;

/// Returns UpdateService's own input. What it does not name stays as it is.
fn update_service_input(request: &UpdateService) -> Value {
    let UpdateService { cluster, service, task_definition, force } = request;
    let mut input = json!({"cluster": cluster, "service": service, "taskDefinition": task_definition});
    if *force {
        input["forceNewDeployment"] = json!(true);
    }
    input
}

/// A service's plan, with all that depends on the image.
pub(super) struct Shown<'a> {
    pub plan: &'a ServicePlan,
    pub revision: RevisionPlan,
    pub update: Update,
    pub diff: String,
    /// UpdateService's input, where it is called.
    pub input: Option<Value>,
}

impl<'a> Shown<'a> {
    pub(super) fn of(plan: &'a ServicePlan, deploy: &DeployPlan) -> Result<Self, Failure> {
        let image = deploy.image().reference();
        let revision = plan.revision(&image)?;
        let known = match &revision {
            RevisionPlan::Reuse(arn) => Some(arn.as_str()),
            RevisionPlan::Register(_) => None,
        };
        let update = update(&plan.service, known, deploy.on_deploying == OnDeploying::Supersede);
        let new = format!("{}:<new revision>", plan.base.family());
        let request = plan.update_service(&deploy.cluster, known.unwrap_or(&new), update);
        Ok(Self {
            plan,
            update,
            diff: plan.diff(&image)?,
            input: request.as_ref().map(update_service_input),
            revision,
        })
    }

    fn json(&self) -> Value {
        let Self { plan, revision, update, diff, input } = self;
        let (action, arn) = match (revision, update) {
            (RevisionPlan::Register(_), _) => ("register", None),
            (RevisionPlan::Reuse(arn), Update::None) => ("keep", Some(arn)),
            (RevisionPlan::Reuse(arn), _) => ("reuse", Some(arn)),
        };
        json!({
            "service": plan.name(),
            "runs": plan.running.arn(),
            "task_definition": {
                "family": plan.base.family(),
                "base": plan.base.arn(),
                "action": action,
                "arn": arn,
                "diff": diff,
            },
            "containers": plan.containers.iter().map(|name| json!({
                "container": name,
                "image": plan.running.image(name),
            })).collect::<Vec<_>>(),
            "update_service": input,
            "strategy": strategy(&plan.service.rules),
            "wanted_tasks": plan.service.desired,
            "timeout_seconds": plan.timeout.as_secs(),
            "under_way": plan.under_way.as_ref().map(|one| json!({
                "deployment": one.deployment,
                "status": one.status,
                "task_definition": one.task_definition,
            })),
        })
    }
}

pub(super) fn data(plan: &DeployPlan, services: &[Shown<'_>], migration: Option<Value>) -> Value {
    json!({
        "version": 1,
        "operation": "deploy",
        "account": plan.account.caller.account,
        "region": plan.account.region,
        "cluster": plan.cluster,
        "image": image_json(plan.image(), true),
        "no_migration": matches!(plan.first, FirstPlan::ProvedElsewhere(_)),
        "migration": migration,
        "services": services.iter().map(Shown::json).collect::<Vec<_>>(),
        "notes": plan.notes,
    })
}
