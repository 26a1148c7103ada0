use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, CommandFactory as _};
use fargate_migrate::cli::{Cli, OPERATIONS};
use fargate_migrate::report::OUTPUTS;
use serde::Deserialize;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Inputs that are no flag: name, description, default.
const OPERATION: (&str, &str, &str) = ("operation", "What to do", "migrate");
const TOKEN: (&str, &str, &str) = (
    "github-token",
    "For deployments, service-environment and comment: a token with the permissions that they name",
    "${{ github.token }}",
);
/// The runner tells it to expressions alone, and as an input it needs no permission.
const CHECK_RUN_ID: (&str, &str, &str) = (
    "check-run-id",
    "For deployments and service-environment: the job's number, with which their link leads to its summary",
    "${{ job.check_run_id }}",
);

#[derive(Deserialize)]
pub(crate) struct Action {
    pub inputs: BTreeMap<String, Input>,
    pub outputs: BTreeMap<String, Output>,
    runs: Runs,
}

#[derive(Deserialize)]
pub(crate) struct Input {
    pub description: String,
    pub default: Option<String>,
    required: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Output {
    pub description: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Runs {
    using: String,
    image: String,
    post_entrypoint: String,
    env: BTreeMap<String, String>,
}

#[test]
fn the_inputs_are_the_flags_in_their_words() {
    let path = Path::new(ROOT).join("action.yml");
    let text = std::fs::read_to_string(&path).expect("read action.yml");
    let (head, rest) = text.split_once("\ninputs:\n").expect("inputs");
    let (inputs, tail) = rest.split_once("\noutputs:\n").expect("outputs after the inputs");
    let wanted = inputs_section();
    if std::env::var_os("UPDATE_ACTION_YML").is_some() {
        std::fs::write(&path, format!("{head}\ninputs:\n{wanted}\noutputs:\n{tail}"))
            .expect("write action.yml");
        return;
    }
    assert!(
        inputs == wanted,
        "action.yml's inputs are not the command line's flags; UPDATE_ACTION_YML=1 cargo test --test action writes \
         them:\n{}",
        similar::TextDiff::from_lines(inputs, &wanted).unified_diff()
    );
}

#[test]
fn no_input_has_a_default_that_would_hide_the_configuration_file() {
    let action = action();
    for (name, input) in &action.inputs {
        let wanted = [OPERATION, TOKEN, CHECK_RUN_ID]
            .iter()
            .find(|(n, _, _)| n == name)
            .map(|(_, _, default)| *default);
        assert_eq!(input.default.as_deref(), wanted, "{name}");
        assert!(!input.description.trim().is_empty(), "{name} has no description");
        // The runner does not enforce it, and the configuration file may have the value.
        assert_eq!(input.required, None, "{name}");
    }
    assert_eq!(action.inputs.len(), flags().len() + 3);
}

#[test]
fn the_outputs_are_those_that_a_run_writes() {
    let action = action();
    let mut declared: Vec<&str> = action.outputs.keys().map(String::as_str).collect();
    let mut written = OUTPUTS.to_vec();
    declared.sort_unstable();
    written.sort_unstable();
    assert_eq!(declared, written);
    for (name, output) in &action.outputs {
        assert!(!output.description.trim().is_empty(), "{name} has no description");
    }
}

#[test]
fn the_runner_passes_no_value_through_a_command_line() {
    let runs = action().runs;
    // `args` would be put into a command line with quotes that a value can leave (ContainerActionHandler.cs).
    assert_eq!((runs.using.as_str(), runs.image.as_str()), ("docker", "Dockerfile"));
    assert!(runs.post_entrypoint.ends_with("/fargate-migrate-post"));
    assert_eq!(
        Vec::from_iter(runs.env),
        [("GITHUB_TOKEN".to_owned(), "${{ inputs.github-token }}".to_owned())]
    );
}

pub(crate) fn action() -> Action {
    let text = std::fs::read_to_string(Path::new(ROOT).join("action.yml")).expect("read action.yml");
    serde_saphyr::from_str(&text).expect("parse action.yml")
}

/// Every flag of the operations that the Action has, each once, in the order of the help.
pub(crate) fn flags() -> Vec<(String, Arg)> {
    let cli = Cli::command();
    let mut flags: Vec<(String, Arg)> = Vec::new();
    for operation in operations(&cli) {
        for arg in operation.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            match flags.iter().find(|(name, _)| name == long) {
                None => flags.push((long.to_owned(), arg.clone())),
                Some((_, known)) => {
                    assert_eq!(described(known), described(arg), "--{long} is two things");
                }
            }
        }
    }
    flags
}

pub(crate) fn operations(cli: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    cli.get_subcommands().filter(|command| OPERATIONS.contains(&command.get_name()))
}

pub(crate) fn default_of(arg: &Arg) -> Option<String> {
    let takes_value = !matches!(arg.get_action(), ArgAction::SetTrue);
    let default = arg.get_default_values().first().filter(|_| takes_value)?;
    Some(default.to_string_lossy().into_owned())
}

pub(crate) fn described(arg: &Arg) -> String {
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if arg.get_action().takes_values() {
        let values = arg.get_possible_values();
        let names: Vec<&str> =
            values.iter().filter(|value| !value.is_hide_set()).map(|value| value.get_name()).collect();
        if !names.is_empty() {
            let _ = write!(help, ": {}", names.join(", "));
        }
    }
    match default_of(arg) {
        Some(default) => format!("{help} [default: {default}]"),
        None => help,
    }
}

fn inputs_section() -> String {
    let cli = Cli::command();
    let names: Vec<String> = operations(&cli)
        .map(|command| {
            format!(
                "{}: {}",
                command.get_name(),
                command.get_about().map(ToString::to_string).unwrap_or_default()
            )
        })
        .collect();
    let operation = (OPERATION.0, format!("{}. {}", OPERATION.1, names.join(". ")), Some(OPERATION.2));
    let mut out = String::new();
    let mut write = |(name, description, default): (&str, String, Option<&str>)| {
        // A JSON string is a YAML string, whatever is in it.
        let _ = write!(out, "  {name}:\n    description: {}\n", serde_json::json!(description));
        if let Some(default) = default {
            let _ = writeln!(out, "    default: {default}");
        }
    };
    write(operation);
    for (name, arg) in flags() {
        write((&name, described(&arg), None));
    }
    for (name, description, default) in [TOKEN, CHECK_RUN_ID] {
        write((name, description.to_owned(), Some(default)));
    }
    out
}
