use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::Config;

fn parsed(text: &str) -> Result<Rollout, Failure> {
    Config::parse(text, Path::new("c.yml"), &crate::cli::keys()).map(|config| config.rollout)
}

const FLEET: &str = "databases: [a, b, t1, t2]\ngroups:\n  canary: [a]\n";

#[test]
fn a_stages_keys_are_those_that_its_errors_name() {
    assert_eq!(keys().get_arguments().map(|arg| arg.get_long().unwrap()).collect::<Vec<_>>(), STAGE_KEYS);
}

#[test]
fn a_stage_has_what_is_written() {
    let rollout = parsed(&format!(
        "{FLEET}rollout:\n- databases: [canary]\n  pause: 10m\n- name: few\n  databases: ['t*', b]\n  parallel: 4\n  \
         max-failures: 3\n  databases-per-task: auto\n- databases: [all]\n  keep-going: true\nrest: refuse\n"
    ))
    .expect("valid");
    let [canary, few, all] = rollout.stages.as_slice() else { panic!("{rollout:#?}") };
    assert_eq!(canary.title(), "canary");
    assert_eq!(canary.pause.as_deref(), Some(&Duration::from_secs(600)));
    assert!(canary.parallel.is_none() && canary.max_failures.is_none() && canary.keep_going.is_none());
    assert_eq!((few.title().as_str(), &few.databases[..]), ("few", &["t*".to_owned(), "b".to_owned()][..]));
    assert_eq!((few.parallel.as_deref(), few.max_failures.as_deref()), (Some(&4), Some(&3)));
    assert_eq!(few.databases_per_task, Some(Packing::Auto));
    assert_eq!(all.keep_going, Some(true));
    assert_eq!(rollout.rest, Rest::Refuse);
    let many = parsed("rollout: [{databases: [a, b, c, d, e]}]\n").expect("valid");
    assert_eq!(many.stages[0].title(), "a and 4 more");
    assert!(parsed("rollout:\nrest:\n").expect("absent").stages.is_empty());
    // Without a list of databases, a name may be that of any.
    assert_eq!(parsed("rollout: [{databases: [x, 'y*']}]\n").expect("valid").stages.len(), 1);
}

#[test]
fn a_wrong_stage_is_an_error_with_its_line() {
    for (text, line, words) in [
        ("rollout: a\n", 1, "a list was expected"),
        ("rollout:\n- a\n", 2, "a mapping of keys to values was expected"),
        ("rollout:\n- group: [a]\n", 2, "unknown key \"group\" of a stage"),
        ("rollout:\n- database: [a]\n", 2, "did you mean databases?"),
        ("rollout:\n- databases: a\n", 2, "a list was expected"),
        ("rollout:\n- name: x\n  parallel: 2\n", 2, "a stage of rollout names no database"),
        ("rollout:\n- databases: [a]\n-\n  databases:\n", 4, "a stage of rollout names no database"),
        ("rollout:\n- databases: null\n  name: x\n", 2, "a stage of rollout names no database"),
        ("rollout:\n- databases: [a]\n  parallel: many\n", 3, "a whole number from 1 to 1000 was expected"),
        ("rollout:\n- databases: [a]\n  pause: soon\n", 3, "write 90s, 45m or 1h 30m"),
        ("rollout:\n- databases: [a]\n  max-failures: 2\n  keep-going: true\n", 4, "cannot be used with"),
        ("rollout:\n- databases: [a]\n  pause: 841h\n", 2, "longer than 35 days"),
        ("rollout:\n- databases: ['a;']\n", 2, "a character that is not allowed"),
        (
            "rollout:\n- databases: [a]\n- databases: [t3]\n",
            3,
            "t3 in a stage of rollout is not among the databases",
        ),
        ("rollout:\n- databases: ['z*']\n", 2, "z* in a stage of rollout matches no database"),
        ("rollout:\n- databases: [canari]\n", 2, "did you mean canary?"),
        ("rollout:\n- databases: [a]\n- databases: [a]\n", 3, "two stages are named a"),
        ("rollout:\n- name: rest\n  databases: [a]\n", 2, "named rest"),
        ("rollout:\n- name: 'a b'\n  databases: [a]\n", 2, "not a stage's name"),
        ("rollout:\n- databases: [a]\nrest: first\n", 3, "is not one of last, refuse"),
        ("rest: last\n", 1, "rest cannot be used without rollout"),
    ] {
        let failure = parsed(&format!("{text}{FLEET}")).expect_err(text);
        let said = format!("{} ({})", failure.message, failure.hint.unwrap_or_default());
        assert!(said.starts_with(&format!("c.yml:{line}: ")), "{text:?}: {said}");
        assert!(said.contains(words), "{text:?}: {said}");
    }
    let empty = parsed(&format!("rollout: [{{}}]\n{FLEET}")).expect_err("no key");
    assert!(empty.message.starts_with("c.yml: a stage of rollout names no database"), "{}", empty.message);
}

#[test]
fn the_pages_example_is_read() {
    let page = include_str!("../../../docs/rollout.md");
    let example =
        page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let rollout = parsed(example).expect("valid");
    assert_eq!(
        rollout.stages.iter().map(StageKeys::title).collect::<Vec<_>>(),
        ["canary", "early-tenants", "everyone"]
    );
}
