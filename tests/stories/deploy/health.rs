//! `--health-url`: what answers has to be what was deployed.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::json;

use super::shop::{NEW, Shop, is};

/// A server that answers so; its address.
async fn server(status: StatusCode, commit: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = move || async move { (status, [("x-commit", commit)], "ok") };
    let router = Router::new().route("/health", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/health")
}

#[tokio::test]
async fn the_commit_in_the_answer_proves_which_version_answers() {
    let shop = Shop::new().await;
    let url = server(StatusCode::OK, "0a1b2c3").await;
    let flags =
        ["--health-url", &url, "--health-expect=0a1b2c3", "--health-successes=2", "--format=json", "-v"];
    let run = shop.alone(NEW, &flags).finish().await;
    run.says("DEBUG --health-url status=200 ms=");
    let web = is(&run, "deployed", 0);
    assert_eq!(web["health"], "2 good answers in a row, each with 0a1b2c3");
}

/// The load balancer still sends everybody to the old build, which is well.
#[tokio::test]
async fn an_old_build_that_answers_200_is_not_healthy() {
    for (status, said) in [
        (StatusCode::OK, "it answers 200 without 0a1b2c3 in body or header"),
        (StatusCode::SERVICE_UNAVAILABLE, "it answers 503"),
    ] {
        let shop = Shop::new().await;
        let url = server(status, "f00dfee").await;
        let flags = [
            "--health-url",
            &url,
            "--health-expect=0a1b2c3",
            "--health-successes=1",
            "--deploy-timeout=5s",
            "--format=json",
        ];
        let run = shop.alone(NEW, &flags).in_actions().finish().await;
        let web = is(&run, "unhealthy", 1);
        assert!(web["explanation"].as_str().is_some_and(|words| words.ends_with(said)), "{web:#}");
        run.sums_up("web: unhealthy");
        assert_eq!(run.outputs["deployed"], "");
        // Nobody has asked for more.
        assert_eq!(shop.world.called("UpdateService"), 1);
    }
}

#[tokio::test]
async fn what_is_unhealthy_goes_back_on_request() {
    let shop = Shop::new().await;
    let url = server(StatusCode::OK, "f00dfee").await;
    let flags = [
        "--health-url",
        &url,
        "--health-expect=0a1b2c3",
        "--health-successes=1",
        "--deploy-timeout=5s",
        "--on-failure=rollback",
        "--format=json",
    ];
    let run = shop.alone(NEW, &flags).finish().await;
    let web = is(&run, "unhealthy", 1);
    let said = web["explanation"].as_str().expect("words");
    assert!(said.contains("taken back to shop:1"), "{said}");
    assert_eq!(shop.service("web").await.task_definition(), Some(shop.revision(1).as_str()));
    assert_eq!(shop.world.inputs("UpdateService"), [shop.update("web", 2), shop.update("web", 1)]);
}

/// A service that is not deployed is not asked how it feels.
#[tokio::test]
async fn health_is_asked_after_the_deployment_and_not_in_its_place() {
    let shop = Shop::new().await;
    let url = server(StatusCode::OK, "0a1b2c3").await;
    let flags = ["--health-url", &url, "--health-expect=0a1b2c3", "--format=json"];
    let run = shop.alone(super::shop::BROKEN, &flags).finish().await;
    let web = is(&run, "rolled back", 1);
    assert_eq!(web["health"], json!(null));
}
