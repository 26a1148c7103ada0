use std::cell::{Cell, RefCell};

use jiff::Timestamp;
use tokio::time::Instant;

use super::*;
use crate::plan::back::ran::Earlier;
use crate::plan::back::samples::{self, at, deployment_arn, revision, revision_arn};
use crate::ports::{DesiredStatus, RollbackSeen};

/// ECS, as it answers at each look.
struct Ecs {
    service: Service,
    listed: Vec<ServiceDeploymentBrief>,
    described: Vec<ServiceDeployment>,
    revisions: Vec<ServiceRevision>,
    looks: Cell<u32>,
    asked: RefCell<Vec<String>>,
}

impl ServiceReads for Ecs {
    async fn services(&self, _: &str, _: &[String]) -> Result<Vec<Service>> {
        Ok(vec![self.service.clone()])
    }

    async fn service_deployments(
        &self,
        _: &str,
        _: &str,
        created_after: Option<Timestamp>,
    ) -> Result<Lookup<Vec<ServiceDeploymentBrief>>> {
        assert_eq!(created_after, None, "all of it");
        self.looks.set(self.looks.get() + 1);
        Ok(Lookup::Found(self.listed.clone()))
    }

    async fn describe_service_deployments(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceDeployment>>> {
        assert!(!arns.is_empty());
        Ok(Lookup::Found(self.described.iter().filter(|one| arns.contains(&one.arn)).cloned().collect()))
    }

    async fn service_revisions(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceRevision>>> {
        self.asked.borrow_mut().extend(arns.iter().cloned());
        Ok(Lookup::Found(self.revisions.iter().filter(|one| arns.contains(&one.arn)).cloned().collect()))
    }

    async fn list_service_tasks(&self, _: &str, _: &str, _: DesiredStatus) -> Result<Vec<String>> {
        panic!("no task is of interest")
    }
}

fn ecs(revisions: &[ServiceRevision]) -> Ecs {
    let history = samples::history(revisions);
    Ecs {
        service: history.service,
        listed: history.listed,
        described: Vec::new(),
        revisions: revisions.to_vec(),
        looks: Cell::default(),
        asked: RefCell::default(),
    }
}

async fn read(ecs: &Ecs) -> Result<ServiceHistory> {
    service_history(ecs, "arn:aws:ecs:us-east-1:123456789012:cluster/c", ecs.service.clone(), &[]).await
}

#[tokio::test(start_paused = true)]
async fn each_revision_is_read_once_and_one_look_is_enough() {
    let ecs = ecs(&[revision(1, 1, "a"), revision(2, 2, "b"), revision(2, 2, "b"), revision(3, 3, "c")]);
    let history = read(&ecs).await.expect("a history");
    assert_eq!(history.before(), Earlier::Found(1));
    assert_eq!(ecs.looks.get(), 1);
    assert_eq!(*ecs.asked.borrow(), [1, 2, 3].map(revision_arn));
}

#[tokio::test(start_paused = true)]
async fn a_service_without_a_record_names_its_revision_all_the_same() {
    let mut ecs = ecs(&[revision(7, 1, "a")]);
    ecs.listed.clear();
    // Of an old account, whose services have no cluster in their ARN.
    ecs.service.arn = "arn:aws:ecs:us-east-1:123456789012:service/web".into();
    let history = read(&ecs).await.expect("a history");
    assert_eq!(history.current.map(|one| one.arn), Some(revision_arn(7)));
    assert!(history.ran.is_empty());
}

/// That a deployment's number is its revision's is not documented: without it, what has landed last counts.
#[tokio::test(start_paused = true)]
async fn numbers_that_never_match_are_not_needed() {
    let mut strange = ecs(&[revision(1, 1, "a"), revision(2, 2, "b")]);
    strange.service.deployments[0].id = "ecs-svc/77".into();
    let began = Instant::now();
    let history = read(&strange).await.expect("a history");
    assert_eq!(history.current.as_ref().map(|one| one.arn.as_str()), Some(revision_arn(2).as_str()));
    assert_eq!(history.before(), Earlier::Found(1));
    assert_eq!(began.elapsed(), PAUSE * (LOOKS - 1));

    // It has landed, and the service is to run something else.
    let mut torn = ecs(&[revision(1, 1, "a"), revision(2, 2, "b")]);
    torn.service.deployments[0].id = "ecs-svc/77".into();
    torn.service.deployments[0].task_definition = Some(samples::definition_arn(9));
    let failure = read(&torn).await.expect_err("nobody knows");
    assert!(failure.to_string().contains("name different revisions"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_revision_that_a_rollback_went_to_is_what_ran() {
    let (a, b) = (revision(1, 1, "a"), revision(2, 2, "b"));
    let mut ecs = ecs(&[b.clone(), a.clone()]);
    // b failed, and ECS went back to a, whose own deployment is older than the list.
    ecs.listed = vec![ServiceDeploymentBrief {
        arn: deployment_arn(5),
        status: "ROLLBACK_SUCCESSFUL".into(),
        target: Some(b.arn),
        created_at: Some(at(50)),
        finished_at: None,
    }];
    ecs.described = vec![ServiceDeployment {
        arn: deployment_arn(5),
        status: "ROLLBACK_SUCCESSFUL".into(),
        rollback: Some(RollbackSeen { to: Some(a.arn.clone()), ..RollbackSeen::default() }),
        ..ServiceDeployment::default()
    }];
    let history = read(&ecs).await.expect("a history");
    assert_eq!(history.ran.iter().map(|one| one.revision.as_str()).collect::<Vec<_>>(), [a.arn.as_str()]);
    assert_eq!(history.before(), Earlier::Nothing);
}
