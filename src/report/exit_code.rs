//! The exit code of a run.

use super::Report;
use crate::failure::ExitCode;
use crate::verdict::{Verdict, overall};

impl Report {
    /// Says how the run ends: interrupted first, then by what its tasks came to, then by the error that kept the others
    /// from running. A database without proof is never done.
    pub fn exit_code(&self) -> ExitCode {
        let error = self.error.as_ref().map(|error| error.exit_code);
        let verdicts = || self.databases.iter().filter_map(|row| row.verdict.as_ref());
        let mut ran = verdicts().filter(|verdict| !matches!(verdict, Verdict::NotRun { .. })).peekable();
        let judged = ran.peek().is_some().then(|| overall(ran));
        let all_migrated = verdicts().filter(|verdict| verdict.is_migrated()).count() == self.databases.len();
        match (error, judged) {
            (Some(ExitCode::Cancelled), _) => ExitCode::Cancelled,
            (_, Some(code)) if code != ExitCode::Done => code,
            (Some(code), _) => code,
            (None, _) if all_migrated => ExitCode::Done,
            (None, _) => ExitCode::Service,
        }
    }
}
