use std::collections::HashMap;

use sandbox::GitHubFault;

use super::*;
use crate::failure::ExitCode;
use crate::github::deployments::{ServiceDeploymentQueue, ServiceDeployments};
use crate::interrupt::Interrupt;
use crate::ports::github::{ChangedFiles as _, Comments as _, DeploymentTask, Identity};
use crate::report::ServiceReport;
use crate::verdict::service::ServiceVerdict;

const REPOSITORY: &str = "octo/shop";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

pub(super) async fn server(permissions: &[&str]) -> (sandbox::GitHub, Api) {
    let server = sandbox::GitHub::start(REPOSITORY).await.expect("a server");
    server.add_actions_token("ghs_token", permissions);
    let api = api(&server.api_url(), "ghs_token");
    (server, api)
}

pub(super) fn api(url: &str, token: &str) -> Api {
    let variables = HashMap::from([
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", REPOSITORY),
        ("GITHUB_API_URL", url),
        ("GITHUB_TOKEN", token),
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_RUN_ATTEMPT", "2"),
        ("INPUT_CHECK-RUN-ID", "77"),
    ]);
    let github = GitHub::from_environment(&|name| variables.get(name).map(|value| (*value).to_owned()));
    let github = github.expect("in Actions");
    Api::connect(&github, github.token.as_ref().expect("a token")).expect("a client")
}

pub(super) fn deployment(key: &str) -> NewDeployment {
    NewDeployment {
        task: DeploymentTask::Migrate,
        environment: "db/shop prod".into(),
        commit: COMMIT.into(),
        description: "migrate".into(),
        payload: json!({ "key": key }),
    }
}

/// GitHub lists 3,000 and says nothing of the rest.
#[tokio::test]
async fn a_list_of_changed_files_that_may_be_cut_off_is_none() {
    let (server, api) = server(&["pull-requests: read"]).await;
    server.add_issue(7);
    for number in 0..2_999 {
        server.add_changed_file(7, &format!("{number}.sql"), if number == 0 { "removed" } else { "added" });
    }
    let listed = api.changed_files(7).await.expect("a list").expect("all of them");
    assert_eq!((listed.len(), listed[0].as_str(), listed[2_997].as_str()), (2_998, "1.sql", "2998.sql"));
    server.add_changed_file(7, "2999.sql", "modified");
    assert_eq!(api.changed_files(7).await.expect("a list"), None);
}

