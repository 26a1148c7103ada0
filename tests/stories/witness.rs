use std::path::PathBuf;

use sandbox::registry::ImageKey;
use sandbox::{RepositorySettings, Script, seed};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::program::{compiled, static_program};
use crate::support::{HEALTH, PROD, Run, World};

const PATH: &str = "/fargate-migrate/witness";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A static executable that stands in for the witness: scripts stand in for what it starts.
fn another_witness() -> (TempDir, PathBuf) {
    compiled("fn main() { println!(\"another\"); }")
}

/// A migration of an image that is packaged here, with the witness in front.
fn migrate(world: &World, more: &[&str]) -> Run {
    let binary = static_program().display().to_string();
    let executable = format!("--witness-executable={binary}");
    let flags = ["--binary", &binary, "--tag=v1", "--witness", &executable];
    world.migrate(&[&flags, more].concat())
}

/// The migration container of the revision that was registered last.
fn registered(world: &World) -> Value {
    let inputs = world.inputs("RegisterTaskDefinition");
    let containers = inputs.last().expect("a revision")["containerDefinitions"].clone();
    containers.as_array().expect("containers")[0].clone()
}

fn tags(world: &World, repository: &str) -> Vec<String> {
    let known = ["v1", "v1-witness"].into_iter().map(str::to_owned);
    let registry = world.sandbox.registry();
    known.filter(|tag| registry.manifest(repository, &ImageKey::tag(tag).expect("a tag")).is_ok()).collect()
}

fn layers(world: &World, reference: &str) -> Vec<Value> {
    let (_, digest) = reference.split_once('@').expect("a digest");
    let key = ImageKey::parse(digest).expect("a digest");
    let manifest = world.sandbox.registry().manifest(seed::REPOSITORY, &key).expect("an image");
    let manifest: Value = serde_json::from_slice(&manifest.bytes).expect("JSON");
    manifest["layers"].as_array().expect("layers").clone()
}

#[tokio::test]
async fn it_is_one_more_layer_and_the_first_words_of_the_container() {
    let world = World::new().await;
    let run = migrate(
        &world,
        &[
            "--database",
            HEALTH,
            "--witness-history=django",
            "--witness-set=URL=x://{database}",
            "--format=json",
        ],
    );
    let run = run.finish().await;
    assert_eq!(run.exits(0).verdict(HEALTH), "migrated");
    let container = registered(&world);
    // The seed's container has a command, and its image no ENTRYPOINT.
    assert_eq!(container["entryPoint"], json!([PATH, "--history=django", "--set=URL=x://{database}", "--"]));
    assert_eq!(container["command"], json!(["app", "migrate"]));
    assert_eq!(container["dockerLabels"]["fargate-migrate.witness"], "entryPoint");
    // What is proved is the image without the witness.
    let (own, with) = (run.result()["image"]["reference"].clone(), container["image"].clone());
    assert_ne!(own, with);
    assert_eq!(run.row(HEALTH)["image_digest"], run.result()["image"]["digest"]);
    let (before, after) =
        (layers(&world, own.as_str().expect("text")), layers(&world, with.as_str().expect("text")));
    assert_eq!((before.len() + 1, &before[..]), (after.len(), &after[..before.len()]));
    assert_eq!(tags(&world, seed::REPOSITORY), ["v1", "v1-witness"]);
}

#[tokio::test]
async fn a_second_run_pushes_and_registers_nothing() {
    let world = World::new().await;
    migrate(&world, &["--database", HEALTH]).finish().await.exits(0);
    let (revisions, first) = (world.called("RegisterTaskDefinition"), registered(&world));
    let again = migrate(&world, &["--database", PROD]).finish().await;
    again.exits(0).says("reuse the one with the witness");
    assert_eq!(world.called("RegisterTaskDefinition"), revisions);
    // Without it the revision is what it was before, but for the image.
    let binary = static_program().display().to_string();
    world.migrate(&["--binary", &binary, "--tag=v1", "--database", PROD]).finish().await.exits(0);
    let without = registered(&world);
    assert_eq!((&without["entryPoint"], &without["dockerLabels"]), (&Value::Null, &Value::Null));
    assert_ne!(without["image"], first["image"]);
    // And with other flags the words in front are other ones, once.
    migrate(&world, &["--database", PROD, "--witness-history=knex"]).finish().await.exits(0);
    assert_eq!(registered(&world)["entryPoint"], json!([PATH, "--history=knex", "--"]));
}

