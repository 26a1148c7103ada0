//! Observe: everything that a plan rests on, by calls that change nothing.

use anyhow::Result;
use tokio::try_join;

use crate::adapters::{docker, git};
use crate::failure::{ExitCode, Failure, listed};
use crate::image_reference::ImageReference;
use crate::ports::{Caller, DesiredStatus, DockerBuild, Network, NetworkResource, Reads, Repository, Task};
use crate::settings::{ImageChoice, NetworkChoice, Selector, Settings, TaskDefinitionSource};
use crate::task_definition::TaskDefinition;

/// What was seen, and what could not be.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Absent when the plan was made without AWS.
    pub aws: Option<Account>,
    /// What the migration task is made from.
    pub base: TaskDefinition,
    /// The family's newest revision in ECS: it is reused when it is already what is wanted.
    pub current: Option<TaskDefinition>,
    pub image: ObservedImage,
    pub network: Network,
    /// Tasks of the family that run now.
    pub running: Vec<Task>,
    /// Tasks that this very run has started before, in an earlier step or process, and that have ended.
    pub finished: Vec<Task>,
    /// What could not be observed, and what a person should know before the run.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub caller: Caller,
    pub region: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedImage {
    /// Built here: its repository, its tag, and the digest when the tag is already there.
    Tagged { repository: Repository, tag: String, digest: Option<String> },
    /// `--image`, pinned by digest where it is in ECR.
    Reference { reference: String, digest: Option<String> },
}

/// Observes through `aws`; without it (a plan from a file), only this machine.
pub async fn observe<R: Reads>(settings: &Settings, aws: Option<(&R, &str)>) -> Result<Observed> {
    match aws {
        Some((reads, region)) => with_aws(settings, reads, region).await,
        None => without_aws(settings).await,
    }
}

async fn with_aws(settings: &Settings, reads: &impl Reads, region: &str) -> Result<Observed> {
    let (caller, (base, current), ()) = try_join!(
        reads.caller(),
        task_definitions(settings, reads, region),
        reads.check_cluster(&settings.cluster)
    )?;
    base.migration_container(settings.container.as_deref())?;
    let (image, network, running, finished) = try_join!(
        image(settings, reads, &base),
        network(settings, reads),
        reads.tasks_of_family(&settings.cluster, base.family(), DesiredStatus::Running),
        finished(settings, reads, base.family())
    )?;
    let account = Account { caller, region: region.to_owned() };
    let notes = local_checks(settings, &base, &image).await?;
    Ok(Observed { aws: Some(account), base, current, image, network, running, finished, notes })
}

async fn without_aws(settings: &Settings) -> Result<Observed> {
    let TaskDefinitionSource::File(path) = &settings.task_definition else {
        return Err(Failure::input("a plan without AWS needs the task definition as a JSON file").into());
    };
    let base = TaskDefinition::from_file(path)?;
    let container = base.migration_container(settings.container.as_deref())?;
    let image = match &settings.image {
        ImageChoice::Reference(reference) => ObservedImage::Reference {
            reference: reference.clone(),
            digest: ImageReference::parse(reference).digest.map(str::to_owned),
        },
        _ => {
            let (name, uri) = repository_of(settings, &base, container)?;
            let tag = tag(settings).await.unwrap_or_else(|_| "<commit>".into());
            ObservedImage::Tagged { repository: Repository { name, uri }, tag, digest: None }
        }
    };
    let mut notes = vec![
        "planned without AWS: the cluster, the repository, the network, the image's tag, the family's newest revision \
         and tasks that run now were not looked at"
            .to_owned(),
    ];
    if let Some(problem) = local_problem(settings, &base).await? {
        notes.push(format!("a build on this machine would fail: {problem}"));
    }
    let network = match &settings.network {
        NetworkChoice::FromService(service) => {
            Network { subnets: vec![format!("<from service {service}>")], ..Network::default() }
        }
        NetworkChoice::Given { subnets, security_groups, assign_public_ip } => Network {
            subnets: subnets.iter().map(unresolved).collect(),
            security_groups: security_groups.iter().map(unresolved).collect(),
            assign_public_ip: *assign_public_ip,
        },
    };
    Ok(Observed {
        aws: None,
        base,
        current: None,
        image,
        network,
        running: Vec::new(),
        finished: Vec::new(),
        notes,
    })
}

