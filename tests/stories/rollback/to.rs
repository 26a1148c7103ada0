use super::*;

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().expect("a name")
}

#[tokio::test]
async fn every_form_names_what_ran() {
    let shop = Shop::after(&["a", "b", "c"]).await;
    let deployments = shop.deployments();
    let first = deployments.last().expect("the first");
    let revision = first["targetServiceRevisionArn"].as_str().expect("an ARN");
    let deployment = first["serviceDeploymentArn"].as_str().expect("an ARN");
    let definition = shop.ran[0].as_str();
    // The newest deployment but one put b there: by its tag in ECR, as a commit would be.
    for to in [revision, last(revision), deployment, last(deployment), definition, "a"] {
        let run = shop.rollback(&["--plan", "--format=json", "--to", to]).finish().await;
        run.exits(0);
        let to_what = &run.result()["services"][0]["to"]["task_definition"];
        assert!(to_what.as_str().is_some_and(|arn| last(arn) == definition), "{to}: {to_what}");
    }
    assert!(shop.changes().is_empty());
    shop.rollback(&["--to", "a"]).finish().await.exits(0).says("rolled back");
    assert_eq!(shop.runs(), definition, "past b");
    assert_eq!(shop.changes(), ["UpdateService"]);
}

#[tokio::test]
async fn what_is_not_there_or_never_ran_is_refused_with_what_there_is() {
    let shop = Shop::after(&["a", "b"]).await;
    let broken = shop.breaks("broken");
    shop.update(&json!({"taskDefinition": broken}));
    shop.until(|shop| shop.deployments().len() == 3 && shop.status() == "ROLLBACK_SUCCESSFUL").await;
    shop.settled().await;
    let failed = shop.deployments()[0].clone();
    let tried = failed["targetServiceRevisionArn"].as_str().expect("an ARN");
    let other = tried.replace(seed::SERVICE, "other");
    let unknown = format!("{}1", &tried[..tried.len() - 1].trim_end_matches('1'));
    let new = shop.revision("new");
    for (to, said) in [
        (tried, "never ran to success"),
        (last(tried), "has not run"),
        (other.as_str(), "names something of service other"),
        (unknown.as_str(), "ECS does not know service revision"),
        ("nothing-like-it", "has not run nothing-like-it"),
        ("broken", "there is an image with this tag"),
        (broken.as_str(), "not an older revision"),
        (new.as_str(), "put what is new on a service with deploy"),
        ("startupwebapp-web:999", "does not exist"),
        ("b", "runs b already"),
        (shop.ran[1].as_str(), "already"),
        ("../x", "names nothing to go back to"),
    ] {
        let run = shop.rollback(&["--to", to]).finish().await;
        run.exits(2).says(said);
    }
    shop.rollback(&["--to=nothing-like-it"]).finish().await.says(&shop.ran[0]).says(&shop.ran[1]);
    assert!(shop.changes().is_empty());
}

#[tokio::test]
async fn texts_that_are_commands_are_shown_as_texts() {
    let shop = Shop::after(&["a", "b"]).await;
    for to in ["::add-mask::x", "x\n::error::injected", "\u{1b}[31mred", "%0A::warning::x", "`rm -rf`<b>"] {
        let run = shop.rollback(&["--to", to]).in_actions().finish().await;
        run.exits(2);
        let printed = format!("{}{}", run.stdout, run.stderr);
        let commands = ["::add-mask::x", "::error::injected", "::warning::x"];
        let is_one = |line: &str| commands.contains(&line.trim_start());
        assert!(!printed.lines().any(is_one) && !printed.contains('\u{1b}'), "{printed:?}");
        assert!(!run.summary.contains("<b>"), "{}", run.summary);
    }
    assert!(shop.changes().is_empty());
}