#[tokio::test]
async fn another_executable_does_not_take_the_tag_away() {
    let world = World::new().await;
    world.sandbox.create_repository("frozen", RepositorySettings { immutable: true, ..Default::default() });
    let frozen = ["--database", HEALTH, "--repository=frozen"];
    migrate(&world, &frozen).finish().await.exits(0);
    let key = ImageKey::tag("v1-witness").expect("a tag");
    let first = world.sandbox.registry().manifest("frozen", &key).expect("an image").digest;
    let (_kept, other) = another_witness();
    let other = format!("--witness-executable={}", other.display());
    let binary = static_program().display().to_string();
    let run = ["--binary", &binary, "--tag=v1", "--witness", &other];
    world.migrate(&[&run[..], &frozen].concat()).finish().await.exits(0).says("frozen:v1-witness-");
    assert_eq!(world.sandbox.registry().manifest("frozen", &key).expect("an image").digest, first);
}

#[tokio::test]
async fn a_plan_shows_it_and_pushes_nothing() {
    let world = World::new().await;
    let build = migrate(&world, &["--database", HEALTH, "--plan"]).finish().await;
    build.exits(0).says("@<digest of v1-witness after the push>").says(PATH);
    migrate(&world, &["--database", HEALTH]).finish().await.exits(0);
    let known = registered(&world)["image"].as_str().expect("text").to_owned();
    let calls = world.operations().len();
    let planned = migrate(&world, &["--database", HEALTH, "--plan"]).finish().await;
    planned.exits(0).says(&known).says("in front of the container's command, as one more layer");
    for operation in &world.operations()[calls..] {
        assert!(
            !["RegisterTaskDefinition", "PutImage", "RunTask"].contains(&operation.as_str()),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn the_image_of_an_index_is_that_of_the_tasks_platform() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    world
        .command(&["build", "--binary", &binary, "--tag=one", "--repository", seed::REPOSITORY])
        .finish()
        .await
        .exits(0);
    let registry = world.sandbox.registry();
    let own = registry.manifest(seed::REPOSITORY, &ImageKey::tag("one").expect("a tag")).expect("an image");
    let image = |architecture: &str| {
        json!({
            "mediaType": own.media_type, "size": own.bytes.len(), "digest": own.digest.to_string(),
            "platform": {"os": "linux", "architecture": architecture},
        })
    };
    let put = |tag: &str, images: Value| {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}).to_string();
        let key = ImageKey::tag(tag).expect("a tag");
        let put = registry
            .put_image(seed::REPOSITORY, Some(&key), Some(INDEX), index.as_bytes())
            .expect("an index");
        format!("{}/{}@{}", registry.host(), seed::REPOSITORY, put.digest)
    };
    let index = put("index", json!([image("arm64"), image("amd64")]));
    let executable = format!("--witness-executable={binary}");
    let flags = ["--database", HEALTH, "--witness", &executable, "--format=json", "--image", &index];
    let run = world.migrate(&flags).finish().await;
    // The proof is about the index, and the task runs the image for its platform with the witness.
    assert_eq!(run.exits(0).row(HEALTH)["image_digest"], index.split_once('@').expect("a digest").1);
    let with = registered(&world)["image"].as_str().expect("text").to_owned();
    assert_eq!(layers(&world, &with).len(), 2);
}

