use sandbox::GitHubFault;

use super::super::tests::{api, deployment, server};
use super::*;
use crate::ports::github::{DeploymentState, GitHubDeployments as _, GitHubFailureKind, NewDeployment};

fn asked() -> Vec<String> {
    vec!["db/shop prod".to_owned()]
}

#[test]
fn the_address_is_made_from_the_rest_apis() {
    for (rest, graphql) in [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://api.acme.ghe.com/", "https://api.acme.ghe.com/graphql"),
        ("https://github.acme.example/api/v3", "https://github.acme.example/api/graphql"),
        ("https://github.acme.example/api/v3/", "https://github.acme.example/api/graphql"),
    ] {
        assert_eq!(address(rest), graphql);
    }
}

#[test]
fn payloads_are_read_however_often_they_are_packed() {
    let payload = json!({"database": "a"});
    let once = json!(payload.to_string());
    let twice = json!(once.to_string());
    for form in [payload.clone(), once, twice] {
        assert_eq!(unpacked(form), payload);
    }
    for form in [json!(""), json!("{"), json!(null), json!("\"text\"")] {
        assert_eq!(unpacked(form.clone()), Value::Null, "{form}");
    }
}

#[tokio::test]
async fn ours_are_read_newest_first_with_their_latest_status() {
    let (server, api) = server(&["deployments: write"]).await;
    for (key, state) in [("a", DeploymentState::Success), ("b", DeploymentState::Failure)] {
        let id = api.create_deployment(&deployment(key)).await.expect("created");
        api.set_deployment_state(id, DeploymentState::InProgress, "started").await.expect("set");
        api.set_deployment_state(id, state, "ended").await.expect("set");
    }
    let elsewhere = NewDeployment { environment: "db/other".into(), ..deployment("c") };
    api.create_deployment(&elsewhere).await.expect("created");
    let read = async |environments: &[String]| {
        let page = api.past_deployments(environments, None).await.expect("a page");
        assert_eq!(page.next, None);
        let key = |one: &PastDeployment| one.payload["key"].as_str().map(str::to_owned).expect("a key");
        page.deployments.iter().map(|one| (key(one), one.succeeded)).collect::<Vec<_>>()
    };
    assert_eq!(read(&asked()).await, [("b".to_owned(), false), ("a".to_owned(), true)]);
    assert_eq!(read(&["db/other".to_owned()]).await, [("c".to_owned(), false)]);
    assert_eq!(read(&["db/none".to_owned()]).await, []);
    // A workflow's own `environment` makes deployments with another task.
    server.add_deployment("db/shop prod", "deploy");
    assert_eq!(read(&asked()).await.len(), 2);
    let paths: Vec<String> = server.requests().into_iter().map(|(_, path)| path).collect();
    assert_eq!(paths.iter().filter(|path| *path == "/api/graphql").count(), 4, "{paths:?}");
}

#[test]
fn no_deployment_of_ours_is_left_out_for_being_unreadable() {
    let read = |name: &str, value: Value| {
        let mut newest = json!({"task": DeploymentTask::Migrate.name(), "environment": "db/a", "createdAt": "2026-01-02T03:04:05Z"});
        newest[name] = value;
        page(&json!({"nodes": [newest]})).map(|page| page.deployments.len())
    };
    assert_eq!(read("latestStatus", Value::Null), Ok(1));
    assert_eq!(read("task", json!("deploy")), Ok(0));
    for (name, value) in
        [("createdAt", Value::Null), ("createdAt", json!("yesterday")), ("environment", Value::Null)]
    {
        let said = read(name, value).expect_err(name);
        assert!(said.contains(name), "{said}");
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let (server, api) = server(&["deployments: read"]).await;
    for _ in 0..250 {
        server.add_deployment("db/shop prod", "migrate");
    }
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = api.past_deployments(&asked(), after.as_deref()).await.expect("a page");
        pages.push(page.deployments.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, [100, 100, 50]);
}

#[tokio::test]
async fn what_graphql_refuses_is_explained() {
    let (server, own) = server(&["pull-requests: write"]).await;
    let failed = own.past_deployments(&asked(), None).await.expect_err("denied");
    assert_eq!(failed.kind, GitHubFailureKind::Denied);
    let said = failed.failure.sentence();
    assert!(said.contains("deployments: read") && said.contains("not accessible"), "{said}");
    let stranger = api(&server.api_url(), "ghs_unknown");
    let failed = stranger.past_deployments(&asked(), None).await.expect_err("unknown");
    assert_eq!(failed.kind, GitHubFailureKind::Denied);
    assert_eq!(server.requests().len(), 2, "asked once each");
}

#[tokio::test]
async fn a_bad_day_of_graphql_is_waited_out() {
    let (server, api) = server(&["deployments: read"]).await;
    server.fault("POST", "graphql", GitHubFault::BadGateway, 1);
    server.fault("POST", "graphql", GitHubFault::TooManyRequests { retry_after: 1 }, 1);
    api.past_deployments(&asked(), None).await.expect("a page in the end");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn errors_are_told_apart_by_their_type() {
    let kind = |of| explain::graphql(GitHubCall::QUERY_DEPLOYMENTS, DOING, of, "said").kind;
    assert_eq!(kind(Some("FORBIDDEN")), GitHubFailureKind::Denied);
    assert!(matches!(kind(Some("RATE_LIMITED")), GitHubFailureKind::Passing { wait: Some(_) }));
    assert_eq!(kind(Some("MAX_NODE_LIMIT_EXCEEDED")), GitHubFailureKind::Refused);
    assert_eq!(kind(None), GitHubFailureKind::Passing { wait: None });
}
