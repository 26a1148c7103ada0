//! What `fargate-migrate status` was asked for, checked.

use std::path::PathBuf;

use super::{Common, RunIdentity, TaskDefinitionSource, selection};
use crate::choices::Proof;
use crate::cli;
use crate::config::Fleet;
use crate::database_name::DatabaseName;
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct StatusSettings {
    pub common: Common,
    /// Each once, in the order given; all of the configuration file's where none is named.
    pub databases: Vec<DatabaseName>,
    /// Each once, in the order given. There is at least one service or one database.
    pub services: Vec<String>,
    /// Whether a service that runs another image than its databases are proved at is a failure.
    pub check: bool,
    pub cluster: String,
    /// What migration tasks are made from: those that run now are found by it.
    pub task_definition: Option<TaskDefinitionSource>,
    pub container: Option<String>,
    pub family: Option<String>,
    pub database_variable: String,
    pub proof: Proof,
    /// The state file of the runs that migrated the databases.
    pub state: Option<PathBuf>,
    pub github: cli::GitHubFlags,
}

impl StatusSettings {
    /// Checks the flags of `status`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing, or its value makes no sense.
    pub fn new(flags: cli::StatusFlags, run: RunIdentity) -> Result<Self, Failure> {
        let cli::TargetFlags { cluster, base, family, aws } = flags.target;
        let Some(cluster) = cluster.filter(|cluster| !cluster.is_empty()) else {
            return Err(Failure::input("no cluster given").hint("pass --cluster NAME"));
        };
        let mut services: Vec<String> = Vec::new();
        for name in flags.service.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
            if !services.iter().any(|known| known == name) {
                services.push(name.to_owned());
            }
        }
        let databases = databases(&flags.database, &flags.config.fleet)?;
        if databases.is_empty() && services.is_empty() {
            return Err(Failure::input("no database and no service given").hint(
                "list databases in the configuration file, or pass --database NAME, or --service NAME; repeat them for \
                 several",
            ));
        }
        if flags.check && (databases.is_empty() || services.is_empty()) {
            let (what, flag) =
                if services.is_empty() { ("service", "--service") } else { ("database", "--database") };
            return Err(Failure::input(format!("--check without a {what}")).hint(format!(
                "pass {flag} NAME, or name it in the configuration file: --check compares services with databases"
            )));
        }
        Ok(Self {
            common: Common {
                plan_only: false,
                aws,
                credentials: flags.credentials,
                output: flags.output,
                run,
            },
            databases,
            services,
            check: flags.check,
            cluster,
            task_definition: base.task_definition.filter(|name| !name.is_empty()).map(Into::into),
            container: base.container,
            family: family.map(|family| family.to_string()),
            database_variable: flags.database_variable.to_string(),
            proof: flags.proof,
            state: flags.state,
            github: flags.github,
        })
    }
}

fn databases(asked: &[String], fleet: &Fleet) -> Result<Vec<DatabaseName>, Failure> {
    match asked {
        [] => Ok(fleet.databases.clone()),
        asked => selection::select(asked, &[], &[], fleet),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::failure::ExitCode;

    fn tried(flags: &[&str]) -> Result<StatusSettings, Failure> {
        let arguments = [&["fargate-migrate", "status"], flags].concat();
        let arguments = arguments.iter().map(Into::into).collect();
        let cli = cli::parse(arguments, &|_| None, Path::new("/nowhere")).expect("flags");
        let cli::Command::Status(flags) = cli.command else { panic!("status") };
        StatusSettings::new(*flags, RunIdentity::local("test"))
    }

    #[test]
    fn there_is_something_to_look_at() {
        for (flags, said) in [
            (&["--service=web"][..], "no cluster given"),
            (&["--cluster=c"], "no database and no service given"),
            (&["--cluster=c", "--service= ,"], "no database and no service given"),
            (&["--cluster=c", "--service=web", "--check"], "--check without a database"),
            (&["--cluster=c", "--database=a", "--check"], "--check without a service"),
        ] {
            let failure = tried(flags).expect_err(said);
            assert_eq!((failure.message.as_str(), failure.exit_code), (said, ExitCode::BadInput));
            assert!(failure.hint.is_some(), "{said}");
        }
        let settings = tried(&["--cluster=c", "--service=web,jobs", "--service=web", "--database=b,a"]);
        let settings = settings.expect("settings");
        assert_eq!(settings.services, ["web", "jobs"]);
        assert_eq!(settings.databases.iter().map(|name| name.to_string()).collect::<Vec<_>>(), ["b", "a"]);
        assert!(!settings.check && settings.task_definition.is_none());
    }
}
