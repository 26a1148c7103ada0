//! Every call that we make to the outside: the one page that answers "what can this do to my account?".
//!
//! One trait for each resource's reads, and one for its changes. [`Reads`] is the sum of the former and all that
//! planning is ever handed, so a dry run cannot change anything; [`Writes`] is the sum of the latter. [`CALLS`] names
//! each AWS call with its IAM action and its buckets; an adapter cannot make another one, because it must name its
//! entry. [`github`] does the same for GitHub's API.
#![expect(async_fn_in_trait, reason = "a run is one task on one thread: no future has to be Send")]

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

mod buckets;
pub mod github;
mod iam_grant;
mod no_room;
mod shapes;
mod task;
mod task_status;

pub use buckets::{ApiBucket, BUCKETS};
pub use iam_grant::{Grant, On, When};
pub use no_room::NoRoom;
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
    /// Those of AWS's buckets that it draws on. Of a call that is never made often none is kept.
    pub buckets: &'static [ApiBucket],
}

impl Call {
    /// The API operation: `RunTask`.
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
    /// Who are we? Needs no permission.
    GET_CALLER_IDENTITY = "STS", "sts:GetCallerIdentity", false, Nothing, Always;
    /// For `--role-to-assume`. Needs no permission: the role's trust policy allows it, or does not.
    ASSUME_ROLE_WITH_WEB_IDENTITY = "STS", "sts:AssumeRoleWithWebIdentity", false, Nothing, Always;
    DESCRIBE_TASK_DEFINITION =
        "ECS", "ecs:DescribeTaskDefinition", false, Everything, Always, TASK_DEFINITION_READ;
    /// Only for an error's hint: the families that do exist.
    LIST_TASK_DEFINITION_FAMILIES =
        "ECS", "ecs:ListTaskDefinitionFamilies", false, Everything, Hint, TASK_DEFINITION_READ;
    DESCRIBE_CLUSTERS = "ECS", "ecs:DescribeClusters", false, Cluster, Always, CLUSTER_READ;
    /// Only for an error's hint: the clusters that do exist.
    LIST_CLUSTERS = "ECS", "ecs:ListClusters", false, Everything, Hint, CLUSTER_READ;
    /// For `--network-from-service`.
    DESCRIBE_SERVICES = "ECS", "ecs:DescribeServices", false, Service, NetworkFromService, SERVICE_READ;
    /// Tasks of the same family that run now, or that this run has finished: no second migration of one database.
    LIST_TASKS = "ECS", "ecs:ListTasks", false, EverythingInCluster, Always, CLUSTER_RESOURCE_READ;
    DESCRIBE_TASKS = "ECS", "ecs:DescribeTasks", false, TasksOfCluster, Always, CLUSTER_RESOURCE_READ;
    /// Where is the repository that an image is pushed to?
    DESCRIBE_REPOSITORIES = "ECR", "ecr:DescribeRepositories", false, Repository, Push;
    /// Is the commit's tag there already, and with which digest?
    BATCH_GET_IMAGE = "ECR", "ecr:BatchGetImage", false, Repository, ImageInEcr;
    /// Of an image that is not in ECR: does a rule fetch it at the first pull?
    DESCRIBE_PULL_THROUGH_CACHE_RULES =
        "ECR", "ecr:DescribePullThroughCacheRules", false, Everything, GivenInEcr;
    /// For subnets and security groups given as `tag:Name=pattern`.
    GET_RESOURCES = "Resource Groups Tagging", "tag:GetResources", false, Everything, TagSelector;
    GET_LOG_EVENTS =
        "CloudWatch Logs", "logs:GetLogEvents", false, LogStreams, CloudWatchLogs, GET_LOG_EVENTS;
    /// The log streams of all tasks of a fleet at once.
    FILTER_LOG_EVENTS =
        "CloudWatch Logs", "logs:FilterLogEvents", false, LogStreams, CloudWatchLogs, FILTER_LOG_EVENTS;
    /// The docker login of a push; the push itself needs the actions of [`PUSH_ACTIONS`].
    GET_AUTHORIZATION_TOKEN = "ECR", "ecr:GetAuthorizationToken", true, Everything, Push;
    REGISTER_TASK_DEFINITION =
        "ECS", "ecs:RegisterTaskDefinition", true, Family, Always, TASK_DEFINITION_MODIFY;
    RUN_TASK = "ECS", "ecs:RunTask", true, FamilyInCluster, Always, CLUSTER_RESOURCE_MODIFY, FARGATE_RUN_TASK;
    STOP_TASK = "ECS", "ecs:StopTask", true, TasksOfCluster, Stop, CLUSTER_RESOURCE_MODIFY;
}

