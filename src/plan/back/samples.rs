//! A service and its record, for tests.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;

use super::history::ServiceHistory;
use super::ran::ran;
use crate::ports::{
    Deployment, RevisionImage, RevisionTasks, Service, ServiceDeployment, ServiceDeploymentBrief,
    ServiceRevision,
};

pub(crate) const ACCOUNT: &str = "arn:aws:ecs:us-east-1:123456789012";
pub(crate) const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app";

pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + 60 * minutes).expect("a time")
}

pub(crate) fn revision_arn(number: usize) -> String {
    format!("{ACCOUNT}:service-revision/c/web/{number}")
}

pub(crate) fn deployment_arn(number: usize) -> String {
    format!("{ACCOUNT}:service-deployment/c/web/dep-{number}")
}

pub(crate) fn definition_arn(revision: usize) -> String {
    format!("{ACCOUNT}:task-definition/web:{revision}")
}

/// `sha256:…` of the image with this tag.
pub(crate) fn digest(tag: &str) -> String {
    let letter = tag.bytes().next().unwrap_or(b'0') % 16;
    format!("sha256:{}", format!("{letter:x}").repeat(64))
}

/// Service revision `number` of task definition `web:<definition>`, with an image of this tag.
pub(crate) fn revision(number: usize, definition: usize, tag: &str) -> ServiceRevision {
    let image = RevisionImage {
        container: "web".into(),
        image: format!("{REPOSITORY}:{tag}"),
        digest: Some(digest(tag)),
    };
    ServiceRevision {
        arn: revision_arn(number),
        task_definition: definition_arn(definition),
        images: vec![image],
        created_at: Some(at(10 * number as i64)),
        settings: json!({"launchType": "FARGATE"}),
    }
}

/// A service that has run these, the oldest first; the last one runs now.
pub(crate) fn history(revisions: &[ServiceRevision]) -> ServiceHistory {
    let listed: Vec<ServiceDeploymentBrief> = (revisions.iter().enumerate().rev())
        .map(|(place, one)| ServiceDeploymentBrief {
            arn: deployment_arn(place),
            status: "SUCCESSFUL".into(),
            target: Some(one.arn.clone()),
            created_at: Some(at(10 * place as i64)),
            finished_at: Some(at(10 * place as i64 + 5)),
        })
        .collect();
    of(revisions, listed, None)
}

/// The same with its own list, and what is under way.
pub(crate) fn of(
    revisions: &[ServiceRevision],
    listed: Vec<ServiceDeploymentBrief>,
    underway: Option<ServiceDeployment>,
) -> ServiceHistory {
    let current = revisions.last().cloned();
    let entries = ran(&listed, &[]);
    let known: HashMap<String, ServiceRevision> =
        revisions.iter().map(|one| (one.arn.clone(), one.clone())).collect();
    let arn = current.as_ref().map(|one| one.arn.clone());
    ServiceHistory::new(service(current.as_ref()), listed, entries, known, arn.as_deref(), underway)
}

pub(crate) fn service(current: Option<&ServiceRevision>) -> Service {
    let definition = current.map(|one| one.task_definition.clone());
    let primary = Deployment {
        id: format!("ecs-svc/{}", current.map_or("0", |one| crate::arn::name(&one.arn))),
        status: "PRIMARY".into(),
        task_definition: definition.clone(),
        rollout: Some("COMPLETED".into()),
        desired: 2,
        running: 2,
        created_at: current.and_then(|one| one.created_at),
        ..Deployment::default()
    };
    Service {
        name: "web".into(),
        arn: format!("{ACCOUNT}:service/c/web"),
        status: "ACTIVE".into(),
        task_definition: definition,
        desired: 2,
        running: 2,
        deployments: vec![primary],
        ..Service::default()
    }
}

/// A deployment of `target` under way, from `source`.
pub(crate) fn under_way(
    status: &str,
    target: &ServiceRevision,
    source: &ServiceRevision,
) -> ServiceDeployment {
    let tasks = |arn: &str| RevisionTasks { arn: arn.to_owned(), ..RevisionTasks::default() };
    ServiceDeployment {
        arn: deployment_arn(99),
        status: status.into(),
        target: Some(tasks(&target.arn)),
        sources: vec![tasks(&source.arn)],
        created_at: Some(at(900)),
        ..ServiceDeployment::default()
    }
}
