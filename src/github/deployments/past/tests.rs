use std::cell::RefCell;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::failure::Failure;
use crate::plan::tests::{document, observed, settings};
use crate::plan::{Plan, Proved};
use crate::ports::github::{GitHubFailure, GitHubFailureKind, PastDeployment};
use crate::state::journal_record::Target;

/// The image's digest in plans of tests.
const DIGEST: &str = "sha256:0";

/// GitHub: newest first, in pages of this many.
struct Past {
    deployments: Vec<PastDeployment>,
    page: usize,
    /// Deployments of others in each environment: they fill pages.
    others: usize,
    /// Queries after which it denies.
    denies_after: usize,
    is_silent: bool,
    asked: RefCell<Vec<(usize, Option<String>)>>,
}

impl Past {
    fn new(deployments: Vec<PastDeployment>) -> Self {
        Self {
            deployments,
            page: 100,
            others: 0,
            denies_after: usize::MAX,
            is_silent: false,
            asked: RefCell::default(),
        }
    }
}

impl PastGitHubDeployments for Past {
    async fn past_deployments(
        &self,
        environments: &[String],
        after: Option<&str>,
    ) -> Result<DeploymentPage, GitHubFailure> {
        assert!(environments.len() <= ENVIRONMENTS && !environments.is_empty());
        self.asked.borrow_mut().push((environments.len(), after.map(str::to_owned)));
        if self.is_silent {
            std::future::pending::<()>().await;
        }
        if self.asked.borrow().len() > self.denies_after {
            let failure = Failure::service("GitHub answers 403").hint("add `deployments: read`");
            return Err(GitHubFailure { kind: GitHubFailureKind::Denied, failure });
        }
        let others = std::iter::repeat_n(None, self.others * environments.len());
        let ours = self.deployments.iter().filter(|one| environments.contains(&one.environment)).map(Some);
        let all: Vec<Option<&PastDeployment>> = others.chain(ours).collect();
        let from = after.map_or(0, |at| at.parse().expect("our cursor"));
        let deployments = all.iter().skip(from).take(self.page).filter_map(|one| one.cloned()).collect();
        let end = from + self.page;
        Ok(DeploymentPage { deployments, next: (end < all.len()).then(|| end.to_string()) })
    }
}

/// What a task of these flags is told.
fn told(more: &[&str]) -> String {
    let settings = settings(&[&["--database=a"], more].concat());
    Plan::new(&settings, observed(document())).expect("a plan").told_digest()
}

fn payload(database: &str) -> Value {
    json!({
        "told": told(&[]),
        "key": "k", "database": database, "image": "i", "image_digest": DIGEST, "task_definition": "f:1",
        "proof": "report", "account": "123456789012", "region": "us-east-1", "cluster": "c",
        "family": "startupwebapp-migration-task", "container": "migration", "database_variable": "DATABASE_NAME",
    })
}

fn deployment(database: &str, succeeded: bool, payload: Value) -> PastDeployment {
    PastDeployment { environment: format!("db/{database}"), at: Timestamp::UNIX_EPOCH, succeeded, payload }
}

fn success(database: &str) -> PastDeployment {
    deployment(database, true, payload(database))
}

fn flags(databases: &str) -> Settings {
    settings(&["--deployments", "--resume", "--environment-prefix=db/", "--database", databases])
}

/// The databases that a plan skips after reading these, and its notes.
async fn proved(past: &Past, settings: &Settings) -> (Vec<String>, Vec<String>) {
    let read = read(past, settings).await;
    let mut observed = observed(document());
    observed.takes(read);
    let plan = Plan::new(settings, observed).expect("a plan");
    let run: HashSet<&str> = plan.databases().collect();
    assert!(plan.proved.iter().all(|one| !run.contains(one.database.as_str())));
    assert_eq!(run.len() + plan.proved.len(), settings.databases.len(), "each once");
    let names = plan.proved.iter().map(|Proved { database, .. }| database.to_string()).collect();
    (names, plan.notes)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("t{number}")).collect()
}

#[tokio::test]
async fn the_newest_success_about_this_very_database_proves_it() {
    let target = |past: &Value| serde_json::from_value::<Target>(past.clone()).expect("a target");
    let plan = Plan::new(&flags("a"), observed(document())).expect("a plan");
    let own = plan.target().expect("a target");
    let past = Past::new(vec![success("a")]);
    let mut whole = payload("a");
    whole["cluster"] = json!(own.cluster);
    whole["family"] = json!(own.family);
    assert_eq!(target(&whole), own);
    assert_eq!(target(&payload("a")), own, "the samples are about the plan's databases");
    assert_eq!(proved(&past, &flags("a,b")).await.0, ["a"]);
    assert_eq!(past.asked.take(), [(2, None)], "one query");
}

#[tokio::test]
async fn a_failure_after_a_success_is_no_proof() {
    let failed = |database| deployment(database, false, payload(database));
    let past = Past::new(vec![failed("a"), success("b"), success("a"), failed("b")]);
    assert_eq!(proved(&past, &flags("a,b")).await.0, ["b"]);
}

