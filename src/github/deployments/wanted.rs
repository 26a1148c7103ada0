//! What each deployment is to show, and the notes on those that do not show it.

use crate::failure::listed;
use crate::ports::github::{DeploymentState, GitHubFailure, GitHubFailureKind, NewDeployment};
use crate::untrusted::printable;
use crate::verdict::{Killer, Verdict};

/// GitHub's limit of a description.
const DESCRIPTION: usize = 140;

/// What a deployment is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub kind: Kind,
    /// The name of the database, or of the environment of services.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    Services,
}

/// One deployment that was begun.
pub(super) struct DeploymentRow {
    pub of: Subject,
    pub new: NewDeployment,
    pub id: Option<u64>,
    /// What it is to show, and what is said about it.
    pub wanted: Option<(DeploymentState, String)>,
    pub sent: Option<DeploymentState>,
    /// A call for it is under way.
    pub busy: bool,
    /// Why GitHub refuses it.
    pub refused: Option<String>,
}

impl DeploymentRow {
    fn is_behind(&self) -> bool {
        self.wanted.as_ref().is_some_and(|(state, _)| self.sent != Some(*state))
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_behind() && !self.busy && self.refused.is_none()
    }
}

/// Returns one note per cause: each refusal, and then what kept the others from being sent.
pub(super) fn notes(
    rows: &[DeploymentRow],
    trouble: Option<&GitHubFailure>,
    kind: Kind,
    asked_for: usize,
) -> Vec<String> {
    let rows = || rows.iter().filter(|row| row.of.kind == kind);
    let note = |behind: Vec<&DeploymentRow>, why: &str| {
        let names: Vec<&str> = behind.iter().map(|row| row.of.name.as_str()).collect();
        let (all, have) = match (kind, asked_for) {
            (Kind::Database, 1) => ("database", "has"),
            (Kind::Database, _) => ("databases", "have"),
            (Kind::Services, 1) => ("environment of services", "has"),
            (Kind::Services, _) => ("environments of services", "have"),
        };
        format!(
            "{} of {asked_for} {all} {have} no up-to-date GitHub Deployment ({}): {why}",
            names.len(),
            listed(&names)
        )
    };
    let mut refusals: Vec<&str> = rows().filter_map(|row| row.refused.as_deref()).collect();
    refusals.sort_unstable();
    refusals.dedup();
    let refused_for = |why| rows().filter(move |row| row.refused.as_deref() == Some(why)).collect();
    let mut notes: Vec<String> = refusals.iter().map(|why| note(refused_for(*why), why)).collect();
    let left: Vec<&DeploymentRow> = rows().filter(|row| row.refused.is_none() && row.is_behind()).collect();
    if !left.is_empty() {
        let why = trouble.filter(|trouble| trouble.kind != GitHubFailureKind::Refused);
        let why = why.map_or_else(
            || "GitHub takes about 60 a minute and 500 an hour, and the run was over".to_owned(),
            |trouble| trouble.failure.sentence(),
        );
        notes.push(note(left, &why));
    }
    notes
}

/// Judges a deployment by the database's verdict; none where no task was started.
///
/// `success` makes a commit the one that an environment is at, so only a migrated database has it; the description
/// says where that is not proved. `failure` is a migration that ran and is not proved; `error` is one that something
/// else kept from running to its end.
pub(super) fn state(verdict: &Verdict) -> Option<DeploymentState> {
    match verdict {
        Verdict::Migrated(_) => Some(DeploymentState::Success),
        Verdict::Failed { .. }
        | Verdict::Reported { .. }
        | Verdict::WrongDatabase { .. }
        | Verdict::Unproved { .. }
        | Verdict::Unreported { .. }
        | Verdict::TimedOut { .. }
        | Verdict::Killed { by: Killer::OutOfMemory | Killer::Signal | Killer::Sidecar { .. }, .. } => {
            Some(DeploymentState::Failure)
        }
        Verdict::Killed { .. } | Verdict::NeverStarted { .. } | Verdict::Cancelled { .. } => {
            Some(DeploymentState::Error)
        }
        Verdict::AlreadyRunning { .. } | Verdict::NotRun { .. } => None,
    }
}

/// Makes a description that GitHub takes: one line of at most 140 characters.
pub(super) fn description(text: &str) -> String {
    printable(text, DESCRIPTION)
}
