//! `--resume` without a state file: GitHub's Deployments say what is migrated already.

use sandbox::seed;
use serde_json::json;

use super::*;
use crate::support::IMAGE;

const THREE: [&str; 6] = ["--database", PROD, "--database", HEALTH, "--database", FINTECH];
const OTHER_IMAGE: &str =
    "registry.example/app@sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Another attempt of the workflow's run, so that ECS knows none of its tasks as this one's.
fn attempt(world: &World, github: &GitHub, number: u32, more: &[&str]) -> Run {
    let flags = ["--deployments", "--environment-prefix=db/", "--format=json", "--keep-going"];
    let run = world.migrate(&[THREE.as_slice(), &flags, more].concat());
    at(run, &github.api_url()).variable("GITHUB_RUN_ATTEMPT", &number.to_string())
}

/// A run of three databases of which one fails; from then on all would be migrated.
async fn after_a_failure(more: &[&str]) -> (World, GitHub) {
    let (world, github) = (World::new().await, github(ALL).await);
    world.program(|context| match database(context) {
        name if name == HEALTH => Script::new().line("error: relation exists").exit(1),
        name => migrates(name),
    });
    attempt(&world, &github, 1, more).finish().await.exits(1).never_says("no up-to-date GitHub Deployment");
    assert_eq!(world.called("RunTask"), 3);
    world.program(|context| migrates(database(context)));
    (world, github)
}

fn queries(github: &GitHub) -> usize {
    github.requests().iter().filter(|(_, path)| path == "/api/graphql").count()
}

#[tokio::test]
async fn what_a_deployment_says_is_migrated_is_skipped() {
    let (world, github) = after_a_failure(&[]).await;
    let payload = github.deployments().remove(0).0["payload"].clone();
    assert_eq!(payload["cluster"], seed::CLUSTER);
    assert_eq!(payload["family"], seed::TASK_FAMILY);
    assert_eq!((&payload["account"], &payload["proof"]), (&json!("123456789012"), &json!("report")));

    let resume = ["--resume"];
    let plan = [resume.as_slice(), &["--plan", "--format=text"]].concat();
    let plan: Vec<&str> = plan.into_iter().collect();
    let flags = ["--deployments", "--environment-prefix=db/"];
    let plan = world.migrate(&[THREE.as_slice(), &flags, &plan].concat());
    let plan = at(plan, &github.api_url()).finish().await;
    plan.exits(0)
        .says("2 databases proved migrated by an earlier run, and skipped")
        .says(&format!("RunTask for {HEALTH}"))
        .never_says(&format!("RunTask for {PROD}"));
    assert_eq!(queries(&github), 1);

    let run = attempt(&world, &github, 2, &resume).finish().await;
    run.exits(0);
    assert_eq!(world.called("RunTask"), 4, "one more");
    for name in [PROD, FINTECH] {
        let row = run.row(name);
        assert_eq!(row["verdict"], "migrated");
        assert!(row["proved_by_earlier_run_at"].is_string(), "{row}");
        assert_eq!(row["image_digest"].as_str(), IMAGE.split_once('@').map(|(_, digest)| digest));
        assert_eq!((&row["task_arn"], &row["migration_report"]), (&Value::Null, &Value::Null));
    }
    assert!(run.row(HEALTH).get("proved_by_earlier_run_at").is_none(), "{}", run.row(HEALTH));
    assert_eq!(run.summary.matches("by an earlier run").count(), 2, "{}", run.summary);
    assert!(run.summary.contains("3 of 3 databases proved migrated"), "{}", run.summary);
    assert!(!run.summary.contains("exit code alone"), "{}", run.summary);
    assert_eq!(queries(&github), 2, "one for each");
    is_masked(&run);

    let run = attempt(&world, &github, 3, &resume).finish().await;
    run.exits(0);
    assert_eq!((world.called("RunTask"), github.deployments().len()), (4, 4), "nothing is left to do");
}

#[tokio::test]
async fn another_image_or_another_variable_is_not_proved() {
    let (world, github) = after_a_failure(&[]).await;
    let run = attempt(&world, &github, 2, &["--resume", "--image", OTHER_IMAGE]).finish().await;
    run.exits(0);
    assert_eq!(world.called("RunTask"), 6, "all of them");
    // The newest deployment counts: the first image is not what the databases are at now.
    let run = attempt(&world, &github, 3, &["--resume"]).finish().await;
    run.exits(0);
    assert_eq!(world.called("RunTask"), 9);
    let run = attempt(&world, &github, 4, &["--resume", "--database-variable=DATABASE"]).finish().await;
    // They are others' databases; the script, which reads DATABASE_NAME, finds none of them.
    run.exits(1);
    assert_eq!(world.called("RunTask"), 12);
}

#[tokio::test]
async fn a_success_by_exit_code_is_no_report() {
    let (world, github) = after_a_failure(&["--proof=exit-code"]).await;
    let run = attempt(&world, &github, 2, &["--resume", "--proof=exit-code"]).finish().await;
    run.exits(0);
    assert_eq!(world.called("RunTask"), 4);
    assert!(
        run.summary.contains("1 of 3 databases proved migrated: 2 migrated, not proved"),
        "{}",
        run.summary
    );
    assert!(run.summary.contains("that run took exit codes for proof"), "{}", run.summary);
    assert!(!run.summary.contains("exit code alone"), "{}", run.summary);
    attempt(&world, &github, 3, &["--resume"]).finish().await.exits(0);
    assert_eq!(world.called("RunTask"), 7, "all of them");
}

#[tokio::test]
async fn a_github_that_says_nothing_makes_everything_run() {
    let (world, github) = after_a_failure(&[]).await;
    github.add_actions_token("ghs_poor", &["contents: read"]);
    let run = attempt(&world, &github, 2, &["--resume"]).variable("GITHUB_TOKEN", "ghs_poor").finish().await;
    run.exits(0)
        .says("what GitHub's Deployments say of 3 of 3 databases is not known, so these run")
        .says("add `deployments: read` to the job's `permissions`");
    assert_eq!(world.called("RunTask"), 6);
    assert!(run.summary.contains("is not known, so these run"), "{}", run.summary);

    github.fault("POST", "graphql", GitHubFault::BadGateway, u32::MAX);
    let run = attempt(&world, &github, 3, &["--resume"]).finish().await;
    run.exits(0).says("is not known, so these run").says("502");
    assert_eq!(world.called("RunTask"), 9);

    let run = attempt(&world, &github, 4, &["--resume"]).without("GITHUB_TOKEN").finish().await;
    run.exits(0).says("were not asked what is migrated already, so everything runs");
    assert_eq!(world.called("RunTask"), 12);
}

#[tokio::test]
async fn only_failed_needs_a_state_file() {
    let (world, github) = (World::new().await, github(ALL).await);
    let run = attempt(&world, &github, 1, &["--resume", "--only-failed"]).finish().await;
    run.exits(2).says("--only-failed without --state");
    assert_eq!((world.called("RunTask"), queries(&github)), (0, 0));
}
