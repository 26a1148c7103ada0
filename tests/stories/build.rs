use sandbox::seed;
use serde_json::json;

use crate::support::program::static_program;
use crate::support::{HEALTH, Run, World};

/// `fargate-migrate build` of a static executable; `more` comes last.
fn build(world: &World, more: &[&str]) -> Run {
    let program = static_program().display().to_string();
    world.command(&[&["build", "--binary", &program], more].concat())
}

const REPOSITORY: [&str; 4] = ["--repository", seed::REPOSITORY, "--tag", "v1"];

#[tokio::test]
async fn what_one_job_builds_another_migrates_with() {
    let world = World::new().await;
    let built = build(&world, &REPOSITORY).in_actions().finish().await;
    built.exits(0);
    let registry = world.sandbox.registry();
    let uri = registry.repository_uri(seed::REPOSITORY);
    let digest = &built.outputs["image-digest"];
    assert!(digest.starts_with("sha256:"), "{digest}");
    assert_eq!(built.outputs["image"], format!("{uri}@{digest}"));
    assert_eq!((built.outputs["exit-code"].as_str(), built.outputs["result"].as_str()), ("0", ""));
    let digits = digest.trim_start_matches("sha256:");
    assert!(built.summary.contains("The image is in the registry"), "{}", built.summary);
    assert!(built.summary.contains(digits), "{}", built.summary);

    let image = &built.outputs["image"];
    let migrated = world.migrate(&["--image", image, "--database", HEALTH, "--format=json"]).finish().await;
    migrated.exits(0);
    assert_eq!(&migrated.result()["image"]["digest"], digest);
}

#[tokio::test]
async fn an_image_that_is_there_is_not_built_again() {
    let world = World::new().await;
    let first = build(&world, &[REPOSITORY.as_slice(), &["--format=json"]].concat()).finish().await;
    let second = build(&world, &[REPOSITORY.as_slice(), &["--format=json"]].concat()).finish().await;
    first.exits(0);
    second.exits(0);
    assert_eq!(first.result()["image"]["source"], "packaged");
    assert_eq!(second.result()["image"]["source"], "reused");
    assert_eq!(first.result()["image"]["digest"], second.result()["image"]["digest"]);
}

#[tokio::test]
async fn repository_and_platform_come_from_the_task_definition() {
    let world = World::new().await;
    let names = ["--task-definition", seed::TASK_FAMILY, "--tag", "v1", "--plan", "--format=json"];
    let run = build(&world, &names).finish().await;
    run.exits(0);
    let plan = run.result();
    assert_eq!((&plan["operation"], &plan["image"]["action"]), (&json!("build"), &json!("package")));
    assert_eq!(plan["image"]["binary"]["platform"], "linux/amd64");
    let reference = plan["image"]["reference"].as_str().expect("a reference");
    assert!(reference.ends_with(&format!("{}:v1", seed::REPOSITORY)), "{reference}");
    for changing in ["GetAuthorizationToken", "RegisterTaskDefinition", "RunTask"] {
        assert_eq!(world.called(changing), 0, "{changing}");
    }
}

#[tokio::test]
async fn the_plan_of_a_build_reads() {
    let world = World::new().await;
    let run = build(&world, &[REPOSITORY.as_slice(), &["--plan"]].concat()).in_actions().finish().await;
    run.exits(0)
        .says("Plan: build the image. Nothing has been changed.")
        .says("the repository has no image v1 yet");
    assert!(run.summary.contains("### Plan: build the image"), "{}", run.summary);
    assert!(run.outputs.is_empty(), "{:?}", run.outputs);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let world = World::new().await;
    build(&world, &["--tag", "v1"])
        .finish()
        .await
        .exits(2)
        .says("no repository given")
        .says("--repository NAME");
    let unknown = build(&world, &["--repository", "nowhere", "--tag", "v1"]).in_actions().finish().await;
    unknown.exits(2).says("nowhere").says(seed::REPOSITORY);
    assert!(
        unknown.summary.contains("No image") && unknown.summary.contains("nowhere"),
        "{}",
        unknown.summary
    );
    assert_eq!((unknown.outputs["exit-code"].as_str(), unknown.outputs["image"].as_str()), ("2", ""));
}

#[tokio::test]
async fn the_operation_is_an_input_and_inputs_of_the_other_one_do_not_matter() {
    let world = World::new().await;
    let program = static_program().display().to_string();
    let run = world.command(&[]).in_actions();
    let inputs = [
        ("INPUT_OPERATION", "build"),
        ("INPUT_BINARY", program.as_str()),
        ("INPUT_REPOSITORY", seed::REPOSITORY),
        ("INPUT_DATABASE", HEALTH),
        ("INPUT_CLUSTER", "no-such-cluster"),
    ];
    let run = inputs.into_iter().fold(run, |run, (name, value)| run.variable(name, value)).finish().await;
    run.exits(0);
    assert!(run.summary.contains("0123456789abcdef0123456789abcdef01234567"), "{}", run.summary);
    assert_eq!(world.called("RunTask"), 0);
}
