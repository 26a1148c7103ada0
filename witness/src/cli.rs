//! Every flag of the witness; the doc comments are its manual.

use crate::history::Tool;
use crate::settings::duration;
use clap::{Args, Parser, Subcommand};
use std::time::Duration;

/// Runs a migration command and prints a migration report about the database that was asked for.
///
/// The report says what the framework's history has in that database after the command, and what of it is new. It is true
/// whatever the command prints, and wherever the command was connected.
///
/// The database's name is in DATABASE_NAME (--database-variable), or several are in DATABASE_NAMES as a JSON list. Its
/// server is in DATABASE_HOST, DATABASE_PORT, DATABASE_USER, DATABASE_PASSWORD, DATABASE_SSLMODE and
/// DATABASE_SSLROOTCERT; else in PGHOST, PGPORT, PGUSER, PGPASSWORD, PGSSLMODE and PGSSLROOTCERT; else in the URL
/// DATABASE_URL. --database-from chooses.
///
/// Where WITNESS_OPERATION is check, the command is not run, as with witness check. Where it is exec, the command takes the
/// witness's place, and nothing is reported.
///
/// Exit codes: the command's own, when it ran · 1 the command ended with 0, and what it did cannot be known, or it was
/// connected to another database · 2 bad flags or settings, and the command was not run · 3 the database is not reachable, and the command was not run · 4
/// another run holds the lock · 126 and 127 the command cannot be run · 128 + N the command was ended by signal N.
#[derive(Debug, Parser)]
#[command(name = "witness", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub operation: Option<Operation>,
    #[command(flatten)]
    pub run: RunFlags,
}

#[derive(Debug, Subcommand)]
pub enum Operation {
    /// Print the same report and run no migration: what the database has, and what is pending.
    Check(CheckFlags),
}

#[derive(Debug, Clone, Args)]
pub struct CheckFlags {
    #[command(flatten)]
    pub history: HistoryFlags,
    /// The migration command, which is not run: of some frameworks, the command that lists migrations is made from it.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Clone, Args)]
pub struct RunFlags {
    #[command(flatten)]
    pub history: HistoryFlags,
    /// A variable for the command, from the database: 'DATABASE_URL=postgres://{user}:{password}@{host}:{port}/{database}'.
    /// In a value with :// the parts are percent-encoded; repeat it.
    #[arg(long = "set", value_name = "NAME=TEMPLATE", value_parser = template)]
    pub templates: Vec<Template>,
    /// A further database that the command may be connected to, such as postgres for a framework that looks there; repeat it.
    #[arg(long = "also-connects-to", value_name = "NAME")]
    pub also: Vec<String>,
    /// How long to wait for another witness of the same database to end.
    #[arg(long, env = "WITNESS_LOCK_TIMEOUT", value_parser = duration, default_value = "60s", value_name = "DURATION")]
    pub lock_timeout: Duration,
    /// The migration command and its arguments, which no shell reads.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Debug, Clone, Args)]
pub struct HistoryFlags {
    /// The framework whose history is read.
    #[arg(long, env = "WITNESS_HISTORY", value_enum, default_value_t = Tool::Auto)]
    pub history: Tool,
    /// The history's table, where it is not the framework's usual one: TABLE or SCHEMA.TABLE.
    #[arg(long, env = "WITNESS_TABLE", value_name = "TABLE")]
    pub table: Option<String>,
    /// The files of the migrations, where they are not at the framework's usual place; repeat it.
    #[arg(long, env = "WITNESS_MIGRATIONS", value_name = "GLOB", value_delimiter = ',')]
    pub migrations: Vec<String>,
    /// A command that prints the migrations that the image has, one on a line, where no files have them. Its words are
    /// split as a shell splits them, and no shell reads them.
    #[arg(long, env = "WITNESS_LIST_COMMAND", value_name = "COMMAND")]
    pub list_command: Option<String>,
    /// What names the server: DATABASE for the variables DATABASE_HOST and so on, PG for PGHOST and so on, or the name of a
    /// variable with a URL.
    #[arg(long, env = "WITNESS_DATABASE_FROM", value_name = "DATABASE|PG|VARIABLE")]
    pub database_from: Option<String>,
    /// The variable with the database's name; with an S behind it, the one with a list of them.
    #[arg(long, env = "WITNESS_DATABASE_VARIABLE", value_name = "NAME", default_value = "DATABASE_NAME")]
    pub database_variable: String,
    /// Databases of a list that are worked on at the same time.
    #[arg(long, env = "WITNESS_JOBS", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    pub jobs: u16,
}

/// A variable of the command, made from the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub name: String,
    pub value: String,
}

/// What a template may name.
const PARTS: [&str; 5] = ["{user}", "{password}", "{host}", "{port}", "{database}"];

fn template(text: &str) -> Result<Template, String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=TEMPLATE")?;
    if name.is_empty() || name.contains(|char: char| !(char.is_ascii_alphanumeric() || char == '_')) {
        return Err(format!("{name:?} is not the name of a variable"));
    }
    let mut rest = value.to_owned();
    for part in PARTS {
        rest = rest.replace(part, "");
    }
    if rest.contains(['{', '}']) {
        return Err(format!("braces hold one of {}", PARTS.join(", ")));
    }
    Ok(Template { name: name.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_template_names_parts_of_the_database() {
        let url = "URL=postgres://{user}:{password}@{host}:{port}/{database}?a={x";
        assert_eq!(
            template(url).unwrap_err(),
            "braces hold one of {user}, {password}, {host}, {port}, {database}"
        );
        let known = template("DB={database}").unwrap();
        assert_eq!((known.name.as_str(), known.value.as_str()), ("DB", "{database}"));
        assert!(template("={database}").is_err());
        assert!(template("{database}").is_err());
    }

    #[test]
    fn what_stands_behind_two_hyphens_is_the_command() {
        let cli = Cli::parse_from([
            "witness",
            "--history=django",
            "--",
            "python",
            "manage.py",
            "migrate",
            "--jobs=9",
        ]);
        assert_eq!(cli.run.command, ["python", "manage.py", "migrate", "--jobs=9"]);
        assert_eq!(cli.run.history.jobs, 4);
        let check = Cli::parse_from(["witness", "check", "--history=knex", "--", "npx"]);
        let Some(Operation::Check(check)) = check.operation else { panic!("{check:?}") };
        assert_eq!((check.history.history, check.command), (Tool::Knex, vec!["npx".into()]));
    }
}
