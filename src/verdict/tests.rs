use jiff::Timestamp;

use super::*;

mod check;
mod packs;
mod words;

const EXITED: Option<&str> = Some("EssentialContainerExited");
const OURS: &str = "healthtech_experiment";

/// A stopped task that ran, with one migration container.
fn ended(stop_code: Option<&str>, exit_code: Option<i32>) -> Task {
    Task {
        arn: "arn:aws:ecs:us-east-1:123456789012:task/c/0f1e".into(),
        last_status: "STOPPED".into(),
        stop_code: stop_code.map(Into::into),
        stopped_reason: Some("Essential container in task exited".into()),
        containers: vec![container("migration", exit_code, None)],
        started_at: Some(Timestamp::UNIX_EPOCH),
        ..Task::default()
    }
}

fn container(name: &str, exit_code: Option<i32>, reason: Option<&str>) -> Container {
    Container { name: name.into(), exit_code, reason: reason.map(Into::into), ..Container::default() }
}

fn with(mut task: Task, other: Container) -> Task {
    task.containers.insert(0, other);
    task
}

fn because(mut task: Task, reason: &str) -> Task {
    task.containers[0].reason = Some(reason.into());
    task
}

fn reported(lines: &[&str]) -> Reports {
    let mut reports = Reports::default();
    for line in lines {
        assert!(reports.line(&format!(r#"{{"migration_report":{line}}}"#)));
    }
    reports
}

fn good() -> Reports {
    reported(&[
        r#"{"version":1,"database":"healthtech_experiment","applied":[{"version":1,"name":"a","ms":1}],"pending":0,"current":1,"tables":57}"#,
    ])
}

fn asked(container: &str, proof: Proof) -> Asked<'_> {
    Asked { container, image_digest: Some("sha256:1"), is_essential: true, essential: &[], proof }
}

/// A log that was read to its end.
fn whole() -> Ending {
    Ending { log: LogEnd::Whole, ..Ending::default() }
}

/// Judges by such a log.
fn judge(database: &DatabaseName, asked: &Asked<'_>, task: &Task, reports: &Reports) -> Verdict {
    super::judge(database, asked, task, reports, &whole())
}

fn of(task: &Task) -> Verdict {
    judge(&OURS.into(), &asked("migration", Proof::ExitCode), task, &Reports::default())
}

fn why(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Unproved { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn exit_code_0_of_an_exited_container_is_success() {
    let verdict = of(&ended(EXITED, Some(0)));
    assert!(verdict.is_migrated());
    let verdict = judge(&OURS.into(), &asked("migration", Proof::Report), &ended(EXITED, Some(0)), &good());
    let Verdict::Migrated(migrated) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(migrated.database().as_str(), OURS);
    assert_eq!(migrated.task_arn(), "arn:aws:ecs:us-east-1:123456789012:task/c/0f1e");
    assert_eq!(migrated.report().unwrap().tables, Some(57));
    assert_eq!(verdict.explain(), "healthtech_experiment: 1 applied, now at 1, 57 tables");
}

/// The table of all that ECS may say, without a report: nothing but the row above is success.
#[test]
fn nothing_else_is_success() {
    let stop_codes = [
        None,
        Some(""),
        Some("TaskFailedToStart"),
        Some("UserInitiated"),
        Some("ServiceSchedulerInitiated"),
        Some("SpotInterruption"),
        Some("TerminationNotice"),
        Some("InfrastructureHealth"),
        Some("SomethingNew"),
        EXITED,
    ];
    for stop_code in stop_codes {
        for exit_code in [None, Some(0), Some(1), Some(-1), Some(137), Some(143), Some(255)] {
            for reports in [Reports::default(), good()] {
                let verdict = judge(
                    &OURS.into(),
                    &asked("migration", Proof::ExitCode),
                    &ended(stop_code, exit_code),
                    &reports,
                );
                let success = stop_code == EXITED && exit_code == Some(0);
                assert_eq!(verdict.is_migrated(), success, "{stop_code:?} {exit_code:?} {verdict:?}");
                assert_eq!(verdict.exit_code() == ExitCode::Done, success);
            }
        }
    }
}

#[test]
fn a_task_that_has_not_stopped_proves_nothing() {
    for status in ["RUNNING", "DEPROVISIONING", ""] {
        let task = Task { last_status: status.into(), ..ended(EXITED, Some(0)) };
        assert!(why(&of(&task)).contains("not STOPPED"));
    }
}

/// ECS shows an exit before the task is STOPPED.
#[test]
fn an_exit_decides_when_it_is_all_that_ecs_will_say() {
    let essential = ["agent".to_owned()];
    let exited = |name: &str, exit_code| Container { is_stopped: true, ..container(name, exit_code, None) };
    let leaving = |stop_code: Option<&str>, own: Container| Task {
        last_status: "DEPROVISIONING".into(),
        containers: vec![own],
        ..ended(stop_code, None)
    };
    let well = || leaving(EXITED, exited("migration", Some(0)));
    let outlived = |task: Task| Task { outlived: true, ..task };
    for (task, is_essential, decided) in [
        (well(), true, true),
        (leaving(EXITED, exited("migration", Some(3))), true, true),
        (leaving(EXITED, container("migration", Some(0), None)), true, false),
        (leaving(EXITED, exited("migration", None)), true, false),
        (leaving(EXITED, exited("other", Some(0))), true, false),
        (leaving(None, exited("migration", Some(0))), true, false),
        (leaving(Some("UserInitiated"), exited("migration", Some(0))), true, false),
        // Of one that is killed ECS says more later.
        (leaving(EXITED, exited("migration", Some(137))), true, false),
        // What has ended the task is another container.
        (well(), false, false),
        (outlived(leaving(None, exited("migration", Some(0)))), false, true),
        (outlived(leaving(Some("UserInitiated"), exited("migration", Some(0)))), false, true),
        (outlived(leaving(None, exited("migration", Some(139)))), false, false),
        // Which of two has ended first, their exit codes tell.
        (with(well(), container("agent", None, None)), true, true),
        (with(well(), exited("agent", Some(1))), true, true),
        (with(well(), exited("agent", None)), true, false),
        (with(well(), exited("helper", None)), true, true),
        (with(ended(EXITED, Some(0)), exited("agent", None)), true, true),
    ] {
        let asked = Asked { is_essential, essential: &essential, ..asked("migration", Proof::Report) };
        assert_eq!(is_decided(&asked, &task), decided, "{task:?}");
        let verdict = judge(&OURS.into(), &asked, &task, &good());
        assert!(decided || !verdict.is_migrated(), "{task:?}");
    }
}

#[test]
fn an_exit_code_of_its_own_is_a_failure() {
    for exit_code in [1, 2, 127, 128, 160, 255] {
        assert_eq!(of(&ended(EXITED, Some(exit_code))), Verdict::Failed { exit_code });
        assert_eq!(of(&ended(None, Some(exit_code))), Verdict::Failed { exit_code });
    }
}

#[test]
fn a_sidecar_never_decides() {
    for sidecar in
        [container("agent", Some(0), None), container("agent", Some(1), None), container("agent", None, None)]
    {
        assert!(of(&with(ended(EXITED, Some(0)), sidecar.clone())).is_migrated());
        assert_eq!(of(&with(ended(EXITED, Some(3)), sidecar.clone())), Verdict::Failed { exit_code: 3 });
        assert!(!of(&with(ended(EXITED, None), sidecar)).is_migrated());
    }
}

#[test]
fn a_sidecar_that_ended_first_is_named_as_the_killer() {
    let verdict = of(&with(ended(EXITED, Some(143)), container("agent", Some(2), None)));
    let by = Killer::Sidecar { name: "agent".into(), exit_code: 2 };
    assert_eq!(verdict, Verdict::Killed { by, exit_code: Some(143) });
    assert_eq!(
        verdict.explain(),
        "container agent of the same task ended first, with exit code 2, so ECS stopped the task (exit code 143)"
    );
    let verdict = of(&with(ended(EXITED, Some(137)), container("agent", Some(143), None)));
    assert_eq!(verdict, Verdict::Killed { by: Killer::Signal, exit_code: Some(137) });
}

#[test]
fn who_killed_it_is_told_apart() {
    let oom = "OutOfMemoryError: Container killed due to memory usage";
    for (task, expected) in [
        (because(ended(EXITED, Some(137)), oom), Killer::OutOfMemory),
        (because(ended(EXITED, Some(1)), oom), Killer::OutOfMemory),
        (because(ended(EXITED, None), oom), Killer::OutOfMemory),
        (ended(EXITED, Some(137)), Killer::Signal),
        (ended(EXITED, Some(143)), Killer::Signal),
        (ended(None, Some(143)), Killer::Signal),
        (ended(EXITED, Some(134)), Killer::Signal),
        (ended(None, Some(139)), Killer::Signal),
        (ended(Some("SpotInterruption"), Some(143)), Killer::Spot),
        (ended(Some("SpotInterruption"), Some(0)), Killer::Spot),
        (ended(Some("TerminationNotice"), None), Killer::Retirement),
        (ended(Some("InfrastructureHealth"), None), Killer::Host),
        (ended(Some("ServiceSchedulerInitiated"), Some(1)), Killer::ServiceScheduler),
    ] {
        let exit_code = task.containers[0].exit_code;
        assert_eq!(of(&task), Verdict::Killed { by: expected, exit_code }, "{task:?}");
    }
    let mut stopped = ended(Some("UserInitiated"), Some(137));
    stopped.stopped_reason = Some("Task stopped by user".into());
    assert_eq!(of(&stopped).explain(), "someone else stopped its task: Task stopped by user (exit code 137)");
}

#[test]
fn a_task_that_failed_to_start_never_started() {
    let mut task = ended(Some("TaskFailedToStart"), None);
    task.stopped_reason = Some("ResourceInitializationError: unable to pull secrets".into());
    task.started_at = None;
    let verdict = of(&task);
    assert_eq!(verdict.word(), "never started");
    assert_eq!(verdict.exit_code(), ExitCode::Service);
    assert_eq!(
        verdict.explain(),
        "its container never ran, so this task migrated nothing: ResourceInitializationError: unable to pull secrets"
    );
    let reason = because(task, "CannotStartContainerError: exec format error");
    assert!(
        of(&reason)
            .explain()
            .ends_with("unable to pull secrets; CannotStartContainerError: exec format error")
    );
    assert!(why(&of(&ended(Some("TaskFailedToStart"), Some(0)))).contains("failed to start"));
}

#[test]
fn a_task_stopped_before_it_started_never_started() {
    let mut task = ended(Some("UserInitiated"), None);
    task.started_at = None;
    assert_eq!(of(&task).word(), "never started");
    // What reported has run, whatever ECS has seen of it.
    assert_eq!(judge(&OURS.into(), &asked("migration", Proof::ExitCode), &task, &good()).word(), "killed");
}

#[test]
fn no_exit_code_is_no_proof_and_the_reason_is_given() {
    let verdict = of(&because(ended(EXITED, None), "CannotInspectContainerError: no such container"));
    assert_eq!(
        verdict.explain(),
        "its container left no exit code: Essential container in task exited; CannotInspectContainerError: no such \
         container"
    );
}

#[test]
fn a_missing_container_is_said_with_those_that_are_there() {
    let task = with(ended(EXITED, Some(0)), container("agent", Some(0), None));
    let verdict = judge(&OURS.into(), &asked("web", Proof::ExitCode), &task, &Reports::default());
    assert_eq!(why(&verdict), "the task has no container web (its containers: agent, migration)");
    let none = Task { containers: Vec::new(), ..ended(EXITED, None) };
    assert_eq!(why(&of(&none)), "the task has no container migration (its containers: none)");
    let never = Task { containers: Vec::new(), ..ended(Some("TaskFailedToStart"), None) };
    assert_eq!(of(&never).word(), "never started");
}

#[test]
fn another_database_comes_before_everything_else() {
    let other = [r#"{"version":1,"database":"startupwebapp_prod","pending":0}"#];
    let both = [r#"{"version":1,"database":"healthtech_experiment","pending":0}"#, other[0]];
    for lines in [&other[..], &both[..]] {
        for (stop_code, exit_code) in
            [(EXITED, Some(0)), (EXITED, Some(1)), (Some("UserInitiated"), Some(143)), (None, None)]
        {
            let verdict = judge(
                &OURS.into(),
                &asked("migration", Proof::ExitCode),
                &ended(stop_code, exit_code),
                &reported(lines),
            );
            let expected = Verdict::WrongDatabase {
                times: None,
                asked: OURS.into(),
                reported: "startupwebapp_prod".into(),
                exit_code,
            };
            assert_eq!(verdict, expected);
            assert_eq!(verdict.exit_code(), ExitCode::MigrationFailed);
        }
    }
    let verdict =
        judge(&OURS.into(), &asked("migration", Proof::ExitCode), &ended(EXITED, Some(0)), &reported(&other));
    assert_eq!(
        verdict.explain(),
        "asked for healthtech_experiment, but the task was connected to startupwebapp_prod (exit code 0)"
    );
    // PostgreSQL's names differ by case.
    let case = reported(&[r#"{"version":1,"database":"Healthtech_experiment","pending":0}"#]);
    assert_eq!(
        judge(&OURS.into(), &asked("migration", Proof::ExitCode), &ended(EXITED, Some(0)), &case).word(),
        "wrong database"
    );
}

#[test]
fn a_report_that_does_not_say_done_proves_nothing() {
    let task = ended(EXITED, Some(0));
    for (line, expected) in [
        (
            r#"{"version":1,"database":"healthtech_experiment","pending":2}"#,
            "exit code 0, but it reports that 2 migrations are pending",
        ),
        (
            r#"{"version":1,"database":"healthtech_experiment","pending":0,"failed":{"version":7,"name":"orders","error":"no"}}"#,
            "exit code 0, but it reports that migration 7 orders failed: no",
        ),
        (
            r#"{"version":9,"database":"healthtech_experiment"}"#,
            "exit code 0, but 1 of its migration reports cannot be read: version 9 of the protocol is not supported, \
             1 is",
        ),
        (
            r#"{"version":1,"database":"healthtech_experiment"}"#,
            "exit code 0, but 1 of its migration reports cannot be read: missing field `pending`",
        ),
    ] {
        let done = r#"{"version":1,"database":"healthtech_experiment","pending":0}"#;
        for lines in [&[line][..], &[line, done], &[done, line]] {
            assert_eq!(
                why(&judge(&OURS.into(), &asked("migration", Proof::ExitCode), &task, &reported(lines))),
                expected
            );
        }
    }
    let silent = judge(&OURS.into(), &asked("migration", Proof::Report), &task, &Reports::default());
    assert_eq!((&silent, silent.is_migrated()), (&Verdict::Unreported { unread: None }, false));
    let silent = judge(&OURS.into(), &asked("migration", Proof::ExitCode), &task, &Reports::default());
    assert_eq!((silent.word(), silent.is_proved()), ("migrated, not proved", false));
}

/// A log that broke off proves nothing, whatever was read of it.
#[test]
fn a_log_that_was_not_read_to_its_end_proves_nothing() {
    let task = ended(EXITED, Some(0));
    let (broken, unread) = (LogEnd::BrokenOff("denied".into()), LogEnd::Unread("denied".into()));
    let rest = "exit code 0, but its log was not read to its end, where a migration report may stand: denied";
    let another = "exit code 0 and a migration report, but its log was not read to its end, where another one may stand: denied";
    let unseen = "exit code 0, but no migration report was seen, because its log could not be read: denied";
    let alone = "exit code 0, and no migration report was seen: which database it was is not proved";
    let silent = "exit code 0, but it printed no migration report: nothing proves which database it migrated";
    let done = "healthtech_experiment: 1 applied, now at 1, 57 tables";
    let none = Reports::default();
    for (log, reports, by_report, by_exit_code) in [
        (&LogEnd::Whole, &good(), done, done),
        (&LogEnd::Whole, &none, silent, alone),
        (&broken, &good(), another, another),
        (&broken, &none, rest, rest),
        (&unread, &good(), another, another),
        (&unread, &none, unseen, alone),
    ] {
        let ending = Ending { log: log.clone(), ..Ending::default() };
        for (proof, expected) in [(Proof::Report, by_report), (Proof::ExitCode, by_exit_code)] {
            let verdict = super::judge(&OURS.into(), &asked("migration", proof), &task, reports, &ending);
            assert_eq!(verdict.explain(), expected, "{log:?} {proof:?}");
            assert_eq!(verdict.is_migrated(), [done, alone].contains(&expected));
        }
    }
    let other = reported(&[r#"{"version":1,"database":"startupwebapp_prod","pending":0}"#]);
    let ending = Ending { log: broken, ..Ending::default() };
    let verdict = super::judge(&OURS.into(), &asked("migration", Proof::Report), &task, &other, &ending);
    assert_eq!(verdict.word(), "wrong database", "what was read of it is true");
}

/// Exit code 0 of a container that was told to end is the exit code of a polite one.
#[test]
fn exit_code_0_beside_an_essential_container_that_may_have_ended_first() {
    let essential = ["agent".to_owned()];
    let running = |name: &str, exit_code| container(name, exit_code, None);
    let look = |own: Option<i32>, agent: Option<i32>| Task {
        containers: vec![running("agent", agent), running("migration", own)],
        ..ended(EXITED, own)
    };
    let at_once = |own, agent| vec![look(None, None), look(own, agent)];
    let agent_first = |agent| vec![look(None, agent), look(Some(0), agent)];
    let own_first = |agent| vec![look(Some(0), None), look(Some(0), agent)];
    let may = "unproved: exit code 0, but essential container agent ended by itself as well, with exit code 1, and nothing \
               says which of them ended first";
    let first = |code: i32| {
        format!(
            "killed: container agent of the same task ended first, with exit code {code}, so ECS stopped the task (exit \
             code 0)"
        )
    };
    let alone = "migrated, not proved: exit code 0, and no migration report was seen: which database it was is not proved";
    for (looks, essential, expected) in [
        (at_once(Some(0), Some(1)), &essential[..], may.to_owned()),
        (at_once(Some(0), Some(0)), &essential[..], may.replace("code 1", "code 0")),
        (at_once(Some(0), Some(143)), &essential[..], alone.to_owned()),
        (at_once(Some(0), Some(137)), &essential[..], alone.to_owned()),
        (agent_first(Some(1)), &essential[..], first(1)),
        (agent_first(Some(137)), &essential[..], first(137)),
        (own_first(Some(1)), &essential[..], alone.to_owned()),
        (own_first(Some(0)), &essential[..], alone.to_owned()),
        // A sidecar that is not essential ends nothing.
        (at_once(Some(0), Some(1)), &[], alone.to_owned()),
        (agent_first(Some(1)), &[], alone.to_owned()),
    ] {
        let mut ending = whole();
        looks.iter().for_each(|task| ending.order.look(task));
        let task = looks.last().expect("a look");
        let asked = |proof| Asked { essential, ..asked("migration", proof) };
        let verdict = super::judge(&OURS.into(), &asked(Proof::ExitCode), task, &Reports::default(), &ending);
        assert_eq!(format!("{}: {}", verdict.word(), verdict.explain()), expected, "{looks:?}");
        // With a report, whoever ended first.
        assert!(super::judge(&OURS.into(), &asked(Proof::Report), task, &good(), &ending).is_proved());
        let silent = super::judge(&OURS.into(), &asked(Proof::Report), task, &Reports::default(), &ending);
        assert!(!silent.is_migrated());
    }
}

#[test]
fn exit_code_0_beside_an_out_of_memory_error() {
    let oom = "OutOfMemoryError: Container killed due to memory usage";
    let own = because(ended(EXITED, Some(0)), oom);
    let whole_task = Task { stopped_reason: Some(oom.into()), ..ended(EXITED, Some(0)) };
    let other = with(ended(EXITED, Some(0)), container("agent", Some(137), Some(oom)));
    let essential = ["agent".to_owned()];
    let of = |task: &Task, proof, reports: &Reports| {
        let asked = Asked { essential: &essential, ..asked("migration", proof) };
        super::judge(&OURS.into(), &asked, task, reports, &whole())
    };
    for (task, word) in [(&own, "killed"), (&whole_task, "killed"), (&other, "unproved")] {
        for proof in [Proof::Report, Proof::ExitCode] {
            assert_eq!(of(task, proof, &Reports::default()).word(), word, "{task:?}");
        }
        assert!(of(task, Proof::Report, &good()).is_proved(), "a report says that it was done: {task:?}");
    }
}
