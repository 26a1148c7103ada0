//! The Plan: everything that a run will do, as one value.
//!
//! [`Plan::new`] is a pure function of the settings and of what was observed. `--plan` prints it and stops; without
//! `--plan` the same value is applied. So a dry run can not lie, and can not change anything.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::choices::OnRunning;
use crate::cli;
use crate::database_name::{DatabaseName, PLACEHOLDER, list_variable};
use crate::failure::Failure;
use crate::ports::{Account, Network, Task};
use crate::settings::{Packing, Settings, TaskDefinitionSource};
use crate::state::github_history::Terms;
use crate::state::journal_record::Target;
use crate::task_definition::{Patch, TaskDefinition};

pub(crate) mod build_plan;
mod checks;
mod command;
mod data;
mod document;
mod elsewhere;
mod facts;
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
mod revisions;
mod run_task;
mod running_tasks;
mod shell;
mod tag_notes;
#[cfg(test)]
pub(crate) mod tests;

use checks::{fit_for_fargate, log_notes, outlived, secrets_stay, start_at_once};
use command::command;
use elsewhere::told_elsewhere;
use image_plan::{image_plan, unknown_program};
use pack::{KnownTasks, packs};
use packing::PackLimits;
use resumed::{Resumed, Wave, next_attempts};

pub(crate) use family::{Family, own_family};
pub(crate) use image_plan::{ImagePlan, ImageSource, docker_build};
pub(crate) use observed::{Observed, ObservedBuild, ObservedImage, TagSource};
pub(crate) use orders::Orders;
pub(crate) use pack::{Pack, Told};
pub(crate) use past::Past;
pub(crate) use proved::Proved;
pub(crate) use resumed::Begun;
pub(crate) use revisions::Revisions;
pub(crate) use run_task::run_task_input;
pub(crate) use running_tasks::{Reading, RunningTask};

#[derive(Debug, Clone)]
pub struct Plan {
    /// Absent when the plan was made without AWS.
    pub account: Option<Account>,
    pub cluster: String,
    pub container: String,
    pub image: ImagePlan,
    /// What the revision is made from, and what it is compared with.
    pub base: TaskDefinition,
    /// Where the revision goes: the base's own family, or one beside it.
    pub family: String,
    pub current: Option<TaskDefinition>,
    pub task: cli::TaskFlags,
    pub fleet: cli::FleetFlags,
    /// Every database in one of them, in the order in which their tasks start.
    pub packs: Vec<Pack>,
    /// Databases that need no task: an earlier process of the run has proved them.
    pub proved: Vec<Proved>,
    /// Tasks are told lists, in the variable of [`list_variable`], also where a list has one name.
    pub packed: bool,
    pub network: Network,
    pub started_by: String,
    /// The first wave: so many of `packs` from the first on. All must be migrated before another one starts.
    pub canaries: usize,
    /// When ECS was asked which tasks run.
    pub looked_at: Instant,
    /// The revisions that tasks of the family run, as far as they were read.
    pub revisions: Revisions,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
    /// By which names the container may be told a database besides.
    pub told_elsewhere: Vec<String>,
}

/// What cannot be told of tasks that run: nothing starts beside them.
fn doubts<'a>(running: impl Iterator<Item = &'a Arc<RunningTask>>) -> BTreeSet<String> {
    running.filter_map(|task| task.doubt()).collect()
}

/// The databases of these packs, in their order.
fn names(packs: &[Pack]) -> impl Iterator<Item = &str> {
    packs.iter().flat_map(|pack| &pack.databases).map(DatabaseName::as_str)
}

/// What the revision will be.
#[derive(Debug, Clone)]
pub enum RevisionPlan {
    /// The family's newest revision is already what is wanted.
    Reuse(String),
    Register(TaskDefinition),
}

