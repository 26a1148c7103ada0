//! docs/aws-limits.md and the code say the same: constants, tests, sources.

mod boundaries;
mod rates;
pub mod source;
pub mod table;

use std::collections::BTreeSet;

use source::{bounding_constants, file, has_test, numbers, value_of};
use table::{Row, amount, code_items, document, rows};

/// The rows that name constants.
fn bounds() -> Vec<Row> {
    let mut all = rows("## Limits of others");
    all.extend(rows("## Bounds of the program"));
    all
}

#[test]
fn every_constant_is_what_its_row_says() {
    let mut wrong = Vec::new();
    for row in bounds() {
        let (name, said) = (&row.cells[0], &row.cells[1]);
        let Some(value) = amount(said) else {
            wrong.push(format!("{name}: {said:?} is no amount"));
            continue;
        };
        let items = code_items(&row.cells[2]);
        if items.is_empty() {
            wrong.push(format!("{name}: no code is named"));
        }
        for (path, what) in items {
            let Some(text) = file(&path) else {
                wrong.push(format!("{name}: there is no {path}"));
                continue;
            };
            let is_constant = what.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            if is_constant {
                match value_of(&text, &what) {
                    Some(found) if found == value => {}
                    found => {
                        wrong.push(format!("{name}: the row says {said}, {path} has {what} = {found:?}"))
                    }
                }
            } else if !text.contains(&what) {
                wrong.push(format!("{name}: {path} has no {what:?}"));
            } else if !numbers(&what)
                .contains(&amount(said.split(' ').next().unwrap_or_default()).unwrap_or(-1.0))
            {
                wrong.push(format!("{name}: {what:?} does not hold {said}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_row_names_a_test_and_a_source() {
    let text = document();
    let mut wrong = Vec::new();
    for row in bounds() {
        let name = &row.cells[0];
        for (path, test) in code_items(&row.cells[3]) {
            if !file(&path).is_some_and(|text| has_test(&text, &test)) {
                wrong.push(format!("{name}: {path} has no test {test}"));
            }
        }
        if code_items(&row.cells[3]).is_empty() {
            wrong.push(format!("{name}: no test is named"));
        }
        let page = row.cells[4].split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        match page {
            Some((page, _)) if text.contains(&format!("\n[{page}]: https://")) => {}
            Some((page, _)) => wrong.push(format!("{name}: [{page}] has no address")),
            // What is our own choice may rest on nobody's word; what is a limit of others may not.
            None if row.section == "## Bounds of the program" && !row.cells[4].is_empty() => {}
            None => wrong.push(format!("{name}: no source")),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_bounding_constant_has_a_row() {
    let said: BTreeSet<(String, String)> =
        bounds().iter().flat_map(|row| code_items(&row.cells[2])).collect();
    let missing: Vec<String> = bounding_constants()
        .into_iter()
        .filter(|constant| !said.contains(constant))
        .map(|(path, name)| format!("{path}: {name}"))
        .collect();
    assert!(missing.is_empty(), "not in docs/aws-limits.md:\n{}", missing.join("\n"));
}

#[test]
fn amounts_and_constants_are_read() {
    for (text, value) in [
        ("63 bytes", 63.0),
        ("8,192", 8192.0),
        ("64 KiB", 65536.0),
        ("5 s", 5000.0),
        ("50 ms", 50.0),
        ("12 h", 43_200_000.0),
    ] {
        assert_eq!(amount(text), Some(value), "{text}");
    }
    assert_eq!(amount("many"), None);
    let code = "const A: usize = 64 * 1024;\n    pub const B: Duration = Duration::from_secs(60 * 60);\nconst C: i64 = 262_144 - 26;\n\
                pub(super) const D: f64 = 6.0;\nconst E: u64 = 16 << 20;";
    for (name, value) in
        [("A", 65536.0), ("B", 3_600_000.0), ("C", 262_118.0), ("D", 6.0), ("E", 16_777_216.0)]
    {
        assert_eq!(value_of(code, name), Some(value), "{name}");
    }
    assert_eq!(value_of(code, "F"), None);
}
