//! Which run a task belongs to: no second migration of one database starts.

use std::collections::HashMap;
use std::sync::Arc;

use super::orders::Orders;
use super::pack::Told;
use super::revisions::Revisions;
use crate::choices::OnRunning;
use crate::database_name::{DatabaseName, PLACEHOLDER, list_variable};
use crate::ending::last_exit_code;
use crate::ports::{Overrides, Task};
use crate::settings::migrates_nothing;

/// A task that migrates databases now, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningTask {
    pub arn: String,
    /// The revision that it runs.
    pub task_definition: Option<String>,
    pub started_by: Option<String>,
    /// What it migrates, whether this run asks for all of it or not; or why that cannot be told, so that it may be
    /// any database.
    pub told: Result<Told, String>,
    /// What it is told besides its databases.
    pub orders: Orders,
    /// Whether an earlier process of this run started it.
    pub ours: bool,
    /// Whether its revision and its orders are those of a task that this run would start.
    pub alike: bool,
    /// Whether ECS has told it to end; it may work for some more seconds.
    pub ending: bool,
}

impl RunningTask {
    /// Returns what the run does about it. A task that is being stopped will prove nothing and is gone soon, so the
    /// run waits for it without being asked to.
    pub fn met(&self, on_running: OnRunning) -> OnRunning {
        match self {
            Self { ending: true, .. } => OnRunning::Wait,
            Self { ours: true, alike: true, .. } => OnRunning::Adopt,
            _ => on_running,
        }
    }

    /// Says why it is not known what the task migrates; none where it is known.
    pub fn doubt(&self) -> Option<String> {
        let why = self.told.as_ref().err()?;
        Some(format!("what task {} migrates cannot be told, so nothing starts meanwhile: {why}", self.arn))
    }

    /// Returns those of the databases that it migrates, or may migrate.
    pub fn of<'a>(&self, databases: &'a [DatabaseName]) -> impl Iterator<Item = &'a DatabaseName> {
        databases.iter().filter(|name| self.told.as_ref().map_or(true, |told| told.includes(name)))
    }
}

/// How the tasks of this run are told what to do. Tasks of other runs are read by the same names.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub container: &'a str,
    /// The database variable.
    pub variable: &'a str,
    pub started_by: &'a str,
    /// The revision that this run's tasks will run; none where it is not registered yet, so that no task runs it.
    pub revision: Option<&'a str>,
    pub orders: &'a Orders,
    pub revisions: &'a Revisions,
}

