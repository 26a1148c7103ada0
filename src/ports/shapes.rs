//! What is asked and answered: the calls' inputs and outputs, reduced to what a run needs of them.

use std::path::PathBuf;

use super::Task;

use crate::ecr_registry::EcrRegistry;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account: String,
    /// `arn:aws:sts::123456789012:assumed-role/…`; its second part is the partition.
    pub arn: String,
}

/// Whose account, as which caller, in which Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub caller: Caller,
    pub region: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Repository {
    pub name: String,
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/name`.
    pub uri: String,
    #[serde(skip)]
    pub registry: Option<EcrRegistry>,
}

/// A repository of ECR, by what a person says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// The registry that its URI names; none is the one of the credentials' account, in the run's Region.
    pub registry: Option<EcrRegistry>,
    pub name: String,
}

impl Repository {
    /// Returns the name by which the repository is looked for.
    pub fn to_name(&self) -> RepositoryName {
        RepositoryName { registry: self.registry.clone(), name: self.name.clone() }
    }
}

/// An image that a repository has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// `sha256:…`
    pub digest: String,
    /// The images of its index; none for a manifest alone, which does not say its platform.
    pub index: Option<Vec<IndexedImage>>,
    /// As far as the answer has them: nothing depends on one that is missing.
    pub tags: Vec<String>,
}

impl StoredImage {
    /// Lists the platforms of its index; none for a manifest alone.
    pub fn platforms(&self) -> Option<Vec<ImagePlatform>> {
        let index = self.index.as_ref()?;
        Some(index.iter().map(|image| image.platform.clone()).collect())
    }

    /// Lists the digests that its index has for a platform: that image is what runs there.
    pub fn digests_for<'a>(&'a self, platform: &'a ImagePlatform) -> impl Iterator<Item = &'a str> {
        let images = self.index.iter().flatten().filter(move |image| image.platform == *platform);
        images.map(|image| image.digest.as_str())
    }
}

/// An image that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedImage {
    pub platform: ImagePlatform,
    /// `sha256:…` of its manifest.
    pub digest: String,
}

/// A platform in the words of image indexes (OCI image index: Go's names).
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct ImagePlatform {
    /// `linux`, `windows`.
    pub os: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
}

impl ImagePlatform {
    /// Reads `linux/amd64`, as docker writes a platform.
    pub fn parse(text: &str) -> Option<Self> {
        let (os, architecture) = text.split_once('/')?;
        Some(Self { os: os.to_owned(), architecture: architecture.to_owned() })
    }
}

/// Writes `linux/amd64`, as docker does.
impl std::fmt::Display for ImagePlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// What a look for something finds.
#[derive(Debug)]
pub enum Lookup<T> {
    Found(T),
    /// There is no such repository, or no such service.
    Absent,
    /// The credentials may not look there; the error says which permission is missing.
    Denied(anyhow::Error),
}

/// ListTasks' `desiredStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesiredStatus {
    Running,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkResource {
    Subnet,
    SecurityGroup,
}

/// What a service runs, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSeen {
    pub name: String,
    /// The families of the revisions that it runs or is about to.
    pub families: Vec<String>,
    /// The revision that it is to run, as an ARN: its own, or that of its primary task set.
    pub task_definition: Option<String>,
    pub network: Network,
}

/// The awsvpc configuration of a task.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Network {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub assign_public_ip: bool,
}

/// Where a push goes: `registry/repository:tag`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTag {
    pub repository: Repository,
    pub tag: String,
}

impl ImageTag {
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository.uri, self.tag)
    }
}

/// What `docker build` is asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DockerBuild {
    pub context: PathBuf,
    pub dockerfile: PathBuf,
    pub target: Option<String>,
    /// `K=V`, or `K` to take the value from the environment, as `docker build --build-arg` does.
    pub build_args: Vec<String>,
    #[serde(skip_serializing_if = "BuildMounts::is_empty")]
    pub mounts: BuildMounts,
    /// `linux/amd64`, from the task definition's runtimePlatform.
    pub platform: String,
}

