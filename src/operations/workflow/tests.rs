use std::collections::BTreeMap;

use super::*;
use crate::cli::ConfigFile;
use crate::config::{Commands, Fleet};
use crate::database_name::DatabaseName;

const WORKFLOW: &str = "\
name: migrate # by hand
\"on\":
  workflow_dispatch:
    inputs:
      plan: { type: boolean, default: false }
      database:
        type: choice
        options:
          - prod   # the one that earns money
          # tenants, in the order of their age
          - tenant_b
          - tenant_a
          - all
        required: true
jobs:
  migrate:
    strategy: { matrix: { options: [1, 2] } }
    steps:
      - run: |
          - prod
          echo ${{ inputs.database }}   
";

fn offered(databases: &[&str], commands: &[&str]) -> Offered {
    let [databases, commands] =
        [databases, commands].map(|names| names.iter().map(|&name| name.to_owned()).collect());
    Offered { databases, commands }
}

/// What `--write` leaves in the file, or says.
fn written(text: &str, offered: &Offered, path: &str) -> Result<String, Failure> {
    let path = Path::new(path);
    let there = WorkflowFile::read(text, offered, path)?;
    match edit(&there, offered, path)? {
        Edit::None => Ok(text.to_owned()),
        Edit::Lines(edited) => Ok(edited),
        Edit::ByHand => Err(by_hand(path, &there, offered)?),
    }
}

fn edited(text: &str, databases: &[&str]) -> Result<String, Failure> {
    written(text, &offered(databases, &["vacuum"]), "migrate.yml")
}

fn edited_admin(text: &str, databases: &[&str], commands: &[&str]) -> Result<String, Failure> {
    written(text, &offered(databases, commands), "admin.yml")
}

#[test]
fn the_dropdown_has_every_database_every_group_and_all() {
    let database = |name: &str| name.parse::<DatabaseName>().expect("valid");
    let fleet = Fleet {
        databases: vec![database("prod"), database("2024")],
        groups: BTreeMap::from([("canary".to_owned(), vec![database("2024")])]),
    };
    let mut config =
        ConfigFile { config: None, fleet, commands: Commands::default(), rollout: Default::default() };
    let databases = "    inputs:
      database:
        description: Database, group of databases, or all
        type: choice
        required: true
        options:
          - prod
          - '2024'
          - canary
          - all";
    let text = printed(&Offered::of(&config)).expect("databases");
    assert!(text.ends_with(databases), "{text}");

    let words = || vec!["app".to_owned()];
    config.commands = Commands(BTreeMap::from([("vacuum".to_owned(), words()), ("no".to_owned(), words())]));
    let offered = Offered::of(&config);
    assert_eq!(offered.databases, ["prod", "2024", "canary", "all"]);
    let text = printed(&offered).expect("both");
    let commands = "\n      named:
        description: Command
        type: choice
        required: true
        options:
          - 'no'
          - vacuum";
    assert!(text.ends_with(&format!("{databases}{commands}")), "{text}");
    assert_eq!(written(&text, &offered, "x").expect("a workflow"), text);

    config.fleet = Fleet::default();
    let text = printed(&Offered::of(&config)).expect("commands");
    assert!(text.ends_with(&format!("    inputs:{commands}")), "{text}");
    config.commands = Commands::default();
    let none = printed(&Offered::of(&config)).expect_err("nothing");
    assert_eq!(none.message, "no configuration file lists databases");
}

const ADMIN: &str = "\
on:
  workflow_dispatch:
    inputs:
      named:
        type: choice
        options:
          - reindex # slow
          - vacuum
      database:
        type: choice
        options:
          # for what needs no database
          - none
          - prod
          - all
";

