//! Where a task is in its life, as ECS names it (Task, `lastStatus`).

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TaskStatus {
    /// ECS has not said it yet.
    #[default]
    Unknown,
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
    /// One that ECS has and this program does not know.
    Other(String),
}

/// Each status with ECS's word for it.
const WORDS: [(&str, TaskStatus); 9] = [
    ("", TaskStatus::Unknown),
    ("PROVISIONING", TaskStatus::Provisioning),
    ("PENDING", TaskStatus::Pending),
    ("ACTIVATING", TaskStatus::Activating),
    ("RUNNING", TaskStatus::Running),
    ("DEACTIVATING", TaskStatus::Deactivating),
    ("STOPPING", TaskStatus::Stopping),
    ("DEPROVISIONING", TaskStatus::Deprovisioning),
    ("STOPPED", TaskStatus::Stopped),
];

impl From<&str> for TaskStatus {
    fn from(word: &str) -> Self {
        let known = WORDS.into_iter().find(|(known, _)| *known == word);
        known.map_or_else(|| Self::Other(word.to_owned()), |(_, status)| status)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(word) => f.write_str(word),
            known => {
                f.write_str(WORDS.iter().find(|(_, status)| status == known).map_or("", |(word, _)| word))
            }
        }
    }
}