/// What a push through the registry's own protocol needs besides `ecr:GetAuthorizationToken`, on the repository.
pub const PUSH_ACTIONS: &[&str] = &[
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
];

/// What else AWS wants for calls of ours: the list of repositories that the hint of DescribeRepositories asks for,
/// and, of RegisterTaskDefinition and RunTask, the task's roles and the tags on what they create.
pub const DEPENDENT_ACTIONS: &[(&str, bool, Grant)] = &[
    ("ecr:DescribeRepositories", false, Grant { on: On::EveryRepository, when: When::Hint }),
    ("iam:PassRole", true, Grant { on: On::TaskRoles, when: When::Roles }),
    ("ecs:TagResource", true, Grant { on: On::TagsOfNewRevisions, when: When::Tags }),
    ("ecs:TagResource", true, Grant { on: On::TagsOfNewTasks, when: When::TaskTags }),
];

/// The service that a task's roles are passed to: the same name in every partition (IAM, service principals).
pub const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

/// Tasks of one DescribeTasks: a call that looks at fewer costs as much.
pub const DESCRIBE_TASKS_BATCH: usize = 100;

/// Whose credentials are these?
pub trait IdentityReads {
    /// The Region that is asked.
    fn region(&self) -> &str;

    /// The account behind the credentials (STS GetCallerIdentity).
    async fn caller(&self) -> Result<Caller>;
}

/// Task definitions.
pub trait DefinitionReads {
    /// The DescribeTaskDefinition body, whole, with tags: `{"taskDefinition": {…}, "tags": […]}`; none when ECS has
    /// no such family or revision.
    async fn describe_task_definition(&self, name: &str) -> Result<Option<Value>>;

    /// ACTIVE families whose names begin as `name` does, else any: for the hint of an error.
    async fn task_definition_families_like(&self, name: &str) -> Result<Vec<String>>;
}

pub trait DefinitionWrites {
    /// RegisterTaskDefinition with exactly this document; returns the new revision's ARN.
    async fn register_task_definition(&self, document: &Value) -> Result<String>;
}

/// Images and their repositories.
pub trait ImageReads {
    /// Looks for a repository, in the registry that it is said to be in.
    async fn repository(&self, name: &RepositoryName) -> Result<Lookup<Repository>>;

    /// The names of the repositories in a registry: for the hint of an error.
    async fn repositories_beside(&self, name: &RepositoryName) -> Result<Vec<String>>;

    /// The prefixes of a registry's pull-through cache rules: repositories below them are made by the first pull.
    async fn pull_through_prefixes(&self, name: &RepositoryName) -> Result<Lookup<Vec<String>>>;

    /// The image behind a tag (or a digest) of a repository, when it is there.
    async fn stored_image(
        &self,
        repository: &RepositoryName,
        tag_or_digest: &str,
    ) -> Result<Lookup<Option<StoredImage>>>;
}

