//! A test of the layers of the crate: no top-level module may need, directly or by way of others, one that needs it.
//!
//! A module needs what its sources name as `crate::module`. What only tests name does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Needs = BTreeMap<String, BTreeSet<String>>;

#[test]
fn top_level_modules_form_no_circle() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut needs = Needs::new();
    for file in files(&sources) {
        let below = file.strip_prefix(&sources).expect("a file below src");
        let module = below.iter().next().expect("a name").to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&file).expect("a source file");
        needs.entry(module).or_default().extend(named(&text));
    }
    for program in ["main", "lib", "layers", "plain_words"] {
        needs.remove(program);
    }
    for (module, needed) in &mut needs {
        needed.remove(module);
    }
    assert!(needs.len() > 20, "the sources were not found: {needs:?}");
    let circle = circle(&needs);
    assert!(circle.is_none(), "a circle of modules: {}", circle.unwrap_or_default().join(" → "));
}

#[test]
fn a_circle_is_found() {
    let needs = |arrows: &[(&str, &str)]| {
        let mut needs = Needs::new();
        for (from, to) in arrows {
            needs.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        needs
    };
    assert_eq!(circle(&needs(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&needs(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")]));
    assert_eq!(found, Some(["b", "c", "d", "b"].map(str::to_owned).to_vec()));
    let text = "use crate::plan::Plan;\n// crate::failure\nfn f() { crate::ports::f() }\n#[cfg(test)]\nuse crate::state;";
    assert_eq!(named(text), ["plan", "ports"].map(str::to_owned).into());
}

/// Lists the source files below a directory, without those of tests.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory of sources");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if matches!(&*name, "tests" | "samples") || name.ends_with("_tests") {
            continue;
        }
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files
}

/// Returns the top-level modules that a source names. Tests stand at the end of a file.
fn named(text: &str) -> BTreeSet<String> {
    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut lines = product.lines().map(str::trim);
    let mut code = String::new();
    while let Some(line) = lines.next() {
        match line {
            "#[cfg(test)]" => drop(lines.next()),
            line if line.starts_with("//") => {}
            line => code.push_str(line),
        }
    }
    let word =
        |rest: &str| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().map(str::to_owned);
    code.split("crate::").skip(1).filter_map(word).filter(|name| !name.is_empty()).collect()
}

/// Finds a way from a module back to itself.
fn circle(needs: &Needs) -> Option<Vec<String>> {
    let mut done = BTreeSet::new();
    needs.keys().find_map(|module| walk(module, needs, &mut Vec::new(), &mut done))
}

fn walk(
    module: &str,
    needs: &Needs,
    way: &mut Vec<String>,
    done: &mut BTreeSet<String>,
) -> Option<Vec<String>> {
    if let Some(begin) = way.iter().position(|passed| passed == module) {
        return Some([&way[begin..], &[module.to_owned()]].concat());
    }
    if done.contains(module) {
        return None;
    }
    way.push(module.to_owned());
    let found = needs.get(module).into_iter().flatten().find_map(|next| walk(next, needs, way, done));
    way.pop();
    done.insert(module.to_owned());
    found
}
