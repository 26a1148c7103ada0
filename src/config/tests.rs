use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::*;
use crate::cli::keys;

const PATH: &str = ".github/fargate-migrate.yml";

fn parsed(text: &str) -> Result<Config, Failure> {
    Config::parse(text, Path::new(PATH), &keys())
}

/// Message and hint of the error.
fn refused(text: &str) -> (String, String) {
    let error = parsed(text).err().unwrap_or_else(|| panic!("accepted: {text}"));
    assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput);
    (error.message, error.hint.unwrap_or_default())
}

#[test]
fn every_key_is_read_under_its_flags_name() {
    let config = parsed(include_str!("samples/full.yml")).expect("valid");
    let read: HashSet<&str> = config.values.iter().map(|(key, _)| key.as_str()).collect();
    let keys = keys();
    let mut flags: HashSet<&str> = keys.get_arguments().filter_map(|arg| arg.get_long()).collect();
    // The sample builds with Docker into given subnets and keeps going: these cannot be in it.
    flags.retain(|flag| !["image", "binary", "network-from-service", "max-failures"].contains(flag));
    assert_eq!(read, flags);
}

#[test]
fn what_excludes_each_other_as_flags_does_so_as_keys() {
    let keys = keys();
    let pairs: Vec<_> = keys::exclusive(&keys).collect();
    for pair in [("image", "binary"), ("image", "build-arg"), ("network-from-service", "subnets")] {
        assert!(pairs.contains(&pair), "{pairs:?}");
    }
    let (message, _) = refused("image: a\n\ncontext: .\n");
    assert_eq!(message, format!("{PATH}:3: context cannot be used with image"));
}

