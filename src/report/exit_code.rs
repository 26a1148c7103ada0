//! The exit code of a run.

use super::{Report, services};
use crate::failure::ExitCode;
use crate::verdict::{Verdict, overall};

impl Report {
    /// Returns how the run ends: interrupted first, then by the verdicts on its databases, then by those on its
    /// services, then by the error that kept the others from running. A database without proof is never done, nor is
    /// a run with a service that does not run what it was to run.
    pub fn exit_code(&self) -> ExitCode {
        let error = self.error.as_ref().map(|error| error.exit_code);
        let verdicts = || self.databases.iter().filter_map(|row| row.verdict.as_ref());
        let mut ran = verdicts().filter(|verdict| !matches!(verdict, Verdict::NotRun { .. })).peekable();
        let judged = ran.peek().is_some().then(|| overall(ran));
        let services = services::judged(&self.services);
        let all_migrated = verdicts().filter(|verdict| verdict.is_migrated()).count() == self.databases.len();
        match (error, judged, services.started) {
            (Some(ExitCode::Cancelled), ..) => ExitCode::Cancelled,
            (_, Some(code), _) | (_, _, Some(code)) if code != ExitCode::Done => code,
            (Some(code), ..) => code,
            (None, ..) if all_migrated => services.all,
            (None, ..) => ExitCode::Service,
        }
    }
}
