//! The plan as a comment on a pull request.

use std::path::Path;

use sandbox::{GitHub, Script, seed};
use serde_json::json;

use super::{ALL, COMMIT, PULL_REQUEST, at, github, is_masked};
use crate::support::{HEALTH, IMAGE, PROD, Run, World, database};

/// The event file of a pull request whose branch is in the repository with this id; the base is 1.
fn pull_request(directory: &Path, head: u64) -> String {
    let path = directory.join(format!("event-{head}.json"));
    let event = json!({"action": "synchronize", "number": PULL_REQUEST, "pull_request": {
        "number": PULL_REQUEST,
        "head": {"sha": COMMIT, "ref": "x--><h1>@octocat", "repo": {"id": head}},
        "base": {"ref": "main", "repo": {"id": 1}},
    }});
    std::fs::write(&path, event.to_string()).expect("write the event");
    path.display().to_string()
}

fn plan(world: &World, github: &GitHub, more: &[&str]) -> Run {
    let event = pull_request(world.directory.path(), 1);
    let run = world.migrate(&[&["--plan", "--comment"], more].concat());
    at(run, &github.api_url()).variable("GITHUB_EVENT_PATH", &event)
}

#[tokio::test]
async fn two_plans_leave_one_comment_among_250_others() {
    let (world, github) = (World::new().await, github(ALL).await);
    for number in 0..250 {
        github.add_comment(PULL_REQUEST, "someone", number % 5 == 0, &format!("comment {number}"));
    }
    let first = plan(&world, &github, &["--database", PROD]).finish().await;
    first.exits(0).never_says("not on the pull request");
    let second = plan(&world, &github, &["--database", PROD, "--database", HEALTH]).finish().await;
    second.exits(0);
    let comments = github.comments(PULL_REQUEST);
    assert_eq!(comments.len(), 251);
    let (_, login, body, edits) = &comments[250];
    assert_eq!((login.as_str(), *edits), ("github-actions[bot]", 1));
    assert!(body.starts_with("<!-- fargate-migrate plan 123456789012/us-east-1/"), "{body}");
    assert!(body.contains("+ DATABASE_NAME") && body.contains(HEALTH) && body.contains(COMMIT), "{body}");
    is_masked(&first);
    is_masked(&second);
}

#[tokio::test]
async fn a_comment_of_somebody_else_with_our_marker_stays_as_it_is() {
    let (world, github) = (World::new().await, github(ALL).await);
    plan(&world, &github, &["--database", PROD]).finish().await.exits(0);
    let ours = github.comments(PULL_REQUEST).remove(0).2;
    let forged = github.add_comment(8, "mallory", false, &ours);
    let event = pull_request(world.directory.path(), 1);
    let text = std::fs::read_to_string(&event).expect("the event").replace("\"number\":7", "\"number\":8");
    std::fs::write(&event, text).expect("write the event");
    let run = world.migrate(&["--plan", "--comment", "--database", PROD]);
    at(run, &github.api_url()).variable("GITHUB_EVENT_PATH", &event).finish().await.exits(0);
    let comments = github.comments(8);
    assert_eq!(comments.len(), 2);
    assert_eq!((comments[0].0, comments[0].3), (forged, 0));
}

