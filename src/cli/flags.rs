//! The flags, in groups, as several commands take them. The doc comments here are the manual.

use std::path::PathBuf;

use clap::Args;

use crate::choices::{Format, Framework, Leftover, OnCancel, OnRunning, Proof};
use crate::config;
use crate::values::{
    Assignment, BuildArg, BuildSecret, Failures, Family, ImageName, Packing, Parallel, Period,
    RepositoryText, RoleArn, SecurityGroup, Share, Subnet, Tag, TaskTag, Variable, Words,
};

/// Which databases.
#[derive(Debug, Clone, Args)]
pub struct SelectionFlags {
    /// A database to migrate; with a list of them in the configuration file also a group, all, or a pattern with * and
    /// ?. Repeat it, or separate with commas
    #[arg(long, value_name = "NAME|GROUP|PATTERN", value_delimiter = ',')]
    pub database: Vec<String>,

    /// Databases to migrate: a file with one name a line, or - for standard input
    #[arg(long, value_name = "PATH|-")]
    pub databases_file: Option<PathBuf>,

    /// Leave these databases out; repeat it, or separate with commas
    #[arg(long, value_name = "NAME|GROUP|PATTERN", value_delimiter = ',')]
    pub exclude: Vec<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where")]
pub struct TargetFlags {
    /// The ECS cluster of the migration tasks and of the services
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,

    #[command(flatten)]
    pub base: BaseFlags,

    /// The family of the migration's revisions [default: the task definition's; where a service of the cluster runs
    /// that one, its name with -migration behind it]
    #[arg(long, value_name = "NAME")]
    pub family: Option<Family>,

    #[command(flatten)]
    pub aws: AwsFlags,
}

#[derive(Debug, Clone, Args)]
pub struct BaseFlags {
    /// What the migration task is made from: family, family:revision, ARN, or the path of a JSON file
    #[arg(long, value_name = "FAMILY|ARN|PATH")]
    pub task_definition: Option<String>,

