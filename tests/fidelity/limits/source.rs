//! Constants, as they stand in the source text: most are nobody's business outside their module.

use std::path::{Path, PathBuf};

/// Parts of a name that make a constant a bound.
const BOUNDING: [&str; 13] = [
    "MAX",
    "LIMIT",
    "LARGEST",
    "BATCH",
    "PAGE_",
    "GRACE",
    "DEADLINE",
    "TIMEOUT",
    "LIFETIME",
    "VCPUS",
    "CADENCE",
    "ATTEMPTS",
    "FIRST_WAIT",
];
const TYPES: [&str; 9] =
    ["usize", "u64", "u32", "i64", "i32", "f64", "Duration", "SignedDuration", "std::time::Duration"];
/// Bounds of the sandbox's own PostgreSQL: of a test's patience, not of AWS.
const NOT_OURS: [&str; 1] = ["sandbox/src/postgres/"];

/// A file of the repository.
pub fn file(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

/// `const NAME: TYPE = EXPRESSION;`, evaluated; times are milliseconds.
pub fn value_of(text: &str, name: &str) -> Option<f64> {
    let declared = text.split_once(&format!("const {name}: "))?.1;
    evaluate(declared.split_once('=')?.1.split_once(';')?.0)
}

fn evaluate(expression: &str) -> Option<f64> {
    let expression = expression.trim().replace('_', "");
    for (call, factor) in [
        ("Duration::frommillis(", 1.0),
        ("Duration::fromsecs(", 1000.0),
        ("Duration::fromhours(", 3_600_000.0),
    ] {
        if let Some((_, argument)) = expression.split_once(call) {
            return Some(evaluate(argument.strip_suffix(')')?)? * factor);
        }
    }
    let both = |(left, right): (&str, &str)| Some((evaluate(left)?, evaluate(right)?));
    if let Some(sides) = expression.split_once(" - ") {
        return both(sides).map(|(left, right)| left - right);
    }
    if let Some(sides) = expression.split_once(" << ") {
        return both(sides).map(|(left, right)| left * right.exp2());
    }
    if let Some(sides) = expression.split_once(" * ") {
        return both(sides).map(|(left, right)| left * right);
    }
    expression.parse().ok()
}

/// The numbers in a piece of code.
pub fn numbers(code: &str) -> Vec<f64> {
    code.replace('_', "")
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// A function of this name that is a test.
pub fn has_test(text: &str, name: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let above: Vec<&str> = before.lines().rev().take(5).collect();
    let end =
        above.iter().skip(1).position(|line| line.trim().is_empty()).map_or(above.len(), |blank| blank + 1);
    above[..end].iter().any(|line| line.contains("#[test") || line.contains("#[tokio::test"))
}

/// Every constant of the product and of the sandbox that bounds something, with its file.
pub fn bounding_constants() -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    collect(&root().join("sandbox/src"), &mut files);
    let mut found = Vec::new();
    for path in files {
        let Ok(relative) = path.strip_prefix(root()) else { continue };
        let relative = relative.display().to_string();
        if NOT_OURS.iter().any(|folder| relative.starts_with(folder)) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        for line in text.lines() {
            let Some((name, kind)) = line.split_once("const ").and_then(|(_, rest)| rest.split_once(": "))
            else {
                continue;
            };
            let kind = kind.split(" =").next().unwrap_or_default();
            if TYPES.contains(&kind) && BOUNDING.iter().any(|part| name.contains(part)) {
                found.push((relative.clone(), name.to_owned()));
            }
        }
    }
    assert!(found.len() > 20, "the source was not found");
    found
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("read a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
