//! The plan of a check: that of a migration whose command is the check's. It runs next to migrations and never waits
//! for one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Observed, Plan, RunningTask};
use crate::database_name::{DatabaseName, short_list};
use crate::document::{Document, Line};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::words::counted;

#[derive(Debug, Clone)]
pub struct CheckPlan {
    pub plan: Plan,
    /// Tasks that migrate the databases now, by database.
    pub migrating: HashMap<String, Arc<RunningTask>>,
}

impl CheckPlan {
    /// Makes the plan of a check.
    ///
    /// # Errors
    /// As [`Plan::new`]; or the check's command is the one that migrates.
    pub fn new(settings: &Settings, mut observed: Observed) -> Result<Self, Failure> {
        let running = std::mem::take(&mut observed.running);
        let mut plan = Plan::new(settings, observed)?;
        let own = plan.base.command(&plan.container).unwrap_or_default();
        if settings.task.command.as_ref().is_some_and(|check| **check == own) {
            return Err(Failure::input(format!(
                "--check-command is the command of container {} itself, which migrates",
                plan.container
            ))
            .hint("pass a command that reports on the database and changes nothing, such as \"app status --report\""));
        }
        let migrating = plan.running_tasks(&running, &settings.databases)?;
        plan.notes.extend(notes(&settings.databases, &migrating));
        Ok(Self { plan, migrating })
    }

    /// Describes the plan.
    ///
    /// # Errors
    /// As [`Plan::revision`].
    pub fn document(&self) -> Result<Document, Failure> {
        let mut document = self.plan.document()?;
        document.title = Line::from("Plan: check ")
            .and(counted(self.plan.databases().count(), "database"))
            .and(" on ")
            .and(self.plan.cluster.clone());
        document.rest = Some("more RunTask calls, which differ in nothing but what they check");
        document.data["operation"] = "check".into();
        Ok(document)
    }
}

/// Returns a note for each task that migrates some of the databases now, or may.
fn notes(databases: &[DatabaseName], migrating: &HashMap<String, Arc<RunningTask>>) -> Vec<String> {
    let mut tasks: BTreeMap<&str, Vec<DatabaseName>> = BTreeMap::new();
    for database in databases {
        if let Some(task) = migrating.get(database.as_str()) {
            tasks.entry(&task.arn).or_default().push(database.clone());
        }
    }
    let note = |(arn, names): (&str, Vec<DatabaseName>)| {
        format!(
            "task {arn} migrates {} now, or may: what a check says of it may be old soon",
            short_list(&names)
        )
    };
    tasks.into_iter().map(note).collect()
}
