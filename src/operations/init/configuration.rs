//! The configuration file that `init` writes. `infra/up` names the same things the same way (infra/platform.yaml).

use serde_json::json;

use super::answers::{Answers, Network};
use super::framework;
use crate::cli::Way;
use crate::operations::workflow::plain_or_quoted;

const SCHEMA: &str =
    "https://raw.githubusercontent.com/fargate-migrate/fargate-migrate/main/docs/fargate-migrate.schema.json";

/// Returns the text of `.github/fargate-migrate.yml`.
pub(super) fn text(answers: &Answers) -> String {
    let Answers { name, region, .. } = answers;
    let mut lines = vec![
        format!("# yaml-language-server: $schema={SCHEMA}"),
        "#".to_owned(),
        "# What all runs have in common. A key is a flag of fargate-migrate without its dashes.".to_owned(),
        format!("# {}/blob/main/docs/reference/configuration.md describes it.", env!("CARGO_PKG_REPOSITORY")),
        String::new(),
        format!("cluster: {name}-cluster"),
        format!("task-definition: {name}-migration-task"),
        format!("repository: {name}-backend"),
        format!("region: {region}"),
        String::new(),
        format!("subnets: {}", quoted(&subnets(answers))),
        format!("security-groups: {}", quoted(&[format!("tag:Name={name}-backend-sg")])),
    ];
    if answers.network == Network::New(Way::Public) || answers.public_ip {
        lines.push("assign-public-ip: true".to_owned());
    }
    lines.push(String::new());
    lines.extend(image(answers));
    lines.push(format!("command: {}", double_quoted(answers.command.text())));
    if let Some(framework) = answers.framework {
        lines.extend([
            String::new(),
            "# The command gets DATABASE_URL for its database: edit this if it reads other variables."
                .to_owned(),
            "witness: true".to_owned(),
            format!("witness-history: {}", framework.word()),
            "witness-set:".to_owned(),
            format!(
                "  DATABASE_URL: \"{}://{{user}}:{{password}}@{{host}}:{{port}}/{{database}}\"",
                framework::scheme(framework, answers.directory())
            ),
        ]);
    }
    let names: Vec<String> = answers.databases.iter().map(|name| plain_or_quoted(name)).collect();
    lines.push(format!("\ndatabases: [{}]", names.join(", ")));
    if let Some(service) = &answers.service {
        lines.push(format!("\nservices: [{}]", plain_or_quoted(service)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Returns the keys of a Dockerfile that is not at the root: its directory is the build context.
fn image(answers: &Answers) -> Vec<String> {
    let directory = answers.directory();
    let path = double_quoted(&answers.dockerfile.display().to_string());
    match answers.dockerfile.file_name() {
        Some(name) if directory.as_os_str().is_empty() && name == "Dockerfile" => Vec::new(),
        _ if directory.as_os_str().is_empty() => vec![format!("dockerfile: {path}")],
        _ => vec![
            format!("dockerfile: {path}"),
            format!("context: {}", double_quoted(&directory.display().to_string())),
        ],
    }
}

fn subnets(answers: &Answers) -> Vec<String> {
    let name = &answers.name;
    match answers.network {
        Network::New(Way::Public) => vec![format!("tag:Name={name}-public-subnet-*")],
        Network::New(_) => vec![format!("tag:Name={name}-private-subnet-*")],
        Network::Vpc(_) | Network::There => answers.subnets.clone(),
    }
}

fn quoted(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|one| double_quoted(one)).collect();
    format!("[{}]", all.join(", "))
}

/// Returns the lines of `wanted` that a file lacks: those of a key that it does not have, and those of these keys that it
/// has otherwise.
pub(super) fn missing(there: &str, wanted: &str, keys: &[&str]) -> Vec<String> {
    let has_line = |line: &str| there.lines().any(|one| one.trim_end() == line);
    let key_of = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
    let has_key = |key: &str| there.lines().any(|one| key_of(one).is_some_and(|one| one == key));
    let mut missing = Vec::new();
    let mut is_asked_for = false;
    for line in wanted.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        // A line below a key is its value.
        if !line.starts_with(' ') {
            let key = key_of(line).unwrap_or_default();
            is_asked_for = !has_key(&key) || (keys.contains(&key.as_str()) && !has_line(line));
        }
        if is_asked_for {
            missing.push(line.to_owned());
        }
    }
    missing
}

/// Tells whether a file that is there asks for the witness.
pub(super) fn has_witness(there: &str) -> bool {
    there.lines().any(|line| line.split('#').next().unwrap_or_default().trim_end() == "witness: true")
}

/// Returns a text in double quotes. YAML 1.1 takes more characters for line breaks than JSON.
fn double_quoted(text: &str) -> String {
    let mut quoted = json!(text).to_string();
    for char in ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'] {
        quoted = quoted.replace(char, &format!("\\u{:04x}", u32::from(char)));
    }
    quoted
}