#[tokio::test]
async fn names_from_outside_can_not_break_a_comment() {
    let (world, github) = (World::new().await, github(ALL).await);
    let cluster = "x --> <img src=x onerror=alert(1)> @octocat `|` #1 ```";
    world.sandbox.create_cluster(cluster);
    let event = pull_request(world.directory.path(), 1);
    let arguments =
        ["migrate", "--plan", "--comment", "--cluster", cluster, "--database", PROD, "--image", IMAGE];
    let family = ["--task-definition", seed::TASK_FAMILY, "--subnets", seed::SUBNETS];
    let run = world.command(&[arguments.as_slice(), &family].concat());
    let run = at(run, &github.api_url()).variable("GITHUB_EVENT_PATH", &event).finish().await;
    run.exits(0);
    let body = github.comments(PULL_REQUEST).remove(0).2;
    assert_eq!(body.lines().next().expect("a marker").matches("-->").count(), 1);
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    // As GitHub, which lets some HTML through: what is ours, and no more.
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(&body, &options);
    assert!(html.contains("&lt;img src=x"), "it is visible: {html}");
    let outside_of_code = |part: &str| part.split_once("</pre>").map_or(part, |(_, rest)| rest).to_owned();
    let prose: String = html.split("<pre").map(outside_of_code).collect();
    assert!(prose.contains("octocat") && !prose.contains("@octocat"), "a mention: {prose}");
    let mut tags: Vec<&str> =
        html.split('<').skip(1).filter_map(|tag| tag.split(['>', ' ', '\n']).next()).collect();
    tags.retain(|tag| !tag.starts_with('/'));
    tags.sort_unstable();
    tags.dedup();
    let known = ["!--", "a", "blockquote", "code", "details", "h3", "p", "pre", "strong", "sub", "summary"];
    let of_tables = ["table", "tbody", "td", "th", "thead", "tr"];
    let strange: Vec<&&str> =
        tags.iter().filter(|tag| !known.contains(tag) && !of_tables.contains(tag)).collect();
    assert!(strange.is_empty(), "{strange:?} in {html}");
    assert_eq!((html.matches("<h3>").count(), html.matches("<details>").count()), (1, 1), "{html}");
    let links: Vec<&str> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links, ["https://github.example/octo/shop/actions/runs/4242"]);
    is_masked(&run);
}

#[tokio::test]
async fn a_plan_without_a_pull_request_says_so() {
    let (world, github) = (World::new().await, github(ALL).await);
    let event = world.directory.path().join("push.json");
    std::fs::write(&event, r#"{"ref":"refs/heads/main"}"#).expect("write the event");
    let run = world.migrate(&["--plan", "--comment", "--database", PROD]);
    let run = at(run, &github.api_url()).variable("GITHUB_EVENT_PATH", &event.display().to_string());
    let run = run.finish().await;
    run.exits(0).says("this run is not about a pull request");
    assert!(run.summary.contains("not about a pull request"), "{}", run.summary);
    assert_eq!(github.requests(), []);
    let run = world.migrate(&["--plan", "--comment", "--database", PROD]).finish().await;
    run.exits(0).says("not running in GitHub Actions");
}

#[tokio::test]
async fn a_fork_that_may_only_read_is_told_so() {
    let (world, github) = (World::new().await, github(&["pull-requests: read"]).await);
    let own = plan(&world, &github, &["--database", PROD]).finish().await;
    own.exits(0).says("add `pull-requests: write` to the job's `permissions`");
    let event = pull_request(world.directory.path(), 2);
    let fork = world.migrate(&["--plan", "--comment", "--database", PROD]);
    let fork = at(fork, &github.api_url()).variable("GITHUB_EVENT_PATH", &event).finish().await;
    fork.exits(0).says("the pull request comes from a fork").says("Resource not accessible");
    assert_eq!(github.comments(PULL_REQUEST), []);
    is_masked(&fork);
}

#[tokio::test]
async fn a_check_keeps_a_comment_of_its_own() {
    let (world, github) = (World::new().await, github(ALL).await);
    plan(&world, &github, &["--database", HEALTH]).finish().await.exits(0);
    world.program(|context| {
        let report = json!({
            "version": 1, "database": database(context), "pending": 1, "current": "57",
            "missing": [{"version": "58", "name": "x --> <h1>@octocat"}],
        });
        Script::new().line(json!({ "migration_report": report }).to_string())
    });
    let event = pull_request(world.directory.path(), 1);
    for edits in 0..2 {
        let run = world.check(&["--comment", "--database", HEALTH]);
        let run = at(run, &github.api_url()).variable("GITHUB_EVENT_PATH", &event).finish().await;
        run.exits(1).never_says("not on the pull request");
        let comments = github.comments(PULL_REQUEST);
        assert_eq!((comments.len(), comments[1].3), (2, edits));
        let body = &comments[1].2;
        assert!(body.starts_with("<!-- fargate-migrate check 123456789012/us-east-1/"), "{body}");
        assert!(body.contains("behind") && body.contains(HEALTH) && body.contains("The check of"), "{body}");
        assert!(!body.contains("<h1>") && !body.contains("@octocat"), "{body}");
        is_masked(&run);
    }
}