#[tokio::test]
async fn where_no_layer_can_be_added_it_says_what_to_do() {
    let world = World::new().await;
    let binary = static_program().display().to_string();
    let executable = format!("--witness-executable={binary}");
    let elsewhere = world.migrate(&["--database", HEALTH, "--witness", &executable]).finish().await;
    elsewhere
        .exits(2)
        .says("is not in ECR, so --witness cannot add a layer to it")
        .says("COPY witness /fargate-migrate/witness");
    let none =
        world.migrate(&["--database", HEALTH, "--witness", "--binary", &binary, "--tag=v1"]).finish().await;
    none.exits(2).says("no witness for linux/amd64").says("--witness-executable");
    // A plan is made without it as well.
    let plan = ["--database", HEALTH, "--witness", "--binary", &binary, "--tag=v1", "--plan"];
    let planned = world.migrate(&plan).finish().await;
    planned.exits(0).says("on this machine the witness could not be added to the image").says(PATH);
    let text = ["--witness", "--witness-executable=/etc/passwd", "--binary", &binary, "--tag=v1"];
    let text = world.migrate(&[&["--database", HEALTH], &text[..]].concat()).finish().await;
    text.exits(2).says("package /etc/passwd: it is not a Linux executable");
    assert_eq!(world.called("RunTask") + world.called("RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn a_check_reports_and_a_command_goes_past_it() {
    let world = World::new().await;
    migrate(&world, &["--database", HEALTH]).finish().await.exits(0);
    let revisions = world.called("RegisterTaskDefinition");
    let told = |input: &Value| {
        let variables =
            input["overrides"]["containerOverrides"][0]["environment"].as_array().expect("a list").clone();
        variables.iter().find(|one| one["name"] == "WITNESS_OPERATION").map(|one| one["value"].clone())
    };
    let binary = static_program().display().to_string();
    let executable = format!("--witness-executable={binary}");
    let witness = ["--witness", &executable, "--binary", &binary, "--tag=v1", "--database", HEALTH];
    let check = [&["check"], &seed::MIGRATE[1..], &["--log-drain=1s"], &witness].concat();
    // What the script prints is no report of a check.
    world.command(&check).finish().await.exits(1).says("unproved");
    let tasks = world.inputs("RunTask");
    assert_eq!(told(&tasks[0]), None, "a migration");
    assert_eq!(told(&tasks[1]), Some("check".into()));
    assert_eq!(tasks[1]["overrides"]["containerOverrides"][0]["command"], Value::Null);
    // The check's own command takes the witness's place.
    world.command(&[&check[..], &["--check-command=app status --report"]].concat()).finish().await.exits(1);
    assert_eq!(told(&world.inputs("RunTask")[2]), Some("exec".into()));
    let run = [&["run"], &seed::MIGRATE[1..], &["--database", HEALTH, "--", "app", "status"]].concat();
    world.command(&run).finish().await.exits(0);
    assert_eq!(told(&world.inputs("RunTask")[3]), Some("exec".into()));
    assert_eq!(world.called("RegisterTaskDefinition"), revisions, "one revision for all of them");
}

#[tokio::test]
async fn the_service_gets_the_image_without_it() {
    let world = World::new().await;
    world.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped());
    let [old, new] = ["v1", "v2"].map(|tag| seed::push_image(&world.sandbox, tag).expect("pushed"));
    seed::create_service(&world.sandbox, &old).expect("a service");
    let service = format!("--service={}", seed::SERVICE);
    let executable = format!("--witness-executable={}", static_program().display());
    let flags =
        ["--image", &new, &service, "--on-deploying=wait", "--log-drain=1s", "--witness", &executable];
    let run = world.command(&[&["deploy"], &seed::MIGRATE[1..], &flags, &["--database", HEALTH]].concat());
    run.finish().await.exits(0).says("in 2 running tasks, each with the image's digest");
    let revisions = world.inputs("RegisterTaskDefinition");
    let [.., migration, service] = revisions.as_slice() else { panic!("two revisions") };
    assert_eq!(migration["containerDefinitions"][0]["entryPoint"][0], PATH);
    assert_ne!(migration["containerDefinitions"][0]["image"], new.as_str());
    let container = &service["containerDefinitions"][0];
    assert_eq!((&container["image"], &container["entryPoint"]), (&json!(new), &Value::Null));
}
