//! What is said of each verdict, and how a run ends.

use super::*;

#[test]
fn every_verdict_has_a_word_an_exit_code_and_a_sentence() {
    let verdicts = [
        of(&ended(EXITED, Some(0))),
        Verdict::Failed { exit_code: 3 },
        Verdict::NeverStarted { reason: "ECS gives no reason".into() },
        Verdict::Killed { by: Killer::Spot, exit_code: None },
        Verdict::TimedOut { stopped: true },
        Verdict::TimedOut { stopped: false },
        Verdict::Cancelled { stopped: true },
        Verdict::Cancelled { stopped: false },
        Verdict::WrongDatabase { asked: "a".into(), reported: "b\n".into(), times: None, exit_code: None },
        Verdict::WrongDatabase {
            asked: "a".into(),
            reported: "b".into(),
            times: Some(3),
            exit_code: Some(0),
        },
        Verdict::Unproved { why: "x\u{1b}".into() },
        Verdict::Unreported { unread: None },
        Verdict::Unreported { unread: Some("denied".into()) },
        Verdict::AlreadyRunning { task_arn: "arn".into(), started_by: Some("run-7".into()), doubt: None },
        Verdict::AlreadyRunning {
            task_arn: "arn".into(),
            started_by: None,
            doubt: Some("ECS does not say what it is told".into()),
        },
        Verdict::NotRun { why: "an earlier database failed".into() },
    ];
    let told: Vec<String> = verdicts
        .iter()
        .map(|verdict| {
            format!("{} · {} · {}", verdict.word(), verdict.exit_code().number(), verdict.explain())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    migrated, not proved · 0 · exit code 0, and no migration report was seen: which database it was is not proved
    failed · 1 · exit code 3
    never started · 3 · its container never ran, so this task migrated nothing: ECS gives no reason
    killed · 1 · Fargate Spot took the capacity back (no exit code)
    timed out · 4 · still running at --timeout, so its task was stopped
    timed out · 4 · still running at --timeout; its task was left running
    cancelled · 130 · the run was interrupted, so its task was stopped
    cancelled · 130 · the run was interrupted; its task was left running
    wrong database · 1 · asked for a, but the task was connected to b (no exit code)
    wrong database · 1 · asked for a, but the task reported b 3 times and a never: the image seems not to take its names from the list (exit code 0)
    unproved · 1 · x␛
    unproved · 1 · exit code 0, but it printed no migration report: nothing proves which database it migrated
    unproved · 1 · exit code 0, but no migration report was seen, because its log could not be read: denied
    already running · 1 · task arn migrates it now, started by run-7
    already running · 1 · task arn may migrate it now: ECS does not say what it is told
    not run · 3 · an earlier database failed
    ");
}

#[test]
fn the_run_ends_as_its_worst_database() {
    let migrated = of(&ended(EXITED, Some(0)));
    let failed = Verdict::Failed { exit_code: 3 };
    let timed_out = Verdict::TimedOut { stopped: true };
    let cancelled = Verdict::Cancelled { stopped: true };
    let never = Verdict::NeverStarted { reason: String::new() };
    let not_run = Verdict::NotRun { why: String::new() };
    for (verdicts, expected) in [
        (vec![], ExitCode::Service),
        (vec![&migrated], ExitCode::Done),
        (vec![&migrated, &migrated], ExitCode::Done),
        (vec![&migrated, &not_run], ExitCode::Service),
        (vec![&not_run, &failed, &migrated], ExitCode::MigrationFailed),
        (vec![&never, &not_run], ExitCode::Service),
        (vec![&never, &timed_out], ExitCode::TimedOut),
        (vec![&timed_out, &failed, &never], ExitCode::MigrationFailed),
        (vec![&failed, &cancelled, &timed_out], ExitCode::Cancelled),
    ] {
        assert_eq!(overall(verdicts.iter().copied()), expected, "{verdicts:?}");
    }
}
