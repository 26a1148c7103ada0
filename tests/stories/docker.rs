use std::time::Duration;

use sandbox::images::Images as _;
use sandbox::real_parts::docker_engine;
use sandbox::seed;
use serde_json::json;

use crate::hostile::{forms, harmless, visible};
use crate::support::docker::{EngineImages, docker_says};
use crate::support::{FINTECH, Finished, HEALTH, PROD, Run, World};

mod engine;
mod packs;
mod world;

use engine::{AppImage, Network};
use world::DockerWorld;

/// A cold build compiles the app and all that it depends on, optimised: some minutes on two cores.
const BUILD_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// What a production image may weigh, in bytes.
const SIZE_LIMIT: u64 = 25_000_000;
const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What app/Dockerfile calls its user.
const USER: &str = "10001";

#[tokio::test]
async fn the_image_is_built_pushed_and_run_and_sql_proves_what_it_did() {
    let Some(world) = DockerWorld::new().await else { return };
    let run = world.migrate(&["--database", FINTECH, "--max-parallel=2"]);
    let run = run.spawn().finish_within(BUILD_DEADLINE).await;
    let system = world.system;

    run.exits(0).never_says(system.postgres.password());
    let result = run.result();
    assert_eq!(result["image"]["source"], "built");
    let mut schemas = Vec::new();
    for database in [HEALTH, FINTECH] {
        assert_eq!(run.verdict(database), "migrated");
        let report = &run.row(database)["migration_report"];
        let tables = system.postgres.count_tables(database).await.expect("count tables");
        assert!(tables > 50, "{database} has {tables} tables");
        assert_eq!(report["database"], database);
        assert_eq!((&report["tables"], &report["pending"]), (&json!(tables), &json!(0)));
        assert_eq!((&report["unknown"], &report["missing"]), (&json!([]), &json!([])));
        schemas.push(report["schema"].as_str().expect("a schema").to_owned());
    }
    assert!(schemas[0].starts_with("sha256:") && schemas[0] == schemas[1], "{schemas:?}");
    for untouched in [PROD, system.postgres.default_database()] {
        assert_eq!(system.postgres.count_tables(untouched).await.expect("count tables"), 0, "{untouched}");
    }
    let digest = result["image"]["digest"].as_str().expect("a digest");
    let tasks = system.sandbox.tasks();
    assert_eq!(tasks.len(), 2);
    for task in tasks {
        assert_eq!(task["containers"][0]["imageDigest"], digest, "{task}");
    }
    system.stop().await.expect("stop the seed's system");
}

#[tokio::test]
async fn the_image_resolves_names_in_a_bare_container_and_is_nobodys_root() {
    if !docker_engine() {
        return;
    }
    let image = AppImage::get().await;
    let inspected = docker_says(&["image", "inspect", "--format", "{{.Size}} {{.Config.User}}", &image.name]);
    let (size, user) = inspected.split_once(' ').expect("two fields");
    let size: u64 = size.parse().expect("bytes");
    assert!(size <= SIZE_LIMIT, "{size} bytes");
    assert_eq!(user, format!("{USER}:{USER}"));

    let network = Network::create();
    let server = network.serve(&image.name, "shop-db");
    assert_eq!(docker_says(&["top", &server, "-eo", "pid,uid"]).split_whitespace().last(), Some(USER));

    let unresolved = "failed to lookup address information";
    let refused = "Connection refused";
    // The server's container has one open port, and it is not PostgreSQL's.
    let closed = network.migrate(&image.name, "shop-db", "5432");
    assert!(closed.contains(refused) && !closed.contains(unresolved), "{closed}");
    let answered = network.migrate(&image.name, "shop-db", "8000");
    assert!(!answered.contains(refused) && !answered.contains(unresolved), "{answered}");
    let unknown = network.migrate(&image.name, "no-such-db.invalid", "5432");
    assert!(unknown.contains(unresolved), "{unknown}");
}

#[tokio::test]
async fn a_tag_that_is_in_the_registry_is_reused_without_docker() {
    if !docker_engine() {
        return;
    }
    let _built = AppImage::get().await;
    let world = World::new().await;
    let _pushed = EngineImages::of(&world.sandbox.registry().repository_uri(seed::REPOSITORY));
    let first = build(&world, "v1").await;
    first.exits(0);
    assert_eq!(first.result()["image"]["source"], "built");
    let unreachable = world.migrate(&from_dockerfile("v1", HEALTH)).variable("DOCKER_HOST", NO_ENGINE);
    let second = unreachable.finish().await;
    second.exits(0).never_says("build image");
    assert_eq!(second.result()["image"]["source"], "reused");
    assert_eq!(second.result()["image"]["digest"], first.result()["image"]["digest"]);
}

