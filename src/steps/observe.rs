//! Observe: everything that a plan rests on, by calls that change nothing.

use anyhow::Result;
use tokio::time::Instant;
use tokio::try_join;

use crate::failure::{Failure, listed};
use crate::image_reference::ImageReference;
use crate::plan::{Family, Observed, ObservedImage, Past, Revisions, TagSource};
use crate::ports::{Account, DefinitionReads, Machine, Reads, Repository};
use crate::settings::{ImageChoice, Settings, TaskDefinitionSource};
use crate::task_definition::TaskDefinition;

mod back;
mod build;
mod image;
mod network;
mod past;
mod repository;
mod run;
mod services;
mod status;
mod tasks;
mod witness;

use image::{image, local_checks, local_problem, tag};
use network::network;
use repository::Wanted;
use tasks::{FamilyTasks, service, tasks};
use witness::witness;

pub(crate) use back::observe_back;
pub(crate) use build::observe_build;
pub(crate) use past::past;
pub(crate) use run::observe_run;
pub(crate) use services::{Look, look, observe_alone, observe_services};
pub(crate) use status::observe_status;
pub(crate) use tasks::{LOOKS, PAUSE, observe_revisions, read_revisions, service_of_family};

/// Observes through `aws`; without it (a plan from a file), only this machine.
pub(crate) async fn observe<R: Reads>(
    settings: &Settings,
    machine: &impl Machine,
    aws: Option<&R>,
) -> Result<Observed> {
    match aws {
        Some(reads) => with_aws(settings, machine, reads).await,
        None => without_aws::<R>(settings, machine).await,
    }
}

async fn with_aws(settings: &Settings, machine: &impl Machine, reads: &impl Reads) -> Result<Observed> {
    let (caller, (base, current), ()) = try_join!(
        reads.caller(),
        task_definitions(settings, reads, reads.region()),
        reads.check_cluster(&settings.cluster)
    )?;
    let container = base.migration_container(settings.container.as_deref())?;
    let account = Account { caller, region: reads.region().to_owned() };
    let looked_at = Instant::now();
    let (cluster, run) = (&settings.cluster, &settings.common.run);
    let (image, (network, seen), mut tasks) = try_join!(
        image(&settings.image, machine, reads, &account, Some((&base, container))),
        network(settings, reads),
        tasks(cluster, run, reads, base.family())
    )?;
    let family = Family::new(
        settings.family.as_deref(),
        base.family(),
        service(&tasks.services, seen, base.family()),
    )?;
    let current = if family.name == base.family() {
        current
    } else {
        let (current, more) =
            try_join!(described(reads, &family.name), tasks::tasks(cluster, run, reads, &family.name))?;
        tasks.extend(more);
        current
    };
    let FamilyTasks { may_work: running, finished, .. } = tasks;
    let revisions = Revisions::of([Some(&base), current.as_ref()].into_iter().flatten());
    let mut notes =
        local_checks(&settings.image, machine, Some(&base), &image, settings.common.plan_only).await?;
    let witness = witness(settings, &base, &image, machine, Some(reads), &mut notes).await?;
    Ok(Observed {
        aws: Some(account),
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
        past: Past::default(),
        notes,
    })
}

async fn without_aws<R: Reads>(settings: &Settings, machine: &impl Machine) -> Result<Observed> {
    let TaskDefinitionSource::File(path) = &settings.task_definition else {
        return Err(Failure::input("a plan without AWS needs the task definition as a JSON file").into());
    };
    let base = TaskDefinition::from_file(path)?;
    let container = base.migration_container(settings.container.as_deref())?;
    let image = match &settings.image.choice {
        ImageChoice::Reference(reference) => ObservedImage::Reference {
            reference: reference.clone(),
            digest: ImageReference::parse(reference).digest.map(str::to_owned),
            platforms: None,
            unseen: None,
        },
        _ => {
            let Wanted { name, uri, .. } = Wanted::new(&settings.image, Some((&base, container)))?;
            let repository = Repository { name: name.name, uri, registry: name.registry };
            let none = || ("<commit>".to_owned(), TagSource::GitHub);
            let (tag, named_by) = tag(&settings.image, machine).await?.unwrap_or_else(none);
            ObservedImage::Tagged { repository, tag, named_by, stored: None }
        }
    };
    let mut notes = vec![
        "planned without AWS: the cluster, its services, the repository, the network, the image's tag, the family's \
         newest revision and tasks that run now were not looked at"
            .to_owned(),
    ];
    if let Some(problem) = local_problem(&settings.image, machine, Some(&base)).await? {
        notes.push(format!("a build on this machine would fail: {problem}"));
    }
    let network = network::unresolved(settings);
    let witness = witness(settings, &base, &image, machine, None::<&R>, &mut notes).await?;
    let family = Family::new(settings.family.as_deref(), base.family(), None)?;
    Ok(Observed {
        aws: None,
        base,
        family,
        current: None,
        image,
        witness,
        network,
        running: Vec::new(),
        revisions: Revisions::default(),
        looked_at: Instant::now(),
        finished: Vec::new(),
        past: Past::default(),
        notes,
    })
}

/// Returns the base of the new revision, and the family's newest revision, `None` when it has none.
async fn task_definitions(
    settings: &Settings,
    definitions: &impl DefinitionReads,
    region: &str,
) -> Result<(TaskDefinition, Option<TaskDefinition>)> {
    match &settings.task_definition {
        TaskDefinitionSource::File(path) => {
            let base = TaskDefinition::from_file(path)?;
            let current = described(definitions, base.family()).await?;
            Ok((base, current))
        }
        TaskDefinitionSource::Ecs(name) => {
            let Some(base) = described(definitions, name).await? else {
                return Err(unknown_task_definition(definitions, name, region).await.into());
            };
            // A family's name alone is its newest revision.
            let current = if name == base.family() {
                Some(base.clone())
            } else {
                described(definitions, base.family()).await?
            };
            Ok((base, current))
        }
    }
}

async fn described(definitions: &impl DefinitionReads, name: &str) -> Result<Option<TaskDefinition>> {
    let document = definitions.describe_task_definition(name).await?;
    Ok(document.map(|document| TaskDefinition::from_json(document, name)).transpose()?)
}

async fn unknown_task_definition(definitions: &impl DefinitionReads, name: &str, region: &str) -> Failure {
    let failure = Failure::input(format!("task definition {name} does not exist in {region}"));
    match definitions.task_definition_families_like(name).await {
        Ok(families) if families.is_empty() => failure.hint(format!(
            "there is no task definition in {region}: check --region and the credentials' account"
        )),
        Ok(families) => failure.hint(format!("families that exist: {}", listed(&families))),
        Err(_) => failure.hint("check --task-definition and --region"),
    }
}
