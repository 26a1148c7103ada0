use std::collections::HashMap;

use jiff::Timestamp;

use super::*;
use crate::choices::Proof;
use crate::ports::Caller;
use crate::state::github_history::{GitHubHistory, Newest, Payload};
use crate::state::samples::target;

fn newest_of(database: &str, succeeded: bool, target: Option<Target>) -> Newest {
    let payload = Payload {
        key: "k".into(),
        database: database.into(),
        target,
        image: None,
        image_digest: Some("sha256:1".into()),
        task_definition: None,
        told: None,
        proof: Proof::Report,
    };
    Newest { at: Timestamp::UNIX_EPOCH, succeeded, payload: Some(payload) }
}

#[test]
fn what_deployments_say_counts_where_it_is_about_the_same_account() {
    let elsewhere = Target { region: "eu-west-1".into(), ..target() };
    let newest = HashMap::from([
        ("a".into(), newest_of("a", true, Some(target()))),
        ("failed".into(), newest_of("failed", false, Some(target()))),
        ("elsewhere".into(), newest_of("elsewhere", true, Some(elsewhere))),
        ("old".into(), newest_of("old", true, None)),
        ("other".into(), newest_of("another", true, Some(target()))),
        ("foreign".into(), Newest { at: Timestamp::UNIX_EPOCH, succeeded: true, payload: None }),
    ]);
    let read = Read {
        history: GitHubHistory { newest },
        unread: vec!["late".into()],
        trouble: Some("GitHub answers 403".into()),
    };
    let mut recorded = Recorded { known: Known::default(), target: None, targets: Vec::new() };
    recorded.takes(read, ["a", "elsewhere", "failed", "foreign", "late", "old", "other"].into_iter());
    let caller = Caller { account: "123456789012".into(), arn: String::new() };
    check(&mut recorded, &Account { caller, region: "us-east-1".into() }).expect("no state file");
    let applied: Vec<(&str, Option<bool>)> =
        recorded.known.newest.iter().map(|(name, change)| (name.as_str(), change.applied)).collect();
    assert_eq!(applied, [("a", Some(true)), ("failed", None)]);
    assert_eq!(recorded.known.unread, ["foreign", "late", "old", "other", "elsewhere"]);
    assert!(recorded.known.notes[0].contains("of 1 databases is not known: GitHub answers 403"));
}
