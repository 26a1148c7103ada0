//! Every call that the program makes to the outside: the one page that answers "what can this do to my account?".
//!
//! One trait for each resource's reads, and one for its changes. [`Reads`] is the sum of the former and all that
//! planning is ever handed, so a dry run cannot change anything; [`Writes`] is the sum of the latter. [`CALLS`] names
//! each AWS call with its IAM action and its buckets; an adapter cannot make another one, because it must name its
//! entry. [`github`] does the same for GitHub's API.
#![expect(async_fn_in_trait, reason = "a run is one task on one thread: no future has to be Send")]

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::Value;

use crate::witness::image::{StoredContent, WithWitness};
use crate::witness::layer::Layer;

mod buckets;
pub mod github;
mod iam_grant;
mod no_room;
mod services;
mod shapes;
mod task;
mod task_status;

pub use buckets::{ApiBucket, BUCKETS};
pub use iam_grant::{Grant, On, When};
pub use no_room::NoRoom;
pub use services::{
    BreakerSeen, Controller, Deployment, DeploymentRules, DeploymentStatus, HookDetail, RevisionImage,
    RevisionTasks, RollbackSeen, Service, ServiceDeployment, ServiceDeploymentBrief, ServiceEvent,
    ServiceRevision, Strategy, UpdateService,
};
pub use shapes::*;
pub use task::{Container, Task};
pub use task_status::TaskStatus;

/// One AWS call, as its service and IAM name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The service as a person knows it.
    pub service: &'static str,
    /// The IAM action, whose second half is the API operation.
    pub action: &'static str,
    pub changes: bool,
    pub grant: Grant,
    /// The buckets of AWS that it draws on; empty for a call that is never made often.
    pub buckets: &'static [ApiBucket],
}

impl Call {
    /// Returns the API operation: `RunTask`.
    pub fn operation(self) -> &'static str {
        self.action.split_once(':').map_or(self.action, |(_, operation)| operation)
    }
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $service:literal, $action:literal, $changes:literal, $on:ident, $when:ident
        $(, $bucket:ident)*;)*) => {
        impl Call { $($(#[$doc])* pub const $name: Call = Call {
            service: $service,
            action: $action,
            changes: $changes,
            grant: Grant { on: On::$on, when: When::$when },
            buckets: &[$(ApiBucket::$bucket),*],
        };)* }
        /// Every AWS call of this program.
        pub const CALLS: &[Call] = &[$(Call::$name),*];
    };
}

