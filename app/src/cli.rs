//! Every flag of the binary; the doc comments are its manual.

use crate::create_database;
use crate::settings::duration;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The shop: its API and its migrations.
///
/// The database comes from DATABASE_NAME, DATABASE_HOST, DATABASE_PORT (5432), DATABASE_USER,
/// DATABASE_PASSWORD, DATABASE_SSLMODE (disable, prefer, require, verify-ca or verify-full; prefer) and
/// DATABASE_SSLROOTCERT (a PEM file). There is no default database.
///
/// A server has DATABASE_CONNECT_TIMEOUT (10s) for a connection, from its name to its first word after TLS and
/// authentication, and DATABASE_ANSWER_TIMEOUT (30s) for each answer that is not a migration's. A migration may take as long as it
/// needs; when its server's machine is gone, TCP finds out within about a minute.
///
/// Exit codes: 0 done · 1 a migration failed, or the schema is not what this binary knows · 2 bad flags or
/// settings · 3 the database is not reachable · 4 another run holds the migration lock · 130 and 143
/// interrupted by SIGINT and SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "app", version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer HTTP requests until SIGTERM or SIGINT.
    Serve(ServeOptions),
    /// Apply the pending migrations, each in a transaction, and print a migration report.
    ///
    /// With DATABASE_NAMES, a JSON list of names, in place of DATABASE_NAME: migrate each of them, --jobs at a time, and
    /// print a report for each as it ends. One that fails does not stop the others; the exit code is then 1, or what
    /// all failures have in common.
    Migrate(MigrateOptions),
    /// Say which migrations the database has and which are pending. Changes nothing, and takes no migration lock.
    ///
    /// With --report and DATABASE_NAMES in place of DATABASE_NAME: of each of them, --jobs at a time. The exit code is 0
    /// when all could be asked, whatever is pending.
    Status(StatusOptions),
    /// Create a database, as the server's administrator, unless it is there already. Both are success.
    ///
    /// The administrator is DATABASE_ADMIN_USER with DATABASE_ADMIN_PASSWORD, or without them DATABASE_USER with
    /// DATABASE_PASSWORD: a role with CREATEDB, or a superuser. DATABASE_NAME and DATABASE_NAMES do not matter.
    CreateDatabase(CreateDatabaseOptions),
    /// Ask a running `app serve` for its health; for the HEALTHCHECK of an image without a shell.
    Healthcheck(HealthcheckOptions),
}

#[derive(Debug, Args)]
pub struct MigrationSource {
    /// Read the migrations from this directory, all of them, instead of those compiled in.
    ///
    /// For a hot-fix that cannot wait for an image: a copy of app/migrations plus one file.
    #[arg(long, env = "APP_MIGRATIONS_DIR", value_name = "DIR", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub migrations_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct MigrateOptions {
    #[command(flatten)]
    pub source: MigrationSource,
    /// List what is pending and apply nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub jobs: Jobs,
    /// How long to wait for another migration of the same database to end.
    #[arg(long, env = "MIGRATE_LOCK_TIMEOUT", value_parser = duration, default_value = "60s", value_name = "DURATION")]
    pub lock_timeout: Duration,
    /// How long one statement may wait for a table lock (PostgreSQL's lock_timeout; 0s waits for ever).
    ///
    /// While DDL waits behind a long transaction, everything else queues behind the DDL: better to fail.
    #[arg(long, env = "MIGRATE_TABLE_LOCK_TIMEOUT", value_parser = duration, default_value = "10s", value_name = "DURATION")]
    pub table_lock_timeout: Duration,
}

#[derive(Debug, Args)]
pub struct Jobs {
    /// Databases of DATABASE_NAMES that are worked on at the same time, each on a connection of its own.
    ///
    /// The server has to have connections for all tasks together: a pack in each of 24 tasks takes 24 times as many.
    #[arg(id = "jobs", long = "jobs", env = "MIGRATE_JOBS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub number: u16,
}

#[derive(Debug, Args)]
pub struct StatusOptions {
    #[command(flatten)]
    pub source: MigrationSource,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
    /// Print a migration report of the database as it is, with what is pending and what is unknown here.
    #[arg(long, conflicts_with_all = ["json", "schema"])]
    pub report: bool,
    /// Print what the database has, one line per object, sorted: tables, columns, constraints, functions, …
    ///
    /// The `schema` of a migration report is a hash of these lines, so that `diff` of two databases shows where they
    /// differ.
    #[arg(long, conflicts_with = "json")]
    pub schema: bool,
    #[command(flatten)]
    pub jobs: Jobs,
}

#[derive(Debug, Args)]
pub struct CreateDatabaseOptions {
    /// At most 63 bytes: letters, digits and _ - . $, and neither - nor . first.
    #[arg(value_parser = create_database::name)]
    pub name: String,
    /// The role that owns it. A database that is there already must have this owner.
    ///
    /// Without it a new database belongs to DATABASE_USER, who migrates it: since PostgreSQL 15 only a database's owner may
    /// create tables in `public`. The administrator must be a member of that role.
    #[arg(long, value_name = "ROLE")]
    pub owner: Option<String>,
    /// The database that the administrator connects to.
    #[arg(long, default_value = "postgres", value_name = "NAME")]
    pub maintenance_database: String,
}

#[derive(Debug, Args)]
pub struct ServeOptions {
    #[command(flatten)]
    pub source: MigrationSource,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, env = "BIND", default_value = "0.0.0.0:8000")]
    pub bind: SocketAddr,
    /// Most connections to the database.
    #[arg(long, env = "DATABASE_POOL_SIZE", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub pool_size: u16,
    /// How long requests under way may take after SIGTERM. ECS kills a task 30 s after its SIGTERM.
    #[arg(long, env = "SHUTDOWN_DEADLINE", value_parser = duration, default_value = "25s", value_name = "DURATION")]
    pub shutdown_deadline: Duration,
    /// How long a client may take to send the head of a request, from the end of the one before it on.
    ///
    /// Longer than the idle timeout of a load balancer (60 s for an ALB), which otherwise sends requests on connections
    /// that were just closed.
    #[arg(long, env = "CLIENT_TIMEOUT", value_parser = duration, default_value = "75s", value_name = "DURATION")]
    pub client_timeout: Duration,
    /// How long a client may take to send the body of a request.
    #[arg(long, env = "BODY_TIMEOUT", value_parser = duration, default_value = "5s", value_name = "DURATION")]
    pub body_timeout: Duration,
}

#[derive(Debug, Args)]
pub struct HealthcheckOptions {
    /// The address that `app serve` listens on.
    #[arg(long, env = "BIND", default_value = "0.0.0.0:8000")]
    pub bind: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_are_consistent() {
        Cli::command().debug_assert();
    }
}
