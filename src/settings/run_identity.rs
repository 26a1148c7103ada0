//! How ECS and other runs know a run.

use sha2::{Digest as _, Sha256};

use crate::hex::hex;

/// What the tasks of a run are for. Their `startedBy` begins with a prefix that tells it to other runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Migration,
    /// `fargate-migrate run`: a command of the user's.
    Run,
    /// `fargate-migrate check`: reads what is migrated.
    Check,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Migration, Self::Run, Self::Check];

    /// Returns what `startedBy` begins with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Migration => "fargate-migrate/",
            Self::Run => "fargate-migrate-run/",
            Self::Check => "fargate-migrate-check/",
        }
    }
}

/// Returns whether a task with this `startedBy` is known to migrate nothing: a run of this program has started it for
/// something else.
pub(crate) fn migrates_nothing(started_by: Option<&str>) -> bool {
    let is_of = |kind: Kind| started_by.is_some_and(|by| by.starts_with(kind.prefix()));
    is_of(Kind::Run) || is_of(Kind::Check)
}

/// The name of this run for ECS: by it, what the run starts is known as its own, to a retry and to other runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// RunTask's startedBy: at most 128 characters `[A-Za-z0-9-/_]`.
    pub started_by: String,
    /// Whether an earlier step or process may have run under the same name.
    pub may_have_a_past: bool,
}

impl RunIdentity {
    /// Identifies the job of a workflow run. The identity is the same for a step that is tried again within the
    /// attempt. The jobs of a matrix have one id and run at the same time, so the runner's name tells them apart.
    pub fn of_github(run_id: &str, attempt: &str, job: &str, runner: Option<&str>) -> Self {
        let job: String =
            job.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
        let runner = runner.map_or_else(String::new, |name| format!("-{}", hex(&Sha256::digest(name)[..4])));
        let started_by = format!("fargate-migrate/gha-{run_id}-{attempt}-{job}{runner}");
        Self { started_by, may_have_a_past: true }
    }

    /// Returns the identity of the same run for tasks of this kind.
    pub fn of(&self, kind: Kind) -> Self {
        let run = Kind::ALL.iter().find_map(|known| self.started_by.strip_prefix(known.prefix()));
        let run = run.unwrap_or(&self.started_by);
        Self { started_by: format!("{}{run}", kind.prefix()), may_have_a_past: self.may_have_a_past }
    }

    /// Identifies a run from a terminal: `unique` tells it from every other one.
    pub fn local(unique: &str) -> Self {
        Self { started_by: format!("fargate-migrate/local-{unique}"), may_have_a_past: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn started_by_tells_what_a_task_is_for() {
        let of_github = RunIdentity::of_github("1", "2", &"j".repeat(80), Some("runner"));
        for run in [of_github, RunIdentity::local("7-8")] {
            assert!(!migrates_nothing(Some(&run.started_by)));
            for kind in [Kind::Run, Kind::Check] {
                let other = run.of(kind);
                assert!(migrates_nothing(Some(&other.started_by)), "{other:?}");
                assert!(other.started_by.len() <= 128, "{other:?}");
                assert_eq!(other.of(Kind::Migration), run);
            }
        }
        for unknown in [None, Some("ecs-svc/1"), Some("fargate-migrate"), Some("x/fargate-migrate-run/1")] {
            assert!(!migrates_nothing(unknown), "{unknown:?}");
        }
    }
}