calls! {
    /// Whose credentials are these? Needs no permission.
    GET_CALLER_IDENTITY = "STS", "sts:GetCallerIdentity", false, Nothing, Always;
    /// For `--role-to-assume`. Needs no permission: the role's trust policy allows it, or does not.
    ASSUME_ROLE_WITH_WEB_IDENTITY = "STS", "sts:AssumeRoleWithWebIdentity", false, Nothing, Always;
    DESCRIBE_TASK_DEFINITION =
        "ECS", "ecs:DescribeTaskDefinition", false, Everything, Definition, TASK_DEFINITION_READ;
    /// Only for an error's hint: the families that do exist.
    LIST_TASK_DEFINITION_FAMILIES =
        "ECS", "ecs:ListTaskDefinitionFamilies", false, Everything, Hint, TASK_DEFINITION_READ;
    DESCRIBE_CLUSTERS = "ECS", "ecs:DescribeClusters", false, Cluster, InCluster, CLUSTER_READ;
    /// Only for an error's hint: the clusters that do exist.
    LIST_CLUSTERS = "ECS", "ecs:ListClusters", false, Everything, Hint, CLUSTER_READ;
    /// For `--network-from-service`, and for services that are deployed.
    DESCRIBE_SERVICES = "ECS", "ecs:DescribeServices", false, Service, Service, SERVICE_READ;
    /// Which deployment of a service is this run's, and what ran before.
    LIST_SERVICE_DEPLOYMENTS =
        "ECS", "ecs:ListServiceDeployments", false, Service, Deploy, SERVICE_DEPLOYMENT_READ;
    DESCRIBE_SERVICE_DEPLOYMENTS =
        "ECS", "ecs:DescribeServiceDeployments", false, ServiceDeployments, Deploy, SERVICE_DEPLOYMENT_READ;
    DESCRIBE_SERVICE_REVISIONS =
        "ECS", "ecs:DescribeServiceRevisions", false, ServiceRevisions, Deploy, SERVICE_REVISION_READ;
    /// Tasks of the same family that run now, or that this run has finished: no second migration of one database. For
    /// a service, its running tasks, which prove what it runs, and its stopped ones.
    LIST_TASKS = "ECS", "ecs:ListTasks", false, EverythingInCluster, InCluster, CLUSTER_RESOURCE_READ;
    DESCRIBE_TASKS = "ECS", "ecs:DescribeTasks", false, TasksOfCluster, InCluster, CLUSTER_RESOURCE_READ;
    /// Where is the repository that an image is pushed to?
    DESCRIBE_REPOSITORIES = "ECR", "ecr:DescribeRepositories", false, Repository, Push;
    /// Is the commit's tag there already, and with which digest?
    BATCH_GET_IMAGE = "ECR", "ecr:BatchGetImage", false, Repository, ImageInEcr;
    /// The commit that the image of a service is known by, for people: without it none is named.
    DESCRIBE_IMAGES = "ECR", "ecr:DescribeImages", false, Repository, ImageOfService;
    /// For an image that is not in ECR: does a rule fetch it at the first pull?
    DESCRIBE_PULL_THROUGH_CACHE_RULES =
        "ECR", "ecr:DescribePullThroughCacheRules", false, Everything, GivenInEcr;
    /// For subnets and security groups given as `tag:Name=pattern`.
    GET_RESOURCES = "Resource Groups Tagging", "tag:GetResources", false, Everything, TagSelector;
    GET_LOG_EVENTS =
        "CloudWatch Logs", "logs:GetLogEvents", false, LogStreams, CloudWatchLogs, GET_LOG_EVENTS;
    /// The log streams of all tasks of a fleet at once.
    FILTER_LOG_EVENTS =
        "CloudWatch Logs", "logs:FilterLogEvents", false, LogStreams, MigrationLogs, FILTER_LOG_EVENTS;
    /// The docker login of a push; the push itself needs the actions of [`PUSH_ACTIONS`].
    GET_AUTHORIZATION_TOKEN = "ECR", "ecr:GetAuthorizationToken", true, Everything, Push;
    REGISTER_TASK_DEFINITION =
        "ECS", "ecs:RegisterTaskDefinition", true, Family, Revision, TASK_DEFINITION_MODIFY;
    RUN_TASK = "ECS", "ecs:RunTask", true, FamilyInCluster, Run, CLUSTER_RESOURCE_MODIFY, FARGATE_RUN_TASK;
    STOP_TASK = "ECS", "ecs:StopTask", true, TasksOfCluster, Stop, CLUSTER_RESOURCE_MODIFY;
    UPDATE_SERVICE = "ECS", "ecs:UpdateService", true, Service, Deploy, SERVICE_MODIFY;
    /// Back to what ran before, while a deployment is under way.
    STOP_SERVICE_DEPLOYMENT =
        "ECS", "ecs:StopServiceDeployment", true, ServiceDeployments, RollBack;
    /// The same while it is paused.
    CONTINUE_SERVICE_DEPLOYMENT =
        "ECS", "ecs:ContinueServiceDeployment", true, ServiceDeployments, RollBack;
}

/// What a push through the registry's own protocol needs besides `ecr:GetAuthorizationToken`, on the repository.
pub const PUSH_ACTIONS: &[&str] = &[
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];

