use std::cell::RefCell;

use serde_json::{Value, json};

use super::*;
use crate::plan::tests::{document, observed};
use crate::plan::{Observed, ObservedImage};
use crate::ports::github::{Author, GitHubFailure, Identity};
use crate::settings::Settings;
use crate::settings::samples::of as settings;
use crate::task_definition::TaskDefinition;

/// A pull request's comments, whose author is always the same; `meanwhile` is what another run does before ours
/// creates.
#[derive(Default)]
struct PullRequestPage {
    comments: RefCell<Vec<Comment>>,
    meanwhile: RefCell<Option<String>>,
    next: std::cell::Cell<u64>,
}

impl PullRequestPage {
    fn add(&self, login: &str, is_bot: bool, body: &str) -> u64 {
        let id = self.next.get() + 1;
        self.next.set(id);
        let author = Some(Author { login: login.into(), is_bot });
        self.comments.borrow_mut().push(Comment { id, body: body.into(), author });
        id
    }

    fn bodies(&self) -> Vec<(u64, String)> {
        self.comments.borrow().iter().map(|comment| (comment.id, comment.body.clone())).collect()
    }
}

impl Comments for PullRequestPage {
    async fn identity(&self) -> Result<Identity, GitHubFailure> {
        Ok(Identity::App)
    }

    async fn comments(&self, _: u64) -> Result<Vec<Comment>, GitHubFailure> {
        Ok(self.comments.borrow().clone())
    }

    async fn create_comment(&self, _: u64, body: &str) -> Result<u64, GitHubFailure> {
        if let Some(other) = self.meanwhile.take() {
            self.add("github-actions[bot]", true, &other);
        }
        Ok(self.add("github-actions[bot]", true, body))
    }

    async fn update_comment(&self, id: u64, body: &str) -> Result<(), GitHubFailure> {
        let mut comments = self.comments.borrow_mut();
        comments.iter_mut().find(|comment| comment.id == id).expect("there").body = body.into();
        Ok(())
    }

    async fn delete_comment(&self, id: u64) -> Result<(), GitHubFailure> {
        self.comments.borrow_mut().retain(|comment| comment.id != id);
        Ok(())
    }
}

const ON: PullRequest = PullRequest { number: 7, head: None, is_from_fork: false };

fn plan(cluster: &str, databases: &[String]) -> Plan {
    let settings = Settings { cluster: cluster.into(), ..settings(&["--database", &databases.join(",")]) };
    let image = ObservedImage::Reference {
        reference: "registry.example/app@sha256:0".into(),
        digest: None,
        platforms: None,
        unseen: None,
    };
    Plan::new(&settings, Observed { image, ..observed(document()) }).expect("a plan")
}

#[test]
fn a_deploys_comment_is_another_one_than_its_migrations() {
    let deploy = crate::plan::deploy_plan::tests::deploy_plan();
    assert_eq!(marker(&deploy), "<!-- fargate-migrate plan 123456789012/us-east-1/c/deploy%20web -->");
    let text = body(&deploy, &marker(&deploy), &ON, None).expect("a body");
    assert!(text.contains("deploy web on c"), "{text}");
}

fn named(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("tenant_{number:04}_{}", "x".repeat(40))).collect()
}

#[tokio::test]
async fn a_comment_is_made_once_and_edited_from_then_on() {
    let (page, plan) = (PullRequestPage::default(), plan("c", &named(1)));
    page.add("someone", false, "first!");
    comment(&plan, &ON, Some("https://github.example/runs/1"), &page).await.expect("made");
    comment(&plan, &ON, Some("https://github.example/runs/2"), &page).await.expect("edited");
    let bodies = page.bodies();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[1].1.contains("runs/2") && !bodies[1].1.contains("runs/1"), "{bodies:?}");
}

#[tokio::test]
async fn another_plan_has_a_comment_of_its_own() {
    let page = PullRequestPage::default();
    for cluster in ["staging", "production", "staging"] {
        comment(&plan(cluster, &named(1)), &ON, None, &page).await.expect("posted");
    }
    assert_eq!(page.bodies().len(), 2);
}

#[tokio::test]
async fn what_others_wrote_stays_as_it_is() {
    let (page, plan) = (PullRequestPage::default(), plan("c", &named(1)));
    let marker = marker(&plan);
    page.add("mallory", false, &format!("{marker}\nAll is well."));
    page.add("some-app[bot]", true, &format!("> {marker}\nquoted"));
    let before = page.bodies();
    comment(&plan, &ON, None, &page).await.expect("posted");
    comment(&plan, &ON, None, &page).await.expect("posted");
    assert_eq!(page.bodies()[..2], before[..]);
    assert_eq!(page.bodies().len(), 3);
}

#[tokio::test]
async fn of_two_that_were_made_at_once_the_older_one_stays_with_the_newer_plan() {
    let (page, plan) = (PullRequestPage::default(), plan("c", &named(1)));
    page.meanwhile.replace(Some(format!("{}\nthe other run's", marker(&plan))));
    comment(&plan, &ON, Some("https://github.example/runs/2"), &page).await.expect("posted");
    let bodies = page.bodies();
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].0, 1);
    assert!(bodies[0].1.contains("runs/2"), "{bodies:?}");
}

#[tokio::test]
async fn duplicates_from_before_go() {
    let (page, plan) = (PullRequestPage::default(), plan("c", &named(1)));
    for _ in 0..3 {
        page.add("github-actions[bot]", true, &marker(&plan));
    }
    comment(&plan, &ON, None, &page).await.expect("posted");
    assert_eq!(page.bodies().iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_name_can_not_end_the_marker_nor_pass_for_another() {
    let hostile = plan("c --> <img src=x onerror=alert(1)> @octocat", &named(1));
    let marker = marker(&hostile);
    let inner = marker.strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->")).expect("a comment");
    assert!(!inner.contains("--") && !inner.contains(['<', '>', '@']), "{marker}");
    assert_ne!(name("a/b"), name("a") + "/" + &name("b"));
    assert_ne!(name("a--b"), name("a-b"));
}

#[test]
fn a_thousand_databases_fit_and_a_few_are_shown_whole() {
    let few = body(&plan("c", &named(3)), "<!-- m -->", &ON, None).expect("a body");
    assert_eq!(few.matches("<details>").count(), 3);
    let many = body(&plan("c", &named(1000)), "<!-- m -->", &ON, None).expect("a body");
    assert!(many.len() <= MAX_BODY, "{}", many.len());
    assert!(many.contains("1,000 databases") && many.contains("more RunTask calls"), "{many}");
    assert_eq!(many.matches("<details>").count(), many.matches("</details>").count());
    assert!(many.contains("DATABASE_NAME"), "the diff is still there");
}

#[test]
fn a_long_diff_gives_way_and_says_so() {
    let mut plan = plan("c", &named(2));
    let variables: Vec<Value> =
        (0..3000).map(|n| json!({"name": format!("VARIABLE_{n}"), "value": "x".repeat(20)})).collect();
    let mut current = serde_json::from_str::<Value>(include_str!(
        "../../../sandbox/fixtures/describe-task-definition.json"
    ))
    .expect("JSON");
    current["taskDefinition"]["containerDefinitions"][0]["environment"] = Value::Array(variables);
    plan.current = Some(TaskDefinition::from_json(current, "test").expect("a task definition"));
    let body = body(&plan, "<!-- m -->", &ON, None).expect("a body");
    assert!(body.len() <= MAX_BODY, "{}", body.len());
    assert!(body.contains("more lines of the diff"), "{body}");
    assert_eq!(body.matches("```").count() % 2, 0);
}