#[tokio::test]
async fn whatever_is_another_one_is_no_proof() {
    let fields = [
        ("database", json!("b")),
        ("image_digest", json!("sha256:1")),
        ("image_digest", json!(null)),
        ("account", json!("210987654321")),
        ("region", json!("eu-west-1")),
        ("cluster", json!("d")),
        ("family", json!("g")),
        ("container", json!("app")),
        ("database_variable", json!("DATABASE")),
        ("proof", json!("exit-code")),
        ("proof", json!("yes")),
        // Another command, another variable, and what only an older version leaves out.
        ("told", json!(told(&["--command=app migrate --dry-run"]))),
        ("told", json!(told(&["--env=MODE=dry"]))),
        ("told", json!(null)),
    ];
    for (field, value) in fields {
        let mut payload = payload("a");
        payload[field] = value;
        let past = Past::new(vec![deployment("a", true, payload.clone()), success("a")]);
        assert_eq!(proved(&past, &flags("a")).await.0, [""; 0], "{payload}");
    }
    for field in ["database", "image_digest", "account", "cluster", "family", "proof", "told"] {
        let mut payload = payload("a");
        payload.as_object_mut().expect("an object").remove(field);
        let past = Past::new(vec![deployment("a", true, payload)]);
        assert_eq!(proved(&past, &flags("a")).await.0, [""; 0], "without {field}");
    }
    for payload in [Value::Null, json!([1]), json!("text")] {
        let past = Past::new(vec![deployment("a", true, payload)]);
        assert_eq!(proved(&past, &flags("a")).await.0, [""; 0]);
    }
}

#[tokio::test]
async fn by_exit_code_a_success_is_enough() {
    let mut payload = payload("a");
    payload["proof"] = json!("exit-code");
    let past = Past::new(vec![deployment("a", true, payload)]);
    let settings = settings(&[
        "--deployments",
        "--resume",
        "--environment-prefix=db/",
        "--database=a",
        "--proof=exit-code",
    ]);
    assert_eq!(proved(&past, &settings).await.0, ["a"]);
}

#[tokio::test]
async fn a_thousand_databases_are_ten_queries() {
    let all = names(1000);
    let past = Past::new(all.iter().map(|name| success(name)).collect());
    let (skipped, notes) = proved(&past, &flags(&all.join(","))).await;
    assert_eq!((skipped.len(), past.asked.borrow().len()), (1000, 10));
    assert!(!notes.iter().any(|note| note.contains("Deployments")), "{notes:?}");
}

#[tokio::test]
async fn pages_are_read_until_each_newest_one_is_known() {
    // One database's deployments fill the first pages.
    let mut deployments: Vec<PastDeployment> = (0..25).map(|_| success("a")).collect();
    deployments.extend(["b", "c"].map(success));
    let past = Past { page: 10, ..Past::new(deployments) };
    assert_eq!(proved(&past, &flags("a,b,c,never")).await.0, ["a", "b", "c"]);
    assert_eq!(past.asked.take(), [(4, None), (3, None)], "without the one that is known");
    // Others' deployments do: there is nothing to leave out.
    let past = Past { page: 10, others: 8, ..Past::new(vec![success("a"), success("b")]) };
    assert_eq!(proved(&past, &flags("a,b")).await.0, ["a", "b"]);
    assert_eq!(past.asked.take(), [(2, None), (2, Some("10".into()))]);
}

#[tokio::test]
async fn there_is_an_end_to_pages_and_what_is_left_runs() {
    let past = Past { page: 10, others: 1_000, ..Past::new(vec![success("a"), success("b")]) };
    let (skipped, notes) = proved(&past, &flags("a,b")).await;
    assert_eq!((skipped.len(), past.asked.borrow().len()), (0, QUERIES));
    let said = notes.iter().find(|note| note.contains("2 of 2 databases is not known")).expect("a note");
    assert!(said.contains("more other deployments than 10 pages"), "{said}");
}

#[tokio::test]
async fn who_is_denied_keeps_what_was_read_and_asks_no_more() {
    let all = names(1000);
    let past = Past { denies_after: 6, ..Past::new(all.iter().map(|name| success(name)).collect()) };
    let (skipped, notes) = proved(&past, &flags(&all.join(","))).await;
    assert_eq!(skipped.len(), 600);
    assert!(past.asked.borrow().len() < 10, "{:?}", past.asked);
    let said = notes.iter().find(|note| note.contains("400 of 1000 databases is not known")).expect("a note");
    assert!(said.contains("403") && said.contains("deployments: read"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_github_is_waited_for_a_minute() {
    let past = Past { is_silent: true, ..Past::new(vec![success("a")]) };
    let started = Instant::now();
    let (skipped, notes) = proved(&past, &flags("a")).await;
    assert_eq!((skipped.len(), started.elapsed().as_secs()), (0, 60));
    assert!(notes.iter().any(|note| note.contains("took more than 60 s")), "{notes:?}");
}

#[tokio::test]
async fn a_run_with_a_state_file_has_nothing_to_do_with_it() {
    let with = settings(&["--deployments", "--resume", "--state=f", "--database=a"]);
    assert!(!with.resume.from_github() && with.resume.state.is_some());
    let without = settings(&["--deployments", "--database=a"]);
    assert!(!without.resume.from_github());
}
