//! What a person chooses from: the same words as flag, input and key of the configuration file.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
    Markdown,
}

/// What becomes of a task that the run no longer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Leftover {
    /// Stop it: SIGTERM, then SIGKILL after the container's stopTimeout
    #[default]
    Stop,
    /// Leave it running, and say so
    Leave,
}

/// What proves that a database is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A migration report that names it, with nothing pending
    #[default]
    Report,
    /// The container's exit code 0 as well: the database then counts as migrated, not proved
    ExitCode,
}

/// A framework whose history the witness reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Framework {
    Django,
    Alembic,
    Rails,
    Flyway,
    NodePgMigrate,
    Knex,
    Sequelize,
    Drizzle,
    Prisma,
    Sqlx,
    Diesel,
    Refinery,
    GolangMigrate,
    Dbmate,
    Yoyo,
}

impl Framework {
    /// Returns its name, as the witness's --history takes it.
    pub fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// What is done about another task that migrates a database now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnRunning {
    /// Wait for its end, and then migrate
    Wait,
    /// Follow it to its end, and judge it as this run's, when it runs the same revision
    Adopt,
    /// Start no task for the database: its verdict is already running
    #[default]
    Fail,
}

/// What --plan does about a statement of the pending SQL that others wait for, or that running code may not survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SqlLevel {
    /// Say so, and annotate the line with a warning
    #[default]
    Warn,
    /// Annotate the line with an error, and end with exit code 1
    Fail,
    /// Look at no SQL
    Off,
}

/// What becomes of databases that no stage of a rollout names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Rest {
    /// They are the last stage
    #[default]
    Last,
    /// Nothing is migrated
    Refuse,
}

/// What becomes of tasks and deployments when the run is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnCancel {
    /// Stop the tasks: SIGTERM, then SIGKILL after the container's stopTimeout. A deployment of a service goes on
    #[default]
    Stop,
    /// Leave tasks and deployments running, and say so
    Leave,
    /// Stop the tasks, and take services that are being deployed back to what ran before
    Rollback,
}

impl OnCancel {
    pub fn tasks(self) -> Leftover {
        match self {
            Self::Stop | Self::Rollback => Leftover::Stop,
            Self::Leave => Leftover::Leave,
        }
    }
}

/// Which revision a service's new one is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ServiceBase {
    /// The one that the service runs now
    #[default]
    Running,
    /// The newest ACTIVE one of its family
    Latest,
}

/// What is done about a deployment of the service that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnDeploying {
    /// Wait for its end, and then deploy
    Wait,
    /// Deploy at once: ECS stops the other one
    Supersede,
    /// Deploy nothing, before any migration
    #[default]
    Fail,
}

/// What happens to services that are deployed already when another one is not, or is unhealthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OnFailure {
    /// Leave them on the new image
    #[default]
    Keep,
    /// Take them back to what ran before
    Rollback,
}

/// The operation that a policy is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PolicyFor {
    /// Build, push, register a revision, and migrate
    #[default]
    Migrate,
    /// The same, and then deploy the services
    Deploy,
    /// Take services back to what ran before
    Rollback,
    /// Build and push the image, and nothing else
    Build,
    /// Build, push, register a revision, and ask the databases how far they are
    Check,
    /// Run commands in one-off tasks
    Run,
    /// Say what is proved, and what runs
    Status,
}

impl PolicyFor {
    /// Returns the operation as the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Migrate => "migrate",
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Build => "build",
            Self::Check => "check",
            Self::Run => "run",
            Self::Status => "status",
        }
    }
}
