use std::collections::BTreeMap;

use super::*;

fn fleet() -> Fleet {
    let names =
        |names: &[&str]| names.iter().map(|name| name.parse().expect("valid")).collect::<Vec<DatabaseName>>();
    Fleet {
        databases: names(&["prod", "tenant_b", "tenant_a", "spare"]),
        groups: BTreeMap::from([("canary".to_owned(), names(&["tenant_a"]))]),
    }
}

fn selected(asked: &[&str], excluded: &[&str], fleet: &Fleet) -> Result<Vec<DatabaseName>, Failure> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    select(&owned(asked), &[], &owned(excluded), fleet)
}

fn refused(asked: &[&str], excluded: &[&str], fleet: &Fleet) -> (String, String) {
    let error = selected(asked, excluded, fleet).expect_err("refused");
    assert_eq!(error.exit_code, crate::failure::ExitCode::BadInput);
    (error.message, error.hint.unwrap_or_default())
}

#[test]
fn names_stay_in_the_order_given_and_groups_in_that_of_the_fleet() {
    for (asked, excluded, expected) in [
        (["spare", "prod"].as_slice(), [].as_slice(), ["spare", "prod"].as_slice()),
        (&["all"], &[], &["prod", "tenant_b", "tenant_a", "spare"]),
        (&["canary"], &[], &["tenant_a"]),
        (&["canary", "all"], &[], &["tenant_a", "prod", "tenant_b", "spare"]),
        (&["tenant_*"], &[], &["tenant_b", "tenant_a"]),
        (&["tenant_?", "canary"], &[], &["tenant_b", "tenant_a"]),
        (&["*"], &["canary", "sp*"], &["prod", "tenant_b"]),
        (&["all"], &["prod"], &["tenant_b", "tenant_a", "spare"]),
        (&["canary"], &["prod"], &["tenant_a"]),
    ] {
        assert_eq!(selected(asked, excluded, &fleet()).expect("valid"), expected, "{asked:?} - {excluded:?}");
    }
}

#[test]
fn what_is_not_there_is_refused_with_the_nearest_name() {
    let (message, hint) = refused(&["tenat_a"], &[], &fleet());
    assert_eq!(message, "--database tenat_a is not among the databases of the configuration file");
    assert_eq!(hint, "did you mean tenant_a?");
    assert_eq!(refused(&["canari"], &[], &fleet()).1, "did you mean canary?");
    assert_eq!(refused(&["zzz"], &[], &fleet()).1, "databases: prod, spare, tenant_a, tenant_b");
    assert_eq!(refused(&["x*"], &[], &fleet()).0, "--database x* matches no database");
    assert_eq!(refused(&["all"], &["x*"], &fleet()).0, "--exclude x* matches no database");
    assert!(refused(&["all"], &["prd"], &fleet()).0.starts_with("--exclude prd is not among"));
    assert!(refused(&["canary"], &["all"], &fleet()).0.starts_with("no database is left"));
    assert_eq!(refused(&["prod", "prod"], &[], &fleet()).0, "database prod is named twice");
    assert!(refused(&[], &[], &fleet()).1.contains("a group, or all; databases: prod"));
}

#[test]
fn without_a_list_names_are_taken_and_patterns_are_not() {
    let none = Fleet::default();
    assert_eq!(selected(&["b", "a"], &[], &none).expect("valid"), ["b", "a"]);
    assert_eq!(selected(&["b", "a1", "a2"], &["a*"], &none).expect("valid"), ["b"]);
    assert_eq!(refused(&["a*"], &[], &none).0, "--database a* needs a list of the databases that there are");
    assert_eq!(
        refused(&["all"], &[], &none).0,
        "--database all needs a list of the databases that there are"
    );
    assert_eq!(refused(&["a"], &["b"], &none).0, "--exclude b is not among the databases that were named");
    assert_eq!(refused(&["a"], &["b*"], &none).0, "--exclude b* matches no database");
    let (message, hint) = refused(&["a", ""], &[], &none);
    assert!(message.contains("it is empty") && hint.contains("comma"), "{message} {hint}");
}

#[test]
fn a_file_has_a_name_a_line() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("names");
    let read = |text: &str| {
        std::fs::write(&path, text).expect("write");
        listed_in(&path)
    };
    assert_eq!(read("\u{feff}a\r\n\n  b # the second\n# none\nc").expect("valid"), ["a", "b", "c"]);
    for (text, words) in [
        ("a\nb c\n", ":2: \"b c\" is not a database name"),
        ("a\n\n*\n", ":3: \"*\" is not a database name"),
        ("all\n", ":1: \"all\" is not a database name"),
        ("# nothing\n", "it names no database"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.message.contains(words), "{}", error.message);
    }
    let error = listed_in(&directory.path().join("none")).expect_err("absent");
    assert!(error.message.contains("No such file"));
    assert!(listed_in(Path::new("/dev/zero")).expect_err("endless").message.contains("it is a device"));
}
