//! From a flag's text to its value, or to what is wrong with it.

use std::collections::HashSet;
use std::time::Duration;

use super::{ImageChoice, ImageSettings, NetworkChoice, Selector, StateChoice, TaskDefinitionSource};
use crate::cli;
use crate::failure::Failure;

/// Fails with all of what a run can not do without, when it lacks more than one thing.
pub fn all_given(flags: &cli::Migrate) -> Result<(), Failure> {
    let absent = |value: &Option<String>| value.as_ref().is_none_or(String::is_empty);
    let network = &flags.network;
    let missing: Vec<(&str, &str)> = [
        (flags.database.is_empty() && flags.databases_file.is_none(), "database", "--database NAME"),
        (absent(&flags.target.cluster), "cluster", "--cluster NAME"),
        (absent(&flags.target.base.task_definition), "task definition", "--task-definition FAMILY"),
        (
            network.subnets.is_empty() && network.network_from_service.is_none(),
            "subnets",
            "--subnets ID or --network-from-service SERVICE",
        ),
    ]
    .into_iter()
    .filter_map(|(missing, what, flag)| missing.then_some((what, flag)))
    .collect();
    let ([first @ .., last], false) = (missing.as_slice(), missing.len() < 2) else { return Ok(()) };
    let words = |part: fn(&(&'static str, &'static str)) -> &'static str| {
        first.iter().map(part).collect::<Vec<_>>().join(", ")
    };
    Err(Failure::input(format!("no {} and {} given", words(|(what, _)| what), last.0)).hint(format!(
        "pass {} and {}",
        words(|(_, flag)| flag),
        last.1
    )))
}

pub fn required(value: Option<String>, what: &str, flag: &str) -> Result<String, Failure> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Failure::input(format!("no {what} given")).hint(format!("pass {flag}")))
}

pub fn task_definition(name: String) -> TaskDefinitionSource {
    // A family's name has no dot and no slash; an ARN has a slash, and begins with "arn:".
    let is_path = !name.starts_with("arn:") && (name.contains('/') || name.ends_with(".json"));
    if is_path { TaskDefinitionSource::File(name.into()) } else { TaskDefinitionSource::Ecs(name) }
}

pub fn tag(tag: String) -> Result<String, Failure> {
    let first_ok = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let rest_ok = tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if first_ok && rest_ok && tag.len() <= 128 {
        return Ok(tag);
    }
    Err(Failure::input(format!("{tag:?} is no image tag"))
        .hint("letters, digits and _ . - are allowed, at most 128, the first one no . or -"))
}

/// `arn:aws:iam::123456789012:role/path/name`.
pub fn role_arn(arn: String) -> Result<String, Failure> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_role = matches!(parts[..], ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws")
            && account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty()));
    if is_role {
        return Ok(arn);
    }
    Err(Failure::input(format!("--role-to-assume {arn:?} is no role's ARN"))
        .hint("an ARN reads arn:aws:iam::123456789012:role/NAME"))
}

pub fn image(image: cli::Image, commit: Option<String>) -> Result<ImageSettings, Failure> {
    let cli::Image { image, source } = image;
    Ok(ImageSettings {
        repository: source.repository.clone(),
        tag: source.tag.clone().map(tag).transpose()?,
        commit,
        choice: image_choice(image, source),
    })
}

fn image_choice(reference: Option<String>, source: cli::ImageSource) -> ImageChoice {
    if let Some(reference) = reference {
        return ImageChoice::Reference(reference);
    }
    if let Some(binary) = source.binary {
        return ImageChoice::Binary(binary);
    }
    let context = source.context.unwrap_or_else(|| ".".into());
    ImageChoice::Docker {
        dockerfile: source.dockerfile.unwrap_or_else(|| context.join("Dockerfile")),
        context,
        target: source.target,
        build_args: source.build_arg,
    }
}

pub fn network_choice(network: cli::NetworkFlags) -> Result<NetworkChoice, Failure> {
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

pub fn variable_name(flag: &str, name: String) -> Result<String, Failure> {
    let first_ok = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if first_ok && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(name);
    }
    Err(Failure::input(format!("--{flag} {name:?} is no name of a variable"))
        .hint("letters, digits and _ are allowed, the first one no digit"))
}

pub fn environment(pairs: Vec<String>) -> Result<Vec<(String, String)>, Failure> {
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

pub fn command(text: &str) -> Result<Vec<String>, Failure> {
    let words = shell_words::split(text).map_err(|_| {
        Failure::input(format!("--command {text:?} has a quote without its end"))
            .hint("quote it as for a shell; no shell runs it")
    })?;
    if words.is_empty() {
        return Err(Failure::input("--command is empty"));
    }
    Ok(words)
}

/// # Errors
/// A flag that makes sense beside another one alone.
pub fn state(flags: cli::Resume, deployments: bool) -> Result<Option<StateChoice>, Failure> {
    let cli::Resume { state, resume, only_failed } = flags;
    if only_failed && !resume {
        return Err(Failure::input("--only-failed without --resume")
            .hint("add --resume and --state FILE: the file says which databases failed"));
    }
    match state {
        Some(file) => Ok(Some(StateChoice { file, resume, only_failed })),
        None if only_failed => Err(Failure::input("--only-failed without --state")
            .hint("name the file that the run to go on with has left: --state FILE; GitHub's Deployments do not say what ran in vain")),
        None if resume && !deployments => Err(Failure::input("--resume without --state").hint(
            "name the file that the run to go on with has left: --state FILE; or add --deployments, which are asked instead",
        )),
        None => Ok(None),
    }
}

/// `90s`, `45m`, `1h 30m`.
pub fn duration(flag: &str, text: &str) -> Result<Duration, Failure> {
    let parsed =
        text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    parsed.filter(|duration| !duration.is_zero()).ok_or_else(|| {
        Failure::input(format!("--{flag} {text:?} is no duration")).hint("write 90s, 45m or 2h")
    })
}
