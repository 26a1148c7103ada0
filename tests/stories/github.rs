use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sandbox::{GitHub, GitHubFault, Script};
use serde_json::Value;

use crate::support::{FINTECH, Finished, HEALTH, PROD, Run, World, database, migrates, report};

mod comments;
mod deployed;
mod services;

const TOKEN: &str = "ghs_q9Zx7TokenThatNobodyMaySee31";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const PULL_REQUEST: u64 = 7;
const ALL: &[&str] = &["deployments: write", "pull-requests: write"];

async fn github(permissions: &[&str]) -> GitHub {
    let github = GitHub::start("octo/shop").await.expect("start GitHub's API");
    github.add_actions_token(TOKEN, permissions);
    github.add_issue(PULL_REQUEST);
    github
}

fn at(run: Run, url: &str) -> Run {
    run.in_actions().variable("GITHUB_API_URL", url).variable("GITHUB_TOKEN", TOKEN)
}

/// (environment, states, last description) of each deployment.
fn deployments(github: &GitHub) -> Vec<(String, Vec<String>, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> = github
        .deployments()
        .iter()
        .map(|(input, statuses)| {
            let states = statuses.iter().map(|status| text(&status["state"])).collect();
            let last = statuses.last().map(|status| text(&status["description"])).unwrap_or_default();
            (text(&input["environment"]), states, last)
        })
        .collect();
    // Those of one environment stay in their order.
    all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    all
}

/// The token stands in the command that masks it, and nowhere else.
#[track_caller]
fn is_masked(run: &Finished) {
    let mask = format!("::add-mask::{TOKEN}\n");
    let printed = format!("{}{}", run.stdout, run.stderr);
    assert!(printed.contains(&mask), "{run:#?}");
    let elsewhere = format!("{}{}", printed.replace(&mask, ""), run.summary);
    assert!(!elsewhere.contains(TOKEN), "{run:#?}");
    assert!(!run.outputs.values().any(|value| value.contains(TOKEN)));
}

