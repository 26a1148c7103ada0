//! Whole rollbacks.

use super::*;

fn words(report: &BackReport) -> Vec<&'static str> {
    report.services.iter().map(|row| row.verdict.as_ref().map_or("none", ServiceVerdict::word)).collect()
}

/// Sent since then, in their order.
fn changes(world: &World, since: usize) -> Vec<String> {
    let calls = world.sandbox.calls();
    let changing = calls[since..].iter().filter(|call| {
        crate::ports::CALLS.iter().any(|known| known.changes && known.operation() == call.operation)
    });
    changing.map(|call| call.operation.clone()).collect()
}

async fn runs(world: &World) -> String {
    let services = world.aws.services("c", &["web".to_owned()]).await.expect("a service");
    services[0].primary().and_then(|primary| primary.task_definition.clone()).expect("a revision")
}

#[tokio::test(start_paused = true)]
async fn a_service_goes_back_by_one_update_and_again_further() {
    let (world, arns) = World::after(&["a", "b", "c"]).await;
    for place in [1, 0] {
        let before = world.sandbox.calls().len();
        let report = done(&world, &[]).await;
        assert_eq!((words(&report), report.exit_code()), (vec!["rolled back"], ExitCode::Done), "{report:?}");
        assert!(report.services[0].verdict.as_ref().is_some_and(|verdict| verdict.proof().is_some()));
        assert_eq!(changes(&world, before), ["UpdateService"]);
        assert_eq!(runs(&world).await, arns[place]);
    }
    let report = done(&world, &[]).await;
    assert_eq!(report.exit_code(), ExitCode::BadInput, "nothing is left");
}

#[tokio::test(start_paused = true)]
async fn a_deregistered_revision_goes_back_as_its_copy() {
    let (world, arns) = World::after(&["a", "b"]).await;
    world.deregister(&arns[0]).await;
    let before = world.sandbox.calls().len();
    let report = done(&world, &[]).await;
    assert_eq!((words(&report), report.exit_code()), (vec!["rolled back"], ExitCode::Done), "{report:?}");
    assert_eq!(changes(&world, before), ["RegisterTaskDefinition", "UpdateService"]);
    assert!(report.services[0].registered && runs(&world).await.ends_with("web:3"));
}

#[tokio::test(start_paused = true)]
async fn a_second_rollback_after_a_copy_goes_further_back() {
    let (world, arns) = World::after(&["a", "b", "c"]).await;
    world.deregister(&arns[1]).await;
    let report = done(&world, &[]).await;
    assert_eq!(words(&report), ["rolled back"], "{report:?}");
    assert!(report.services[0].registered && runs(&world).await.ends_with("web:4"), "{report:?}");
    let report = done(&world, &[]).await;
    assert_eq!((words(&report), runs(&world).await), (vec!["rolled back"], arns[0].clone()), "{report:?}");
    let report = done(&world, &[]).await;
    assert_eq!(report.exit_code(), ExitCode::BadInput, "nothing is left, and c was left already");
}

