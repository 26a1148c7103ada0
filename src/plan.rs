//! The Plan: everything that a run will do, as one value.
//!
//! [`Plan::new`] is a pure function of the settings and of what was observed. `--plan` prints it and stops; without
//! `--plan` the same value is applied. So a dry run cannot lie, and cannot change anything.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::choices::OnRunning;
use crate::cli;
use crate::database_name::{DatabaseName, list_variable};
use crate::document::Document;
use crate::failure::Failure;
use crate::ports::{Account, ImagePlatform, Network, Task};
use crate::settings::{Settings, TaskDefinitionSource};
use crate::sql::SeenSql;
use crate::state::journal_record::Target;
use crate::task_definition::TaskDefinition;

pub(crate) mod back;
pub(crate) mod build_plan;
pub(crate) mod check_plan;
mod checks;
mod command;
mod data;
pub(crate) mod deploy_plan;
mod document;
mod elsewhere;
mod facts;
mod exec_form;
mod family;
mod image_plan;
mod listing;
mod observed;
mod orders;
mod pack;
mod packing;
mod past;
mod proved;
mod resumed;
mod revision_plan;
mod revisions;
pub(crate) mod run_plan;
mod run_task;
mod running_tasks;
mod service_notes;
mod service_plan;
pub(crate) mod service_rules;
mod shell;
mod stages;
pub(crate) mod status;
mod tag_notes;
mod under_way;
mod witness_plan;
#[cfg(test)]
pub(crate) mod tests;

use checks::{fit_for_fargate, log_notes, outlived, secrets_stay, start_at_once};
use command::command;
use elsewhere::told_elsewhere;
use image_plan::{image_and_platforms, unknown_program};
use pack::KnownTasks;
use resumed::next_attempts;

pub(crate) use family::{Family, own_family};
pub(crate) use image_plan::{ImagePlan, ImageSource, docker_build};
pub(crate) use observed::{Observed, ObservedBuild, ObservedImage, TagSource};
pub(crate) use orders::Orders;
pub(crate) use pack::{Pack, Told};
pub(crate) use past::Past;
pub(crate) use proved::Proved;
pub(crate) use resumed::Begun;
pub(crate) use revision_plan::RevisionPlan;
pub(crate) use revision_plan::RevisionTerms;
pub(crate) use revisions::Revisions;
pub(crate) use run_task::{log_stream, run_task_input};
pub(crate) use running_tasks::{Reading, RunningTask};
pub(crate) use service_plan::{ObservedService, ServicePlan, Update, update};
pub(crate) use service_rules::{deploy_timeout, deployed_by_ecs, fit};
pub(crate) use stages::PlannedStage;
pub(crate) use under_way::UnderWay;
pub(crate) use witness_plan::{ObservedWitness, WitnessPlan, in_ecr};

#[derive(Debug, Clone)]
pub struct Plan {
    /// Absent when the plan was made without AWS.
    pub account: Option<Account>,
    pub cluster: String,
    pub container: String,
    pub image: ImagePlan,
    /// The platforms that the image is for; absent where they are not known.
    pub image_platforms: Option<Vec<ImagePlatform>>,
    /// Present where the witness is put in front of the command.
    pub witness: Option<WitnessPlan>,
    /// What the revision is made from, and what it is compared with.
    pub base: TaskDefinition,
    /// Where the revision goes: the base's own family, or one with a name of its own.
    pub family: String,
    pub current: Option<TaskDefinition>,
    pub task: cli::TaskFlags,
    pub fleet: cli::FleetFlags,
    /// Each database in one of them, in the order in which their tasks start.
    pub packs: Vec<Pack>,
    /// Databases that need no task: an earlier process of the run has proved them.
    pub proved: Vec<Proved>,
    /// Whether tasks are told lists, in the variable of [`list_variable`], even where a list has one name.
    pub packed: bool,
    pub network: Network,
    pub started_by: String,
    /// Each has its part of `packs`, in their order.
    pub stages: Vec<PlannedStage>,
    /// When ECS was asked which tasks run.
    pub looked_at: Instant,
    /// The revisions that tasks of the family run, as far as they were read.
    pub revisions: Revisions,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
    /// The other ways in which the container may be told a database, by name.
    pub told_elsewhere: Vec<String>,
    /// What a check of its databases has found, with `--plan --check`.
    pub checked: Option<Box<Document>>,
    /// What the SQL of its migrations will do; absent where nobody asked.
    pub(crate) sql: Option<Box<SeenSql>>,
}