impl Reading<'_> {
    /// Returns the tasks that migrate one of the databases now, by database: those of other runs, and those of this
    /// run that were told something else than they would be told now, or a list, or to end. Other tasks of this run
    /// are taken up again by their client token.
    pub(super) fn running_tasks(
        &self,
        running: &[Task],
        databases: &[DatabaseName],
        packed: bool,
    ) -> HashMap<String, Arc<RunningTask>> {
        let mut tasks: Vec<RunningTask> = running.iter().filter_map(|task| self.running_task(task)).collect();
        // A task that is known to migrate a database says more than one that may migrate any.
        tasks.sort_by_key(|task| task.told.is_err());
        let mut found = HashMap::new();
        for task in tasks {
            if task.ours && task.alike && !task.ending && !packed && matches!(task.told, Ok(Told::One(_))) {
                continue;
            }
            let task = Arc::new(task);
            for database in task.of(databases) {
                found.entry(database.to_string()).or_insert_with(|| Arc::clone(&task));
            }
        }
        found
    }

    /// Returns whether a task has ended what it was started for: its migration container has exited for good. Others
    /// of its containers may still run, and ECS may still take it down.
    pub fn is_over(&self, task: &Task) -> bool {
        let revision = task.task_definition.as_deref().and_then(|arn| self.revisions.get(arn).ok());
        // Where the revision is not known, the container counts as one whose end ECS shows.
        let part = revision.and_then(|revision| revision.part(self.container));
        task.is_over() || last_exit_code(task, self.container, &part.unwrap_or_default()).is_some()
    }

    /// Reads a task; none for one that migrates nothing, or no longer does, and for one of a service. A one-off task
    /// that a run of this program has started for something else may name a database as a migration does.
    pub(super) fn running_task(&self, task: &Task) -> Option<RunningTask> {
        if migrates_nothing(task.started_by.as_deref()) || self.is_over(task) || task.service.is_some() {
            return None;
        }
        let told = self.told(task).transpose()?;
        let orders = self.orders_of(task);
        Some(RunningTask {
            arn: task.arn.clone(),
            task_definition: task.task_definition.clone(),
            started_by: task.started_by.clone(),
            alike: told.is_ok() && self.is_alike(task, &orders),
            told,
            orders,
            ours: task.started_by.as_deref() == Some(self.started_by),
            ending: task.is_ending(),
        })
    }

    fn orders_of(&self, task: &Task) -> Orders {
        let overrides = task.overrides.clone().unwrap_or_default();
        Orders::of(&overrides, self.container, self.variable)
    }

    fn is_alike(&self, task: &Task, orders: &Orders) -> bool {
        let is_same_revision = self.revision.is_some() && task.task_definition.as_deref() == self.revision;
        is_same_revision && orders == self.orders
    }

    /// Returns the databases of a task that does, for them, what one of this run would do; none of any other.
    pub fn told_as_now(&self, task: &Task) -> Option<Told> {
        self.told(task).ok().flatten().filter(|_| self.is_alike(task, &self.orders_of(task)))
    }

    /// Returns what a task of another run migrates now; none when the task is the run's own.
    pub fn of_other_run(&self, task: &Task) -> Option<RunningTask> {
        if task.started_by.as_deref() == Some(self.started_by) {
            return None;
        }
        self.running_task(task)
    }

    /// Counts, for each database, the tasks that it was in.
    pub(super) fn attempts(&self, finished: &[Task]) -> HashMap<String, u32> {
        let mut counts = HashMap::new();
        for told in finished.iter().filter_map(|task| self.told(task).ok().flatten()) {
            for database in told.databases() {
                *counts.entry(database.clone()).or_default() += 1;
            }
        }
        counts
    }

    /// Reads what a task's migration container is told to migrate, by its overrides over its own revision's
    /// environment; none when no database is named. Empty counts as not set, and the placeholder names no database.
    ///
    /// # Errors
    /// Says why it cannot be told.
    pub fn told(&self, task: &Task) -> Result<Option<Told>, String> {
        let overrides = task.overrides.as_ref().ok_or("ECS does not say what it is told")?;
        let list_variable = list_variable(self.variable);
        let one = self.value(task, overrides, self.variable)?.filter(|one| one != PLACEHOLDER);
        let Some(list) = self.value(task, overrides, &list_variable)? else { return Ok(one.map(Told::One)) };
        let mut list: Vec<String> = serde_json::from_str(&list)
            .map_err(|_| format!("its {list_variable} is not a JSON list of names"))?;
        // Images differ in which of the two they read.
        list.extend(one.filter(|one| !list.contains(one)));
        Ok(Some(Told::Pack(list)))
    }

    fn value(&self, task: &Task, overrides: &Overrides, name: &str) -> Result<Option<String>, String> {
        let twice = || format!("it is told {name} twice, and not the same");
        let entries = || overrides.containers.iter().filter(|entry| entry.name == self.container);
        let set = entries().flat_map(|entry| &entry.environment).filter(|(of, _)| of == name);
        let value = match only(set.map(|(_, value)| value.as_str())).map_err(|()| twice())? {
            Some(value) => value,
            None => {
                if entries().any(|entry| !entry.environment_files.is_empty()) {
                    return Err(format!("it takes variables from files, which may set {name}"));
                }
                let arn = task.task_definition.as_deref().ok_or("ECS does not say which revision it runs")?;
                let revision = self.revisions.get(arn)?;
                if !revision.container_names().contains(&self.container) {
                    return Err(format!("its revision {arn} has no container {}", self.container));
                }
                let variables = revision.variables(self.container).filter(|(of, _)| *of == name);
                match only(variables.map(|(_, value)| value)).map_err(|()| twice())? {
                    Some(value) => value,
                    None if revision.may_take_from_elsewhere(self.container, name) => {
                        return Err(format!(
                            "its revision {arn} takes {name} from a secret, or may from a file"
                        ));
                    }
                    None => return Ok(None),
                }
            }
        };
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// Lists the revisions that have to be read to tell what these tasks migrate, and whether they still do.
    pub(crate) fn unread(&self, tasks: &[Task]) -> Vec<String> {
        let (one, list) = (self.variable, list_variable(self.variable));
        let says_all = |overrides: &Overrides| {
            let sets = |name: &str| overrides.value(self.container, name).is_some();
            sets(one) && sets(&list)
        };
        let has_exited = |task: &Task| task.container(self.container).is_some_and(|own| own.is_stopped);
        let is_open = |told: &Overrides, task: &Task| !says_all(told) || has_exited(task);
        let may_migrate = tasks.iter().filter(|task| !migrates_nothing(task.started_by.as_deref()));
        let open = may_migrate.filter(|task| task.overrides.as_ref().is_some_and(|told| is_open(told, task)));
        self.revisions.unread(open.filter_map(|task| task.task_definition.as_deref()))
    }
}

/// Returns the only value of all; an error where they differ.
fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Result<Option<&'a str>, ()> {
    let first = values.next();
    if values.any(|value| Some(value) != first) { Err(()) } else { Ok(first) }
}
