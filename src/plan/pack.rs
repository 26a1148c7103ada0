//! Packs: what each task migrates, in the order in which tasks start.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;

use super::RunningTask;
use super::packing::{PackLimits, split};
use super::resumed::Begun;
use crate::choices::OnRunning;
use crate::database_name::{DatabaseName, list_variable, short_list};
use crate::failure::Failure;
use crate::ports::Overrides;
use crate::settings::Packing;

/// The databases of one task, which starts, runs and ends as a whole: a single one, unless tasks are told lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Not empty.
    pub databases: Vec<DatabaseName>,
    /// Its place in the order in which tasks start, unique to it.
    pub place: usize,
    /// A task of the family that migrates these databases now: no other one starts meanwhile.
    pub running: Option<Arc<RunningTask>>,
    /// What an earlier process of this run has begun for these databases, where this one resumes it.
    pub begun: Option<Begun>,
    /// How many earlier tasks of this run have migrated one of the databases and are over. It makes the next one
    /// another task.
    pub attempt: u32,
}

impl Pack {
    /// Makes a pack of some of its databases, for a task of their own, when what was begun there is over.
    pub fn without_begun(&self, databases: &[DatabaseName]) -> Self {
        Self { databases: databases.to_vec(), running: self.running.clone(), begun: None, ..*self }
    }

    /// Describes its databases: `shop`, `shop and 3 more`.
    pub fn name(&self) -> String {
        short_list(&self.databases)
    }
}

/// How the container is told what to migrate. These names are not checked: another run may have set them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// By the database variable.
    One(String),
    /// By the list's variable, as JSON: each of them has a migration report of its own.
    Pack(Vec<String>),
}

impl Told {
    pub fn databases(&self) -> &[String] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Pack(list) => list,
        }
    }

    pub fn includes(&self, database: &str) -> bool {
        self.databases().iter().any(|name| name == database)
    }

    /// Reads what a task is told by overrides that name its databases, as those of this program do; none of others.
    pub fn by(overrides: &Overrides, container: &str, database_variable: &str) -> Option<Self> {
        let value = |name: &str| overrides.value(container, name).filter(|value| !value.is_empty());
        match value(&list_variable(database_variable)) {
            Some(list) => serde_json::from_str(list).ok().map(Self::Pack),
            None => value(database_variable).map(|one| Self::One(one.to_owned())),
        }
    }

    /// Returns the variables that name the databases. A pack's container also has the variable of a single database,
    /// from the task definition. An override cannot remove it, so it is emptied.
    pub fn environment(&self, database_variable: &str) -> Vec<(String, String)> {
        match self {
            Self::One(only) => vec![(database_variable.to_owned(), only.clone())],
            Self::Pack(list) => vec![
                (database_variable.to_owned(), String::new()),
                (list_variable(database_variable), json!(list).to_string()),
            ],
        }
    }
}

/// What is known of the databases before they are packed.
pub(super) struct KnownTasks<'a> {
    /// Tasks that migrate databases now.
    pub running: &'a HashMap<String, Arc<RunningTask>>,
    /// Tasks of this run that are over, counted for each database.
    pub attempts: &'a HashMap<String, u32>,
    pub on_running: OnRunning,
}

/// Makes the packs of a wave, in their order.
///
/// What runs now moves nothing: databases are packed as if nothing ran, and those that a task migrates leave their
/// pack for one of their own. So a second process of a run makes the same packs as the first, and the client token of
/// a task that ECS does not show yet is the same.
///
/// # Errors
/// A name does not fit even into a pack of its own.
pub(super) fn packs(
    databases: &[DatabaseName],
    packing: Packing,
    limits: &PackLimits<'_>,
    known: &KnownTasks<'_>,
) -> Result<Vec<Pack>, Failure> {
    let mut packs = Vec::new();
    for list in split(databases, packing, limits)? {
        carve(list, known, &mut packs);
    }
    Ok(packs)
}

fn carve(list: Vec<DatabaseName>, known: &KnownTasks<'_>, packs: &mut Vec<Pack>) {
    let attempt = list.iter().filter_map(|name| known.attempts.get(name.as_str())).max();
    let attempt = attempt.copied().unwrap_or_default();
    let mine = packs.len();
    for database in list {
        let running = known.running.get(database.as_str());
        let is_its =
            |pack: &&mut Pack| pack.running.as_ref().map(|task| &task.arn) == running.map(|task| &task.arn);
        // A pack that only follows a task may be of any length. One that starts after a wait must fit into a task, as
        // the pack does that it is carved from.
        let from = match running {
            Some(task) if task.met(known.on_running) != OnRunning::Wait => 0,
            _ => mine,
        };
        match packs[from..].iter_mut().find(is_its) {
            Some(pack) => pack.databases.push(database),
            None => packs.push(Pack {
                databases: vec![database],
                place: 0,
                running: running.cloned(),
                begun: None,
                attempt,
            }),
        }
    }
}
