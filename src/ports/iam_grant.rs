//! What IAM has to allow for a call, and for which runs.

/// On what IAM has to allow an action, and which runs need it. `fargate-migrate iam` is made of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    pub on: On,
    pub when: When,
}

/// The resource that IAM authorises an action on, with the condition that narrows it (service authorization
/// reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// Allowed to everybody: no statement.
    Nothing,
    /// The action has no resource level.
    Everything,
    Repository,
    EveryRepository,
    Cluster,
    /// Any revision of the family.
    Family,
    /// Any revision of the family, in the run's cluster.
    FamilyInCluster,
    /// Tags that a revision is created with.
    TagsOfNewRevisions,
    /// Tags that a task is started with.
    TagsOfNewTasks,
    /// The task's roles, and only for ECS tasks.
    TaskRoles,
    /// No resource level, but a condition: only the run's cluster.
    EverythingInCluster,
    TasksOfCluster,
    Service,
    /// Service deployments, and the service that they are of.
    ServiceDeployments,
    /// Service revisions, and the service that they are of.
    ServiceRevisions,
    LogStreams,
}

/// Which runs make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Always,
    /// A task definition is read.
    Definition,
    /// Revisions are registered.
    Revision,
    /// Something is looked at in the cluster: every run but a build.
    InCluster,
    /// Migration tasks are started.
    Run,
    /// The image is in the account's ECR.
    ImageInEcr,
    /// A service's image is in ECR.
    ImageOfService,
    /// The image is in ECR and is not built here.
    GivenInEcr,
    /// The image is built or packaged here.
    Push,
    /// The witness is put in front of an image in ECR.
    Witness,
    TagSelector,
    /// A service is looked at because it is deployed or rolled back; the one that the network is taken from has a
    /// statement of its own.
    Service,
    /// Services are deployed or rolled back.
    Deploy,
    /// A deployment under way may be taken back.
    RollBack,
    /// Containers of the run's tasks or services log to CloudWatch Logs.
    CloudWatchLogs,
    /// Containers of migration tasks log there.
    MigrationLogs,
    /// Tasks are stopped on an interrupt or at the timeout.
    Stop,
    /// The task definition has tags.
    Tags,
    /// Tasks are started with tags.
    TaskTags,
    /// The task definition has roles.
    Roles,
    /// Something was not found: the hint lists what there is. Without it a run does the same and says less.
    Hint,
}
