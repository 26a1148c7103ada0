use super::*;

#[tokio::test]
async fn what_no_record_says_is_not_known() {
    let fleet = Fleet::new().await;
    let both = ["--database", PROD, "--service", seed::SERVICE];
    fleet.status(&both).finish().await.exits(0).says("neither --state nor --deployments is given");
    fleet.status(&[&both[..], &["--check"]].concat()).finish().await.exits(1).says("is not known");
    let other = ["--database", HEALTH, &fleet.state];
    fleet.status(&other).finish().await.exits(0).says("the state file has no run of it");
    let elsewhere = ["--database", PROD, &fleet.state, "--task-definition=other"];
    fleet
        .shop
        .world
        .command(&[&["status", "--cluster", seed::CLUSTER], &elsewhere[..]].concat())
        .finish()
        .await
        .exits(0)
        .says("task definition other does not exist");
    let missing = ["--database", PROD, "--service=nobody", &fleet.state];
    fleet.status(&missing).finish().await.exits(0).says("it does not exist in cluster");
}

#[tokio::test]
async fn what_is_denied_is_said_and_never_clean() {
    for (call, said) in [
        ("ecs:ListTasks", "not known"),
        ("ecs:DescribeTasks", "not known"),
        ("ecs:DescribeServices", "not known"),
        ("ecs:ListServiceDeployments", "not known"),
        ("ecs:DescribeTaskDefinition", "not known"),
        ("ecs:DescribeServiceRevisions", "task definitions not known"),
        ("ecr:BatchGetImage", "its tags are not known"),
        ("ecr:DescribeImages", "its tags are not known"),
    ] {
        let fleet = Fleet::new().await;
        fleet.denies(call);
        fleet.of_both(&[]).await.exits(0).says(said);
        let (run, check) = fleet.checked().await;
        // Tags, and what older deployments were of, are for people: digests are compared.
        let code = i32::from(!call.starts_with("ecr:") && call != "ecs:DescribeServiceRevisions");
        assert_eq!(run.code, code, "{call}: {check}");
    }
    let fleet = Fleet::new().await;
    fleet.denies("ecs:DescribeClusters");
    fleet.of_both(&[]).await.exits(3);
}

#[tokio::test]
async fn what_deployments_do_not_tell_is_said_beside_them() {
    let fleet = Fleet::new().await;
    let broken = fleet.shop.breaks("broken");
    fleet.shop.update(&json!({"taskDefinition": broken}));
    fleet.shop.until(|shop| shop.status() == "ROLLBACK_SUCCESSFUL").await;
    fleet.shop.settled().await;
    fleet.denies("ecs:DescribeServiceDeployments");
    for format in ["--format=text", "--format=markdown"] {
        fleet.of_both(&[format]).await.exits(0).says("ROLLBACK_SUCCESSFUL").says("reasons not known");
    }
    let (run, _) = fleet.checked().await;
    // What runs is what the database is proved at, whyever something else did not come to run.
    run.exits(0);
    let ended = run.result()["services"][0]["deployments"][0].clone();
    let why = ended["reason_unknown"].as_str().expect("a reason");
    assert!(why.contains("ecs:DescribeServiceDeployments"), "{ended}");

    let runs = fleet.shop.runs();
    let rules = json!({
        "alarms": {"alarmNames": ["errors"], "enable": true, "rollback": true},
        "bakeTimeInMinutes": 1440,
    });
    fleet.shop.update(&json!({
        "taskDefinition": runs, "forceNewDeployment": true, "deploymentConfiguration": rules,
    }));
    fleet.shop.until(|shop| shop.status() == "IN_PROGRESS").await;
    for format in ["--format=text", "--format=markdown"] {
        fleet.of_both(&[format]).await.exits(0).says("how far it is is not known");
    }
    let (run, _) = fleet.checked().await;
    run.exits(1);
    let rollout = run.result()["services"][0]["rollout"].clone();
    assert!(rollout["progress_unknown"].is_string() && rollout["stage"].is_null(), "{rollout}");
}
