//! What was asked for, checked: a [`Settings`] is made before anything is observed, so that bad input changes nothing.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::{self, Format, Leftover};
use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct Settings {
    pub plan_only: bool,
    /// Not empty, valid, each once, in the order given.
    pub databases: Vec<String>,
    pub cluster: String,
    pub task_definition: TaskDefinitionSource,
    pub container: Option<String>,
    pub region: Option<String>,
    pub call_timeout: Duration,
    /// An ECR repository's name or URI.
    pub repository: Option<String>,
    pub tag: Option<String>,
    pub image: ImageChoice,
    pub network: NetworkChoice,
    pub database_variable: String,
    pub environment: Vec<(String, String)>,
    pub command: Option<Vec<String>>,
    pub require_report: bool,
    pub timeout: Duration,
    pub on_timeout: Leftover,
    pub on_cancel: Leftover,
    pub log_drain: Duration,
    pub max_parallel: usize,
    pub keep_going: bool,
    pub format: Format,
    pub summary_file: Option<PathBuf>,
    /// The commit that GitHub says this run is about.
    pub commit: Option<String>,
    pub run: RunIdentity,
}

/// Names this run to ECS: what it starts is known as its own, to a retry and to other runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// RunTask's startedBy: ≤ 128 characters `[A-Za-z0-9-/_]`.
    pub started_by: String,
    /// Whether an earlier step or process may have run under the same name.
    pub may_have_a_past: bool,
}

impl RunIdentity {
    /// The job of a workflow run: the same for a step that is tried again within the attempt.
    pub fn of_github(run_id: &str, attempt: &str, job: &str) -> Self {
        let job: String =
            job.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
        Self { started_by: format!("fargate-migrate/gha-{run_id}-{attempt}-{job}"), may_have_a_past: true }
    }

