use sandbox::GitHub;

use super::*;
use crate::support::{FINTECH, HEALTH, PROD, database, migrates};

const TOKEN: &str = "ghs_q9Zx7TokenThatNobodyMaySee31";

impl Shop {
    /// Migrates these databases with the image of the tag, and deploys that, by the real binary.
    pub(super) fn delivers(&self, tag: &str, more: &[&str]) -> Run {
        let image = self.image(tag);
        let mut run = vec!["deploy", "--service", seed::SERVICE, "--log-drain=1s", "--image", &image];
        run.extend(&seed::MIGRATE[1..]);
        self.world.command(&[&run[..], more].concat())
    }

    /// One that has run `a`, and then `b`, with which these databases were migrated.
    async fn migrated(databases: &str, more: &[&str]) -> Self {
        let mut shop = Self::after(&["a"]).await;
        shop.delivers("b", &[&["--database", databases], more].concat()).finish().await.exits(0);
        shop.settled().await;
        shop.ran.push(shop.runs());
        shop
    }
}

/// The changing calls since.
fn since(shop: &Shop, before: usize) -> Vec<String> {
    shop.changes()[before..].to_vec()
}

#[tokio::test]
async fn databases_that_were_migrated_since_refuse_the_rollback() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = format!("--state={}", directory.path().join("state.jsonl").display());
    let shop = Shop::migrated(&format!("{PROD},{HEALTH}"), &[&state]).await;
    let before = shop.changes().len();

    let run = shop.rollback(&[&state]).in_actions().finish().await;
    run.exits(2).says(PROD).says(HEALTH).says("--accept-newer-schema").never_says(FINTECH);
    shop.rollback(&[&state, "--plan"]).finish().await.exits(2).says("meets a newer schema");
    assert_eq!(since(&shop, before), [""; 0]);

    let accepted = [&state, "--accept-newer-schema"];
    let plan = shop.rollback(&[&accepted[..], &["--plan"]].concat()).finish().await;
    plan.exits(0).says("migrated by another image").says("which is accepted");
    shop.rollback(&accepted).finish().await.exits(0).says("rolled back");
    assert_eq!(since(&shop, before), ["UpdateService"]);
    assert_eq!(shop.runs(), shop.ran[0]);
}

#[tokio::test]
async fn a_migration_that_applied_nothing_refuses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = format!("--state={}", directory.path().join("state.jsonl").display());
    let shop = Shop::after(&["a"]).await;
    shop.world.program(|context| {
        let report = json!({"migration_report": {"version": 1, "database": database(context), "applied": [],
            "pending": 0, "current": "9", "tables": 57, "ms": 1}});
        Script::new().line(report.to_string())
    });
    shop.delivers("b", &["--database", PROD, &state]).finish().await.exits(0);
    shop.settled().await;
    let plan = shop.rollback(&["--plan", &state]).finish().await;
    plan.exits(0).says("the same, as far as state file").says("1 database");
}

#[tokio::test]
async fn what_nobody_knows_of_the_databases_is_said() {
    let shop = Shop::migrated(PROD, &[]).await;
    let run = shop.rollback(&[]).in_actions().finish().await;
    run.exits(0).says("not known whether databases were migrated");
    assert!(run.summary.contains("not known whether databases were migrated"), "{}", run.summary);
}

#[tokio::test]
async fn githubs_deployments_name_them_as_well() {
    let github = GitHub::start("octo/shop").await.expect("start GitHub's API");
    github.add_actions_token(TOKEN, &["deployments: write"]);
    let at = |run: Run| {
        run.in_actions().variable("GITHUB_API_URL", &github.api_url()).variable("GITHUB_TOKEN", TOKEN)
    };
    let shop = Shop::after(&["a"]).await;
    shop.world.program(|context| migrates(database(context)));
    let recorded = ["--database", PROD, "--deployments", "--environment-prefix=db/"];
    at(shop.delivers("b", &recorded)).finish().await.exits(0);
    shop.settled().await;
    let before = shop.changes().len();
    let file = shop.world.directory.path().join("fleet.yml");
    std::fs::write(&file, format!("databases:\n  - {PROD}\n  - {HEALTH}\n")).expect("write");
    let config = format!("--config={}", file.display());
    let asked = [config.as_str(), "--deployments", "--environment-prefix=db/"];
    let run = at(shop.rollback(&asked)).finish().await;
    run.exits(2).says("meets a newer schema").says(PROD).never_says(&format!(": {HEALTH}"));
    assert_eq!(since(&shop, before), [""; 0]);
    let run = at(shop.rollback(&[&asked[..], &["--accept-newer-schema"]].concat())).finish().await;
    run.exits(0);
    assert!(run.summary.contains(&format!("not known whether {HEALTH} was migrated")), "{}", run.summary);
    assert_eq!(since(&shop, before), ["UpdateService"]);
}