#[tokio::test]
async fn each_database_has_a_deployment_that_says_what_became_of_it() {
    let (world, github) = (World::new().await, github(ALL).await);
    world.program(|context| match database(context) {
        name if name == HEALTH => Script::new().line("relation \"x\" <b>already</b> exists").exit(1),
        name => migrates(name),
    });
    let flags = ["--deployments", "--environment-prefix=db/", "--database", PROD, "--database", HEALTH];
    let run = world.migrate(&[flags.as_slice(), &["--database", FINTECH]].concat());
    let run = at(run, &github.api_url()).variable("INPUT_CHECK-RUN-ID", "987").finish().await;
    run.exits(1).never_says("no up-to-date GitHub Deployment");
    let made = deployments(&github);
    assert_eq!(made.len(), 2, "{FINTECH} was not run: {made:?}");
    assert_eq!(made[0].0, format!("db/{HEALTH}"));
    assert_eq!(made[0].1.last().map(String::as_str), Some("failure"));
    assert_eq!(made[0].2, "failed: exit code 1");
    assert_eq!(made[1].0, format!("db/{PROD}"));
    assert_eq!(made[1].1.last().map(String::as_str), Some("success"));
    let (input, statuses) = github.deployments().remove(0);
    assert_eq!(input["ref"], COMMIT);
    assert_eq!(input["payload"]["database"], PROD);
    assert!(input["payload"]["image_digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
    assert!(
        input["payload"]["task_definition"].as_str().is_some_and(|arn| arn.contains(":task-definition/"))
    );
    let log = "https://github.example/octo/shop/actions/runs/4242/attempts/1#summary-987";
    assert_eq!(statuses.last().expect("a status")["log_url"], log);
    is_masked(&run);
}

#[tokio::test]
async fn only_the_newest_proved_commit_is_active() {
    let (world, github) = (World::new().await, github(ALL).await);
    let run = async |attempt: &str| {
        let run = world.migrate(&["--deployments", "--database", PROD]);
        at(run, &github.api_url()).variable("GITHUB_RUN_ID", attempt).finish().await
    };
    run("1").await.exits(0);
    run("2").await.exits(0);
    let states = |github: &GitHub| -> Vec<String> {
        deployments(github).iter().filter_map(|(_, states, _)| states.last().cloned()).collect()
    };
    assert_eq!(states(&github), ["inactive", "success"]);
    // A task that migrated another database leaves the commit that is proved where it was.
    world.program(|_| Script::new().line(report("another")));
    run("3").await.exits(1);
    let mut all = states(&github);
    all.sort();
    assert_eq!(all, ["failure", "inactive", "success"]);
}

#[tokio::test]
async fn a_missing_permission_is_one_warning_and_no_other_verdict() {
    let (world, github) = (World::new().await, github(&["contents: read"]).await);
    let run = world.migrate(&["--deployments", "--database", PROD, "--database", HEALTH]);
    let run = at(run, &github.api_url()).finish().await;
    run.exits(0).says("add `deployments: write` to the job's `permissions`");
    let warning = "2 of 2 databases have no up-to-date GitHub Deployment";
    assert_eq!(run.summary.matches("GitHub Deployment").count(), 1, "{}", run.summary);
    run.says(warning);
    assert_eq!(github.deployments(), []);
    is_masked(&run);
}

#[tokio::test]
async fn a_github_that_is_down_changes_nothing_but_the_notes() {
    let world = World::new().await;
    // A port that was free a moment ago: nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let timed = async |run: Run| {
        let started = Instant::now();
        (run.finish().await, started.elapsed())
    };
    let (_, alone) = timed(world.migrate(&["--database", PROD]).in_actions()).await;
    let run = world.migrate(&["--deployments", "--database", PROD]).variable("GITHUB_RUN_ID", "2");
    let (run, with) = timed(at(run, &url)).await;
    run.exits(0).says("GitHub did not answer");
    assert_eq!(run.summary.matches("GitHub Deployment").count(), 1, "{}", run.summary);
    assert!(with < alone + Duration::from_secs(15), "{with:?}, and {alone:?} without deployments");
    is_masked(&run);
}

#[tokio::test]
async fn a_github_with_a_bad_day_is_asked_again() {
    let (world, github) = (World::new().await, github(ALL).await);
    github.fault("POST", "/deployments", GitHubFault::BadGateway, 1);
    github.fault("POST", "/statuses", GitHubFault::TooManyRequests { retry_after: 1 }, 1);
    github.fault("POST", "/deployments", GitHubFault::DropAfter, 1);
    let run = world.migrate(&["--deployments", "--database", PROD]);
    at(run, &github.api_url()).finish().await.exits(0).never_says("no up-to-date GitHub Deployment");
    let made = deployments(&github);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].1.last().map(String::as_str), Some("success"));
}

#[tokio::test]
async fn an_interrupted_run_records_that_too_and_waits_for_no_one() {
    for silent in [false, true] {
        let (world, github) = (World::new().await, github(ALL).await);
        world.program(|_| Script::new().line("working").until_stopped());
        if silent {
            github.fault("POST", "", GitHubFault::Hang, u32::MAX);
        }
        let run = world.migrate(&["--deployments", "--database", PROD]);
        let run = at(run, &github.api_url()).spawn();
        let deadline = Instant::now() + Duration::from_secs(60);
        while world.sandbox.tasks().iter().all(|task| task["lastStatus"] != "RUNNING")
            || github.requests().is_empty()
        {
            assert!(Instant::now() < deadline, "no running task");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let interrupted = Instant::now();
        run.signal(Signal::SIGINT);
        let run = run.finish().await;
        assert!(interrupted.elapsed() < Duration::from_millis(7500), "{:?}", interrupted.elapsed());
        run.exits(130);
        assert_eq!(run.outputs["exit-code"], "130");
        if !silent {
            let made = deployments(&github);
            assert_eq!(made[0].1.last().map(String::as_str), Some("error"), "{made:?}");
        }
    }
}

#[tokio::test]
async fn without_a_token_the_run_goes_on() {
    let (world, github) = (World::new().await, github(ALL).await);
    let run = world.migrate(&["--deployments", "--database", PROD]).in_actions();
    let run = run.variable("GITHUB_API_URL", &github.api_url()).finish().await;
    run.exits(0).says("GITHUB_TOKEN: ${{ github.token }}");
    assert_eq!(github.requests(), []);
}
