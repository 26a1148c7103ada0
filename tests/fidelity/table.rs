//! docs/fidelity.md says what was checked by whom: by tests that exist, and by all that lie here.

use std::collections::BTreeSet;
use std::path::Path;

use crate::limits::source::{file, has_test};
use crate::limits::table::code_items;

/// The rows of all tables, each with its table's head: lines with cells, without rules.
fn rows() -> Vec<(Vec<String>, Vec<String>)> {
    let text = file("docs/fidelity.md").expect("read docs/fidelity.md");
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = text.lines().peekable();
    let (mut head, mut rows) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next().map(str::to_owned) {
        if !line.starts_with('|') || line.starts_with("|--") {
            continue;
        }
        if lines.peek().is_some_and(|next| next.starts_with("|--")) {
            head = cells(&line);
        } else {
            rows.push((head.clone(), cells(&line)));
        }
    }
    rows
}

fn named() -> Vec<(String, String)> {
    rows()
        .iter()
        .flat_map(|(_, cells)| cells)
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
        "cfn-lint",
        "ShellCheck",
        "zizmor",
        "AWS's pages",
        "serde_json",
        "no one",
        "this repository",
    ];
    for (head, row) in rows() {
        assert_eq!(row.len(), 3, "{row:?}");
        // Its judge is the other program: each row has a test of ours.
        if head[1] == "theirs" {
            assert!(!code_items(&row[2]).is_empty(), "no test of {:?}", row[0]);
            continue;
        }
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
