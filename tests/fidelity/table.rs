//! docs/fidelity.md says what was checked by whom: by tests that exist, and by all that lie here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::limits::source::{file, has_test};
use crate::limits::table::code_items;

/// The rows of all tables: lines with cells, without heads and rules.
fn rows() -> Vec<Vec<String>> {
    let text = file("docs/fidelity.md").expect("read docs/fidelity.md");
    let lines: Vec<&str> = text.lines().collect();
    let is_rule = |line: &str| line.starts_with("|--");
    lines
        .iter()
        .enumerate()
        .filter(|(index, line)| {
            line.starts_with('|') && !is_rule(line) && !lines.get(index + 1).is_some_and(|next| is_rule(next))
        })
        .map(|(_, line)| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

fn named() -> Vec<(String, String)> {
    rows()
        .iter()
        .flatten()
        .flat_map(|cell| code_items(cell))
        .filter(|(path, _)| path.ends_with(".rs"))
        .collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let named = named();
    assert!(named.len() > 20, "{} tests are named", named.len());
    let missing: Vec<String> = named
        .into_iter()
        .filter(|(path, test)| !file(path).is_some_and(|text| has_test(&text, test)))
        .map(|(path, test)| format!("{path}: {test}"))
        .collect();
    assert!(missing.is_empty(), "docs/fidelity.md names what does not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_file_of_tests_is_in_the_table() {
    let named: BTreeSet<String> = named().into_iter().map(|(path, _)| path).collect();
    let mut missing = Vec::new();
    for path in test_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fidelity")) {
        let relative = path.split("tests/fidelity/").last().map(|rest| format!("tests/fidelity/{rest}"));
        missing.extend(relative.filter(|path| !named.contains(path)));
    }
    assert!(missing.is_empty(), "not in docs/fidelity.md: {missing:?}");
}

#[test]
fn every_check_names_its_judge() {
    let judges = [
        "botocore",
        "boto3",
        "AWS CLI",
        "Docker Engine",
        "MiniStack",
        "moto",
        "PostgreSQL",
        "AWS's pages",
        "serde_json",
        "no one",
        "ours",
    ];
    for row in rows() {
        assert_eq!(row.len(), 3, "{row:?}");
        assert!(judges.iter().any(|judge| row[1].contains(judge)), "nobody judges {:?}", row[0]);
    }
}

/// Files with tests in them.
fn test_files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("read tests/fidelity") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(test_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let is_attribute =
                |line: &str| matches!(line.trim(), "#[test]") || line.trim().starts_with("#[tokio::test");
            if text.lines().any(is_attribute) {
                files.push(path.display().to_string());
            }
        }
    }
    files
}