#[tokio::test]
async fn an_environment_of_services_is_recorded() {
    let (server, api) = server(&["deployments: write"]).await;
    let queue = ServiceDeploymentQueue::new(ServiceDeployments {
        environment: "production/{service}".into(),
        task: DeploymentTask::DeployServices,
        cluster: "shop".into(),
        commit: Some(COMMIT.into()),
        started_by: "run".into(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
    });
    let mut rows = vec![ServiceReport { service: "web".into(), ..ServiceReport::default() }];
    let (_keep, interrupt) = Interrupt::by_hand();
    let rollout = async {
        queue.begun(&rows);
        rows[0].verdict = Some(ServiceVerdict::Failed { why: "tasks failed to start".into() });
        queue.judged(&rows);
    };
    queue.record_during(&api, rollout, &interrupt).await;
    assert_eq!(queue.notes(&rows), [""; 0]);
    let (input, statuses) = server.deployments().remove(0);
    assert_eq!(
        (&input["task"], &input["environment"]),
        (&"deploy:services".into(), &"production/web".into())
    );
    assert_eq!((&input["ref"], &input["payload"]["services"][0]["service"]), (&COMMIT.into(), &"web".into()));
    assert_eq!(statuses.len(), 1);
    assert_eq!(statuses[0]["state"], "failure");
    assert!(statuses[0]["log_url"].is_string(), "{statuses:?}");
}

#[tokio::test]
async fn records_a_deployment_with_its_status_and_log() {
    let (server, api) = server(&["deployments: write"]).await;
    let id = api.create_deployment(&deployment("a")).await.expect("created");
    api.set_deployment_state(id, DeploymentState::InProgress, "started").await.expect("set");
    api.set_deployment_state(id, DeploymentState::Success, "migrated").await.expect("set");
    let (input, statuses) = server.deployments().remove(0);
    assert_eq!(input["environment"], "db/shop prod");
    assert_eq!(input["auto_merge"], false);
    assert_eq!(input["required_contexts"], json!([]));
    let states: Vec<&Value> = statuses.iter().map(|status| &status["state"]).collect();
    assert_eq!(states, ["in_progress", "success"]);
    assert_eq!(
        statuses[0]["log_url"],
        "https://github.example/octo/shop/actions/runs/42/attempts/2#summary-77"
    );
}

#[tokio::test]
async fn an_earlier_success_becomes_inactive() {
    let (server, api) = server(&["deployments: write"]).await;
    for key in ["a", "b"] {
        let id = api.create_deployment(&deployment(key)).await.expect("created");
        api.set_deployment_state(id, DeploymentState::Success, "migrated").await.expect("set");
    }
    let last = |index: usize| server.deployments()[index].1.last().map(|status| status["state"].clone());
    assert_eq!((last(0), last(1)), (Some("inactive".into()), Some("success".into())));
}

#[tokio::test]
async fn tries_again_after_a_bad_gateway_and_when_told_to_wait() {
    let (server, api) = server(&["deployments: write"]).await;
    server.fault("POST", "/deployments", GitHubFault::BadGateway, 1);
    server.fault("POST", "/deployments", GitHubFault::TooManyRequests { retry_after: 1 }, 1);
    server.fault("POST", "/deployments", GitHubFault::LimitReached { reset_in: 0 }, 1);
    api.create_deployment(&deployment("a")).await.expect("created in the end");
    assert_eq!(server.deployments().len(), 1);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_found_and_not_repeated() {
    let (server, api) = server(&["deployments: write", "pull-requests: write"]).await;
    api.create_deployment(&deployment("before")).await.expect("created");
    server.fault("POST", "/deployments", GitHubFault::DropAfter, 1);
    let id = api.create_deployment(&deployment("a")).await.expect("found");
    assert_eq!(server.deployments().len(), 2);
    api.set_deployment_state(id, DeploymentState::Success, "migrated").await.expect("set");
    assert_eq!(server.deployments()[1].1.len(), 1, "it is the second one");

    server.add_issue(7);
    server.fault("POST", "/comments", GitHubFault::DropAfter, 1);
    let id = api.create_comment(7, "text").await.expect("found");
    assert_eq!(server.comments(7).iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [id]);
}

#[tokio::test]
async fn a_long_wait_is_handed_on() {
    let (server, api) = server(&["deployments: write"]).await;
    server.fault("POST", "/deployments", GitHubFault::TooManyRequests { retry_after: 300 }, 1);
    let failed = api.create_deployment(&deployment("a")).await.expect_err("limited");
    assert_eq!(failed.kind, GitHubFailureKind::Passing { wait: Some(Duration::from_secs(300)) });
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (server, api) = server(&["pull-requests: read"]).await;
    server.add_issue(7);
    let failed = api.create_deployment(&deployment("a")).await.expect_err("denied");
    assert_eq!(failed.kind, GitHubFailureKind::Denied);
    let said = failed.failure.sentence();
    assert!(said.contains("deployments: write") && said.contains("not accessible"), "{said}");
    let said = api.create_comment(7, "text").await.expect_err("denied").failure.sentence();
    assert!(said.contains("pull-requests: write"), "{said}");
    assert_eq!(server.requests().len(), 2, "asked once each");
}

#[tokio::test]
async fn a_wrong_token_is_no_missing_permission() {
    let (server, _) = server(&[]).await;
    let api = api(&server.api_url(), "ghs_expired");
    let failed = api.create_deployment(&deployment("a")).await.expect_err("refused");
    assert_eq!(failed.failure.exit_code, ExitCode::BadInput);
    assert!(failed.failure.sentence().contains("401"), "{failed:?}");
    assert!(api.identity().await.is_err(), "an app's refusal is another one");
}

#[tokio::test]
async fn nobody_there_is_a_passing_failure() {
    let api = api("http://127.0.0.1:9", "ghs_token");
    let failed = api.create_deployment(&deployment("a")).await.expect_err("nobody");
    assert_eq!(failed.kind, GitHubFailureKind::Passing { wait: None });
    assert!(failed.failure.message.contains("refused"), "{failed:?}");
}

#[tokio::test]
async fn a_commit_that_github_does_not_know_is_refused_for_this_one() {
    let (server, api) = server(&["deployments: write"]).await;
    server.know_only_commits(&["f"]);
    let failed = api.create_deployment(&deployment("a")).await.expect_err("refused");
    assert_eq!(failed.kind, GitHubFailureKind::Refused);
    assert!(failed.failure.message.contains("No ref found"), "{failed:?}");
}

#[tokio::test]
async fn pages_through_all_comments() {
    let (server, api) = server(&["pull-requests: read"]).await;
    for number in 0..250 {
        server.add_comment(7, "someone", number % 2 == 0, &format!("comment {number}"));
    }
    let comments = api.comments(7).await.expect("listed");
    assert_eq!(comments.len(), 250);
    assert!(comments.iter().enumerate().all(|(index, comment)| comment.body == format!("comment {index}")));
    assert_eq!(server.requests().len(), 3);
    assert_eq!(api.identity().await, Ok(Identity::App));
}

#[tokio::test]
async fn a_person_is_asked_for_by_name() {
    let (server, _) = server(&[]).await;
    server.add_user_token("ghp_token", "octocat", &[]);
    let identity = api(&server.api_url(), "ghp_token").identity().await;
    assert_eq!(identity, Ok(Identity::User("octocat".into())));
}

/// octocrab's own types want every field that GitHub documents: a judge of the stand-in that is not ours.
#[tokio::test]
async fn the_stand_in_answers_as_octocrab_expects_of_github() {
    let (server, api) = server(&["deployments: write", "pull-requests: write"]).await;
    server.add_issue(7);
    let repository = api.client.repos("octo", "shop");
    let made = repository
        .deployments()
        .create(COMMIT)
        .required_contexts(Vec::<String>::new())
        .environment("e")
        .send()
        .await
        .expect("a deployment");
    let statuses = repository.deployments();
    let state = octocrab::models::repos::DeploymentStatusState::Success;
    statuses.statuses(made.id).create(state).send().await.expect("a status");
    assert_eq!(repository.deployments().list().send().await.expect("a list").items.len(), 1);
    let issues = api.client.issues("octo", "shop");
    let comment = issues.create_comment(7, "text").await.expect("a comment");
    // octocrab edits with POST, GitHub documents PATCH.
    api.update_comment(comment.id.0, "other").await.expect("edited");
    let listed = issues.list_comments(7).send().await.expect("a list").items;
    assert_eq!(listed[0].body.as_deref(), Some("other"));
    issues.delete_comment(comment.id).await.expect("deleted");
}