pub trait ImageWrites {
    /// `docker build` and push; returns the digest that the registry gave.
    async fn build_and_push(
        &self,
        build: &DockerBuild,
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
    /// A service, with the awsvpc configuration that it runs with.
    async fn service(&self, cluster: &str, name: &str) -> Result<ServiceSeen>;

    /// The ids of the subnets or security groups whose tag `key` has a value that matches `pattern` (`*`, `?`).
    async fn resources_by_tag(&self, kind: NetworkResource, key: &str, pattern: &str) -> Result<Vec<String>>;
}

/// Tasks and the clusters that they run in.
pub trait TaskReads {
    /// Fails with the clusters that exist when `name` is none of them, or is not ACTIVE.
    async fn check_cluster(&self, name: &str) -> Result<()>;

    /// The ARNs of a family's tasks that are wanted in this status, whoever started them. ECS remembers a stopped task
    /// for an hour or so.
    async fn list_tasks(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<String>>;

    /// What ECS knows of those tasks.
    async fn tasks_of_family(&self, cluster: &str, family: &str, wanted: DesiredStatus) -> Result<Vec<Task>> {
        let arns = self.list_tasks(cluster, family, wanted).await?;
        self.describe_tasks(cluster, &arns).await
    }

    /// DescribeTasks, in batches of 100. ECS forgets a stopped task after an hour or so, and may not know a new one
    /// yet: what it does not know is absent.
    async fn describe_tasks(&self, cluster: &str, arns: &[String]) -> Result<Vec<Task>>;
}

pub trait TaskWrites {
    /// Waits until one more RunTask may be sent: apart from the call, so that an interrupt ends the wait and no task is
    /// started after it.
    async fn run_task_turn(&self) {}

    /// RunTask, sent at once. A throttled one is the caller's to repeat.
    async fn run_task(&self, request: &RunTask) -> Result<Launch>;

    /// StopTask. A task that has already stopped, or is forgotten, is no error.
    async fn stop_task(&self, cluster: &str, arn: &str, reason: &str) -> Result<()>;
}

/// What containers print.
pub trait LogReads {
    /// One page of a log stream, from its head, or from where `token` ended.
    async fn log_page(&self, stream: &LogStream, token: Option<&str>) -> Result<LogPage>;

    /// One page of the events since then, in milliseconds since the Unix epoch, of all streams of a group.
    async fn filter_log_events(
        &self,
        group: &LogGroup,
        since: i64,
        token: Option<&str>,
    ) -> Result<FilterPage>;
}

/// AWS as planning sees it: calls that change nothing.
pub trait Reads: IdentityReads + DefinitionReads + ImageReads + NetworkReads + TaskReads + LogReads {}
impl<T: IdentityReads + DefinitionReads + ImageReads + NetworkReads + TaskReads + LogReads> Reads for T {}

/// The calls that change something.
pub trait Writes: DefinitionWrites + ImageWrites + TaskWrites {}
impl<T: DefinitionWrites + ImageWrites + TaskWrites> Writes for T {}

/// What one-off tasks need: to be started, looked at, read and stopped.
pub trait TaskWorld: TaskReads + TaskWrites + LogReads {}
impl<T: TaskReads + TaskWrites + LogReads> TaskWorld for T {}

/// What migrations need besides: to tell what the tasks of others do.
pub trait MigrationWorld: TaskWorld + DefinitionReads {}
impl<T: TaskWorld + DefinitionReads> MigrationWorld for T {}

/// This machine's own programs: docker and git. Nothing is changed.
pub trait Machine {
    /// Fails when this build cannot work here: its input, the docker command, or its engine is missing.
    async fn check_build(&self, build: &DockerBuild) -> Result<()>;

    /// The commit that is checked out around `directory`; none when that is in no repository.
    ///
    /// # Errors
    /// There is a repository, and it does not say the commit.
    async fn commit(&self, directory: &Path) -> Result<Option<String>>;

    /// The tracked files around `directory` that differ from the commit, as `git status --porcelain` has them; none
    /// where there is no git to tell.
    async fn changed_files(&self, directory: &Path) -> Result<Vec<String>>;

    /// The repository on GitHub that the remote `origin` names: `owner/name`.
    async fn github_repository(&self, directory: &Path) -> Option<String>;
}
