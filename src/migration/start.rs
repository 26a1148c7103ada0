//! Start: the RunTask call of a pack.

use tokio::time::Instant;

use super::other_runs::Found;
use super::{Migration, interrupted_before};
use crate::diagnosis::diagnose_refusal;
use crate::failure::Failure;
use crate::plan::{Begun, Pack};
use crate::ports::{MigrationWorld, RunTask};
use crate::steps::task::launch::{Launched, Owner, RunTaskCall, no_answer};
use crate::verdict::Verdict;

/// A pack while its task is launched.
struct Starting<'m, 'a, W> {
    migration: &'m Migration<'a, W>,
    pack: &'m Pack,
    attempt: u32,
}

impl<W: MigrationWorld> Migration<'_, W> {
    /// Makes the call for a task of the pack that was never started before.
    pub(super) fn call(&self, pack: &Pack) -> RunTaskCall {
        let request = self.plan.run_task(self.revision.arn(), &pack.databases, pack.attempt);
        RunTaskCall { request, unanswered: false, place: pack.place }
    }

    /// Makes the call that an earlier process has made, or was about to make: ECS knows it by its token, whatever
    /// else it asks for.
    pub(super) fn begun_call(&self, pack: &Pack, token: &str) -> RunTaskCall {
        let mut call = RunTaskCall { unanswered: true, ..self.call(pack) };
        token.clone_into(&mut call.request.client_token);
        call
    }

    pub(super) async fn launch(&self, pack: &Pack, call: RunTaskCall, attempt: u32) -> Launched<Found> {
        // Boxed: it is over while thousands of packs may still be followed to the end of their logs.
        let starting = Starting { migration: self, pack, attempt };
        match Box::pin(self.tasks.launch(call, &starting)).await {
            Launched::Hindered(Ok(found)) => Launched::Hindered(found),
            Launched::Hindered(Err(failure)) => {
                // Nothing is known of a call that an earlier process has made.
                let may_run = matches!(pack.begun, Some(Begun::Call { .. }));
                Launched::Refused { reason: failure.message.clone(), failure: Some(failure), may_run }
            }
            Launched::Task(task) => Launched::Task(task),
            Launched::Refused { reason, failure, may_run } => Launched::Refused { reason, failure, may_run },
            Launched::Interrupted => Launched::Interrupted,
            Launched::Unanswered => Launched::Unanswered,
        }
    }

    /// Returns the verdict on a pack that has no task; its rows say why.
    pub(super) fn not_started(&self, pack: &Pack, launched: Launched<Found>) -> Verdict {
        let (reason, failure, may_run) = match launched {
            Launched::Refused { reason, failure, may_run } => (reason, failure, may_run),
            Launched::Unanswered => return Verdict::Cancelled { stopped: false },
            Launched::Interrupted | Launched::Task(_) | Launched::Hindered(_) => return interrupted_before(),
        };
        // What AWS says in an exception has the hint of the failure.
        let said = reason.strip_prefix("RunTask: ").unwrap_or(&reason);
        let diagnosis = failure.is_none().then(|| diagnose_refusal(said));
        self.record.rows(&pack.databases, |row| {
            row.stopped_reason = Some(reason.clone());
            row.diagnosis = diagnosis;
        });
        if let Some(failure) = failure {
            self.record.failed(failure);
        }
        if may_run {
            return Verdict::Unproved { why: no_answer(&reason) };
        }
        Verdict::NeverStarted { reason }
    }
}

impl<W: MigrationWorld> Owner for Starting<'_, '_, W> {
    /// Tasks of other runs, or why it is not known whether there are any.
    type Hindrance = Result<Found, Failure>;

    async fn hindrance(&self) -> Option<Self::Hindrance> {
        match self.migration.found(self.pack).await {
            Ok(found) => (!found.is_empty()).then_some(Ok(found)),
            Err(failure) => Some(Err(failure)),
        }
    }

    fn intends(&self, request: &RunTask) -> Result<(), Failure> {
        self.migration.record.intends(request, &self.pack.databases, self.attempt)
    }

    fn launched(&self, token: &str, arn: &str) {
        self.migration.other_runs.disregard(arn);
        self.migration.record.launched(token, arn);
    }

    fn refused(&self, token: &str) {
        self.migration.record.refused(token);
    }

    fn waited(&self, reason: Option<&str>, since: Instant) {
        let ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.migration.record.rows(&self.pack.databases, |row| {
            let waited = row.waited.get_or_insert_default();
            waited.ms = ms;
            if let Some(reason) = reason {
                reason.clone_into(&mut waited.reason);
            }
        });
    }

    fn note(&self, text: String) {
        self.migration.record.note(text);
    }

    fn left_unanswered(&self) {
        self.migration.record.note(format!(
            "RunTask for {} did not answer before the run ended: a task with startedBy {} may run",
            self.pack.name(),
            self.migration.plan.started_by
        ));
    }
}
