//! SQL that came after the code that has to survive it.

use std::path::{Path, PathBuf};
use std::process::Command;

use sandbox::GitHub;

use super::*;
use crate::support::PROD;

const TOKEN: &str = "ghs_q9Zx7TokenThatNobodyMaySee31";
const GLOB: &str = "--migrations=migrations/*.sql";

/// A repository of two commits, the second of which adds a column and drops another one.
struct Repository {
    directory: tempfile::TempDir,
    commits: [String; 2],
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
    let output = Command::new("git").current_dir(directory).args(identity).args(arguments).output();
    let output = output.expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

impl Repository {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        git(path, &["init", "--quiet", "-b", "main"]);
        std::fs::create_dir(path.join("migrations")).expect("a directory");
        let commit = |files: &[(&str, &str)]| {
            for (name, text) in files {
                std::fs::write(path.join("migrations").join(name), text).expect("write a migration");
            }
            git(path, &["add", "."]);
            git(path, &["commit", "--quiet", "-m", "migrate"]);
            git(path, &["rev-parse", "HEAD"])
        };
        let first = commit(&[("V1__orders.sql", "alter table customers drop column fax;\n")]);
        let second = commit(&[
            ("V2__add.sql", "alter table orders add column phone text;\n"),
            ("V10__drop.sql", "create index on orders (phone);\nalter table orders drop column contact;\n"),
        ]);
        Self { directory, commits: [first, second] }
    }

    /// A clone without history, as actions/checkout makes one.
    fn shallow(&self) -> PathBuf {
        let clone = self.directory.path().join("clone");
        let url = format!("file://{}", self.directory.path().display());
        git(self.directory.path(), &["clone", "--quiet", "--depth=1", &url, "clone"]);
        clone
    }
}

#[tokio::test]
async fn a_rollback_lists_what_the_old_code_may_not_survive() {
    let repository = Repository::new();
    let [first, second] = &repository.commits;
    let state = format!("--state={}", repository.directory.path().join("state.jsonl").display());
    let shop = Shop::after(&[first]).await;
    shop.delivers(second, &["--database", PROD, &state]).finish().await.exits(0);
    shop.settled().await;
    let rolled = |more: &[&str], directory: &Path| {
        shop.rollback(&[&[&state, GLOB], more].concat()).current_directory(directory)
    };
    let here = repository.directory.path();

    let refused = rolled(&[], here).finish().await;
    refused
        .exits(2)
        .says("meets a newer schema")
        .says("migrations/V10__drop.sql:2: alter table orders drop column contact;")
        .says("ban-drop-column")
        .never_says("customers");
    let plan = rolled(&["--accept-newer-schema", "--plan", "--format=json"], here).finish().await;
    let sql = plan.exits(0).result()["services"][0]["sql"].clone();
    assert_eq!((&sql["files"], sql["findings"].as_array().map(Vec::len)), (&json!(2), Some(1)), "{sql:#}");
    assert_eq!(sql["of"], format!("those that changed since {first} (service {})", seed::SERVICE));
    let plan = rolled(&["--accept-newer-schema", "--plan"], here).finish().await;
    plan.exits(0).says("What the old code may not survive").says("migrations/V10__drop.sql:2");

    let plan = rolled(&["--accept-newer-schema", "--plan"], &repository.shallow()).finish().await;
    plan.exits(0)
        .says("not known what SQL the code of service")
        .says(&format!("git does not know {first} here"));
}

#[tokio::test]
async fn the_plan_of_a_deploy_is_about_what_is_new_to_the_code_that_runs() {
    let repository = Repository::new();
    let [first, second] = &repository.commits;
    let shop = Shop::after(&[first]).await;
    let plan = shop.delivers(second, &["--database", PROD, "--plan", GLOB, "--sql-level=fail"]);
    let plan = plan.current_directory(repository.directory.path()).finish().await;
    plan.exits(1)
        .says(&format!("2 SQL files (those that changed since {first} (service {}))", seed::SERVICE))
        .says("require-concurrent-index-creation")
        .says("ban-drop-column")
        .never_says("customers");
    let shallow = repository.shallow();
    let plan = shop.delivers(second, &["--database", PROD, "--plan", GLOB]);
    let plan = plan.current_directory(&shallow).finish().await;
    plan.exits(0).says("not known which SQL is new to the code that runs").says("3 SQL files");

    // In the Action's container there is no git, and in a checkout no history: GitHub has it.
    let github = GitHub::start("octo/shop").await.expect("start GitHub's API");
    github.add_actions_token(TOKEN, &["contents: read"]);
    for (path, status) in [
        ("migrations/V2__add.sql", "added"),
        ("migrations/V10__drop.sql", "added"),
        ("migrations/V0__gone.sql", "removed"),
    ] {
        github.add_file_since(first, path, status);
    }
    let planned = async |directory: &Path| {
        let plan = shop.delivers(second, &["--database", PROD, "--plan", GLOB]).current_directory(directory);
        let plan = plan.in_actions().variable("GITHUB_API_URL", &github.api_url());
        plan.variable("GITHUB_TOKEN", TOKEN).finish().await
    };
    planned(&shallow).await.exits(0).says(&format!("2 SQL files (those that changed since {first}"));
    for number in 0..300 {
        github.add_file_since(first, &format!("src/{number}.rs"), "modified");
    }
    planned(&shallow).await.exits(0).says("more files changed than it lists").says("3 SQL files");
}
