//! The plan of `fargate-migrate run`: one-off tasks with a command, which migrate nothing.

use super::checks::{fit_for_fargate, secrets_stay};
use super::exec_form;
use super::family::Family;
use super::image_plan::{ImagePlan, image_and_platforms};
use super::observed::ObservedImage;
use super::pack::Told;
use super::revision_plan::{RevisionPlan, RevisionTerms};
use super::run_task::{MAX_OVERRIDES, environment, run_task_input};
use crate::choices::Leftover;
use crate::cli;
use crate::database_name::DatabaseName;
use crate::failure::Failure;
use crate::ports::{Account, Network, RunTask};
use crate::settings::RunSettings;
use crate::task_definition::{Logs, TaskDefinition};
use crate::untrusted::phrase;
use crate::witness;

mod document;

pub(crate) use document::commands_in_words;

/// What was seen of a run's target.
#[derive(Debug, Clone)]
pub(crate) struct ObservedRun {
    pub account: Account,
    /// The task definition, as it runs now.
    pub base: TaskDefinition,
    pub container: String,
    pub network: Network,
    /// Present where another image was asked for.
    pub other_image: Option<ObservedOther>,
    pub notes: Vec<String>,
}

/// What another image's revision is made with.
#[derive(Debug, Clone)]
pub(crate) struct ObservedOther {
    pub image: ObservedImage,
    pub family: Family,
    /// The family's newest revision.
    pub current: Option<TaskDefinition>,
}

/// An image that the task definition does not name, and the revision that will.
#[derive(Debug, Clone)]
pub struct OtherImage {
    pub image: ImagePlan,
    pub family: String,
    pub current: Option<TaskDefinition>,
}

#[derive(Debug, Clone)]
pub struct RunPlan {
    pub account: Account,
    pub cluster: String,
    pub container: String,
    /// What its tasks run, or, with another image, what their revision is made from.
    pub base: TaskDefinition,
    /// Whether the revision that the tasks run has the witness in front of its command.
    pub has_witness: bool,
    /// None for the image that the task definition names.
    pub other_image: Option<OtherImage>,
    pub network: Network,
    /// One task runs for each; where there are none, one task.
    pub databases: Vec<DatabaseName>,
    pub words: Vec<String>,
    /// All words of the process, those of the entry point in front.
    pub line: String,
    /// The name of the words in the configuration file.
    pub named: Option<String>,
    pub like_service: Option<String>,
    pub task: cli::TaskFlags,
    pub fleet: cli::FleetFlags,
    pub on_cancel: Leftover,
    pub started_by: String,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
}

impl RunPlan {
    /// Makes the plan of a run.
    ///
    /// # Errors
    /// The task definition cannot run as a task of Fargate, or would not run the command as it is.
    pub(crate) fn new(settings: &RunSettings, observed: ObservedRun) -> Result<Self, Failure> {
        let target = &settings.target;
        let ObservedRun { account, base, container, network, other_image, mut notes } = observed;
        let has_witness = other_image.is_none() && base.has_witness(&container);
        let base = base.without_witness(&container);
        fit_for_fargate(&base)?;
        secrets_stay(&base, &container, &target.task.common.env)?;
        if !target.databases.is_empty() {
            base.check_variable(&container, &target.task.common.database_variable)?;
        }
        let start = exec_form::start(&base, &container, &settings.words)?;
        notes.extend(start.note);
        notes.extend(log_note(&base, &container));
        let other_image = match other_image {
            None => None,
            Some(ObservedOther { image, family, current }) => {
                notes.extend(family.note);
                let (image, _) = image_and_platforms(&target.image, Some(&base), image, &mut notes)?;
                Some(OtherImage { image, family: family.name, current })
            }
        };
        let plan = Self {
            account,
            cluster: target.cluster.clone(),
            container,
            base,
            has_witness,
            other_image,
            network,
            databases: target.databases.clone(),
            words: settings.words.clone(),
            line: start.line,
            named: settings.named.clone(),
            like_service: settings.like_service.clone(),
            task: target.task.clone(),
            fleet: target.fleet.clone(),
            on_cancel: settings.on_cancel(),
            started_by: target.common.run.started_by.clone(),
            notes,
        };
        if let Some((terms, other)) = plan.revision_terms().zip(plan.other_image.as_ref()) {
            let registered = plan.base.arn().map(|_| &plan.base);
            terms.wanted(&other.image.pinned_reference())?.check_rules(&plan.container, registered)?;
        }
        plan.overrides_fit()?;
        Ok(plan)
    }

