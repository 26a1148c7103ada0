//! Databases that share a task.

use super::*;

fn pack(task: &Task, databases: &[&str], lines: &[&str]) -> Vec<Verdict> {
    let databases: Vec<_> = databases.iter().map(|&name| name.into()).collect();
    let told = ["a", "b", "c"].map(str::to_owned);
    judge_pack(&databases, &told, &asked("migration", Proof::Report), task, &reported(lines), &whole())
}

/// The table of docs/migration-report.md.
#[test]
fn of_a_pack_reports_alone_count_each_for_its_database() {
    let clean = |name: &str| format!(r#"{{"version":1,"database":"{name}","pending":0,"current":"7"}}"#);
    let (a, b) = (clean("a"), clean("b"));
    let failed =
        r#"{"version":1,"database":"b","pending":1,"failed":{"version":7,"name":"x","error":"boom"}}"#;
    let refused = r#"{"version":1,"database":"b","pending":9,"error":"no connection"}"#;
    let pending = r#"{"version":1,"database":"b","pending":2}"#;
    let later = r#"{"version":1,"database":"b","pending":0,"current":"8"}"#;
    let foreign = r#"{"version":1,"database":"production","pending":0}"#;
    let (zero, one) = (ended(EXITED, Some(0)), ended(EXITED, Some(1)));
    let (killed, spot) = (ended(EXITED, Some(137)), ended(Some("SpotInterruption"), Some(143)));
    let aborted = ended(EXITED, Some(134));
    let missing = "no migration report names this database";
    for (task, lines, first, second) in [
        (&zero, vec![&*a, &*b], "migrated", "migrated: b: 0 applied, now at 7"),
        (&one, vec![&a, &b], "migrated", "migrated: b: 0 applied, now at 7"),
        (
            &killed,
            vec![&a],
            "migrated",
            "killed: a signal ended its container, and ECS does not say who sent it",
        ),
        (&spot, vec![&a], "migrated", "killed: Fargate Spot took the capacity back"),
        (&aborted, vec![&a], "migrated", "killed: a signal ended its container"),
        (&zero, vec![&a], "migrated", &format!("unproved: its task ended with exit code 0, and {missing}")),
        (&one, vec![&a], "migrated", &format!("unproved: its task ended with exit code 1, and {missing}")),
        (&one, vec![&a, failed], "migrated", "failed: migration 7 x failed: boom"),
        (&zero, vec![&a, failed], "migrated", "failed: migration 7 x failed: boom"),
        (&one, vec![&a, refused], "migrated", "failed: no connection"),
        (&one, vec![&a, pending], "migrated", "failed: it reports that 2 migrations are pending"),
        (
            &one,
            vec![&a, &b, failed],
            "migrated",
            "unproved: 2 of its migration reports contradict each other",
        ),
        (
            &one,
            vec![&a, failed, &b],
            "migrated",
            "unproved: 2 of its migration reports contradict each other",
        ),
        (
            &zero,
            vec![&a, &b, later],
            "migrated",
            "unproved: 2 of its migration reports contradict each other",
        ),
        (&zero, vec![&a, &a, &b, &b], "migrated", "migrated: b: 0 applied, now at 7"),
        (
            &zero,
            vec![&a, &b, foreign],
            "wrong database",
            "wrong database: asked for b, but the task was connected to production",
        ),
    ] {
        let verdicts = pack(task, &["a", "b"], &lines);
        assert_eq!(verdicts[0].word(), first, "{lines:?}");
        let told = format!("{}: {}", verdicts[1].word(), verdicts[1].explain());
        assert!(told.starts_with(second), "{told}\nis not\n{second}");
    }
    let never = Task { started_at: None, ..ended(Some("TaskFailedToStart"), None) };
    assert!(pack(&never, &["a"], &[]).iter().all(|verdict| matches!(verdict, Verdict::NeverStarted { .. })));
    let running = Task { last_status: "RUNNING".into(), ..ended(None, None) };
    assert!(
        pack(&running, &["a", "b"], &[&a, &b]).iter().all(|verdict| why(verdict).contains("not STOPPED"))
    );
}

mod any {
    use proptest::prelude::*;

    use super::*;

    fn task() -> impl Strategy<Value = Task> {
        let codes = prop::sample::select(vec![
            None,
            Some("EssentialContainerExited"),
            Some("TaskFailedToStart"),
            Some("UserInitiated"),
            Some("SpotInterruption"),
            Some("InfrastructureHealth"),
        ]);
        let exits = prop::sample::select(vec![None, Some(0), Some(1), Some(137), Some(139), Some(143)]);
        let status = prop::sample::select(vec!["STOPPED", "STOPPED", "RUNNING", ""]);
        (codes, exits, status, any::<bool>()).prop_map(|(code, exit, status, started)| Task {
            last_status: status.into(),
            started_at: started.then_some(Timestamp::UNIX_EPOCH),
            ..ended(code, exit)
        })
    }

    /// A line of a log: of a database, of another one, or one that cannot be read.
    fn line() -> impl Strategy<Value = String> {
        let database = prop::sample::select(vec!["a", "a", "b", "c", "c", "A", "production"]);
        let rest = prop::sample::select(vec![
            r#","pending":0"#,
            r#","pending":0,"current":"7""#,
            r#","pending":0,"current":"8""#,
            r#","pending":0,"error":null"#,
            r#","pending":0,"schema":"a","unknown":[{"version":9}],"missing":[]"#,
            r#","pending":1,"schema":"b","missing":[{"version":9,"name":"orders"}]"#,
            r#","pending":0,"missing":[{"version":9}]"#,
            r#","pending":3"#,
            r#","pending":0,"error":"no lock""#,
            r#","pending":0,"failed":{"version":1}"#,
            "",
        ]);
        (database, rest).prop_map(|(database, rest)| {
            format!(r#"{{"migration_report":{{"version":1,"database":"{database}"{rest}}}}}"#)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn no_database_of_a_pack_is_migrated_without_a_clean_report_of_its_own(
            task in task(),
            lines in prop::collection::vec(line(), 0..8),
        ) {
            let mut reports = Reports::default();
            lines.iter().for_each(|line| assert!(reports.line(line)));
            let names = ["a", "b", "c"].map(DatabaseName::from);
            let told = ["a", "b", "c"].map(str::to_owned);
            let verdicts = judge_pack(&names[..2], &told, &asked("migration", Proof::Report), &task, &reports, &whole());
            prop_assert_eq!(verdicts.len(), 2);
            let foreign = reports.all().iter().any(|report| !told.contains(&report.database));
            for (name, verdict) in names.iter().zip(&verdicts) {
                let own: Vec<_> = reports.all().iter().filter(|report| report.database == **name).collect();
                let clean = !own.is_empty() && own.iter().all(|report| report.is_clean());
                let versions: std::collections::HashSet<_> =
                    own.iter().filter_map(|report| report.current.as_ref()).collect();
                let readable = reports.malformed().is_none();
                let proved = task.is_stopped() && clean && versions.len() <= 1 && !foreign && readable;
                prop_assert_eq!(verdict.is_migrated(), proved, "{:?} {:?} {:?}", name, verdict, lines);
                if let Verdict::Migrated(migrated) = verdict {
                    prop_assert_eq!(migrated.database(), name);
                    prop_assert_eq!(&migrated.report().expect("its report").database, name.as_str());
                }
            }
        }
    }
}

#[test]
fn only_what_was_killed_may_run_again() {
    let oom = "OutOfMemoryError: Container killed due to memory usage";
    for (task, expected) in [
        (ended(EXITED, Some(137)), Some(Death::OfItsOwn)),
        (ended(EXITED, Some(139)), Some(Death::OfItsOwn)),
        (because(ended(EXITED, Some(1)), oom), Some(Death::OfItsOwn)),
        (ended(Some("SpotInterruption"), Some(143)), Some(Death::FromOutside)),
        (ended(Some("TerminationNotice"), None), Some(Death::FromOutside)),
        (ended(Some("InfrastructureHealth"), None), Some(Death::FromOutside)),
        (ended(EXITED, Some(0)), None),
        (ended(EXITED, Some(1)), None),
        (ended(EXITED, Some(127)), None),
        (ended(EXITED, None), None),
        (ended(Some("UserInitiated"), Some(137)), None),
        (ended(Some("ServiceSchedulerInitiated"), Some(143)), None),
        (ended(Some("TaskFailedToStart"), None), None),
        (with(ended(EXITED, Some(143)), container("agent", Some(2), None)), None),
        (Task { last_status: "RUNNING".into(), ..ended(EXITED, Some(137)) }, None),
    ] {
        assert_eq!(death(&asked("migration", Proof::Report), &task), expected, "{task:?}");
    }
}

/// As many reports of one database as the pack has members are of an image that knows one name.
#[test]
fn several_names_that_report_one_database_are_the_wrong_database() {
    let line = |name: &str| format!(r#"{{"version":1,"database":"{name}","pending":0}}"#);
    let told = ["a", "b", "c"];
    let judged = |code: Option<i32>, lines: &[&str]| -> Vec<String> {
        let lines: Vec<String> = lines.iter().map(|name| line(name)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let verdicts = pack(&ended(EXITED, code), &told, &lines);
        verdicts.iter().map(|verdict| verdict.word().to_owned()).collect()
    };
    let (ok, wrong, left) = ("migrated", "wrong database", "unproved");
    assert_eq!(judged(Some(0), &["b", "b", "b"]), [wrong, ok, wrong]);
    assert_eq!(judged(Some(0), &["a", "b", "a"]), [ok, ok, wrong]);
    assert_eq!(judged(Some(1), &["a", "a", "a"]), [ok, wrong, wrong]);
    assert_eq!(judged(Some(0), &["a", "a", "b", "b"]), [ok, ok, wrong]);
    // One report too many, and two databases without one: at least one migration never came to its end.
    assert_eq!(judged(Some(0), &["a", "a"]), [ok, left, left]);
    assert_eq!(judged(Some(0), &["a", "b"]), [ok, ok, left]);
    assert_eq!(judged(Some(0), &["a", "b", "c", "a"]), [ok, ok, ok]);
    assert_eq!(judged(Some(137), &["a", "a", "a"]), [ok, "killed", "killed"], "its death explains it");
    // A database is not at once up to date and behind: one of the two is a report of nothing.
    let other = r#"{"version":1,"database":"a","pending":2}"#;
    let verdicts = pack(&ended(EXITED, Some(0)), &["a", "b", "c"], &[&line("a"), other, &line("b")]);
    assert_eq!(verdicts.iter().map(Verdict::word).collect::<Vec<_>>(), [left, ok, left]);
    let lines = vec![line("b"); 3];
    let verdicts =
        pack(&ended(EXITED, Some(0)), &told, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        verdicts[2].explain(),
        "asked for c, but the task reported b 3 times and c never: the image seems not to take its names from the list \
         (exit code 0)"
    );
}

#[test]
fn what_was_not_read_may_be_a_report_of_any_of_them() {
    let (names, told) = (["a", "b"].map(Into::into), ["a".to_owned(), "b".to_owned()]);
    let clean = [r#"{"version":1,"database":"a","pending":0}"#];
    let judged = |reports: &Reports, ending: &Ending| -> Vec<String> {
        let task = ended(EXITED, Some(0));
        let verdicts = judge_pack(&names, &told, &asked("migration", Proof::Report), &task, reports, ending);
        verdicts.iter().map(Verdict::explain).collect()
    };
    let broken = Ending { log: LogEnd::BrokenOff("denied".into()), ..Ending::default() };
    assert_eq!(
        judged(&reported(&clean), &broken),
        [
            "it has a migration report, but its task's log was not read to its end, where another one may stand: denied",
            "its task ended with exit code 0, and no migration report names this database (its log was not read to its \
             end: denied)",
        ]
    );
    // Two of a and none of b: b's may be among those that were not read.
    assert!(
        judged(&reported(&[clean[0], clean[0]]), &broken)[1]
            .contains("no migration report names this database")
    );
    let unreadable = reported(&[clean[0], r#"{"version":1,"database":"b","database":"a","pending":0}"#]);
    assert!(
        judged(&unreadable, &whole())[0]
            .contains("1 of its task's reports cannot be read, and may be about it")
    );
}

/// Its exit code can be about no other database.
#[test]
fn a_list_of_one_fails_by_its_exit_code() {
    let clean = r#"{"version":1,"database":"a","pending":0,"current":"7"}"#;
    let judged = |exit_code: i32| {
        let (task, told) = (ended(EXITED, Some(exit_code)), ["a".to_owned()]);
        let reports = reported(&[clean]);
        judge_pack(&["a".into()], &told, &asked("migration", Proof::Report), &task, &reports, &whole())
            .remove(0)
    };
    assert_eq!([0, 1, 2].map(|code| judged(code).word()), ["migrated", "failed", "failed"]);
    // A death after the report says nothing of what it reports.
    assert_eq!(judged(137).word(), "migrated");
}