#[tokio::test(start_paused = true)]
async fn a_proof_of_some_containers_is_none_of_all() {
    let world = World::new();
    let [app, proxy] = ["app", "proxy"].map(|tag| world.image(tag));
    // An older revision that is in no record: nobody knows what its tag named then.
    world.register_all(
        "web",
        &json!([
            {"name": "app", "image": format!("{HOST}/app:app")},
            {"name": "proxy", "image": format!("{HOST}/app@{proxy}")},
        ]),
    );
    world.create(&world.register("web", &format!("{HOST}/app@{app}"))).await;
    let report = done(&world, &["--to=web:1"]).await;
    assert_eq!(
        (words(&report), report.exit_code()),
        (vec!["unproved"], ExitCode::MigrationFailed),
        "{report:?}"
    );
    let said = report.services[0].verdict.as_ref().map(ServiceVerdict::explain).expect("a verdict");
    assert!(said.contains("no image digest is known that container app is to have"), "{said}");
    assert!(!said.contains("proxy") && runs(&world).await.ends_with("web:1"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_under_way_is_taken_back_by_ecs() {
    let (world, arns) = World::after(&["a", "b"]).await;
    world.update(&world.revision("c"), false).await;
    world.until(DeploymentStatus::InProgress, 3).await;
    let before = world.sandbox.calls().len();
    let report = done(&world, &[]).await;
    assert_eq!((words(&report), report.exit_code()), (vec!["rolled back"], ExitCode::Done), "{report:?}");
    assert_eq!(changes(&world, before), ["StopServiceDeployment"]);
    assert_eq!(runs(&world).await, arns[1]);
    assert_eq!(world.statuses().await[0], DeploymentStatus::RollbackSuccessful);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_is_faster_than_its_rollback_is_gone_back_from() {
    // Tried at many instants of the deployment's end: at some of them SUCCESSFUL wins.
    let mut ways = std::collections::BTreeSet::new();
    for wait in 0..12 {
        let (world, arns) = World::after(&["a", "b"]).await;
        world.update(&world.revision("c"), false).await;
        world.until(DeploymentStatus::InProgress, 3).await;
        let started = || world.sandbox.tasks().iter().filter_map(|task| task["startedAt"].as_f64()).count();
        while started() < 3 {
            sleep(Duration::from_millis(200)).await;
        }
        sleep(Duration::from_millis(37_000 + 300 * wait)).await;
        let before = world.sandbox.calls().len();
        let report = done(&world, &[]).await;
        assert_eq!((words(&report), report.exit_code()), (vec!["rolled back"], ExitCode::Done), "{report:?}");
        assert_eq!(runs(&world).await, arns[1], "after {wait}");
        ways.insert(changes(&world, before));
    }
    let both = ["StopServiceDeployment".to_owned(), "UpdateService".to_owned()];
    assert!(ways.contains(both.as_slice()), "{ways:?}");
}

#[tokio::test(start_paused = true)]
async fn each_service_goes_its_own_way_and_keeps_its_row() {
    let (world, arns) = World::after(&["a", "b"]).await;
    let jobs = json!({
        "cluster": "c", "serviceName": "jobs", "taskDefinition": arns[0], "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a"]}},
    });
    world.sandbox.create_service(&jobs).map_err(|error| error.message).expect("a service");
    sleep(Duration::from_secs(600)).await;
    let request = UpdateService {
        cluster: "c".into(),
        service: "jobs".into(),
        task_definition: arns[1].clone(),
        force: false,
    };
    world.aws.update_service(&request).await.expect("an update");
    sleep(Duration::from_secs(900)).await;
    world.update(&world.revision("c"), false).await;
    world.until(DeploymentStatus::InProgress, 3).await;
    let before = world.sandbox.calls().len();
    let report = done(&world, &["--service=jobs"]).await;
    assert_eq!(words(&report), ["rolled back", "rolled back"], "{report:?}");
    let to = |row: &crate::report::ServiceReport| row.to.as_ref().map(|to| to.task_definition.clone());
    let rows: Vec<_> = report.services.iter().map(|row| (row.service.as_str(), to(row))).collect();
    assert_eq!(rows, [("web", Some(arns[1].clone())), ("jobs", Some(arns[0].clone()))]);
    let mut changed = changes(&world, before);
    changed.sort_unstable();
    assert_eq!(changed, ["StopServiceDeployment", "UpdateService"]);
    let calls = world.sandbox.calls();
    let at = |operation: &str| {
        calls[before..].iter().find(|call| call.operation == operation).expect(operation).at
    };
    let apart = at("StopServiceDeployment").abs_diff(at("UpdateService"));
    assert!(apart < 5_000, "both at once: {apart} ms");
}

#[tokio::test(start_paused = true)]
async fn an_index_is_proved_by_its_image_for_the_platform_as_well() {
    for (architecture, word) in [("amd64", "rolled back"), ("arm64", "unproved")] {
        let world = World::new();
        let [amd64, arm64] = ["x86", "arm"].map(|tag| world.image(tag));
        let index = world.index("a", &amd64, &arm64);
        let a = world.register("web", &format!("{HOST}/app@{index}"));
        world.create(&a).await;
        world.deploy(&world.revision("b")).await;
        let shown = if architecture == "amd64" { amd64 } else { arm64 };
        let fault = sandbox::TaskFault::ImageShownAs { named: index, shown };
        world.sandbox.faults().push(Fault::task(fault).always());
        let report = done(&world, &[]).await;
        assert_eq!(words(&report), [word], "{report:?}");
        assert_eq!(runs(&world).await, a);
        let row = &report.services[0];
        let tags = [&row.from, &row.to].map(|side| side.as_ref().and_then(|side| side.tag.clone()));
        assert_eq!(tags, [Some("b".to_owned()), Some("a".to_owned())]);
        assert!(row.url.as_ref().is_some_and(|url| url.contains("/clusters/c/services/web/")), "{row:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_is_interrupted_goes_on_and_never_back() {
    let (world, arns) = World::after(&["a", "b"]).await;
    let (progress, (set, interrupt)) = (Progress::silent(), Interrupt::by_hand());
    let surroundings =
        crate::operations::Surroundings { progress: &progress, interrupt: &interrupt, github: None };
    let config = world.sandbox.sdk_config();
    let connect = async move { Ok(Aws::from_config(config, Duration::from_secs(60), 1.0)) };
    let operation = operation(&["--yes", "--on-cancel=rollback"]).expect("flags");
    let interrupting = async {
        world.until(DeploymentStatus::InProgress, 3).await;
        set.send_replace(true);
    };
    let rolling_back = crate::operations::done(&operation, connect, &surroundings);
    let (report, ()) = tokio::join!(rolling_back, interrupting);
    assert_eq!((words(&report), report.exit_code()), (vec!["cancelled"], ExitCode::Cancelled), "{report:?}");
    let said = report.notes.join("\n");
    assert!(said.contains("--on-cancel rollback is for deploy"), "{said}");
    assert!(said.contains("goes on, and nothing follows it"), "{said}");
    world.until(DeploymentStatus::Successful, 3).await;
    assert_eq!(runs(&world).await, arns[0]);
}
