use std::collections::BTreeMap;

use super::*;
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

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn edited(text: &str, options: &[&str]) -> Result<String, Failure> {
    edit(text, &names(options), Path::new("migrate.yml"))
}

#[test]
fn the_dropdown_has_every_database_every_group_and_all() {
    let database = |name: &str| name.parse::<DatabaseName>().expect("valid");
    let fleet = Fleet {
        databases: vec![database("prod"), database("2024")],
        groups: BTreeMap::from([("canary".to_owned(), vec![database("2024")])]),
    };
    let options = options(&fleet).expect("databases");
    assert_eq!(options, ["prod", "2024", "canary", "all"]);
    let printed = printed(&options);
    assert!(
        printed
            .ends_with("options:\n          - prod\n          - '2024'\n          - canary\n          - all")
    );
    assert!(
        WorkflowFile::read(&printed, Path::new("x"))
            .expect("a workflow")
            .options()
            .eq(options.iter().map(String::as_str))
    );
    assert!(super::options(&Fleet::default()).is_err());
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
fn a_difference_is_shown_as_a_diff() {
    let error = differ(
        Path::new("migrate.yml"),
        WORKFLOW,
        &edited(WORKFLOW, &["prod", "tenant_b", "tenant_c", "all"]).expect("valid"),
    );
    assert!(error.evidence.contains(&"-          - tenant_a".to_owned()), "{:?}", error.evidence);
    assert!(error.evidence.contains(&"+          - tenant_c".to_owned()), "{:?}", error.evidence);
}