#[test]
fn both_dropdowns_are_edited_and_none_stays() {
    let same = edited_admin(ADMIN, &["prod", "all"], &["reindex", "vacuum"]);
    assert_eq!(same.expect("valid"), ADMIN);
    let other = edited_admin(ADMIN, &["first", "prod", "b", "all"], &["reindex", "status", "yes"]);
    let expected = ADMIN
        .replace("          - vacuum\n", "          - status\n          - 'yes'\n")
        .replace("          - prod\n", "          - first\n          - prod\n          - b\n");
    assert_eq!(other.expect("valid"), expected);
    // A database of that name is one like the others.
    let named_so = edited_admin(ADMIN, &["prod", "none", "all"], &["reindex", "vacuum"]).expect("valid");
    assert_eq!(named_so.matches("- none").count(), 1);
    assert!(named_so.contains("- prod\n          - none\n"), "{named_so}");
    // And where no command is chosen, it is a name that no file lists.
    let alone = ADMIN.replace("      named:", "      other:");
    assert!(!edited_admin(&alone, &["prod", "all"], &["reindex"]).expect("valid").contains("none"));
}

#[test]
fn a_workflow_has_the_dropdowns_that_it_has() {
    let commands = ADMIN.split("      database:").next().expect("a part");
    let expected = commands.replace("          - reindex # slow\n", "");
    assert_eq!(edited_admin(commands, &[], &["vacuum"]).expect("no databases are needed"), expected);
    let text_input = format!("{commands}      database: {{type: string}}\n");
    assert!(
        edited_admin(&text_input, &[], &["vacuum"]).expect("valid").ends_with("database: {type: string}\n")
    );
    // An input that is typed is not a list of commands.
    let typed =
        format!("{}\n", WORKFLOW.replace("      plan:", "      named: { type: string }\n      plan:"));
    assert_eq!(edited_admin(&typed, &["prod", "tenant_b", "tenant_a", "all"], &[]).expect("valid"), typed);
}

#[test]
fn a_dropdown_that_nothing_can_fill_is_an_error() {
    let nothing = "      named:\n        type: choice\n";
    let start = "on:\n  workflow_dispatch:\n    inputs:\n";
    let (databases, commands) = (&["prod", "all"][..], &["vacuum"][..]);
    for (text, databases, commands, message) in [
        (ADMIN, databases, &[][..], "no configuration file lists commands"),
        (ADMIN, &[], commands, "no configuration file lists databases"),
        (&format!("{start}{nothing}"), databases, commands, "admin.yml: the input named has no options"),
        (
            &format!("{start}      plan: {{type: boolean}}\n      named:\n"),
            databases,
            commands,
            "admin.yml: no input is a dropdown of databases or of commands",
        ),
        (
            &ADMIN.replace("\n          - reindex # slow\n          - vacuum", " [reindex, other]"),
            databases,
            commands,
            "edit the options of admin.yml: its list is not written plainly",
        ),
    ] {
        let error = edited_admin(text, databases, commands).expect_err(message);
        assert_eq!(error.message, message);
        assert!(error.hint.is_some(), "{message}");
    }
}

#[test]
fn only_lines_of_options_are_edited() {
    let same = ["prod", "tenant_b", "tenant_a", "all"];
    assert_eq!(edited(WORKFLOW, &same).expect("valid"), WORKFLOW);

    let more = ["first", "prod", "tenant_b", "2024", "all", "last"];
    let expected = WORKFLOW
        .replace("          - prod   #", "          - first\n          - prod   #")
        .replace("          - tenant_a\n", "          - '2024'\n")
        .replace("          - all\n", "          - all\n          - last\n");
    assert_eq!(edited(WORKFLOW, &more).expect("valid"), expected);

    let less = edited(WORKFLOW, &["all"]).expect("valid");
    let expected = WORKFLOW
        .replace("          - prod   # the one that earns money\n", "")
        .replace("          - tenant_b\n          - tenant_a\n", "");
    assert_eq!(less, expected);

    let other = edited(WORKFLOW, &["x", "y"]).expect("valid");
    assert_eq!(edited(&other, &same).expect("valid").lines().count(), WORKFLOW.lines().count());
}