    /// Returns the family of the revision that its tasks run.
    pub fn family(&self) -> &str {
        self.other_image.as_ref().map_or(self.base.family(), |other| &other.family)
    }

    /// Returns what the revision with another image is made from; none where no revision is needed.
    pub(crate) fn revision_terms(&self) -> Option<RevisionTerms<'_>> {
        let other = self.other_image.as_ref()?;
        Some(RevisionTerms {
            base: &self.base,
            family: &other.family,
            current: other.current.as_ref(),
            container: &self.container,
            database_variable: &self.task.common.database_variable,
            witness: None,
        })
    }

    /// Returns the revision with another image, as the plan knows it; none where no revision is needed.
    fn revision(&self) -> Result<Option<RevisionPlan>, Failure> {
        let terms = self.revision_terms().zip(self.other_image.as_ref());
        terms.map(|(terms, other)| terms.revision(&other.image.reference())).transpose()
    }

    /// Returns the databases of each task: one, or none.
    pub fn tasks(&self) -> Vec<Vec<DatabaseName>> {
        match self.databases.as_slice() {
            [] => vec![Vec::new()],
            databases => databases.iter().map(|database| vec![database.clone()]).collect(),
        }
    }

    /// Makes the RunTask call of a task. Each call needs a token of its own, so that the same command can run twice.
    pub fn run_task(&self, revision: &str, databases: &[DatabaseName], client_token: String) -> RunTask {
        let told = databases.first().map(|database| Told::One(database.to_string()));
        let mut environment = environment(&self.base, &self.container, &self.task, told.as_ref());
        if self.has_witness {
            environment.push((witness::OPERATION.to_owned(), witness::EXEC.to_owned()));
        }
        RunTask {
            cluster: self.cluster.clone(),
            task_definition: revision.to_owned(),
            container: self.container.clone(),
            environment,
            command: Some(self.words.clone()),
            network: self.network.clone(),
            tags: self.task.common.task_tag.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
            propagate_tags: self.task.common.propagate_tags,
            managed_tags: self.task.common.ecs_managed_tags,
            started_by: self.started_by.clone(),
            client_token,
        }
    }

    fn overrides_fit(&self) -> Result<(), Failure> {
        let longest = self.databases.iter().max_by_key(|database| database.len());
        let databases = longest.map(std::slice::from_ref).unwrap_or_default();
        let input = run_task_input(&self.run_task(self.base.family(), databases, String::new()));
        let length = input["overrides"].to_string().chars().count();
        if length <= MAX_OVERRIDES {
            return Ok(());
        }
        Err(Failure::input(format!(
            "the command and its variables take {length} characters of RunTask's overrides; ECS takes {MAX_OVERRIDES}"
        ))
        .hint("shorten the command and --env; large values belong into a file in S3 or into the image"))
    }
}

/// Says why a log cannot be passed on whole; none where it can. The output is what a command is run for.
fn log_note(base: &TaskDefinition, container: &str) -> Option<String> {
    Some(match base.logs(container) {
        Logs::Awslogs { blocking: true, .. } => return None,
        Logs::Awslogs { blocking: false, .. } => format!(
            "container {container} logs in non-blocking mode (the account's default since June 2025): when its buffer is \
             full, lines are lost. `mode: blocking` in its logConfiguration keeps every line"
        ),
        Logs::Unlocatable { missing } => format!(
            "the output of container {container} cannot be found, and is not shown: its logConfiguration has no {missing}"
        ),
        Logs::OtherDriver(driver) => format!(
            "container {container} logs with {}, not to CloudWatch Logs: its output is not shown",
            phrase(&driver)
        ),
        Logs::None => format!("container {container} has no logConfiguration: its output is not shown"),
    })
}
