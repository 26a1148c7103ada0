//! What goes into the state file, and when. [`crate::state`] says what depends on it.

use jiff::Timestamp;

use super::Record;
use crate::database_name::DatabaseName;
use crate::failure::Failure;
use crate::plan::{Plan, Proved};
use crate::ports::RunTask;
use crate::report::DatabaseReport;
use crate::state::Journal;
use crate::state::journal_record::{Intent, JournalRecord, Run, VERSION};
use crate::verdict::{Judged, Verdict};

/// A migration report that is larger is not kept, so its database will be migrated again.
const MAX_REPORT: usize = 64 * 1024;

impl Record<'_> {
    /// Records that the first tasks are about to start, and which revision they run.
    ///
    /// # Errors
    /// The state file cannot be written.
    pub(crate) fn begins(&self, plan: &Plan, revision: &str) -> Result<(), Failure> {
        let Some(target) = plan.target() else { return Ok(()) };
        self.write_ahead(|| {
            JournalRecord::Run(Run {
                version: VERSION,
                at: Timestamp::now(),
                started_by: plan.started_by.clone(),
                target,
                revision: revision.to_owned(),
                image_digest: self.image_digest(),
            })
        })
    }

    /// Records that RunTask is about to be called for these databases.
    ///
    /// # Errors
    /// The state file cannot be written: the call must not be made.
    pub(crate) fn intends(
        &self,
        request: &RunTask,
        databases: &[DatabaseName],
        attempt: u32,
    ) -> Result<(), Failure> {
        self.write_ahead(|| {
            JournalRecord::Intent(Intent {
                at: Timestamp::now(),
                token: request.client_token.clone(),
                attempt,
                revision: request.task_definition.clone(),
                databases: databases.iter().map(DatabaseName::to_string).collect(),
            })
        })
    }

    /// Records the task that RunTask has named for the token.
    pub(crate) fn launched(&self, token: &str, task: &str) {
        self.write(|| JournalRecord::Started {
            at: Timestamp::now(),
            token: token.to_owned(),
            task: task.to_owned(),
        });
    }

    /// Records that RunTask has answered that it starts no task for this token, and that no call was left without an
    /// answer.
    pub(crate) fn refused(&self, token: &str) {
        self.write(|| JournalRecord::Refused { at: Timestamp::now(), token: token.to_owned() });
    }

    /// Records that the task's migration container was seen to have ended for good.
    pub(crate) fn task_ended(&self, task: &str) {
        self.write(|| JournalRecord::Ended { at: Timestamp::now(), task: task.to_owned() });
    }

    /// Records the verdict in a database's row. A database that nothing was done about is not written down.
    pub(super) fn record_verdict(&self, database: &DatabaseName) {
        let revision = self.update(|report| report.revision.as_ref().map(|revision| revision.arn.clone()));
        let told = self.told.borrow().clone();
        let judged = self.row(database, |row| judged(row, revision, told)).flatten();
        if let Some(judged) = judged {
            self.write(|| JournalRecord::Verdict(Box::new(judged)));
        }
    }

    /// Shows a database as migrated, by what an earlier run has recorded.
    pub(crate) fn proved(&self, Proved { database, by, proof }: &Proved) {
        let verdict = Verdict::Migrated(proof.clone());
        self.progress.database_verdict(database, &verdict);
        self.row(database, |row| {
            row.task_arn.clone_from(&by.task);
            row.image_digest.clone_from(&by.image_digest);
            row.migration_report.clone_from(&by.report);
            row.ended_at = Some(by.at);
            row.verdict = Some(verdict);
        });
    }

    pub(super) fn image_digest(&self) -> Option<String> {
        self.update(|report| report.image.as_ref().and_then(|image| image.digest.clone()))
    }

    fn journal(&self) -> Option<&Journal> {
        self.state?.journal.as_ref()
    }

    fn write_ahead(&self, record: impl FnOnce() -> JournalRecord) -> Result<(), Failure> {
        self.journal().map_or(Ok(()), |journal| journal.append_ahead(&record()))
    }

    fn write(&self, record: impl FnOnce() -> JournalRecord) {
        if let Some(journal) = self.journal()
            && let Err(failure) = journal.append(&record())
        {
            self.note(failure.sentence());
        }
    }
}

fn judged(row: &DatabaseReport, revision: Option<String>, told: Option<String>) -> Option<Judged> {
    let verdict = row.verdict.as_ref()?;
    if matches!(verdict, Verdict::NotRun { .. } | Verdict::AlreadyRunning { .. }) {
        return None;
    }
    let report = match verdict {
        Verdict::Migrated(migrated) => migrated.report().cloned(),
        _ => None,
    };
    let took = report.as_ref().and_then(|report| report.ms);
    let kept = |report: &_| serde_json::to_vec(report).is_ok_and(|text| text.len() <= MAX_REPORT);
    Some(Judged {
        at: row.ended_at?,
        database: row.database.to_string(),
        verdict: verdict.word().to_owned(),
        task: row.task_arn.clone(),
        revision,
        image_digest: row.image_digest.clone(),
        told,
        report: report.filter(kept),
        ms: took.or_else(|| u64::try_from(row.times.stages_ms()[2]?).ok()),
        github: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Migrated, Proof};

    #[test]
    fn a_report_that_is_too_large_is_not_kept() {
        for (length, kept) in [(1_000, true), (MAX_REPORT, false)] {
            let report = serde_json::json!({"version": 1, "database": "a", "pending": 0, "current": "9".repeat(length)});
            let by = Judged {
                at: Timestamp::UNIX_EPOCH,
                database: "a".into(),
                verdict: "migrated".into(),
                task: None,
                revision: None,
                image_digest: None,
                told: None,
                report: Some(serde_json::from_value(report).expect("a report")),
                ms: None,
                github: None,
            };
            let mut row = DatabaseReport::new(&"a".into());
            let proof = Migrated::recorded(&row.database, &by).expect("a proof");
            (row.verdict, row.ended_at) = (Some(Verdict::Migrated(proof)), Some(by.at));
            let recorded = judged(&row, None, None).expect("a verdict");
            assert_eq!(recorded.report.is_some(), kept);
            assert_eq!(recorded.proves(Proof::Report), kept);
        }
    }
}