/// Returns a sentence for each running task whose databases are not known: nothing starts while it runs.
fn doubts<'a>(running: impl Iterator<Item = &'a Arc<RunningTask>>) -> BTreeSet<String> {
    running.filter_map(|task| task.doubt()).collect()
}

/// Returns the databases of these packs, in their order.
fn names(packs: &[Pack]) -> impl Iterator<Item = &str> {
    packs.iter().flat_map(|pack| &pack.databases).map(DatabaseName::as_str)
}

impl Plan {
    /// Makes the plan of a migration from the settings and from what was observed.
    ///
    /// # Errors
    /// The task definition cannot be patched, or cannot run as a migration task on Fargate.
    pub fn new(settings: &Settings, observed: Observed) -> Result<Self, Failure> {
        let Observed {
            aws,
            base,
            family,
            current,
            image,
            witness,
            network,
            running,
            revisions,
            looked_at,
            finished,
            past,
            mut notes,
        } = observed;
        let container = base.migration_container(settings.container.as_deref())?.to_owned();
        // What an earlier run has put in front of the command is none of the command's words.
        let base = base.without_witness(&container);
        fit_for_fargate(&base)?;
        notes.extend(family.note);
        secrets_stay(&base, &container, &settings.task.common.env)?;
        notes.extend(outlived(&base, &container));
        let in_stages = settings.stages.of(&settings.databases, &settings.fleet);
        let packed = stages::are_packed(&in_stages);
        notes.extend(log_notes(&base, &container, settings.task.proof, packed));
        let (image, image_platforms) = image_and_platforms(&settings.image, Some(&base), image, &mut notes)?;
        notes.extend(unknown_program(settings, &base, &image));
        let witness = settings
            .witness
            .as_ref()
            .zip(witness)
            .map(|(settings, seen)| WitnessPlan::new(settings, seen, &image))
            .transpose()?;
        let command = command(&base, &container, settings.task.command.as_ref())?;
        notes.extend(command.note);
        let task = cli::TaskFlags { command: command.words, ..settings.task.clone() };
        let variable = &settings.task.common.database_variable;
        let told_elsewhere = told_elsewhere(&base, &container, &task);
        let told_by = if packed { list_variable(variable) } else { variable.to_string() };
        notes.extend(elsewhere::note(&told_elsewhere, &container, &told_by));
        notes.extend(stages::left_out(&settings.stages.without_databases()));
        let names = stages::databases(&in_stages);
        let mut plan = Self {
            account: aws,
            cluster: settings.cluster.clone(),
            container,
            image,
            image_platforms,
            witness,
            base,
            family: family.name,
            current,
            task,
            fleet: settings.fleet.clone(),
            packs: Vec::new(),
            proved: Vec::new(),
            packed,
            network,
            started_by: settings.common.run.started_by.clone(),
            stages: Vec::new(),
            looked_at,
            revisions,
            notes,
            told_elsewhere,
            checked: None,
            sql: None,
        };
        let is_registered = matches!(settings.task_definition, TaskDefinitionSource::Ecs(_));
        let registered = Some(&plan.base).filter(|_| is_registered);
        plan.revision_terms().wanted(&plan.pinned_reference())?.check_rules(&plan.container, registered)?;
        let attempts = plan.next_attempts(&names, &past, &finished)?;
        let running_now = plan.running_tasks(&running, &names)?;
        let known =
            KnownTasks { running: &running_now, attempts: &attempts, on_running: settings.fleet.on_running };
        plan.arrange(in_stages, &past, &running, &known)?;
        plan.notes.extend(doubts(running_now.values()));
        if (past.resumes || settings.resume.from_github()) && plan.image.digest().is_none() {
            plan.notes.push(
                "the image's digest is not known before it is built, so nothing counts as migrated with it"
                    .to_owned(),
            );
        }
        plan.notes.extend(start_at_once(&plan));
        plan.overrides_fit()?;
        Ok(plan)
    }

    pub fn family(&self) -> &str {
        &self.family
    }