    /// A run from somebody's terminal: `unique` tells it from every other one.
    pub fn local(unique: &str) -> Self {
        Self { started_by: format!("fargate-migrate/local-{unique}"), may_have_a_past: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskDefinitionSource {
    /// A JSON file, as DescribeTaskDefinition answers or as RegisterTaskDefinition takes it.
    File(PathBuf),
    /// Family, family:revision or ARN.
    Ecs(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    Docker { context: PathBuf, dockerfile: PathBuf, target: Option<String>, build_args: Vec<String> },
    Binary(PathBuf),
    Reference(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkChoice {
    Given { subnets: Vec<Selector>, security_groups: Vec<Selector>, assign_public_ip: bool },
    FromService(String),
}

/// A subnet or a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    Id(String),
    Tag { key: String, pattern: String },
}

/// The value of the database variable in a fleet's revision: no server has such a database, so a task that is
/// started by hand fails closed instead of landing on a default.
pub const FLEET_PLACEHOLDER: &str = "__set-by-fargate-migrate__";

/// Bytes of a PostgreSQL identifier (NAMEDATALEN - 1); PostgreSQL cuts a longer name without a word.
const MAX_DATABASE_NAME: usize = 63;

impl Settings {
    /// # Errors
    /// A flag's value is wrong, or a flag is missing.
    pub fn new(flags: cli::Migrate, commit: Option<String>, run: RunIdentity) -> Result<Self, Failure> {
        let cli::Migrate { plan, database, target, image, network, task, fleet, output } = flags;
        let settings = Self {
            plan_only: plan,
            databases: databases(database)?,
            cluster: required(target.cluster, "cluster", "--cluster NAME")?,
            task_definition: task_definition(required(
                target.task_definition,
                "task definition",
                "--task-definition FAMILY, an ARN, or the path of a JSON file",
            )?),
            container: target.container,
            region: target.region,
            call_timeout: duration("call-timeout", &target.call_timeout)?,
            repository: image.repository.clone(),
            tag: image.tag.clone().map(tag).transpose()?,
            image: image_choice(image),
            network: network_choice(network)?,
            database_variable: variable_name("database-variable", task.database_variable)?,
            environment: environment(task.env)?,
            command: task.command.as_deref().map(command).transpose()?,
            require_report: task.require_report,
            timeout: duration("timeout", &task.timeout)?,
            on_timeout: task.on_timeout,
            on_cancel: task.on_cancel,
            log_drain: duration("log-drain", &task.log_drain)?,
            max_parallel: fleet.max_parallel.into(),
            keep_going: fleet.keep_going,
            format: output.format,
            summary_file: output.summary_file,
            commit,
            run,
        };
        if settings.environment.iter().any(|(name, _)| *name == settings.database_variable) {
            return Err(Failure::input(format!(
                "--env sets {}, the database variable",
                settings.database_variable
            ))
            .hint("name databases with --database; each task gets its own value"));
        }
        Ok(settings)
    }
}

fn required(value: Option<String>, what: &str, flag: &str) -> Result<String, Failure> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Failure::input(format!("no {what} given")).hint(format!("pass {flag}")))
}

fn databases(names: Vec<String>) -> Result<Vec<String>, Failure> {
    let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
    if names.is_empty() {
        return Err(Failure::input("no database given").hint("pass --database NAME; repeat it for several"));
    }
    let mut seen = HashSet::new();
    for name in &names {
        if let Some(why) = bad_database_name(name) {
            return Err(Failure::input(format!("{name:?} is no database name: {why}"))
                .hint("letters, digits and _ - . $ are allowed, at most 63 bytes; nothing was changed"));
        }
        if !seen.insert(name) {
            return Err(
                Failure::input(format!("database {name} is named twice")).hint("name each database once")
            );
        }
    }
    Ok(names)
}

/// Stricter than PostgreSQL, which takes anything in quotes: a name stands in variables, logs, links and summaries.
fn bad_database_name(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_DATABASE_NAME {
        Some("PostgreSQL would cut it after 63 bytes")
    } else if name == FLEET_PLACEHOLDER {
        Some("it is the placeholder of a fleet's revision")
    } else if name.starts_with(['-', '.']) {
        Some("it begins with - or .")
    } else if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$')) {
        Some("it has a character that is not allowed")
    } else {
        None
    }
}

fn task_definition(name: String) -> TaskDefinitionSource {
    // A family's name has no dot and no slash; an ARN has a slash, and begins with "arn:".
    let is_path = !name.starts_with("arn:") && (name.contains('/') || name.ends_with(".json"));
    if is_path { TaskDefinitionSource::File(name.into()) } else { TaskDefinitionSource::Ecs(name) }
}

fn tag(tag: String) -> Result<String, Failure> {
    let first_ok = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let rest_ok = tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if first_ok && rest_ok && tag.len() <= 128 {
        return Ok(tag);
    }
    Err(Failure::input(format!("{tag:?} is no image tag"))
        .hint("letters, digits and _ . - are allowed, at most 128, the first one no . or -"))
}

fn image_choice(image: cli::Image) -> ImageChoice {
    if let Some(reference) = image.image {
        return ImageChoice::Reference(reference);
    }
    if let Some(binary) = image.binary {
        return ImageChoice::Binary(binary);
    }
    let context = image.context.unwrap_or_else(|| ".".into());
    ImageChoice::Docker {
        dockerfile: image.dockerfile.unwrap_or_else(|| context.join("Dockerfile")),
        context,
        target: image.target,
        build_args: image.build_arg,
    }
}

fn network_choice(network: cli::NetworkFlags) -> Result<NetworkChoice, Failure> {
    if let Some(service) = network.network_from_service {
        return Ok(NetworkChoice::FromService(service));
    }
    if network.subnets.is_empty() {
        return Err(Failure::input("no subnets given").hint(
            "pass --subnets ID,ID or --subnets 'tag:Name=pattern*', or take them from a service with --network-from-service",
        ));
    }
    Ok(NetworkChoice::Given {
        subnets: selectors(network.subnets, "subnets", "subnet-")?,
        security_groups: selectors(network.security_groups, "security-groups", "sg-")?,
        assign_public_ip: network.assign_public_ip,
    })
}

fn selectors(values: Vec<String>, flag: &str, prefix: &str) -> Result<Vec<Selector>, Failure> {
    values
        .iter()
        .map(|value| value.trim())
        .map(|value| {
            if let Some((key, pattern)) = value.strip_prefix("tag:").and_then(|tag| tag.split_once('=')) {
                return Ok(Selector::Tag { key: key.into(), pattern: pattern.into() });
            }
            if value.starts_with(prefix) {
                return Ok(Selector::Id(value.into()));
            }
            Err(Failure::input(format!("--{flag} {value:?} is neither an id nor a tag"))
                .hint(format!("an id begins with {prefix}; a tag reads tag:Name=pattern*")))
        })
        .collect()
}

fn variable_name(flag: &str, name: String) -> Result<String, Failure> {
    let first_ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first_ok && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(name);
    }
    Err(Failure::input(format!("--{flag} {name:?} is no name of a variable"))
        .hint("letters, digits and _ are allowed, the first one no digit"))
}

fn environment(pairs: Vec<String>) -> Result<Vec<(String, String)>, Failure> {
    let mut seen = HashSet::new();
    pairs
        .into_iter()
        .map(|pair| {
            // The value may be secret after all: an error names the variable only.
            let Some((name, value)) = pair.split_once('=') else {
                return Err(Failure::input("--env without =").hint("pass --env NAME=value"));
            };
            let name = variable_name("env", name.to_owned())?;
            if !seen.insert(name.clone()) {
                return Err(Failure::input(format!("--env sets {name} twice")));
            }
            Ok((name, value.to_owned()))
        })
        .collect()
}

fn command(text: &str) -> Result<Vec<String>, Failure> {
    let words = shell_words::split(text).map_err(|_| {
        Failure::input(format!("--command {text:?} has a quote without its end"))
            .hint("quote it as for a shell; no shell runs it")
    })?;
    if words.is_empty() {
        return Err(Failure::input("--command is empty"));
    }
    Ok(words)
}

/// `90s`, `45m`, `1h 30m`.
fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    let parsed =
        text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.filter(|duration| !duration.is_zero()).ok_or_else(|| {
        Failure::input(format!("--{flag} {text:?} is no duration")).hint("write 90s, 45m or 2h")
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn settings(extra: &[&str]) -> Result<Settings, Failure> {
        let base = ["fargate-migrate", "migrate", "--cluster=c", "--task-definition=t", "--subnets=subnet-1"];
        let arguments: Vec<OsString> = base.iter().chain(extra).map(Into::into).collect();
        let cli::Command::Migrate(flags) = cli::parse(arguments, &|_| None).expect("valid flags").command;
        Settings::new(flags, None, RunIdentity::local("test"))
    }

    #[test]
    fn bad_database_names_are_refused_before_anything_else() {
        let long = "x".repeat(64);
        for name in [
            "",
            " ",
            "a b",
            "a;drop",
            "a\nb",
            "-x",
            "a'b",
            "a\"b",
            "::set-output",
            "##[x]",
            &long,
            FLEET_PLACEHOLDER,
        ] {
            let error = settings(&[&format!("--database={name}")]).expect_err(name);
            assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput, "{name}");
        }
        for name in ["startupwebapp_prod", "a-b.c$1", "Übung", &"x".repeat(63)] {
            assert_eq!(settings(&["--database", name]).expect(name).databases, [name]);
        }
    }

    #[test]
    fn a_database_is_named_once() {
        let error = settings(&["--database=a,b", "--database=a"]).expect_err("twice");
        assert_eq!(error.message, "database a is named twice");
    }

    #[test]
    fn a_task_definition_is_a_file_when_it_looks_like_a_path() {
        for (text, file) in [
            ("family", false),
            ("family:3", false),
            ("arn:aws:ecs:us-east-1:123456789012:task-definition/family:3", false),
            ("ecs/task.json", true),
            ("task.json", true),
            ("./task", true),
        ] {
            assert_eq!(matches!(task_definition(text.into()), TaskDefinitionSource::File(_)), file, "{text}");
        }
    }

    #[test]
    fn values_of_variables_are_never_in_an_error() {
        for pair in ["--env=hunter2", "--env=9X=hunter2", "--env=DATABASE_NAME=hunter2"] {
            let error = settings(&["--database=a", pair]).expect_err(pair);
            assert!(!format!("{error:?}").contains("hunter2"), "{pair}: {error:?}");
        }
    }

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("45m", 2_700), ("2h", 7_200), ("1h 30m", 5_400)] {
            assert_eq!(duration("timeout", text).expect(text), Duration::from_secs(seconds));
        }
        for text in ["", "0s", "-5s", "soon", "10"] {
            assert!(duration("timeout", text).is_err(), "{text}");
        }
    }

    #[test]
    fn networks_are_ids_or_tags() {
        let settings = settings(&["--database=a", "--security-groups=sg-1,tag:Name=x-*"]).expect("valid");
        let NetworkChoice::Given { security_groups, .. } = settings.network else { panic!("given") };
        assert_eq!(security_groups[1], Selector::Tag { key: "Name".into(), pattern: "x-*".into() });
    }
}