/// A run from a terminal is known to nobody before it starts, so it has no past to look up.
async fn finished(settings: &Settings, reads: &impl Reads, family: &str) -> Result<Vec<Task>> {
    let run = &settings.run;
    if !run.may_have_a_past {
        return Ok(Vec::new());
    }
    let tasks = reads.tasks_of_family(&settings.cluster, family, DesiredStatus::Stopped).await?;
    Ok(tasks.into_iter().filter(|task| task.started_by.as_ref() == Some(&run.started_by)).collect())
}

fn unresolved(selector: &Selector) -> String {
    match selector {
        Selector::Id(id) => id.clone(),
        Selector::Tag { key, pattern } => format!("<tag {key}={pattern}>"),
    }
}

/// The base of the new revision, and the family's newest revision.
async fn task_definitions(
    settings: &Settings,
    reads: &impl Reads,
    region: &str,
) -> Result<(TaskDefinition, Option<TaskDefinition>)> {
    match &settings.task_definition {
        TaskDefinitionSource::File(path) => {
            let base = TaskDefinition::from_file(path)?;
            let current = described(reads, base.family()).await?;
            Ok((base, current))
        }
        TaskDefinitionSource::Ecs(name) => {
            let Some(base) = described(reads, name).await? else {
                return Err(unknown_task_definition(reads, name, region).await.into());
            };
            // A family's name alone is its newest revision.
            let current = if name == base.family() {
                Some(base.clone())
            } else {
                described(reads, base.family()).await?
            };
            Ok((base, current))
        }
    }
}

async fn described(reads: &impl Reads, name: &str) -> Result<Option<TaskDefinition>> {
    let document = reads.describe_task_definition(name).await?;
    Ok(document.map(|document| TaskDefinition::from_json(document, name)).transpose()?)
}

async fn unknown_task_definition(reads: &impl Reads, name: &str, region: &str) -> Failure {
    let failure = Failure::input(format!("task definition {name} does not exist in {region}"));
    match reads.task_definition_families_like(name).await {
        Ok(families) if families.is_empty() => failure.hint(format!(
            "there is no task definition in {region}: check --region and the credentials' account"
        )),
        Ok(families) => failure.hint(format!("families that exist: {}", listed(&families))),
        Err(_) => failure.hint("check --task-definition and --region"),
    }
}

async fn image(settings: &Settings, reads: &impl Reads, base: &TaskDefinition) -> Result<ObservedImage> {
    let container = base.migration_container(settings.container.as_deref())?;
    if let ImageChoice::Reference(text) = &settings.image {
        return given_image(reads, text).await;
    }
    let (name, _) = repository_of(settings, base, container)?;
    let tag = tag(settings).await?;
    let repository = reads.repository(&name).await?;
    let digest = reads.image_digest(&repository.name, &tag).await?;
    Ok(ObservedImage::Tagged { repository, tag, digest })
}

/// An image in ECR must be there, and is pinned; one of another registry is taken as it is.
async fn given_image(reads: &impl Reads, text: &str) -> Result<ObservedImage> {
    let parsed = ImageReference::parse(text);
    let in_ecr = parsed.registry.is_some_and(|registry| {
        registry.contains(".dkr.ecr.")
            || registry.starts_with("127.0.0.1:")
            || registry.starts_with("localhost:")
    });
    if !in_ecr {
        let digest = parsed.digest.map(str::to_owned);
        return Ok(ObservedImage::Reference { reference: text.to_owned(), digest });
    }
    let repository = reads.repository(parsed.path).await?;
    let wanted = parsed.digest.or(parsed.tag).unwrap_or("latest");
    match reads.image_digest(&repository.name, wanted).await? {
        Some(digest) => Ok(ObservedImage::Reference {
            reference: format!("{}@{digest}", parsed.repository()),
            digest: Some(digest),
        }),
        None => Err(Failure::input(format!("repository {} has no image {wanted}", repository.name))
            .hint("push it first, check the tag of --image, or leave --image away to build it here")
            .into()),
    }
}

