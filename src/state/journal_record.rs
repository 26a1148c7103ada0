//! What a line of the journal says. docs/state-file.md describes it for people.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::Account;
use crate::verdict::Judged;

/// Grows when a record changes its meaning; a file of a newer version is refused.
pub(crate) const VERSION: u32 = 1;

/// A line; `at` is the clock of the process that wrote it, for people: nothing is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum JournalRecord {
    /// A process begins to migrate. It may go on with what others before it have begun.
    Run(Run),
    /// RunTask is about to be called with this token. A run that finds no more than this does not know whether it
    /// was.
    Intent(Intent),
    /// RunTask has answered: the token's task.
    Started { at: Timestamp, token: String, task: String },
    /// RunTask has refused for good, and no call with this token was left without an answer: there is no such task.
    Refused { at: Timestamp, token: String },
    /// A task's migration container was seen to have ended for good.
    Ended { at: Timestamp, task: String },
    /// What was concluded about a database.
    Verdict(Box<Judged>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub version: u32,
    pub at: Timestamp,
    pub started_by: String,
    #[serde(flatten)]
    pub target: Target,
    /// What its tasks run.
    pub revision: String,
    pub image_digest: Option<String>,
}

/// What a journal is about: other targets may have databases of the same names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub account: String,
    pub region: String,
    pub cluster: String,
    pub family: String,
    pub container: String,
    pub database_variable: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub at: Timestamp,
    pub token: String,
    /// The attempt that the token is for: from 0 on.
    pub attempt: u32,
    pub revision: String,
    /// All that the task is told to migrate.
    pub databases: Vec<String>,
}

impl Target {
    /// Makes a target; none when AWS was not asked, so that the account is not known.
    pub fn of(
        account: Option<&Account>,
        cluster: &str,
        family: &str,
        container: &str,
        database_variable: &str,
    ) -> Option<Self> {
        let account = account?;
        Some(Self {
            account: account.caller.account.clone(),
            region: account.region.clone(),
            cluster: cluster.to_owned(),
            family: family.to_owned(),
            container: container.to_owned(),
            database_variable: database_variable.to_owned(),
        })
    }

    /// Returns the first field in which two differ: its name, and what each of them has; none when they are equal.
    pub fn difference<'a>(&'a self, other: &'a Self) -> Option<(&'static str, &'a str, &'a str)> {
        [
            ("account", &self.account, &other.account),
            ("region", &self.region, &other.region),
            ("cluster", &self.cluster, &other.cluster),
            ("task definition", &self.family, &other.family),
            ("container", &self.container, &other.container),
            ("database variable", &self.database_variable, &other.database_variable),
        ]
        .into_iter()
        .find(|(_, own, others)| own != others)
        .map(|(name, own, others)| (name, own.as_str(), others.as_str()))
    }
}
