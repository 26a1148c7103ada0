//! Holds the words of docs/style.md: texts that a person reads, doc comments included, have none of those that it rules
//! out, and the doc comment of a function begins with a verb.

use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;

/// What is not written, and what is.
const WORDS: [(&str, &str); 9] = [
    (r"(?:^|[^-{\w])(?:[Ww]e|[Oo]urs?|us)(?:[^-\w]|$)", "this run, the program"),
    (r"\b[Cc]an not\b", "cannot"),
    (r"\b[Ss]omebody\b", "another run, another user, or the passive"),
    (r"\b([a-z]+) is no ([a-z]+)\b", "is not a"),
    (r"\bcomes to [a-z`]", "is, results in, returns"),
    (r"\bbeside it\b", "with it, next to it, meanwhile"),
    (r"\b[Ll]eaves? \S+( \S+)? away\b", "omit"),
    (r"\blost sight\b", "can no longer be described"),
    (r"\bin vain\b", "without success"),
];

/// `there is no such file`, `it is no longer there`.
fn is_english(found: &regex_lite::Captures<'_>) -> bool {
    let word = |index| found.get(index).map(|part| part.as_str().to_lowercase());
    word(1).as_deref() == Some("there") || matches!(word(2).as_deref(), Some("longer" | "more"))
}

/// First words of a sentence that end as a verb in the third person does.
const NOT_VERBS: [&str; 6] = ["This", "Its", "Always", "As", "Errors", "Databases"];

/// Returns what of a line of Rust a person reads: its comment, or what stands from its first quote to its last.
fn said(line: &str) -> &str {
    let quoted = line.find('"').zip(line.rfind('"')).map_or("", |(first, last)| &line[first..=last]);
    match line.split_once("//") {
        Some((code, comment)) if !code.contains('"') => comment,
        _ => quoted,
    }
}

/// Returns the doc comments of functions that do not begin with a verb; `source` is of one file.
fn verbless(source: &str) -> Vec<String> {
    let function = Regex::new(r"^(pub(\([^)]*\))? )?(const )?(async )?fn ").expect("a pattern");
    let verb = Regex::new(r"^[A-Z][a-z]+s$").expect("a pattern");
    let mut found = Vec::new();
    let mut doc = None;
    // What follows is the tests of the file.
    let lines = source.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]");
    for (number, line) in (1..).zip(lines) {
        if let Some(text) = line.strip_prefix("///") {
            doc.get_or_insert((number, text.trim()));
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        let Some((number, text)) = doc.take().filter(|_| function.is_match(line)) else { continue };
        let first = text.split([' ', ',', ':', ';', '.']).next().unwrap_or_default();
        if !verb.is_match(first) || NOT_VERBS.contains(&first) {
            found.push(format!("{number}: {text:?}: begin with a verb"));
        }
    }
    found
}

/// Returns the lines of a text with words that are ruled out.
fn found_in<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let words: Vec<(Regex, &str)> =
        WORDS.iter().map(|&(words, plain)| (Regex::new(words).expect("a pattern"), plain)).collect();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(lines) {
        for (words, plain) in &words {
            let wrong = words.captures_iter(line).find(|found| found.len() == 1 || !is_english(found));
            if let Some(wrong) = wrong {
                found.push(format!("{number}: {:?}: write {plain}", &wrong[0]));
            }
        }
    }
    found
}

#[test]
fn no_text_has_words_that_the_style_rules_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for place in [
        "src",
        "app/src",
        "sandbox/src",
        "witness/src",
        "docs",
        "examples",
        ".github",
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "action.yml",
    ] {
        add(&root.join(place), &mut files);
    }
    assert!(files.len() > 300, "the texts were not found: {files:?}");
    let mut wrong = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).expect("a file below the root").display().to_string();
        let text = fs::read_to_string(&file).expect("a text");
        let found = match name.ends_with(".rs") {
            true => [found_in(text.lines().map(said)), verbless(&text)].concat(),
            false => found_in(text.lines()),
        };
        wrong.extend(found.into_iter().map(|found| format!("{name}:{found}")));
    }
    assert!(wrong.is_empty(), "docs/style.md:\n{}", wrong.join("\n"));
}

/// The texts below a place. Tests say what happens in words of their own, and AWS writes "can not" in some of the messages
/// that are looked for (refusals.rs) and imitated (run_task_rules.rs).
fn add(place: &Path, files: &mut Vec<PathBuf>) {
    let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let skipped = [
        "tests",
        "tests.rs",
        "samples",
        "samples.rs",
        "style.md",
        "plain_words.rs",
        "refusals.rs",
        "run_task_rules.rs",
    ];
    if skipped.contains(&name.as_str()) || name.ends_with("_tests.rs") {
        return;
    }
    if place.is_dir() {
        for entry in fs::read_dir(place).expect("a directory") {
            add(&entry.expect("an entry").path(), files);
        }
    } else if [".rs", ".md", ".yml"].iter().any(|end| name.ends_with(end)) {
        files.push(place.to_owned());
    }
}

#[test]
fn the_words_are_found_and_others_are_not() {
    for wrong in [
        "it can not be read",
        "Somebody else has it",
        "a name that is no name",
        "what a plan comes to in the end",
        "nothing starts beside it",
        "leave the flag away",
        "the run lost sight of it",
        "we stop it",
        "a task of ours",
        "Our task",
    ] {
        assert_eq!(found_in(wrong.lines()).len(), 1, "{wrong}");
    }
    for right in [
        "it cannot be read",
        "there is no name",
        "it is no longer there",
        "capacity comes back",
        "us-east-1, {ours}",
    ] {
        assert_eq!(found_in(right.lines()), [""; 0], "{right}");
    }
}

#[test]
fn of_a_line_of_rust_what_a_person_reads_is_judged() {
    assert_eq!(said("let ours = 1; // Ours."), " Ours.");
    assert_eq!(said(r#"format!("about {ours}", ours)"#), r#""about {ours}""#);
    assert_eq!(said(r#"open("https://a.b", ours)"#), r#""https://a.b""#);
    assert_eq!(said("let ours = 1;"), "");
}

#[test]
fn a_doc_comment_of_a_function_without_a_verb_is_found() {
    let source = "/// Whether it is.\n#[inline]\npub(crate) fn is() {}\n/// Returns it.\nasync fn it() {}\n/// A thing.\n\
                  struct Thing;\n/// Its name.\nfn name() {}\n#[cfg(test)]\n/// A test.\nfn test() {}\n";
    assert_eq!(
        verbless(source),
        [r#"1: "Whether it is.": begin with a verb"#, r#"8: "Its name.": begin with a verb"#]
    );
}
