use std::time::Duration;

use tokio::time::sleep;

use super::super::tests::environments::{Environments, Mood};
use super::*;
use crate::report::ServiceContent;
use crate::verdict::service::{Deployed, Evidence};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn about(environment: &str, task: DeploymentTask) -> ServiceDeployments {
    ServiceDeployments {
        environment: environment.to_owned(),
        task,
        cluster: "shop".to_owned(),
        commit: (task == DeploymentTask::DeployServices).then(|| COMMIT.to_owned()),
        started_by: "fargate-migrate/7".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
    }
}

fn row(service: &str, tag: Option<&str>) -> ServiceReport {
    let to = ServiceContent {
        task_definition: format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{service}:13"),
        image: Some("shop@sha256:4f53".to_owned()),
        digest: Some("sha256:4f53".to_owned()),
        tag: tag.map(str::to_owned),
    };
    ServiceReport { service: service.to_owned(), to: Some(to), ..ServiceReport::default() }
}

fn judged(service: &str, verdict: ServiceVerdict) -> ServiceReport {
    ServiceReport { verdict: Some(verdict), ..row(service, Some(COMMIT)) }
}

fn proof() -> Deployed {
    Deployed::sample("web:13", 2, 2, Evidence::ServiceDeployment)
}

fn went_wrong() -> ServiceVerdict {
    ServiceVerdict::RolledBack { why: "tasks failed to start".to_owned(), to: None, over: true }
}

/// A rollout of five minutes that begins with `before` and ends with `after`; answers the notes.
async fn recorded(
    queue: &ServiceDeploymentQueue,
    github: &Environments,
    before: &[ServiceReport],
    after: &[ServiceReport],
) -> Vec<String> {
    let (_keep, interrupt) = Interrupt::by_hand();
    let rollout = async {
        queue.begun(before);
        sleep(Duration::from_secs(300)).await;
        queue.judged(after);
    };
    queue.record_during(github, rollout, &interrupt).await;
    queue.notes(after)
}

#[tokio::test(start_paused = true)]
async fn an_environment_goes_from_in_progress_to_what_became_of_all_its_services() {
    let done = || ServiceVerdict::Deployed(proof());
    for (verdicts, expected) in [
        ([done(), done()], DeploymentState::Success),
        ([done(), ServiceVerdict::Unchanged(proof())], DeploymentState::Success),
        ([ServiceVerdict::NoTasksWanted, ServiceVerdict::WentBack(proof())], DeploymentState::Success),
        ([done(), went_wrong()], DeploymentState::Failure),
        ([done(), ServiceVerdict::NotDeployed { why: "w".into() }], DeploymentState::Failure),
        ([went_wrong(), ServiceVerdict::Cancelled { rolled_back: true }], DeploymentState::Error),
    ] {
        let github = Environments::new(Mood::Answers);
        let queue = ServiceDeploymentQueue::new(about("production", DeploymentTask::DeployServices));
        let before = [row("web", Some(COMMIT)), row("worker", None)];
        let [web, worker] = verdicts;
        let after = [judged("web", web), judged("worker", worker)];
        assert_eq!(recorded(&queue, &github, &before, &after).await, [""; 0]);
        assert_eq!(github.states("production"), [DeploymentState::InProgress, expected], "{after:?}");
        let made = github.made.borrow();
        assert_eq!(made.len(), 1);
        assert_eq!((made[0].commit.as_str(), made[0].task.name()), (COMMIT, "deploy:services"));
        assert_eq!(made[0].description, "deploy 2 services: web, worker in shop");
        let payload = &made[0].payload;
        assert_eq!(payload["services"][1]["service"], "worker");
        assert_eq!(payload["services"][0]["image_digest"], "sha256:4f53");
        assert!(
            payload["services"][0]["task_definition"].as_str().is_some_and(|arn| arn.ends_with("web:13"))
        );
        // A database's history takes none of it.
        assert!(serde_json::from_value::<crate::state::github_history::Payload>(payload.clone()).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_services_name_each_has_an_environment() {
    let github = Environments::new(Mood::Answers);
    let queue = ServiceDeploymentQueue::new(about("prod/{service}", DeploymentTask::RollBackServices));
    let before = [row("web", Some(COMMIT)), row("worker", Some(OTHER)), row("cron", Some("v1"))];
    let after =
        [judged("web", ServiceVerdict::WentBack(proof())), judged("worker", went_wrong()), row("cron", None)];
    let notes = recorded(&queue, &github, &before, &after).await;
    // The commit of the workflow is not the one that a rollback goes back to.
    assert_eq!(
        notes,
        ["no GitHub Deployment is recorded in environment prod/cron: which commit it is about is not known"]
    );
    use DeploymentState::{Failure, InProgress, Success};
    assert_eq!(github.states("prod/web"), [InProgress, Success]);
    assert_eq!(github.states("prod/worker"), [InProgress, Failure]);
    let commits: Vec<String> = github.made.borrow().iter().map(|made| made.commit.clone()).collect();
    assert_eq!(commits, [COMMIT, OTHER]);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_begun_has_none_and_what_needed_no_deployment_has_its_success() {
    let github = Environments::new(Mood::Answers);
    let queue = ServiceDeploymentQueue::new(about("{service}", DeploymentTask::DeployServices));
    let after = [
        judged("web", ServiceVerdict::Unchanged(proof())),
        judged("worker", ServiceVerdict::NotDeployed { why: "a database is not proved".into() }),
    ];
    assert_eq!(recorded(&queue, &github, &[], &after).await, [""; 0]);
    assert_eq!(github.states("web"), [DeploymentState::Success]);
    assert_eq!(github.made.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn services_at_different_commits_share_no_environment() {
    let github = Environments::new(Mood::Answers);
    let queue = ServiceDeploymentQueue::new(about("production", DeploymentTask::RollBackServices));
    let rows = [row("web", Some(COMMIT)), row("worker", Some(OTHER))];
    let notes = recorded(&queue, &github, &rows, &rows).await;
    assert!(notes.len() == 1 && notes[0].contains("different commits"), "{notes:?}");
    assert!(github.made.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_github_that_denies_it_is_one_note() {
    let github = Environments::new(Mood::Denies);
    let queue = ServiceDeploymentQueue::new(about("{service}", DeploymentTask::DeployServices));
    let before = [row("web", None), row("worker", None)];
    let after = [judged("web", went_wrong()), judged("worker", went_wrong())];
    let notes = recorded(&queue, &github, &before, &after).await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with(
            "2 of 2 environments of services have no up-to-date GitHub Deployment (web, worker)"
        ),
        "{notes:?}"
    );
}

#[test]
fn a_description_is_short_and_says_first_who_needs_a_person() {
    let rows = [judged("web", ServiceVerdict::Deployed(proof())), judged("worker", went_wrong())];
    assert_eq!(said(&rows.iter().collect::<Vec<_>>()), "rolled back: worker; deployed: web");
    let long = judged("web", ServiceVerdict::Failed { why: "\n::error::".repeat(100) });
    let text = description(&said(&[&long]));
    assert!(text.chars().count() <= 140 && !text.contains('\n'), "{text}");
    assert!(text.starts_with("failed without rollback: "), "{text}");
}
