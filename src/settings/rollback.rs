//! What `fargate-migrate rollback` was asked for, checked.

use std::path::PathBuf;

use super::service_names::service_names;
use super::{Common, RunIdentity};
use crate::choices::{OnCancel, OnFailure};
use crate::cli;
use crate::database_name::DatabaseName;
use crate::failure::Failure;
use crate::image_reference::is_tag;
use crate::untrusted::phrase;
use crate::values::Period;

#[derive(Debug, Clone)]
pub struct RollbackSettings {
    pub common: Common,
    pub cluster: String,
    /// Not empty, each once, in the order given.
    pub services: Vec<String>,
    /// Absent for what ran before.
    pub to: Option<To>,
    pub accept_newer_schema: bool,
    /// Whether to go on without asking.
    pub yes: bool,
    pub deploy_timeout: Option<Period>,
    pub health: cli::HealthFlags,
    pub on_failure: OnFailure,
    pub on_cancel: OnCancel,
    pub service_environment: Option<String>,
    /// The state file of the runs that migrated the databases.
    pub state: Option<PathBuf>,
    /// Patterns of the migrations' SQL files.
    pub migrations: Vec<String>,
    pub github: cli::GitHubFlags,
    /// The databases of the configuration file.
    pub databases: Vec<DatabaseName>,
}

/// What to go back to, by the form of what a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// A service revision, as an ARN.
    Revision(String),
    /// A service deployment, as an ARN: the service goes back to what ran after it.
    Deployment(String),
    /// `family:revision`, or an ARN.
    TaskDefinition(String),
    /// The digits of a service revision, the id of a service deployment, or an image's tag. The service's record and
    /// its repository tell which.
    Word(String),
}

impl To {
    /// Parses `--to`.
    ///
    /// # Errors
    /// The text has none of these forms.
    fn parse(text: &str) -> Result<Self, Failure> {
        let is = |kind: &str| text.starts_with("arn:") && text.contains(kind);
        if is(":service-revision/") {
            return Ok(Self::Revision(text.to_owned()));
        }
        if is(":service-deployment/") {
            return Ok(Self::Deployment(text.to_owned()));
        }
        let has_revision = text.rsplit_once(':').is_some_and(|(family, revision)| {
            let is_number = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit());
            !family.is_empty() && is_number
        });
        if has_revision && (is(":task-definition/") || !text.contains('/')) {
            return Ok(Self::TaskDefinition(text.to_owned()));
        }
        if is_tag(text) {
            return Ok(Self::Word(text.to_owned()));
        }
        Err(Failure::input(format!("--to {} names nothing to go back to", phrase(text))).hint(
            "give a service revision or deployment (its ARN or id), family:revision, or a commit (the image's tag)",
        ))
    }

    /// Returns the text as it was given.
    pub fn text(&self) -> &str {
        match self {
            Self::Revision(text) | Self::Deployment(text) | Self::TaskDefinition(text) | Self::Word(text) => {
                text
            }
        }
    }
}

impl RollbackSettings {
    /// Checks the flags of `rollback`, and makes the settings from them.
    ///
    /// # Errors
    /// A flag is missing, or its value makes no sense.
    pub fn new(flags: cli::RollbackFlags, run: RunIdentity) -> Result<Self, Failure> {
        let cli::RollbackFlags {
            plan,
            cluster,
            aws,
            services,
            back,
            on_cancel,
            state,
            sql,
            config,
            credentials,
            github,
            output,
        } = flags;
        let cluster = cluster.unwrap_or_default();
        let names = service_names(&services.service, &cluster)?;
        Ok(Self {
            common: Common { plan_only: plan, aws, credentials, output, run },
            cluster,
            services: names,
            to: back.to.as_deref().map(str::trim).filter(|to| !to.is_empty()).map(To::parse).transpose()?,
            accept_newer_schema: back.accept_newer_schema,
            yes: back.yes,
            deploy_timeout: services.deploy_timeout,
            health: services.health,
            on_failure: services.on_failure,
            on_cancel,
            service_environment: services.service_environment,
            state,
            migrations: sql.migrations,
            github,
            databases: config.fleet.databases,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::failure::ExitCode;

    fn tried(flags: &[&str]) -> Result<RollbackSettings, Failure> {
        let arguments = [&["fargate-migrate", "rollback"], flags].concat();
        let arguments = arguments.iter().map(Into::into).collect();
        let cli = cli::parse(arguments, &|_| None, Path::new("/nowhere")).expect("flags");
        let cli::Command::Rollback(flags) = cli.command else { panic!("rollback") };
        RollbackSettings::new(*flags, RunIdentity::local("test"))
    }

    #[test]
    fn a_cluster_and_a_service_are_wanted() {
        for (flags, said) in [
            (&[][..], "no cluster and service given"),
            (&["--cluster=c"], "no service given"),
            (&["--cluster=c", "--service= "], "no service given"),
            (&["--service=web"], "no cluster given"),
        ] {
            let failure = tried(flags).expect_err(said);
            assert_eq!((failure.message.as_str(), failure.exit_code), (said, ExitCode::BadInput));
        }
        let settings = tried(&["--cluster=c", "--service=web,jobs", "--service=web"]).expect("settings");
        assert_eq!(settings.services, ["web", "jobs"]);
        assert_eq!(settings.to, None);
    }

    #[test]
    fn an_arn_is_the_name_of_a_service_of_its_cluster() {
        let arn = "arn:aws:ecs:us-east-1:123456789012:service/c/web";
        let settings = tried(&["--cluster=c", "--service=web", "--service", arn]).expect("settings");
        assert_eq!(settings.services, ["web"]);
        let failure = tried(&["--cluster=other", "--service", arn]).expect_err("of another cluster");
        assert_eq!(failure.message, "service web is in cluster c, and --cluster is other");
    }

    #[test]
    fn what_to_go_back_to_is_told_by_its_form() {
        let of = "arn:aws:ecs:us-east-1:123456789012";
        let to = |text: &str| {
            tried(&["--cluster=c", "--service=web", "--to", text])
                .map(|settings| settings.to.expect("a target"))
        };
        let revision = format!("{of}:service-revision/c/web/42");
        let deployment = format!("{of}:service-deployment/c/web/NCWGC2ZR");
        let definition = format!("{of}:task-definition/web:7");
        for (text, expected) in [
            (revision.as_str(), To::Revision(revision.clone())),
            (&deployment, To::Deployment(deployment.clone())),
            (&definition, To::TaskDefinition(definition.clone())),
            (" web:7 ", To::TaskDefinition("web:7".into())),
            ("8821540284345692891", To::Word("8821540284345692891".into())),
            ("NCWGC2ZR-taawPAYrIaU5", To::Word("NCWGC2ZR-taawPAYrIaU5".into())),
            (
                "0123456789abcdef0123456789abcdef01234567",
                To::Word("0123456789abcdef0123456789abcdef01234567".into()),
            ),
        ] {
            assert_eq!(to(text).expect(text), expected);
        }
        for text in
            ["web:", ":7", "web:x", "repository/app:7", "arn:aws:ecs:eu:1:service/c/web", "a b", "../x"]
        {
            let failure = to(text).expect_err(text);
            assert!(failure.exit_code == ExitCode::BadInput && failure.hint.is_some(), "{text}");
        }
    }
}
