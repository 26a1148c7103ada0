use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const README: &str = "README.md";

/// What a reader can follow on a page, and where links to it can lead.
struct Page {
    links: Vec<String>,
    anchors: Vec<String>,
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let pages = pages();
    let mut broken = Vec::new();
    let mut followed = 0;
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| !link.contains("://")) {
            followed += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { beside(path, file) };
            let is_there = match pages.get(&target) {
                Some(target) => anchor.is_empty() || target.anchors.iter().any(|known| known == anchor),
                None => Path::new(ROOT).join(&target).exists(),
            };
            if !is_there {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(followed > 200, "{followed} links");
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn every_page_that_the_repository_names_exists() {
    let mut missing = Vec::new();
    let mut named = 0;
    for place in [
        "src",
        "tests",
        "sandbox",
        "app",
        "witness",
        "benches",
        ".github",
        ".ci",
        "action.yml",
        "Cargo.toml",
        "docs",
        "examples",
    ] {
        for path in files(place) {
            let Ok(text) = std::fs::read_to_string(Path::new(ROOT).join(&path)) else { continue };
            for rest in text.split("docs/").skip(1) {
                let is_of_a_path = |c: char| c.is_ascii_alphanumeric() || "-_/.".contains(c);
                let name = rest.split(|c| !is_of_a_path(c)).next().unwrap_or_default().trim_end_matches('.');
                if name.ends_with(".md") {
                    named += 1;
                    if !Path::new(ROOT).join("docs").join(name).exists() {
                        missing.push(format!("{}: docs/{name}", path.display()));
                    }
                }
            }
        }
    }
    assert!(named > 40, "{named} names");
    assert!(missing.is_empty(), "these pages do not exist:\n{}", missing.join("\n"));
}

#[test]
fn the_readme_is_short_and_leads_to_every_page() {
    let text = std::fs::read_to_string(Path::new(ROOT).join(README)).expect("read the README");
    let (lines, words) = (text.lines().count(), text.split_whitespace().count());
    assert!(
        lines <= 170 && words <= 1300,
        "the README has {lines} lines and {words} words; move facts to docs/"
    );
    let links = page(&text).links;
    for path in files("docs").filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        assert!(
            links.iter().any(|link| Path::new(link) == path),
            "the README does not link to {}",
            path.display()
        );
    }
}

/// Headings quote the program with `…` for what differs, so that a search for a message finds its heading.
#[test]
fn the_headings_of_troubleshooting_are_messages_of_the_program() {
    let page =
        std::fs::read_to_string(Path::new(ROOT).join("docs/troubleshooting.md")).expect("read the page");
    let (_, rest) = page.split_once("\n## Errors of fargate-migrate\n").expect("errors");
    let errors = rest.split_once("\n## ").map_or(rest, |(errors, _)| errors);
    let headings: Vec<&str> = errors.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(headings.len() > 20, "{headings:?}");
    let source = literals();
    for heading in headings {
        for part in heading.trim_matches('`').split(['…', ':']).map(|part| part.trim_matches([' ', ','])) {
            assert!(source.contains(part), "no message of the program has {part:?}: {heading}");
        }
    }
}

/// The product's source, with strings of several lines in one.
fn literals() -> String {
    let mut source = String::new();
    let of_tests = |path: &PathBuf| path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
    for path in files("src").filter(|path| !of_tests(path)) {
        let text = std::fs::read_to_string(Path::new(ROOT).join(path)).expect("read a source file");
        let mut parts = text.split("\\\n");
        source.push_str(parts.next().unwrap_or_default());
        parts.for_each(|part| source.push_str(part.trim_start()));
    }
    source
}

/// Every page of the repository by its path.
fn pages() -> BTreeMap<PathBuf, Page> {
    [README, "docs", "examples", "app", "sandbox", "witness"]
        .into_iter()
        .flat_map(files)
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            let text = std::fs::read_to_string(Path::new(ROOT).join(&path)).expect("read a page");
            (path, page(&text))
        })
        .collect()
}

/// Returns what GitHub makes of a page.
fn page(markdown: &str) -> Page {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.header_id_prefix = Some(String::new());
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(markdown, &options);
    let values = |attribute: &str| -> Vec<String> {
        let opening = format!(" {attribute}=\"");
        html.split(&opening).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    Page { links: [values("href"), values("src"), values("srcset")].concat(), anchors: values("id") }
}

/// The files below a place in the repository, or the file itself.
fn files(place: &str) -> impl Iterator<Item = PathBuf> {
    let entries = WalkDir::new(Path::new(ROOT).join(place)).sort_by_file_name();
    entries.into_iter().filter_map(|entry| {
        let entry = entry.expect("an entry");
        let path = entry.path().strip_prefix(ROOT).expect("a path below the root");
        entry.file_type().is_file().then(|| path.to_owned())
    })
}

/// Where a link on a page leads.
fn beside(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().map(Path::to_owned).unwrap_or_default();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => assert!(path.pop(), "{}: {link} leads out of the repository", page.display()),
            name => path.push(name),
        }
    }
    path
}
