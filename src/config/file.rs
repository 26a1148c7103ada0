//! The keys of the configuration file: a flag's name without its dashes, and `databases` and `groups`.
//!
//! The doc comments are the manual: they become the descriptions of docs/fargate-migrate.schema.json.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::scalar::{Count, PerTask, Switch};
use super::text::{Duration, Member, Name, SecurityGroup, Share, Subnet, Variable};
use crate::choices::{Leftover, OnRunning};

/// What a team's runs of fargate-migrate have in common. Each key is the flag of the same name; a flag, and an input of
/// the Action, override it. Paths are relative to the directory that fargate-migrate runs in, which is the
/// repository's root in GitHub Actions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "fargate-migrate.yml")]
pub struct File {
    /// The ECS cluster that runs the migration tasks.
    pub cluster: Option<String>,

    /// What the migration task is made from: family, family:revision, ARN, or the path of a JSON file.
    pub task_definition: Option<String>,

    /// The container whose exit code decides. Without it: the only essential one.
    pub container: Option<String>,

    /// The AWS region. Without it: AWS_REGION, or the profile's.
    pub region: Option<String>,

    /// Deadline for each AWS call with its retries, such as 90s.
    pub call_timeout: Option<Duration>,

    /// Assume this role, an ARN, with GitHub's OIDC token. Without it: the environment's credentials.
    pub role_to_assume: Option<String>,

    /// Every database there is. `--database` then takes no other one, and the order here is the order of a run.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<Vec<Name>>", extend("uniqueItems" = true))]
    pub databases: Option<Vec<Spanned<Name>>>,

    /// Names for several databases, which `--database` and the workflow's dropdown take. A member is a database, or a
    /// pattern with * and ?. The group `all` is there without being written.
    #[serde(default, skip_serializing)]
    #[schemars(schema_with = "groups")]
    pub groups: Option<BTreeMap<Name, Vec<Spanned<Member>>>>,

    /// The ECR repository, name or URI. Without it: the one that the task definition's image is in.
    pub repository: Option<String>,

    /// Run this image, built elsewhere: repository:tag, repository@sha256:…, or any registry's reference.
    pub image: Option<String>,

    /// Package this static executable as the image, without Docker.
    pub binary: Option<String>,

    /// The Dockerfile. Without it: Dockerfile in the context.
    pub dockerfile: Option<String>,

    /// The build context. Without it: the repository's root.
    pub context: Option<String>,

    /// The Dockerfile's stage to build.
    pub target: Option<String>,

    /// Build arguments by name; one without a value is passed on from the environment.
    pub build_arg: Option<BTreeMap<Variable, Option<String>>>,

    /// Subnets: ids, or tag:Name=pattern*.
    pub subnets: Option<Vec<Subnet>>,

    /// Security groups: ids, or tag:Name=pattern*.
    pub security_groups: Option<Vec<SecurityGroup>>,

    /// Give the task a public IP address: needed in a public subnet, useless in a private one.
    pub assign_public_ip: Option<Switch>,

    /// Take subnets, security groups and public IP from this service of the cluster.
    pub network_from_service: Option<String>,

    /// The variable that names the database. Without it: DATABASE_NAME.
    pub database_variable: Option<Variable>,

    /// Further variables for the migration task. Not for secrets: ECS shows them to everyone who may read tasks.
    pub env: Option<BTreeMap<Variable, String>>,

    /// The command to run, split into words as a shell does. Without it: the task definition's.
    pub command: Option<String>,

    /// Fail a database whose task prints no migration report.
    pub require_report: Option<Switch>,

    /// How long one task may take from RunTask to its end, such as 45m or 2h. Without it: 1h.
    pub timeout: Option<Duration>,

    /// What happens to a task that is still running at its timeout. Without it: stop.
    pub on_timeout: Option<Leftover>,

    /// What happens to running tasks when a run is interrupted. Without it: stop.
    pub on_cancel: Option<Leftover>,

    /// How long a stopped task's log may stay quiet before it counts as complete. Without it: 12s.
    pub log_drain: Option<Duration>,

    /// Migration tasks that run at the same time. Without it: 1.
    pub max_parallel: Option<Count<1, 1000>>,

    /// Databases that share a task, or auto: as many tasks as max-parallel. More than one needs an image that takes
    /// lists. Without it: 1.
    pub databases_per_task: Option<PerTask>,

    /// Migrate these first: names, one number of databases, or one share such as 5%. All must pass before the rest
    /// starts.
    pub canary: Option<Vec<String>>,

    /// Start no more after this many databases have failed. Without it: 1.
    pub max_failures: Option<Count<1, 4_294_967_295>>,

    /// What happens to a database that another task migrates now: wait, adopt or fail. Without it: fail.
    pub on_running: Option<OnRunning>,

    /// Go on with the other databases after one has failed, whatever their number; a canary still stops the rest.
    pub keep_going: Option<Switch>,

    /// What part of AWS's API rates a run may use. Without it: 50%.
    pub api_share: Option<Share>,

    /// Record a GitHub Deployment per database; needs GITHUB_TOKEN with deployments: write.
    pub deployments: Option<Switch>,

    /// What the environments of the Deployments are named: this, then the database's name.
    pub environment_prefix: Option<String>,

    /// With --plan, keep one comment on the pull request up to date; needs GITHUB_TOKEN with pull-requests: write.
    pub comment: Option<Switch>,
}

/// A key, and those that make no sense beside it. The flags' own conflicts say the same.
pub const EXCLUSIVE: [(&str, &[&str]); 4] = [
    ("image", &["binary", "dockerfile", "context", "target", "build-arg"]),
    ("binary", &["dockerfile", "context", "target", "build-arg"]),
    ("network-from-service", &["subnets", "security-groups", "assign-public-ip"]),
    ("max-failures", &["keep-going"]),
];

fn groups(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["object", "null"],
        "propertyNames": generator.subschema_for::<Name>(),
        "additionalProperties": {
            "type": "array",
            "items": generator.subschema_for::<Member>(),
            "minItems": 1,
        },
    })
}