/// What else AWS requires for the program's calls: the list of repositories that the hint of DescribeRepositories
/// asks for, and, for RegisterTaskDefinition and RunTask, the task's roles and the tags on what they create.
pub const DEPENDENT_ACTIONS: &[(&str, bool, Grant)] = &[
    // What the registry's own protocol needs to read an image's configuration, which a plan does too.
    ("ecr:GetAuthorizationToken", false, Grant { on: On::Everything, when: When::Witness }),
    ("ecr:GetDownloadUrlForLayer", false, Grant { on: On::Repository, when: When::Witness }),
    ("ecr:DescribeRepositories", false, Grant { on: On::EveryRepository, when: When::Hint }),
    ("iam:PassRole", true, Grant { on: On::TaskRoles, when: When::Roles }),
    ("ecs:TagResource", true, Grant { on: On::TagsOfNewRevisions, when: When::Tags }),
    ("ecs:TagResource", true, Grant { on: On::TagsOfNewTasks, when: When::TaskTags }),
];

/// The service that a task's roles are passed to: the same name in every partition (IAM, service principals).
pub const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

/// Tasks of one DescribeTasks: a call that looks at fewer costs as much.
pub const DESCRIBE_TASKS_BATCH: usize = 100;
/// Services of one DescribeServices.
pub const DESCRIBE_SERVICES_BATCH: usize = 10;
/// ARNs of one DescribeServiceDeployments or DescribeServiceRevisions.
pub const SERVICE_DEPLOYMENTS_BATCH: usize = 20;

/// Whose credentials are these?
pub trait IdentityReads {
    /// Returns the Region that is asked.
    fn region(&self) -> &str;

    /// Returns the account behind the credentials (STS GetCallerIdentity).
    async fn caller(&self) -> Result<Caller>;
}

/// Task definitions.
pub trait DefinitionReads {
    /// Returns the DescribeTaskDefinition body, whole, with tags: `{"taskDefinition": {…}, "tags": […]}`; none when
    /// ECS has no such family or revision.
    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>>;

    /// Lists ACTIVE families whose names begin as `name` does, else any: for the hint of an error.
    async fn task_definition_families_like(&self, name: &str) -> Result<Vec<String>>;
}

pub trait DefinitionWrites {
    /// Registers exactly this document with RegisterTaskDefinition; returns the new revision's ARN.
    async fn register_task_definition(&self, document: &Value) -> Result<String>;
}

/// Images and their repositories.
pub trait ImageReads {
    /// Looks for a repository, in the registry that it is said to be in.
    async fn repository(&self, name: &RepositoryName) -> Result<Lookup<Repository>>;

    /// Lists the names of the repositories in the registry that `name` is in: for the hint of an error.
    async fn repositories_beside(&self, name: &RepositoryName) -> Result<Vec<String>>;

    /// Lists the prefixes of a registry's pull-through cache rules: the first pull makes the repositories below them.
    async fn pull_through_prefixes(&self, name: &RepositoryName) -> Result<Lookup<Vec<String>>>;

    /// Looks for the image behind a tag (or a digest) of a repository; none when the repository does not have it.
    async fn stored_image(
        &self,
        repository: &RepositoryName,
        tag_or_digest: &str,
    ) -> Result<Lookup<Option<StoredImage>>>;

    /// Reads the image with this digest, or that of an index for this platform, as it is stored.
    async fn image_content(
        &self,
        repository: &Repository,
        digest: &str,
        platform: &ImagePlatform,
    ) -> Result<StoredContent>;

    /// Lists all tags of the image with this digest.
    async fn image_tags(&self, repository: &RepositoryName, digest: &str) -> Result<Vec<String>>;
}

