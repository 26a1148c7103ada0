//! The flags about the SQL that a run would apply.

use clap::Args;

use crate::choices::SqlLevel;
use crate::values::{PostgresVersion, SqlRule, Words};

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "SQL")]
pub struct MigrationFiles {
    /// The SQL files of the migrations below the working directory, such as 'app/migrations/*.sql'; repeat it. A plan and
    /// check say what their statements lock, and what they break for code that runs: of those that a pull request
    /// changes, else those that a check finds pending, else all. deploy --plan and rollback look at those that changed
    /// since the commit of the code that has to survive them. A * also matches a /
    #[arg(long, value_name = "GLOB")]
    pub migrations: Vec<String>,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "SQL")]
pub struct SqlFlags {
    #[command(flatten)]
    pub files: MigrationFiles,

    /// With --plan, and with check: a command whose output is SQL that is pending, for migrations that are not files of SQL, such as
    /// 'python manage.py sqlmigrate shop 0042'. It runs on this machine, in the working directory, without a shell
    #[arg(long, value_name = "COMMAND")]
    pub sql_command: Option<Words>,

    /// What a plan, and a check, does about what it finds in the SQL
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub sql_level: SqlLevel,

    /// A rule about SQL that does not count, by its name in docs/sql.md; repeat it
    #[arg(long, value_name = "RULE")]
    pub sql_exclude: Vec<SqlRule>,

    /// A rule about SQL that counts although it is off by default; repeat it
    #[arg(long, value_name = "RULE")]
    pub sql_include: Vec<SqlRule>,

    /// The major version of PostgreSQL, such as 16: older ones rewrite a table where newer ones do not
    #[arg(long, value_name = "VERSION")]
    pub sql_postgres: Option<PostgresVersion>,
}