impl Plan {
    /// # Errors
    /// The task definition can not be patched, or can not run as a migration task on Fargate.
    pub fn new(settings: &Settings, observed: Observed) -> Result<Self, Failure> {
        let Observed {
            aws,
            base,
            family,
            current,
            image,
            network,
            running,
            revisions,
            looked_at,
            finished,
            past,
            mut notes,
        } = observed;
        let container = base.migration_container(settings.container.as_deref())?.to_owned();
        fit_for_fargate(&base)?;
        notes.extend(family.note);
        secrets_stay(&base, &container, &settings.task.env)?;
        notes.extend(outlived(&base, &container));
        let packed = settings.fleet.databases_per_task != Packing::One;
        notes.extend(log_notes(&base, &container, settings.task.proof, packed));
        let image = image_plan(&settings.image, Some(&base), image, &mut notes)?;
        notes.extend(unknown_program(settings, &base, &image));
        let command = command(&base, &container, settings.task.command.as_ref())?;
        notes.extend(command.note);
        let task = cli::TaskFlags { command: command.words, ..settings.task.clone() };
        let variable = &settings.task.database_variable;
        let told_elsewhere = told_elsewhere(&base, &container, &task);
        let told_by = if packed { list_variable(variable) } else { variable.to_string() };
        notes.extend(elsewhere::note(&told_elsewhere, &container, &told_by));
        let (names, canaries) = match &settings.canary {
            Some(canary) => canary.first(settings.databases.clone()),
            None => (settings.databases.clone(), 0),
        };
        let mut plan = Self {
            account: aws,
            cluster: settings.cluster.clone(),
            container,
            image,
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
            canaries: 0,
            looked_at,
            revisions,
            notes,
            told_elsewhere,
        };
        let is_registered = matches!(settings.task_definition, TaskDefinitionSource::Ecs(_));
        let registered = Some(&plan.base).filter(|_| is_registered);
        plan.wanted(&plan.image.pinned_reference())?.check_rules(&plan.container, registered)?;
        let attempts = plan.next_attempts(&names, &past, &finished)?;
        let running_now = plan.running_tasks(&running, &names)?;
        let known =
            KnownTasks { running: &running_now, attempts: &attempts, on_running: settings.fleet.on_running };
        let (first, rest) = names.split_at(canaries.min(names.len()));
        let [first, rest] = plan.waves_after(&past, &running, &known, [first, rest])?;
        plan.notes.extend(doubts(running_now.values()));
        plan.packs = first.begun;
        plan.proved = [first.proved, rest.proved].concat();
        if packed {
            plan.base.check_variable(&plan.container, &list_variable(variable))?;
        }
        let durations = past.history.durations();
        let limits =
            PackLimits { room: plan.room(), at_once: *plan.fleet.max_parallel, durations: &durations };
        let packing = settings.fleet.databases_per_task;
        let packs = |databases: &[DatabaseName]| packs(databases, packing, &limits, &known);
        plan.packs.extend(packs(&first.to_pack)?);
        plan.canaries = plan.packs.len();
        plan.packs.extend(rest.begun);
        plan.packs.extend(packs(&rest.to_pack)?);
        (0..).zip(&mut plan.packs).for_each(|(place, pack)| pack.place = place);
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

    /// The families whose tasks may migrate the databases: runs of other versions, or with another --family, may have
    /// put their revisions into the base's own.
    pub fn families(&self) -> impl Iterator<Item = &str> {
        let base = self.base.family();
        [self.family()].into_iter().chain((base != self.family).then_some(base))
    }

    /// The packs in waves: one starts when all databases of the wave before it are migrated.
    pub fn waves(&self) -> impl Iterator<Item = &[Pack]> {
        let (canaries, rest) = self.packs.split_at(self.canaries.min(self.packs.len()));
        [canaries, rest].into_iter().filter(|wave| !wave.is_empty())
    }

    /// In the order in which their tasks start.
    pub fn databases(&self) -> impl Iterator<Item = &str> {
        names(&self.packs)
    }

    /// How a task is told to migrate these databases.
    pub fn told(&self, databases: &[DatabaseName]) -> Told {
        match databases {
            [only] if !self.packed => Told::One(only.to_string()),
            list => Told::Pack(list.iter().map(DatabaseName::to_string).collect()),
        }
    }

    /// What the revision with this image will be: the current one when nothing would change.
    ///
    /// # Errors
    /// The task definition can not be patched, for example because a secret has the database variable's name.
    pub fn revision(&self, image: &str) -> Result<RevisionPlan, Failure> {
        let wanted = self.wanted(image)?;
        match self.current.as_ref().and_then(|current| Some((current, current.arn()?))) {
            Some((current, arn)) if current.same_as(&wanted) => Ok(RevisionPlan::Reuse(arn.to_owned())),
            _ => Ok(RevisionPlan::Register(wanted)),
        }
    }

    /// The document that the revision with this image will have.
    fn wanted(&self, image: &str) -> Result<TaskDefinition, Failure> {
        let patch = Patch {
            image: image.to_owned(),
            environment: vec![(self.task.database_variable.to_string(), PLACEHOLDER.to_owned())],
            command: None,
        };
        Ok(self.base.patched(&self.container, &patch)?.in_family(&self.family))
    }

    /// The unified diff that a revision with this image makes; empty when the current one is reused.
    pub fn diff(&self, image: &str) -> Result<String, Failure> {
        Ok(self.diff_of(&self.revision(image)?))
    }

    fn diff_of(&self, revision: &RevisionPlan) -> String {
        let variable = self.task.database_variable.as_str();
        let before = self.current.as_ref().unwrap_or(&self.base);
        match revision {
            RevisionPlan::Reuse(_) => String::new(),
            RevisionPlan::Register(wanted) => before.diff(wanted, &[variable]),
        }
    }

    /// What its databases are databases of; none when AWS was not asked.
    pub fn target(&self) -> Option<Target> {
        let account = self.account.as_ref();
        Target::of(account, &self.cluster, self.base.family(), &self.container, &self.task.database_variable)
    }

    /// What a task of this run is told beside its databases.
    pub fn orders(&self) -> Orders {
        let overrides = self.run_task(self.family(), &[], 0).overrides();
        Orders::of(&overrides, &self.container, &self.task.database_variable)
    }

    /// A digest of what the migration container does, without its databases and its image: a record of another one is
    /// no proof.
    pub fn told_digest(&self) -> String {
        self.orders().digest_over(&self.base, &self.container, &self.task.database_variable)
    }

    /// How tasks are read, with the revision that this run's tasks run, where that is known.
    pub fn reading<'a>(
        &'a self,
        revision: Option<&'a str>,
        orders: &'a Orders,
        revisions: &'a Revisions,
    ) -> Reading<'a> {
        Reading {
            container: &self.container,
            variable: &self.task.database_variable,
            started_by: &self.started_by,
            revision,
            orders,
            revisions,
        }
    }

    /// Does something with the reading of the plan's own look.
    fn read<T>(&self, does: impl FnOnce(&Reading<'_>) -> T) -> Result<T, Failure> {
        let reused = match self.revision(&self.image.reference())? {
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

    fn waves_after(
        &self,
        past: &Past,
        running: &[Task],
        known: &KnownTasks<'_>,
        waves: [&[DatabaseName]; 2],
    ) -> Result<[Wave; 2], Failure> {
        let (target, told) = (self.target(), self.told_digest());
        let terms = Terms {
            digest: self.image.digest(),
            told: &told,
            target: target.as_ref(),
            proof: self.task.proof,
        };
        self.read(|reading| {
            let resumed = Resumed::new(past, running, &terms, *reading);
            waves.map(|databases| resumed.wave(databases, known))
        })
    }

    /// Tasks of this run that do something else than one of its tasks would do now.
    pub fn left_by_earlier_steps(&self) -> Vec<String> {
        let running = self.packs.iter().filter_map(|pack| pack.running.as_ref());
        let left: BTreeSet<&str> =
            running.filter(|task| task.ours && !task.alike).map(|task| task.arn.as_str()).collect();
        left.into_iter().map(str::to_owned).collect()
    }

    /// Whether a task may be started for a pack: at once, or after the end of the one that migrates it now.
    pub fn may_start(&self, pack: &Pack) -> bool {
        pack.running.as_ref().is_none_or(|task| task.met(self.fleet.on_running) == OnRunning::Wait)
    }
}
