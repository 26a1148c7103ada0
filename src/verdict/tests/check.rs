//! What a check concludes.

use super::*;

fn judged(names: &[&str], packed: bool, task: &Task, lines: &[&str], ending: &Ending) -> Vec<String> {
    let names: Vec<DatabaseName> = names.iter().map(|&name| name.into()).collect();
    let asked = asked("migration", Proof::Report);
    judge_check(&names, packed, &asked, task, &reported(lines), ending)
        .iter()
        .map(|one| format!("{}: {} ({})", one.word(), one.explain(), one.exit_code().number()))
        .collect()
}

fn of(rest: &str) -> String {
    format!(r#"{{"version":1,"database":"a","current":"57"{rest}}}"#)
}

#[test]
fn a_database_is_what_its_only_report_says() {
    let (zero, one) = (ended(EXITED, Some(0)), ended(EXITED, Some(1)));
    let spot = ended(Some("SpotInterruption"), Some(143));
    let many: Vec<String> = (1..=10).map(|number| format!(r#"{{"version":{number},"name":"m"}}"#)).collect();
    let many = many.join(",");
    for (task, lines, expected) in [
        (&zero, vec![of(r#","pending":0"#)], "up to date:  (0)"),
        (&zero, vec![of(r#","pending":0,"unknown":[],"missing":[]"#)], "up to date:  (0)"),
        (&zero, vec![of(r#","pending":1"#)], "behind: it lacks 1 migration (1)"),
        (
            &zero,
            vec![of(r#","pending":3,"missing":[{"version":58,"name":"add_orders"},{"version":"59"}]"#)],
            "behind: it lacks 3 migrations: 58 add_orders, 59 and 1 more (1)",
        ),
        (
            &zero,
            vec![of(&format!(r#","pending":10,"missing":[{many}]"#))],
            "behind: it lacks 10 migrations: 1 m, 2 m, 3 m, 4 m, 5 m, 6 m, 7 m, 8 m and 2 more (1)",
        ),
        (
            &zero,
            vec![of(r#","pending":0,"unknown":[{"version":58,"name":"gone\u001b[1m"}]"#)],
            "ahead: it has 1 migration that the image does not know: 58 gone (1)",
        ),
        // What it lacks matters more, and the rest is said as well.
        (
            &zero,
            vec![of(r#","pending":1,"unknown":[{"version":58},{"version":59}]"#)],
            "behind: it lacks 1 migration; it has 2 migrations that the image does not know: 58, 59 (1)",
        ),
        (
            &zero,
            vec![r#"{"version":1,"database":"b","pending":0}"#.to_owned()],
            "wrong database: asked for a, but the task was connected to b (1)",
        ),
        (
            &zero,
            vec![],
            "unproved: its task ended with exit code 0, and no migration report names this database (1)",
        ),
        (
            &zero,
            vec![of(r#","pending":0"#), of(r#","pending":0"#)],
            "unproved: 2 migration reports name it, and one was expected (1)",
        ),
        (&one, vec![of(r#","pending":0"#)], "unproved: exit code 1 (1)"),
        (
            &one,
            vec![of(r#","pending":0,"error":"no connection"}"#.trim_end_matches('}'))],
            "unproved: it reports: no connection (1)",
        ),
        (
            &spot,
            vec![of(r#","pending":0"#)],
            "unproved: Fargate Spot took the capacity back (exit code 143) (1)",
        ),
        (
            &zero,
            vec![of(r#","pending":0,"applied":[{"version":57}]"#)],
            "unproved: it reports that it has applied 1 migration: --check-command migrates, and is to change nothing (1)",
        ),
        (
            &zero,
            vec![of(r#","pending":1,"failed":{"version":58,"error":"boom"}"#)],
            "unproved: it reports that migration 58 failed: boom (1)",
        ),
        (
            &zero,
            vec![of(r#","pending":-1"#)],
            "unproved: its task ended with exit code 0, and no migration report names this database (1 migration reports cannot be read: invalid value: integer `-1`, expected u64) (1)",
        ),
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(judged(&["a"], false, task, &lines, &whole()), [expected], "{lines:?}");
    }
}

#[test]
fn what_was_not_read_may_say_something_else() {
    let zero = ended(EXITED, Some(0));
    let good = of(r#","pending":0"#);
    let broken = Ending { log: LogEnd::BrokenOff("denied".into()), ..Ending::default() };
    let unread = "unproved: it has a migration report, but its task's log was not read to its end, where another one \
                  may stand: denied (1)";
    assert_eq!(judged(&["a"], false, &zero, &[&good], &broken), [unread]);
    let odd = judged(&["a"], true, &zero, &[&good, r#"{"version":2}"#], &whole());
    assert!(
        odd[0].starts_with("unproved: it has a migration report, but 1 of its task's reports cannot be read")
    );
}

#[test]
fn a_task_that_never_ran_or_runs_on_proves_nothing() {
    let never = Task { started_at: None, ..ended(Some("TaskFailedToStart"), None) };
    let expected = "unproved: its container never ran: Essential container in task exited (3)";
    assert_eq!(judged(&["a"], false, &never, &[], &whole()), [expected]);
    for (verdict, code) in [
        (Verdict::TimedOut { stopped: true }, ExitCode::TimedOut),
        (Verdict::Cancelled { stopped: true }, ExitCode::Cancelled),
        (Verdict::NotRun { why: "no image".into() }, ExitCode::Service),
    ] {
        let checked = Checked::from_end(verdict);
        assert_eq!((checked.word(), checked.exit_code()), ("unproved", code));
    }
}

#[test]
fn of_a_pack_each_report_counts_for_its_database() {
    let named = |name: &str, rest: &str| format!(r#"{{"version":1,"database":"{name}"{rest}}}"#);
    let (a, b) = (named("a", r#","pending":0"#), named("b", r#","pending":2"#));
    let (zero, one) = (ended(EXITED, Some(0)), ended(EXITED, Some(1)));
    let behind = "behind: it lacks 2 migrations (1)";
    let none = "no migration report names this database (1)";
    for (task, lines, expected) in [
        (&zero, vec![&*a, &*b], ["up to date:  (0)".to_owned(), behind.to_owned()]),
        (&one, vec![&a, &b], ["up to date:  (0)".to_owned(), behind.to_owned()]),
        (
            &one,
            vec![&b],
            [format!("unproved: its task ended with exit code 1, and {none}"), behind.to_owned()],
        ),
        (
            &zero,
            vec![&b, &b],
            [
                format!("unproved: its task ended with exit code 0, and {none}"),
                "unproved: 2 migration reports name it, and one was expected (1)".to_owned(),
            ],
        ),
        (
            &zero,
            vec![&a, &b, r#"{"version":1,"database":"c","pending":0}"#],
            ["a", "b"]
                .map(|name| format!("wrong database: asked for {name}, but the task was connected to c (1)")),
        ),
    ] {
        assert_eq!(judged(&["a", "b"], true, task, &lines, &whole()), expected, "{lines:?}");
    }
}

#[test]
fn drift_is_said_of_what_is_up_to_date() {
    let report = |pending| {
        let line = format!(r#"{{"version":1,"database":"a","pending":{pending}}}"#);
        Checked::by_report(&reported(&[&line]).all()[0])
    };
    assert_eq!(report(0).drifted().word(), "drifted");
    assert_eq!(report(0).drifted().exit_code(), ExitCode::MigrationFailed);
    assert_eq!(report(1).drifted().word(), "behind");
}
