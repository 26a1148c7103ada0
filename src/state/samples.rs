//! Records for tests.

use super::History;
use super::github_history::Terms;
use super::journal_record::{Intent, JournalRecord, Run, Target, VERSION};
use crate::choices::Proof;
use crate::verdict::Judged;

pub(crate) const TASK: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
pub(crate) const DIGEST: &str = "sha256:1111";

/// What tasks were told, as a digest.
pub(crate) const TOLD: &str = "0123456789abcdef0123456789abcdef";

/// Terms that the samples meet.
pub(crate) fn terms() -> Terms<'static> {
    Terms { digest: Some(DIGEST), told: TOLD, target: None, proof: Proof::Report }
}

pub(crate) fn at() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH
}

pub(crate) fn target() -> Target {
    Target {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        cluster: "c".into(),
        family: "f".into(),
        container: "migration".into(),
        database_variable: "DATABASE_NAME".into(),
    }
}

pub(crate) fn run() -> JournalRecord {
    JournalRecord::Run(Run {
        version: VERSION,
        at: at(),
        started_by: "fargate-migrate/local-1".into(),
        target: target(),
        revision: "f:1".into(),
        image_digest: Some(DIGEST.into()),
    })
}

pub(crate) fn intent(token: &str, attempt: u32, databases: &[&str]) -> JournalRecord {
    JournalRecord::Intent(Intent {
        at: at(),
        token: token.into(),
        attempt,
        revision: "f:1".into(),
        databases: databases.iter().map(|&name| name.to_owned()).collect(),
    })
}

pub(crate) fn started(token: &str) -> JournalRecord {
    JournalRecord::Started { at: at(), token: token.into(), task: TASK.into() }
}

pub(crate) fn ended() -> JournalRecord {
    JournalRecord::Ended { at: at(), task: TASK.into() }
}

pub(crate) fn judged(database: &str, verdict: &str, report: bool) -> JournalRecord {
    let report = report.then(|| {
        let line =
            serde_json::json!({"version": 1, "database": database, "applied": [], "pending": 0, "ms": 40});
        serde_json::from_value(line).expect("a report")
    });
    JournalRecord::Verdict(Box::new(Judged {
        at: at(),
        database: database.into(),
        verdict: verdict.into(),
        task: Some(TASK.into()),
        revision: Some("f:1".into()),
        image_digest: Some(DIGEST.into()),
        told: Some(TOLD.into()),
        report,
        ms: Some(40),
        github: None,
    }))
}

pub(crate) fn history(records: &[JournalRecord]) -> History {
    let mut history = History::default();
    records.iter().cloned().try_for_each(|record| history.take(record)).expect("a journal");
    history
}