/// The repository's name and URI, from `--repository` or from where the container's image is now.
fn repository_of(
    settings: &Settings,
    base: &TaskDefinition,
    container: &str,
) -> Result<(String, String), Failure> {
    let text = settings.repository.as_deref().or_else(|| base.image(container)).unwrap_or_default();
    let parsed = ImageReference::parse(text);
    if parsed.path.is_empty() || text.contains(char::is_whitespace) {
        return Err(Failure::input(format!(
            "container {container} has no image to take the repository from"
        ))
        .hint("pass --repository NAME"));
    }
    Ok((parsed.path.to_owned(), parsed.repository()))
}

/// `--tag`, else the commit: GitHub's, else git's.
async fn tag(settings: &Settings) -> Result<String> {
    if let Some(tag) = &settings.tag {
        return Ok(tag.clone());
    }
    if let Some(commit) = &settings.commit {
        return Ok(commit.clone());
    }
    let directory = match &settings.image {
        ImageChoice::Docker { context, .. } => context.clone(),
        _ => ".".into(),
    };
    git::commit(&directory).await?.ok_or_else(|| {
        Failure::input("no commit to name the image by")
            .hint("pass --tag, or run inside a git repository")
            .into()
    })
}

async fn network(settings: &Settings, reads: &impl Reads) -> Result<Network> {
    match &settings.network {
        NetworkChoice::FromService(service) => reads.network_of_service(&settings.cluster, service).await,
        NetworkChoice::Given { subnets, security_groups, assign_public_ip } => {
            let (subnets, security_groups) = try_join!(
                resolved(reads, NetworkResource::Subnet, subnets),
                resolved(reads, NetworkResource::SecurityGroup, security_groups)
            )?;
            Ok(Network { subnets, security_groups, assign_public_ip: *assign_public_ip })
        }
    }
}

async fn resolved(reads: &impl Reads, kind: NetworkResource, selectors: &[Selector]) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for selector in selectors {
        match selector {
            Selector::Id(id) => ids.push(id.clone()),
            Selector::Tag { key, pattern } => ids.extend(reads.resources_by_tag(kind, key, pattern).await?),
        }
    }
    Ok(ids)
}

/// What would make a build here fail, found before anything is changed. A plan that needs no build needs no Docker.
async fn local_checks(
    settings: &Settings,
    base: &TaskDefinition,
    image: &ObservedImage,
) -> Result<Vec<String>> {
    if !matches!(image, ObservedImage::Tagged { digest: None, .. }) {
        return Ok(Vec::new());
    }
    match local_problem(settings, base).await? {
        Some(problem) if settings.plan_only && problem.exit_code != ExitCode::BadInput => {
            Ok(vec![format!("a build on this machine would fail: {problem}")])
        }
        Some(problem) => Err(problem.into()),
        None => Ok(Vec::new()),
    }
}

async fn local_problem(settings: &Settings, base: &TaskDefinition) -> Result<Option<Failure>> {
    let checked = match &settings.image {
        ImageChoice::Docker { .. } => match docker_build(settings, base)? {
            Some(build) => docker::check(&build).await,
            None => Ok(()),
        },
        ImageChoice::Binary(path) if !path.is_file() => {
            Err(Failure::input(format!("--binary {} is no file", path.display()))
                .hint("build it first")
                .into())
        }
        _ => Ok(()),
    };
    match checked {
        Ok(()) => Ok(None),
        Err(error) => match Failure::find(&error) {
            Some(failure) => Ok(Some(failure.clone())),
            None => Err(error),
        },
    }
}

/// What docker is asked for, with the platform of the task definition.
pub fn docker_build(settings: &Settings, base: &TaskDefinition) -> Result<Option<DockerBuild>, Failure> {
    let ImageChoice::Docker { context, dockerfile, target, build_args } = &settings.image else {
        return Ok(None);
    };
    Ok(Some(DockerBuild {
        context: context.clone(),
        dockerfile: dockerfile.clone(),
        target: target.clone(),
        build_args: build_args.clone(),
        platform: base.platform()?.to_owned(),
    }))
}
