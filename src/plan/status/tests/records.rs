use std::collections::HashMap;

use super::*;
use crate::choices::Proof;
use crate::state::History;
use crate::state::github_history::{GitHubHistory, Newest, Payload, Read};
use crate::state::journal_record::{JournalRecord, Target};
use crate::state::samples::{self, TASK};
use crate::verdict::{Judged, MIGRATED, NOT_PROVED};

fn judged(second: i64, verdict: &str, digest: &str) -> JournalRecord {
    JournalRecord::Verdict(Box::new(Judged {
        at: at(second),
        database: "db".into(),
        verdict: verdict.into(),
        task: Some(TASK.into()),
        revision: Some("f:1".into()),
        image_digest: Some(digest.into()),
        told: None,
        report: None,
        ms: None,
        github: None,
    }))
}

fn history(records: Vec<JournalRecord>) -> History {
    samples::history(&[vec![samples::run()], records].concat())
}

fn deployment(second: i64, succeeded: bool, digest: &str, family: &str) -> Read {
    let target = Target { family: family.into(), ..samples::target() };
    let payload = Payload {
        key: "k".into(),
        database: "db".into(),
        target: Some(target),
        image: Some(format!("{APP}:v1")),
        image_digest: Some(digest.into()),
        task_definition: None,
        told: None,
        proof: Proof::Report,
    };
    let newest = Newest { at: at(second), succeeded, payload: Some(payload) };
    let name = "db".parse().expect("a name");
    Read { history: GitHubHistory { newest: HashMap::from([(name, newest)]) }, ..Read::default() }
}

/// `digest@second, later`, or why nothing is known.
fn said(state: Option<History>, github: Option<Result<Read, String>>) -> String {
    let recorded = Recorded { state, github, ..Recorded::default() };
    let families = ["f".to_owned(), "f-migration".to_owned()];
    let account = account();
    let sources = Sources { recorded: &recorded, account: &account, cluster: "c", families: &families };
    match standing("db", &sources) {
        Err(why) => why,
        Ok(Standing { proved, later }) => {
            let proved = proved.map(|one| {
                let digest = one.image.digest.unwrap_or_default();
                format!("{digest}@{}{}", one.at.as_second(), if one.by_report { "!" } else { "" })
            });
            let later = later.map(|later| format!(", {}", later.what)).unwrap_or_default();
            proved.unwrap_or_else(|| "none".into()) + &later
        }
    }
}

#[test]
fn the_newest_record_counts_and_what_no_record_says_is_not_known() {
    let proved = || vec![judged(10, NOT_PROVED, A)];
    let ran = |more| Some(history([proved(), more].concat()));
    let unjudged = vec![samples::intent("t2", 1, &["db"])];
    let unread = || Read {
        unread: vec!["db".parse().expect("a name")],
        trouble: Some("denied".into()),
        ..Read::default()
    };
    for (state, github, expected) in [
        (None, None, "neither --state nor --deployments is given"),
        (Some(history(Vec::new())), None, "the state file has no run of it"),
        (ran(Vec::new()), None, "sha256:aaaa@10"),
        (Some(history(vec![judged(10, MIGRATED, A)])), None, "sha256:aaaa@10"),
        (ran(vec![judged(20, "failed", B)]), None, "sha256:aaaa@10, failed"),
        (ran(vec![judged(20, "failed", B), judged(30, NOT_PROVED, B)]), None, "sha256:bbbb@30"),
        (ran(unjudged), None, "sha256:aaaa@10, a migration began, and what became of it is not recorded"),
        (Some(history(vec![judged(20, "failed", B)])), None, "none, failed"),
        (None, Some(Ok(Read::default())), "GitHub has no Deployment of it"),
        (None, Some(Ok(deployment(5, true, B, "f"))), "sha256:bbbb@5!"),
        (None, Some(Ok(deployment(5, false, B, "f"))), "none, its newest GitHub Deployment is not a success"),
        (
            None,
            Some(Ok(deployment(5, true, B, "other"))),
            "its newest GitHub Deployment is about task definition other, and this is f",
        ),
        (None, Some(Ok(unread())), "what GitHub's Deployments say is not known: denied"),
        (None, Some(Err("no token".into())), "no token"),
        (ran(Vec::new()), Some(Ok(Read::default())), "sha256:aaaa@10"),
        // Of the same run: the file is as new.
        (ran(Vec::new()), Some(Ok(deployment(10, true, B, "f"))), "sha256:aaaa@10"),
        (ran(Vec::new()), Some(Ok(deployment(11, true, B, "f-migration"))), "sha256:bbbb@11!"),
        (
            ran(Vec::new()),
            Some(Ok(deployment(11, false, B, "f"))),
            "sha256:aaaa@10, its newest GitHub Deployment is not a success",
        ),
        (
            ran(Vec::new()),
            Some(Ok(unread())),
            "sha256:aaaa@10, what GitHub's Deployments say is not known: denied",
        ),
        (
            Some(history(Vec::new())),
            Some(Ok(Read::default())),
            "the state file has no run of it; GitHub has no Deployment of it",
        ),
    ] {
        assert_eq!(said(state, github), expected);
    }
}