pub trait ImageWrites {
    /// Builds with `docker build` and pushes; returns the digest that the registry gave.
    async fn build_and_push(
        &self,
        build: &DockerBuild,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String>;

    /// Pushes an image with the witness beside the one that it is made from; returns the digest.
    async fn push_with_witness(
        &self,
        image: &WithWitness,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String>;

    /// Packages a static executable as an image and pushes it; returns the digest.
    async fn package_and_push(
        &self,
        binary: &BinaryImage,
        to: &ImageTag,
        progress: &dyn ImageProgress,
    ) -> Result<String>;
}

/// Hears what a build and a push say on the way.
#[expect(unused_variables, reason = "what is not shown has no use for its facts")]
pub trait ImageProgress {
    /// Begins a step, such as "build image", and ends the one before.
    fn step(&self, title: &str) {}

    /// Tells a line that a build printed.
    fn build_line(&self, line: &str) {}

    /// Tells that a push has sent `done` of `total` bytes.
    fn pushed(&self, done: u64, total: u64) {}

    /// Tells something worth saying once.
    fn note(&self, text: &str) {}
}

/// Subnets and security groups.
pub trait NetworkReads {
    /// Describes a service, with the awsvpc configuration that it runs with.
    async fn service(&self, cluster: &str, name: &str) -> Result<ServiceSeen>;

    /// Lists the ids of the subnets or security groups whose tag `key` has a value that matches `pattern` (`*`, `?`).
    async fn resources_by_tag(&self, kind: NetworkResource, key: &str, pattern: &str) -> Result<Vec<String>>;
}

/// Tasks and the clusters that they run in.
pub trait TaskReads {
    /// Fails when there is no cluster `name`, and then lists those that exist, or when it is not ACTIVE.
    async fn check_cluster(&self, name: &str) -> Result<()>;

    /// Lists the ARNs of a family's tasks that are wanted in this status, whoever started them. ECS remembers a
    /// stopped task for an hour or so.
    async fn list_tasks(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<String>>;

    /// Describes the tasks that [`list_tasks`](Self::list_tasks) lists.
    async fn tasks_of_family(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<Task>> {
        let arns = self.list_tasks(cluster, family, wanted).await?;
        self.describe_tasks(cluster, &arns).await
    }

    /// Describes tasks with DescribeTasks, in batches of 100. A task that ECS does not know is absent: ECS forgets a
    /// stopped task after an hour or so, and may not know a new one yet.
    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>>;
}

pub trait TaskWrites {
    /// Waits until one more RunTask may be sent. It is apart from the call, so that an interrupt ends the wait and no
    /// task is started after it.
    async fn run_task_turn(&self) {}

    /// Calls RunTask at once. The caller repeats a call that was throttled.
    async fn run_task(&self, request: &RunTask) -> Result<Launch>;

    /// Stops a task with StopTask. A task that has already stopped, or is forgotten, is not an error.
    async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> Result<()>;
}

/// Services, their deployments and their revisions.
pub trait ServiceReads {
    /// Describes services with DescribeServices, in batches of 10. A service that the cluster does not have is
    /// absent.
    async fn services(&self, cluster: &str, names: &[String]) -> Result<Vec<Service>>;

    /// Lists a service's deployments with ListServiceDeployments, to the last page, the newest first. AWS keeps them
    /// for 90 days; a service that was not deployed since has none.
    async fn service_deployments(
        &self,
        cluster: &str,
        service: &str,
        created_after: Option<Timestamp>,
    ) -> Result<Lookup<Vec<ServiceDeploymentBrief>>>;

    /// Describes deployments of several services with DescribeServiceDeployments, in batches of 20. One that ECS does
    /// not know is absent.
    async fn describe_service_deployments(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceDeployment>>>;

    /// Describes revisions with DescribeServiceRevisions, in batches of 20. One that ECS does not know is absent.
    async fn service_revisions(&self, arns: &[String]) -> Result<Lookup<Vec<ServiceRevision>>>;

    /// Lists the ARNs of a service's tasks that are wanted in this status. ECS remembers a stopped task for an hour
    /// or so.
    async fn list_service_tasks(
        &self,
        cluster: &str,
        service: &str,
        wanted: DesiredStatus,
    ) -> Result<Vec<String>>;
}

pub trait ServiceWrites {
    /// Calls UpdateService once: it has no client token, and a second call would supersede the first. A call without
    /// an answer may have been carried out. A throttled one had no effect, and the caller repeats it.
    async fn update_service(&self, request: &UpdateService) -> Result<Service>;

    /// Calls StopServiceDeployment with ROLLBACK. A deployment that is over, or unknown, is an error.
    async fn roll_back_service_deployment(&self, arn: &str) -> Result<()>;

    /// Calls ContinueServiceDeployment with ROLLBACK, for a deployment that is paused at this hook.
    async fn roll_back_paused_service_deployment(&self, arn: &str, hook: &str) -> Result<()>;
}

/// What containers print.
pub trait LogReads {
    /// Reads one page of a log stream, from its head, or from where `token` ended.
    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage>;

    /// Reads one page of the events of all streams of a group; `since` is in milliseconds since the Unix epoch.
    async fn filter_log_events(
        &self,
        group: &LogGroup,
        since: i64,
        token: Option<&str>,
    ) -> Result<FilterPage>;
}

/// An address that the deployed service answers at, asked from here.
pub trait AddressReads {
    /// Sends a GET request over a connection of its own. It follows redirects; its time and what is read are limited.
    ///
    /// # Errors
    /// There is no answer; where the address cannot be reached, the error says so. It never shows the parts of the
    /// address that may be secret.
    async fn get(&self, url: &str) -> Result<HttpAnswer>;
}

/// AWS as planning sees it: calls that change nothing.
pub trait Reads:
    IdentityReads
    + DefinitionReads
    + ImageReads
    + NetworkReads
    + TaskReads
    + ServiceReads
    + LogReads
    + AddressReads
{
}
impl<T> Reads for T where
    T: IdentityReads
        + DefinitionReads
        + ImageReads
        + NetworkReads
        + TaskReads
        + ServiceReads
        + LogReads
        + AddressReads
{
}

/// The calls that change something.
pub trait Writes: DefinitionWrites + ImageWrites + TaskWrites + ServiceWrites {}
impl<T: DefinitionWrites + ImageWrites + TaskWrites + ServiceWrites> Writes for T {}

/// What a rollout of services needs: to be started, watched, proved, explained and taken back.
pub trait ServiceWorld:
    ServiceReads + ServiceWrites + TaskReads + LogReads + DefinitionReads + AddressReads
{
}
impl<T: ServiceReads + ServiceWrites + TaskReads + LogReads + DefinitionReads + AddressReads> ServiceWorld
    for T
{
}

/// What one-off tasks need: to be started, looked at, read and stopped.
pub trait TaskWorld: TaskReads + TaskWrites + LogReads {}
impl<T: TaskReads + TaskWrites + LogReads> TaskWorld for T {}

/// What migrations need in addition: to find out what the tasks of other runs do.
pub trait MigrationWorld: TaskWorld + DefinitionReads {}
impl<T: TaskWorld + DefinitionReads> MigrationWorld for T {}

/// This machine's own programs: docker and git. Nothing is changed.
pub trait Machine {
    /// Checks that this build can work here. Fails when its input, the docker command, or its engine is missing.
    async fn check_build(&self, build: &DockerBuild) -> Result<()>;

    /// Returns the commit that is checked out around `directory`; none when that is not in a repository.
    ///
    /// # Errors
    /// There is a repository, and its commit cannot be read.
    async fn commit(&self, directory: &Path) -> Result<Option<String>>;

    /// Lists the tracked files around `directory` that differ from the commit, as `git status --porcelain` has them;
    /// none where there is no git to tell.
    async fn changed_files(&self, directory: &Path) -> Result<Vec<String>>;

    /// Returns the layer with the witness for a platform, `linux/amd64`: of the file at `path`, or of the executable
    /// that lies beside this program.
    ///
    /// # Errors
    /// There is none, or it is not a static executable for that platform.
    fn witness(&self, path: Option<&Path>, platform: &str) -> Result<Layer>;

    /// Returns the repository on GitHub that the remote `origin` names: `owner/name`.
    async fn github_repository(&self, directory: &Path) -> Option<String>;
}