#[tokio::test]
async fn a_step_that_fails_is_named_with_its_last_lines() {
    if !docker_engine() {
        return;
    }
    let world = World::new().await;
    let dockerfile = world.directory.path().join("Dockerfile");
    // On the base image of app/Dockerfile, so that a machine needs only that one.
    let steps = "FROM rust:1-bookworm AS production\nRUN echo the schema is missing >&2 && exit 7\n";
    std::fs::write(&dockerfile, steps).expect("write the Dockerfile");
    let context = world.directory.path().display().to_string();
    let flags = ["--context", &context, "--target", "production", "--tag", "v1", "--database", HEALTH];
    let run = with_environment(world.migrate(&flags), []).spawn().finish_within(BUILD_DEADLINE).await;
    run.exits(3).says("RUN echo the schema is missing >&2 && exit 7: ").says("exit code: 7").says("hint: ");
    // The step itself is repeated in several places; its output is only in its own line.
    assert!(run.stdout.lines().any(|line| line.ends_with(" the schema is missing")), "{}", run.stdout);
    nothing_was_changed(&world);
}

#[tokio::test]
async fn what_a_build_prints_is_text() {
    if !docker_engine() {
        return;
    }
    let world = World::new().await;
    let context = world.directory.path();
    std::fs::write(context.join("hostile"), forms::joined()).expect("write what is printed");
    let steps = "FROM rust:1-bookworm AS production\nCOPY hostile /\nRUN cat /hostile && cat /hostile >&2 && exit 7\n";
    std::fs::write(context.join("Dockerfile"), steps).expect("write the Dockerfile");
    let context = context.display().to_string();
    let flags = ["--context", &context, "--target", "production", "--tag", "v1", "--database", HEALTH];
    let run = with_environment(world.migrate(&flags).in_actions(), []).spawn();
    let run = run.finish_within(BUILD_DEADLINE).await;
    run.exits(3);
    let seen = harmless(&run);
    forms::all().for_each(|form| visible(&seen, form));
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_told_before_anything_is_changed() {
    if !docker_engine() {
        return;
    }
    let world = World::new().await;
    let run = world.migrate(&from_dockerfile("v1", HEALTH)).variable("DOCKER_HOST", NO_ENGINE);
    let run = run.finish().await;
    run.exits(3).says("reach the Docker Engine: it does not answer").says("DOCKER_HOST");
    nothing_was_changed(&world);
}

const NO_ENGINE: &str = "unix:///nonexistent/docker.sock";

fn nothing_was_changed(world: &World) {
    for operation in ["RegisterTaskDefinition", "RunTask"] {
        assert_eq!(world.called(operation), 0, "{operation}");
    }
    let registry = world.sandbox.registry();
    let pushed = registry.resolve(&format!("{}:v1", registry.repository_uri(seed::REPOSITORY)));
    assert!(pushed.is_err(), "{pushed:?}");
}

/// app/Dockerfile's production image for one database.
fn from_dockerfile<'a>(tag: &'a str, database: &'a str) -> [&'a str; 11] {
    const DOCKERFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/app/Dockerfile");
    [
        "--dockerfile",
        DOCKERFILE,
        "--context",
        ROOT,
        "--target",
        "production",
        "--tag",
        tag,
        "--database",
        database,
        "--format=json",
    ]
}

async fn build(world: &World, tag: &str) -> Finished {
    let run = with_environment(world.migrate(&from_dockerfile(tag, HEALTH)), []);
    run.spawn().finish_within(BUILD_DEADLINE).await
}

/// Adds variables, and the address of the engine where it is not the usual one.
fn with_environment(run: Run, variables: impl IntoIterator<Item = (String, String)>) -> Run {
    let engine = std::env::var("DOCKER_HOST").ok().map(|host| ("DOCKER_HOST".to_owned(), host));
    variables.into_iter().chain(engine).fold(run, |run, (name, value)| run.variable(&name, &value))
}
