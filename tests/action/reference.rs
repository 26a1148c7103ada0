//! The pages of docs/reference say what the program itself says: flags as the command line takes them, inputs and outputs as
//! action.yml has them, keys as the schema of the configuration file has them.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};
use fargate_migrate::cli::{Cli, OPERATIONS};
use serde_json::Value;

use crate::agreement::{action, default_of, described, flags, operations};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What stands above it is written by hand.
const MARK: &str = "<!-- tests/action/reference.rs writes everything below. -->\n";

#[test]
fn the_page_of_the_command_line_has_every_flag_in_its_words() {
    compare("cli.md", &listing());
}

#[test]
fn the_page_of_the_action_has_its_inputs_and_outputs() {
    compare("action.md", &inputs_and_outputs());
}

#[test]
fn the_page_of_the_configuration_file_has_every_key_of_the_schema() {
    let schema = std::fs::read_to_string(Path::new(ROOT).join("docs/fargate-migrate.schema.json"));
    let schema = serde_json::from_str(&schema.expect("read the schema")).expect("parse the schema");
    compare("configuration.md", &keys(&schema));
}

fn compare(page: &str, wanted: &str) {
    let path = Path::new(ROOT).join("docs/reference").join(page);
    let text = std::fs::read_to_string(&path).expect("read the page");
    let (above, listed) = text.split_once(MARK).expect("the mark");
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, format!("{above}{MARK}{wanted}")).expect("write the page");
        return;
    }
    assert!(
        listed == wanted,
        "docs/reference/{page} says something else; UPDATE_PAGES=1 cargo test --workspace --locked --test action writes \
         it:\n{}",
        similar::TextDiff::from_lines(listed, wanted).unified_diff()
    );
}

fn inputs_and_outputs() -> String {
    let action = action();
    let mut out = String::from("\n## All inputs\n\n| input | what it does |\n|---|---|\n");
    let flags = flags();
    let own = action.inputs.keys().filter(|name| !flags.iter().any(|(flag, _)| flag == *name));
    for name in own.chain(flags.iter().map(|(name, _)| name)) {
        let input = &action.inputs[name];
        let default = input.default.as_ref().map(|default| format!(" [default: `{default}`]"));
        let _ =
            writeln!(out, "| `{name}` | {}{} |", escaped(&input.description), default.unwrap_or_default());
    }
    out.push_str("\n## All outputs\n\n| output | value |\n|---|---|\n");
    for name in fargate_migrate::report::OUTPUTS {
        let _ = writeln!(out, "| `{name}` | {} |", escaped(&action.outputs[*name].description));
    }
    out
}

/// Returns the keys of the file, and those of a stage of a rollout, in the order of the schema.
fn keys(schema: &Value) -> String {
    let mut out = String::new();
    for (title, object) in
        [("All keys", schema), ("Keys of a stage of `rollout`", &schema["properties"]["rollout"]["items"])]
    {
        let _ = write!(out, "\n## {title}\n\n| key | value | what it does |\n|---|---|---|\n");
        for (name, key) in object["properties"].as_object().expect("an object with properties") {
            let about = key["description"].as_str().expect("a description");
            let _ = writeln!(out, "| `{name}` | {} | {} |", value(key), escaped(about.trim_end_matches('.')));
        }
    }
    out
}

/// Returns what may stand behind a key. Null is the same as no key.
fn value(key: &Value) -> String {
    let choices: Vec<String> = key["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|choice| Some(format!("`{}`", choice["const"].as_str()?)))
        .collect();
    if !choices.is_empty() {
        return choices.join(", ");
    }
    let types = match &key["type"] {
        Value::String(only) => vec![only.as_str()],
        several => several.as_array().expect("a type").iter().filter_map(Value::as_str).collect(),
    };
    let words = types.into_iter().filter(|name| *name != "null").map(|name| match name {
        "string" if key["pattern"] == "^auto$" => "`auto`",
        "string" => "text",
        "integer" => "number",
        "boolean" => "true or false",
        "array" if key["items"]["type"] == "object" => "list of mappings",
        "array" => "list",
        "object" if key["additionalProperties"]["type"] == "array" => "mapping of lists",
        "object" => "mapping",
        other => panic!("no word for {other}"),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn listing() -> String {
    let cli = Cli::command();
    let flags = flags();
    let mut headings: Vec<Option<&str>> = flags.iter().map(|(_, flag)| flag.get_help_heading()).collect();
    let mut seen = Vec::new();
    headings.retain(|heading| {
        let is_new = !seen.contains(heading);
        seen.push(*heading);
        is_new
    });
    let mut out = String::new();
    for heading in headings {
        let title = heading.unwrap_or("What to do, and for which databases");
        let _ = write!(out, "\n### {title}\n\n| flag | what it does | operations |\n|---|---|---|\n");
        for (name, flag) in flags.iter().filter(|(_, flag)| flag.get_help_heading() == heading) {
            let _ =
                writeln!(out, "| {} | {} | {} |", shown(flag), meaning(flag), operations_with(&cli, name));
        }
    }
    for command in cli.get_subcommands().filter(|command| !OPERATIONS.contains(&command.get_name())) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = write!(out, "\n### `fargate-migrate {}`\n\n{}.\n", command.get_name(), escaped(&about));
        let _ = write!(out, "\n| argument | what it does |\n|---|---|\n");
        let is_listed = |arg: &Arg| {
            flags.iter().any(|(name, flag)| {
                arg.get_long() == Some(name.as_str()) && described(flag) == described(arg)
            })
        };
        for arg in command.get_arguments().filter(|arg| !is_listed(arg)) {
            let _ = writeln!(out, "| {} | {} |", shown(arg), meaning(arg));
        }
    }
    out
}

/// Returns an argument as a person types it.
fn shown(arg: &Arg) -> String {
    let value = arg.get_value_names().map_or_else(
        || arg.get_id().as_str().replace('_', "-").to_uppercase(),
        |names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    );
    let is_optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
    let text = match arg.get_long() {
        None => value,
        Some(long) if !arg.get_action().takes_values() => format!("--{long}"),
        Some(long) if is_optional => format!("--{long} [{value}]"),
        Some(long) => format!("--{long} {value}"),
    };
    // A bar ends a cell of a table, in code as well.
    format!("`{}`", text.replace('|', "\\|"))
}

/// Returns its help, with what it may be and what it is by default.
fn meaning(arg: &Arg) -> String {
    let mut text = escaped(&arg.get_help().map(ToString::to_string).unwrap_or_default());
    let values = if arg.get_action().takes_values() { arg.get_possible_values() } else { Vec::new() };
    let names: Vec<String> = values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !names.is_empty() {
        let _ = write!(text, ": {}", names.join(", "));
    }
    if let Some(default) = default_of(arg) {
        let _ = write!(text, " [default: {default}]");
    }
    text
}

/// Returns which operations take the flag.
fn operations_with(cli: &Command, flag: &str) -> String {
    let takes = |command: &&Command| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
    let names: Vec<&str> = operations(cli).filter(takes).map(Command::get_name).collect();
    if names.len() == OPERATIONS.len() { "all".to_owned() } else { names.join(", ") }
}

/// Returns text as Markdown that shows it as it is.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "\\<")
}