    /// Returns the families whose tasks may migrate the databases: the plan's own, and that of the base, where runs
    /// of other versions or with another `--family` may have put their revisions.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        let base = self.base.family();
        [self.family()].into_iter().chain((base != self.family).then_some(base))
    }

    /// Returns the databases that are left to migrate, in the order in which their tasks start.
    pub fn databases(&self) -> impl Iterator<Item = &str> {
        names(&self.packs)
    }

    /// Returns how a task is told to migrate these databases.
    pub fn told(&self, databases: &[DatabaseName]) -> Told {
        match databases {
            [only] if !self.packed => Told::One(only.to_string()),
            list => Told::Pack(list.iter().map(DatabaseName::to_string).collect()),
        }
    }

    /// Returns the revision that its tasks run, as far as it is known now: the current one when nothing would change.
    ///
    /// # Errors
    /// As [`RevisionTerms::revision`].
    pub fn revision(&self) -> Result<RevisionPlan, Failure> {
        let reference = self.witness.as_ref().map_or_else(|| self.image.reference(), WitnessPlan::reference);
        self.revision_terms().revision(&reference)
    }

    fn pinned_reference(&self) -> String {
        self.witness.as_ref().map_or_else(|| self.image.pinned_reference(), WitnessPlan::pinned_reference)
    }

    pub(crate) fn revision_terms(&self) -> RevisionTerms<'_> {
        RevisionTerms {
            base: &self.base,
            family: &self.family,
            current: self.current.as_ref(),
            container: &self.container,
            database_variable: &self.task.common.database_variable,
            witness: self.witness.as_ref().map(WitnessPlan::in_front),
        }
    }

    fn diff_of(&self, revision: &RevisionPlan) -> String {
        self.revision_terms().diff_of(revision)
    }

    /// Returns what a record of these databases is about (account, region, cluster, family, container, variable);
    /// none when AWS was not asked.
    pub fn target(&self) -> Option<Target> {
        let account = self.account.as_ref();
        Target::of(
            account,
            &self.cluster,
            self.base.family(),
            &self.container,
            &self.task.common.database_variable,
        )
    }

    /// Returns what a task of this run is told besides its databases.
    pub fn orders(&self) -> Orders {
        let overrides = self.run_task(self.family(), &[], 0).overrides();
        Orders::of(&overrides, &self.container, &self.task.common.database_variable)
    }

    /// Returns a digest of what the migration container does, without its databases and its image. A record with
    /// another digest is not a proof.
    pub fn told_digest(&self) -> String {
        let told =
            self.orders().digest_over(&self.base, &self.container, &self.task.common.database_variable);
        match &self.witness {
            None => told,
            Some(witness) => witness.told_digest(&told),
        }
    }

    /// Returns how tasks are read. `revision` is the one that this run's tasks run, where it is known.
    pub fn reading<'a>(
        &'a self,
        revision: Option<&'a str>,
        orders: &'a Orders,
        revisions: &'a Revisions,
    ) -> Reading<'a> {
        Reading {
            container: &self.container,
            variable: &self.task.common.database_variable,
            started_by: &self.started_by,
            revision,
            orders,
            revisions,
        }
    }

    /// Calls `does` with a reading that has the revisions of the plan's own observation.
    fn read<T>(&self, does: impl FnOnce(&Reading<'_>) -> T) -> Result<T, Failure> {
        let reused = match self.revision()? {
            RevisionPlan::Reuse(arn) => Some(arn),
            RevisionPlan::Register(_) => None,
        };
        Ok(does(&self.reading(reused.as_deref(), &self.orders(), &self.revisions)))
    }

    fn running_tasks(
        &self,
        running: &[Task],
        databases: &[DatabaseName],
    ) -> Result<HashMap<String, Arc<RunningTask>>, Failure> {
        self.read(|reading| reading.running_tasks(running, databases, self.packed))
    }

    fn next_attempts(
        &self,
        databases: &[DatabaseName],
        past: &Past,
        finished: &[Task],
    ) -> Result<HashMap<String, u32>, Failure> {
        let mut attempts = self.read(|reading| reading.attempts(finished))?;
        next_attempts(databases, past, &mut attempts);
        Ok(attempts)
    }

    /// Returns the ARNs of tasks of this run, sorted, that do something else than this run's tasks would do now.
    pub fn left_by_earlier_steps(&self) -> Vec<String> {
        let running = self.packs.iter().filter_map(|pack| pack.running.as_ref());
        let left: BTreeSet<&str> =
            running.filter(|task| task.ours && !task.alike).map(|task| task.arn.as_str()).collect();
        left.into_iter().map(str::to_owned).collect()
    }

    /// Returns whether a task may be started for a pack: at once, or after the end of the task that migrates it now.
    pub fn may_start(&self, pack: &Pack) -> bool {
        pack.running.as_ref().is_none_or(|task| task.met(self.fleet.on_running) == OnRunning::Wait)
    }
}
