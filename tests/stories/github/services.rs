//! GitHub Deployments of services: by `deploy`, beside those of the databases or alone, and by `rollback`.

use sandbox::seed;

use super::*;

const SERVICE: &str = "--service=startupwebapp-web";
const OF_EACH: &str = "--service-environment=production/{service}";
const OF_ALL: &str = "--service-environment=production";
const CLUSTER: &str = "--cluster=startupwebapp-cluster";

/// The shop's service on an older image, and a newer one in ECR, whose tag is a commit; answers it by digest.
async fn shop(world: &World) -> String {
    world.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped());
    let older = "f".repeat(40);
    let old = seed::push_image(&world.sandbox, &older).expect("an image");
    seed::create_service(&world.sandbox, &old).expect("the service");
    let new = seed::push_image(&world.sandbox, COMMIT).expect("an image");
    steady(world, &new).await;
    new
}

/// Plans until nothing of the service is under way.
async fn steady(world: &World, image: &str) {
    for _ in 0..100 {
        if deploy(world, image, &["--plan", "--no-migration"]).finish().await.code == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("never steady");
}

fn deploy(world: &World, image: &str, more: &[&str]) -> Run {
    let base = ["deploy", SERVICE, "--log-drain=1s", "--image", image];
    world.command(&[&base[..], &seed::MIGRATE[1..], more].concat())
}

fn summary(made: &[(String, Vec<String>, String)]) -> Vec<(&str, Option<&str>)> {
    made.iter().map(|(name, states, _)| (name.as_str(), states.last().map(String::as_str))).collect()
}

#[tokio::test]
async fn a_deploy_records_databases_and_services_and_a_rollback_the_commit_it_goes_back_to() {
    let (world, github) = (World::new().await, github(ALL).await);
    let new = shop(&world).await;
    let flags = ["--database", PROD, "--deployments", "--environment-prefix=db/", OF_EACH];
    let run = at(deploy(&world, &new, &flags), &github.api_url()).finish().await;
    run.exits(0).never_says("no up-to-date GitHub Deployment").never_says("no GitHub Deployment");
    is_masked(&run);
    let made = deployments(&github);
    let (database, service) = (format!("db/{PROD}"), "production/startupwebapp-web");
    assert_eq!(summary(&made), [(database.as_str(), Some("success")), (service, Some("success"))]);
    assert!(made[1].2.starts_with("deployed: startupwebapp-web:3 in 2 running tasks"), "{made:?}");
    let (input, _) =
        github.deployments().into_iter().find(|(input, _)| input["environment"] == service).unwrap();
    assert_eq!((&input["ref"], &input["task"]), (&COMMIT.into(), &"deploy:services".into()));
    let listed = &input["payload"]["services"][0];
    assert_eq!(listed["service"], "startupwebapp-web");
    assert_eq!(listed["image"], new.as_str());
    assert!(listed["task_definition"].as_str().is_some_and(|arn| arn.ends_with("startupwebapp-web:3")));

    steady(&world, &new).await;
    let back = world.command(&["rollback", CLUSTER, SERVICE, "--accept-newer-schema", OF_EACH]);
    at(back, &github.api_url()).finish().await.exits(0);
    let all = github.deployments();
    let (input, statuses) = all.last().expect("a deployment");
    assert_eq!((&input["ref"], &input["task"]), (&"f".repeat(40).into(), &"rollback:services".into()));
    assert_eq!(input["environment"], service);
    assert_eq!(statuses.last().expect("a status")["state"], "success");
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn services_alone_are_recorded_without_a_migration_whatever_becomes_of_them() {
    let (world, github) = (World::new().await, github(ALL).await);
    let new = shop(&world).await;
    let digest = new.split_once('@').expect("a digest").1.to_owned();
    world.sandbox.set_program(seed::SERVICE_FAMILY, move |context| match context.image.ends_with(&digest) {
        true => Script::new().exit(1),
        false => Script::new().until_stopped(),
    });
    let run = at(deploy(&world, &new, &["--no-migration", OF_ALL]), &github.api_url()).finish().await;
    run.exits(1);
    let made = deployments(&github);
    assert_eq!(summary(&made), [("production", Some("failure"))]);
    assert!(made[0].2.starts_with("rolled back: ECS went back to startupwebapp-web:2"), "{made:?}");

    // A plan that is refused began nothing.
    let refused = deploy(&world, &new, &["--no-migration", "--service=nobody", OF_ALL]);
    at(refused, &github.api_url()).finish().await.exits(2);
    assert_eq!(github.deployments().len(), 1);
}

#[tokio::test]
async fn without_a_token_services_are_deployed_and_a_note_says_it() {
    let (world, github) = (World::new().await, github(ALL).await);
    let new = shop(&world).await;
    let run = deploy(&world, &new, &["--no-migration", OF_ALL]).in_actions();
    let run = run.variable("GITHUB_API_URL", &github.api_url()).finish().await;
    run.exits(0).says("no GitHub Deployment is recorded: no GitHub token");
    assert_eq!(github.requests(), []);
}

#[tokio::test]
async fn services_whose_database_is_not_proved_have_no_deployment() {
    let (world, github) = (World::new().await, github(ALL).await);
    let new = shop(&world).await;
    world.program(|_| Script::new().line("no").exit(1));
    let flags = ["--database", PROD, "--deployments", OF_ALL];
    at(deploy(&world, &new, &flags), &github.api_url()).finish().await.exits(1);
    assert_eq!(summary(&deployments(&github)), [(PROD, Some("failure"))]);
}