#[test]
fn another_name_of_a_key_is_that_key_and_both_are_an_error() {
    let config = parsed("services: [web, worker]\n").expect("valid");
    assert_eq!(config.value("service"), Some(["web".to_owned(), "worker".to_owned()].as_slice()));
    assert_eq!(config.value("services"), None);
    let (message, hint) = refused("services: [web]\ncluster: c\nservice: [worker]\n");
    assert_eq!(message, format!("{PATH}:1: services cannot be used with service"));
    assert_eq!(hint, "remove service, or services");
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_name() {
    let (message, hint) = refused("cluster: c\n# a comment\nmax-paralel: 3\n");
    assert_eq!(message, format!("{PATH}:3: unknown key \"max-paralel\""));
    assert_eq!(hint, "did you mean max-parallel?");
    let (message, _) = refused("cluster: c\nsubnet:\n- subnet-1\nregion: r\n");
    assert_eq!(message, format!("{PATH}:2: unknown key \"subnet\""));
    let (_, hint) = refused("keep_going: true\n");
    assert_eq!(hint, "did you mean keep-going?");
    let (_, hint) = refused("zzz: 1\n");
    assert!(hint.starts_with("the keys are cluster, task-definition,"), "{hint}");
}

#[test]
fn wrong_values_are_errors_with_their_line() {
    for (text, line, words) in [
        (
            "cluster: c\nmax-parallel: many\n",
            2,
            "a whole number from 1 to 1000 was expected for max-parallel, not \"many\"",
        ),
        ("cluster: c\nkeep-going: yes\n", 2, "true or false was expected for keep-going, not \"yes\""),
        ("cluster: [a]\n", 1, "text was expected"),
        ("cluster: c\nsubnets: subnet-1\n", 2, "a list was expected"),
        ("cluster: 12\n", 1, "12 is not text as it stands"),
        ("subnets:\n- subnet-1\n- sg-1\n", 3, "not a subnet"),
        ("timeout: soon\n", 1, "write 90s, 45m or 1h 30m"),
        ("cluster: c\non-timeout: explode\n", 2, "\"explode\" is not one of stop, leave"),
        ("env:\n  9X: a\n", 2, "not a variable's name"),
        ("cluster: c\ncluster: d\n", 2, "the key cluster is there twice"),
        ("cluster: 'c\n", 1, "unclosed quote"),
        ("- a\n", 1, "a mapping of keys to values was expected"),
        ("databases:\n- a\n- b c\n", 3, "not a database name"),
        ("databases: [all]\n", 1, "it means every database"),
        ("databases:\n- a\n- 2024\n", 3, "write \"2024\""),
        ("databases:\n- a\n- b\n- a\n", 4, "listed twice, in line 2 as well"),
        ("databases: [a]\ngroups:\n  a: [a]\n", 3, "named like a database"),
        ("databases: [a]\ngroups:\n  x: []\n", 3, "is empty"),
        ("databases: [prod]\ngroups:\n  x:\n  - prd\n", 4, "not among the databases"),
        ("databases: [prod]\ngroups:\n  x:\n  - exp*\n", 4, "matches no database"),
        ("databases: [prod]\ngroups:\n  all: [prod]\n", 3, "it means every database"),
        ("groups:\n  canary: [a]\n", 2, "not among the databases"),
    ] {
        let (message, hint) = refused(text);
        assert!(message.starts_with(&format!("{PATH}:{line}: ")), "{text:?}: {message}");
        assert!(format!("{message} {hint}").contains(words), "{text:?}: {message} ({hint})");
    }
}

#[test]
fn a_file_that_cannot_be_read_has_its_name_and_a_hint() {
    for text in [
        "cluster: a\ncluster: b\n",
        "cluster:\n\tx: 1\n",
        "cluster: [a]\n",
        "cluster: {a: b}\n",
        "hello\n",
        "12\n",
        "- a\n",
        "cluster: a\n---\ncluster: b\n",
        "cluster: 'a\n",
        "cluster: a: b\n",
        "cluster: *x\n",
        "env: [A=1]\n",
        "env: A=1\n",
        "env: {A: @x}\n",
        "{cluster: a\n",
        "subnets: subnet-1\n",
        "databases: a\n",
        "groups: [a]\n",
    ] {
        let (message, hint) = refused(text);
        assert!(message.starts_with(PATH), "{text:?}: {message}");
        assert!(!hint.is_empty(), "{text:?}: {message}");
    }
}

#[test]
fn values_of_env_are_in_no_error() {
    for text in [
        "env: {A: 424242}\n",
        "env: {A: 424242, A: 424242}\n",
        "env: {A: [424242]}\n",
        "env: {A: {b: 424242}}\n",
        "env:\n  A: true424242: x\n",
        "env: {A: .inf}\n",
    ] {
        let (message, hint) = refused(text);
        assert!(!format!("{message} {hint}").contains("424242"), "{text:?}: {message} ({hint})");
        assert!(!hint.is_empty(), "{text:?}: {message}");
    }
}

#[test]
fn a_misspelt_member_has_a_hint() {
    assert_eq!(refused("databases: [prod]\ngroups: {x: [prd]}\n").1, "did you mean prod?");
}

#[test]
fn groups_are_in_the_order_of_the_databases() {
    let text = "databases: [p, t2, t1, x]\ngroups:\n  some: [t1, p, 't?']\n  one: [x]\n";
    let fleet = parsed(text).expect("valid").fleet.clone();
    assert_eq!(fleet.databases, ["p", "t2", "t1", "x"]);
    assert_eq!(fleet.groups["some"], ["p", "t2", "t1"]);
    assert_eq!(fleet.groups["one"], ["x"]);
}

#[test]
fn what_is_null_or_empty_is_absent() {
    let config = parsed("cluster:\nregion: ''\nsubnets: []\nenv: {}\nkeep-going: false\n").expect("valid");
    assert_eq!(config.values, [("keep-going".to_owned(), vec!["false".to_owned()])]);
}

#[test]
fn a_bomb_of_aliases_is_refused_at_once() {
    let mut text = "databases: &a0 [x]\n".to_owned();
    text.push_str("x0: &b0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..40 {
        let last = level - 1;
        let list = vec![format!("*b{last}"); 9].join(", ");
        text.push_str(&format!("x{level}: &b{level} [{list}]\n"));
    }
    let began = Instant::now();
    refused(&text);
    // In a place where the value would be taken, too.
    refused(&text.replace("x0:", "databases:").replace("databases: &a0 [x]\n", ""));
    let deep = "[".repeat(100_000);
    refused(&format!("cluster: {deep}\n"));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn what_is_too_large_or_no_text_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.yml");
    std::fs::write(&path, "#".repeat(9 << 20)).expect("write");
    let error =
        |path: &Path| Config::find(Some(path), directory.path(), &keys()).expect_err("refused").message;
    assert!(error(&path).contains("larger than 8 MiB"));
    std::fs::write(&path, b"cluster: \xff\n").expect("write");
    assert!(error(&path).contains("UTF-8"));
    assert!(error(Path::new("/dev/zero")).contains("it is a device, not a regular file"));
    assert!(error(directory.path()).contains("read the configuration file"));
    assert!(error(&directory.path().join("none.yml")).contains("No such file"));
}

#[test]
fn the_file_at_its_usual_place_is_read_if_it_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    assert!(Config::find(None, directory.path(), &keys()).expect("absent").is_none());
    std::fs::create_dir(directory.path().join(".github")).expect("make it");
    std::fs::write(directory.path().join(DEFAULT_PATH), "databases: [a]\n").expect("write");
    let config = Config::find(None, directory.path(), &keys()).expect("valid").expect("there");
    assert_eq!(config.fleet.databases, ["a"]);
}

#[test]
fn a_hundred_thousand_databases_fit_and_take_no_time() {
    let mut text = "databases:\n".to_owned();
    for number in 0..100_000 {
        text.push_str(&format!("- tenant_{number:06}_of_the_fleet\n"));
    }
    text.push_str("groups:\n  some: [tenant_0000*]\n");
    let began = Instant::now();
    let config = parsed(&text).expect("valid");
    assert_eq!(config.fleet.groups["some"].len(), 100);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