/// What a build is given besides its context, each as the docker command takes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct BuildMounts {
    /// `id=npm,src=PATH` or `id=npm,env=VARIABLE`: where a secret is, never what it is.
    pub secrets: Vec<String>,
    /// `default`, or `ID=PATH`.
    pub ssh: Vec<String>,
    pub cache_from: Vec<String>,
    pub cache_to: Vec<String>,
}

impl BuildMounts {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A static executable that becomes the only program of an image.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BinaryImage {
    pub path: PathBuf,
    /// `linux/amd64`, from the task definition's runtimePlatform; the executable must be made for it.
    pub platform: String,
}

/// A RunTask call for one task.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RunTask {
    pub cluster: String,
    pub task_definition: String,
    pub container: String,
    /// What the override sets in the container, such as DATABASE_NAME or DATABASE_NAMES.
    pub environment: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub network: Network,
    /// Keys and values.
    pub tags: Vec<(String, String)>,
    /// The task definition's tags as well: `propagateTags` is TASK_DEFINITION.
    pub propagate_tags: bool,
    /// `enableECSManagedTags`.
    pub managed_tags: bool,
    /// ≤ 128 characters `[A-Za-z0-9-/_]` (RunTask).
    pub started_by: String,
    /// ≤ 64 characters, ASCII 33–126: the same token cannot start a second task (RunTask).
    pub client_token: String,
}

impl RunTask {
    /// Returns what the call changes of its revision.
    pub fn overrides(&self) -> Overrides {
        let container = ContainerOverride {
            name: self.container.clone(),
            command: self.command.clone(),
            environment: self.environment.clone(),
            environment_files: Vec::new(),
        };
        Overrides { containers: vec![container], task_role: None }
    }
}

/// What RunTask answered: it says 200 for both.
#[derive(Debug, Clone, PartialEq)]
pub enum Launch {
    /// The client token's task, now or before.
    Started(Box<Task>),
    /// `failures[]`: no task was started.
    Refused { reason: String, detail: Option<String> },
    /// ConflictException: the client token was used with other parameters, and started these tasks.
    Conflict { tasks: Vec<String> },
}

/// What RunTask changed of a revision for a task, as far as it changes what the task does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    pub containers: Vec<ContainerOverride>,
    pub task_role: Option<String>,
}

impl Overrides {
    /// Returns the first value that a container's variable is set to here, even an empty one.
    pub fn value(&self, container: &str, name: &str) -> Option<&str> {
        let of_it = self.containers.iter().filter(|entry| entry.name == container);
        let mut set = of_it.flat_map(|entry| &entry.environment).filter(|(of, _)| of == name);
        set.next().map(|(_, value)| value.as_str())
    }
}

/// What one container is told. ECS may answer with an entry for every container, empty but for its name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ContainerOverride {
    pub name: String,
    /// Absent where the revision's, or the image's, is left.
    pub command: Option<Vec<String>>,
    /// As they stand: names may be repeated.
    pub environment: Vec<(String, String)>,
    /// ARNs of files in S3.
    pub environment_files: Vec<String>,
}

/// Names only: a value, or a word of the command, may be a password.
impl std::fmt::Debug for ContainerOverride {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ContainerOverride")
            .field("name", &self.name)
            .field("command", &self.command.as_ref().map(Vec::len))
            .field("environment", &names)
            .field("environment_files", &self.environment_files)
            .finish()
    }
}

/// One container's stream: `prefix/container/task-id` on Fargate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// `awslogs-region`, which may be another one than the cluster's.
    pub region: String,
    pub group: String,
    pub name: String,
}

/// A page of GetLogEvents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPage {
    /// The stream (or its group) does not exist, or not yet.
    Absent,
    /// `next` is the token that continues; the same as the one sent means that this is the end for now.
    Events { events: Vec<LogEvent>, next: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    pub message: String,
}

/// The streams of a group whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup {
    pub region: String,
    pub name: String,
    pub stream_prefix: String,
}

/// A page of FilterLogEvents: by time, all streams mixed. It may be empty and not be the last one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterPage {
    pub events: Vec<StreamEvent>,
    /// None is the end for now.
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEvent {
    pub stream: String,
    /// Another one for each event.
    pub id: String,
    pub event: LogEvent,
}

/// What an address has answered, without the end of what is too long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}