    /// The container whose exit code decides [default: the only one that could be it]
    #[arg(long, value_name = "NAME")]
    pub container: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct AwsFlags {
    /// The AWS region [default: AWS_REGION, or the profile's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,

    /// Deadline for each AWS call with its retries, such as 90s
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub call_timeout: Period,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigFile {
    /// The configuration file [default: .github/fargate-migrate.yml, if there is one]; flags and inputs override it
    #[arg(long, value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// What the file says about databases.
    #[arg(skip)]
    pub fleet: config::Fleet,

    /// What `--named` may name.
    #[arg(skip)]
    pub commands: config::Commands,

    /// In which stages a run goes.
    #[arg(skip)]
    pub rollout: config::Rollout,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Credentials")]
pub struct CredentialsFlags {
    /// Assume this role with GitHub's OIDC token, and again before it expires [default: the environment's credentials]
    #[arg(long, value_name = "ARN")]
    pub role_to_assume: Option<RoleArn>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "GitHub")]
pub struct GitHubFlags {
    /// Record a GitHub Deployment per database; needs GITHUB_TOKEN with deployments: write
    #[arg(long)]
    pub deployments: bool,

    /// What the environments of --deployments are named: this, then the database's name
    #[arg(long, value_name = "PREFIX")]
    pub environment_prefix: Option<String>,

    /// Keep one comment on the pull request up to date: of migrate and deploy, with --plan, the plan; of check, what is
    /// pending in each database. Needs GITHUB_TOKEN with pull-requests: write
    #[arg(long)]
    pub comment: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Image: docker build, or --binary, or --image")]
pub struct ImageFlags {
    /// Run this image, built elsewhere: repository:tag, repository@sha256:…, or any registry's reference
    #[arg(long, value_name = "REF", conflicts_with_all = ["binary", "dockerfile", "context", "target", "build_arg", "build_secret", "build_ssh", "cache_from", "cache_to"])]
    pub image: Option<ImageName>,

    #[command(flatten)]
    pub source: ImageSourceFlags,
}

#[derive(Debug, Clone, Args)]
pub struct ImageSourceFlags {
    /// The ECR repository [default: the one that the task definition's image is in]
    #[arg(long, value_name = "NAME|URI")]
    pub repository: Option<RepositoryText>,

    /// The image's tag [default: the commit that is checked out; with nothing checked out, GITHUB_SHA]
    #[arg(long, value_name = "TAG")]
    pub tag: Option<Tag>,

    /// Package this static executable as the image, without Docker
    #[arg(long, value_name = "PATH", conflicts_with_all = ["dockerfile", "context", "target", "build_arg", "build_secret", "build_ssh", "cache_from", "cache_to"])]
    pub binary: Option<PathBuf>,

    /// The Dockerfile [default: Dockerfile in --context]
    #[arg(long, value_name = "PATH")]
    pub dockerfile: Option<PathBuf>,

    /// The build context [default: .]
    #[arg(long, value_name = "PATH")]
    pub context: Option<PathBuf>,

    /// The Dockerfile's stage to build
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// A build argument, K=V, or K to pass the environment's; repeat it
    #[arg(long, value_name = "K=V")]
    pub build_arg: Vec<BuildArg>,

    /// A secret for RUN --mount=type=secret, id=NAME,src=PATH or id=NAME,env=VARIABLE; repeat it. No layer keeps it
    #[arg(long, value_name = "SECRET")]
    pub build_secret: Vec<BuildSecret>,

    /// An SSH agent or key for RUN --mount=type=ssh: default, or ID=PATH; repeat it
    #[arg(long, value_name = "ID[=PATH]")]
    pub build_ssh: Vec<String>,

    /// Where the build looks for layers, as docker build --cache-from takes it, such as type=gha; repeat it
    #[arg(long, value_name = "CACHE")]
    pub cache_from: Vec<String>,

    /// Where the build leaves its layers, as docker buildx build --cache-to takes it; repeat it. All but type=inline
    /// need another builder than Docker's own, named by BUILDX_BUILDER
    #[arg(long, value_name = "CACHE")]
    pub cache_to: Vec<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Network")]
pub struct NetworkFlags {
    /// Subnets: ids, or tag:Name=pattern*
    #[arg(long, value_name = "ID|TAG", value_delimiter = ',')]
    pub subnets: Vec<Subnet>,

    /// Security groups: ids, or tag:Name=pattern*
    #[arg(long, value_name = "ID|TAG", value_delimiter = ',')]
    pub security_groups: Vec<SecurityGroup>,

    /// Give the task a public IP address: needed in a public subnet, useless in a private one
    #[arg(long)]
    pub assign_public_ip: bool,

    /// Take subnets, security groups and public IP from this service of the cluster
    #[arg(long, value_name = "SERVICE", conflicts_with_all = ["subnets", "security_groups", "assign_public_ip"])]
    pub network_from_service: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Migration task")]
pub struct TaskFlags {
    #[command(flatten)]
    pub common: CommonTaskFlags,

    /// The command to run [default: the task definition's], split into words as a shell does, unless the entry point is a shell with -c
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<Words>,

    /// What proves that a database is migrated. Without a migration report it is unproved, and the run fails; with
    /// exit-code it is "migrated, not proved"
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub proof: Proof,
}

/// What every task has, whatever it is for.
#[derive(Debug, Clone, Args)]
pub struct CommonTaskFlags {
    /// The variable that names the database
    #[arg(long, value_name = "NAME", default_value = "DATABASE_NAME")]
    pub database_variable: Variable,

    /// A further variable for this run, K=V; repeat it. Not for secrets: ECS shows it to everyone who may read tasks
    #[arg(long, value_name = "K=V")]
    pub env: Vec<Assignment>,

    /// A tag of the task, KEY=VALUE; repeat it
    #[arg(long, value_name = "KEY=VALUE")]
    pub task_tag: Vec<TaskTag>,

    /// Give the task the tags of its task definition as well
    #[arg(long)]
    pub propagate_tags: bool,

    /// Let ECS tag the task with its cluster's name
    #[arg(long)]
    pub ecs_managed_tags: bool,

    /// How long one task may take from RunTask to its end, such as 45m or 2h, however many databases it migrates
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub timeout: Period,

    /// What happens to a task that is still running at --timeout
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_timeout: Leftover,

    /// What happens to running tasks, and to deployments of services, when this run is interrupted
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_cancel: OnCancel,

    /// How long after its container's exit a task's log is read; a migration report ends the wait
    #[arg(long, value_name = "DURATION", default_value = "12s")]
    pub log_drain: Period,
}

/// The program in front of an image's own migration command, which proves what it did (docs/witness.md).
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Witness")]
pub struct WitnessFlags {
    /// Put the witness in front of the image's command: it reads the framework's history in the database and prints the
    /// migration report. It is one more layer of the image, under a tag of its own
    #[arg(long)]
    pub witness: bool,

    /// The executable of the witness [default: the one beside fargate-migrate, as in the Action's image]
    #[arg(long, value_name = "PATH")]
    pub witness_executable: Option<PathBuf>,

    /// The framework whose history it reads [default: the one whose table the database has]
    #[arg(long, value_name = "FRAMEWORK", value_enum)]
    pub witness_history: Option<Framework>,

    /// The files of the migrations in the image, where they are not at the framework's usual place; repeat it
    #[arg(long, value_name = "GLOB")]
    pub witness_migrations: Vec<String>,

    /// A variable for the command, made from the database, such as
    /// 'DATABASE_URL=postgres://{user}:{password}@{host}:{port}/{database}'; repeat it. The task fills it in, and the task
    /// definition shows it: no password is written here
    #[arg(long, value_name = "NAME=TEMPLATE")]
    pub witness_set: Vec<Assignment>,

    /// A further flag of the witness, with its value in one word: --witness-flags=--jobs=8; repeat it
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub witness_flags: Vec<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Several databases")]
pub struct FleetFlags {
    /// Tasks that run at the same time
    #[arg(long, value_name = "N", default_value = "1")]
    pub max_parallel: Parallel,

    /// Databases that share a task, or auto: as many tasks as --max-parallel, with about as much to do each. More than
    /// one needs an image that takes lists and reports on each database (docs/migration-report.md, Packs)
    #[arg(long, value_name = "N|auto", default_value = "1")]
    pub databases_per_task: Packing,

    /// Migrate these first: names, a number of databases, or a share such as 5%. All must pass before the rest starts
    #[arg(long, value_name = "NAME|N|N%", value_delimiter = ',')]
    pub canary: Vec<String>,

    /// Start no more after this many databases have failed [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "keep_going")]
    pub max_failures: Option<Failures>,

    /// What part of AWS's documented API rates this run may use: other callers of the account need theirs. Above 100%
    /// where AWS has raised them
    #[arg(long, value_name = "PERCENT", default_value = "50%")]
    pub api_share: Share,

    /// What happens to a database that another task migrates now; the end of one that is being stopped is waited for in
    /// any case
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_running: OnRunning,

    /// Go on after failures, however many; in a migration, a canary that fails still stops the rest
    #[arg(long)]
    pub keep_going: bool,
}

impl FleetFlags {
    /// Returns how many databases that are not migrated stop the start of further ones; `None` is to keep going.
    pub fn stops_after(&self) -> Option<u32> {
        (!self.keep_going).then(|| self.max_failures.as_deref().map_or(1, |most| *most))
    }
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Resume")]
pub struct ResumeFlags {
    /// Record in this file what the run does, for --resume, and for how long each migration takes; rollback reads in it
    /// what was migrated since
    #[arg(long, value_name = "PATH")]
    pub state: Option<PathBuf>,

    /// Go on with the last run in --state: skip what it proved migrated with this image, follow its tasks that still
    /// run, and run the rest. Without --state but with --deployments, skip what GitHub's Deployments say is migrated
    /// with it
    #[arg(long)]
    pub resume: bool,

    /// With --resume and --state, only databases that ran and were not migrated
    #[arg(long)]
    pub only_failed: bool,
}

impl ResumeFlags {
    /// Tells whether databases whose deployments say that they are migrated are skipped.
    pub fn from_github(&self) -> bool {
        self.resume && self.state.is_none()
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Format of standard output: text for people, or the plan or result as json or markdown (progress then goes to stderr)
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Also write the job summary (Markdown) to this file [in GitHub Actions it goes to GITHUB_STEP_SUMMARY]
    #[arg(long, value_name = "PATH")]
    pub summary_file: Option<PathBuf>,

    /// Write each database's log to a file in this directory [default: a temporary one, with more than 20 databases]
    #[arg(long, value_name = "PATH")]
    pub log_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Policies")]
pub struct TrustFlags {
    /// The AWS account [default: from an ARN, an ECR address, or the credentials]
    #[arg(long, value_name = "DIGITS")]
    pub account: Option<String>,

    /// The repository whose jobs may have the role [default: GITHUB_REPOSITORY, or git's remote origin]
    #[arg(long, value_name = "OWNER/NAME")]
    pub github_repository: Option<String>,

    /// The repository's id, for the sub claim that survives renames [default: GITHUB_REPOSITORY_ID]
    #[arg(long, value_name = "NUMBER")]
    pub github_repository_id: Option<String>,

    /// The owner's id, for the same [default: GITHUB_REPOSITORY_OWNER_ID]
    #[arg(long, value_name = "NUMBER")]
    pub github_owner_id: Option<String>,

    /// The environment of the job; repeat it
    #[arg(long, value_name = "NAME")]
    pub github_environment: Vec<String>,

    /// The branch or tag of a job without an environment, such as refs/heads/main; repeat it
    #[arg(long, value_name = "REF")]
    pub github_ref: Vec<String>,

    /// Also allow the lists that hints are made of: clusters, families and repositories that exist
    #[arg(long)]
    pub hints: bool,
}