#[test]
fn line_ends_and_indentation_stay_as_they_are() {
    let text = "on:\r\n  workflow_dispatch:\r\n    inputs:\r\n      database:\r\n        options:\r\n        -  a\r\n        -  b";
    let expected = format!("{}\r\n        -  c\r\n", text.replace("-  a\r\n        ", ""));
    assert_eq!(edited(text, &["b", "c"]).expect("valid"), expected);
}

#[test]
fn what_can_not_be_edited_line_by_line_is_refused() {
    let start = "on:\n  workflow_dispatch:\n    inputs:\n      database:\n        options:";
    for (list, options) in [
        (" [a, b]\n", ["a", "c"]),
        ("\n          - a\n          - &x b # or\n          - *x\n", ["a", "*x"]),
        (" []\n", ["a", "c"]),
        ("\n", ["a", "c"]),
    ] {
        let error = edited(&format!("{start}{list}"), &options).expect_err(list);
        assert!(error.hint.is_some() && error.message.contains("migrate.yml"), "{}", error.message);
    }
    // Nothing is to be edited in the first, so how it is written does not matter.
    assert!(edited(&format!("{start} [a, b]\n"), &["a", "b"]).is_ok());
    for text in
        ["on: push\n", "on:\n  workflow_dispatch:\n    inputs:\n      plan: {}\n", "jobs: {}\n", "on: [\n"]
    {
        assert!(edited(text, &["a"]).expect_err(text).message.starts_with("migrate.yml: "));
    }
}

#[test]
fn of_a_list_in_brackets_the_options_are_compared() {
    let text = "on:\n  workflow_dispatch:\n    inputs:\n      database: {type: choice, options: [none, prod, gone, all]}\n      \
                named: {type: choice, options: [vacuum, reindex]}\n";
    let compared = |databases: &[&str], commands: &[&str]| {
        let (offered, path) = (offered(databases, commands), Path::new("admin.yml"));
        let there = WorkflowFile::read(text, &offered, path).expect("valid");
        assert_eq!(edit(&there, &offered, path).expect("valid"), Edit::ByHand);
        let said = differ_by_option(path, &there, &offered).expect("lists");
        assert_eq!(said.message, "admin.yml does not offer what the configuration file lists");
        let hand = by_hand(path, &there, &offered).expect("lists");
        assert_eq!(hand.message, "edit the options of admin.yml: its list is not written plainly");
        (said.evidence.join("\n"), hand.evidence.join("\n"))
    };
    let (said, hand) = compared(&["prod", "new", "2024", "all"], &["vacuum", "reindex"]);
    assert_eq!(said, "input database: too many: gone\ninput database: missing: new, 2024");
    let block = "      database:\n        options:\n          - 'none'\n          - prod\n          - new\n          - '2024'\n          \
                 - all";
    assert_eq!(hand, block);
    let (said, hand) = compared(&["prod", "gone", "all"], &["reindex", "vacuum"]);
    let order =
        "input named: another order, or one option twice: the configuration file lists reindex, vacuum";
    assert_eq!(said, order);
    assert_eq!(hand, "      named:\n        options:\n          - reindex\n          - vacuum");
    // What is to be pasted is what --write would leave alone.
    let start = "on:\n  workflow_dispatch:\n    inputs:\n";
    let pasted = edited_admin(&format!("{start}{hand}\n"), &[], &["reindex", "vacuum"]);
    assert_eq!(pasted.expect("valid"), format!("{start}{hand}\n"));
}

#[test]
fn a_difference_is_shown_as_a_diff() {
    let error = differ(
        Path::new("migrate.yml"),
        WORKFLOW,
        &edited(WORKFLOW, &["prod", "tenant_b", "tenant_c", "all"]).expect("valid"),
    );
    assert!(error.evidence.contains(&"-          - tenant_a".to_owned()), "{:?}", error.evidence);
    assert!(error.evidence.contains(&"+          - tenant_c".to_owned()), "{:?}", error.evidence);
}
