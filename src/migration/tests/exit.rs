//! The verdict at the container's exit: as soon as ECS shows it, and never on less than that.

use super::world::ExitCode;
use super::*;

/// What a run takes from RunTask to the first answer that shows its container's exit.
const UNTIL_SHOWN: Duration = Duration::from_secs(START.as_secs() + MINUTE.as_secs() + SHOWN.as_secs());

#[tokio::test(start_paused = true)]
async fn an_exit_code_counts_once_the_task_is_told_to_stop_and_not_before() {
    for (exit_code, decided_after, word) in [
        (ExitCode::Shown, SHOWN, "migrated"),
        // The exit code alone may be followed by a restart.
        (ExitCode::Early, SHOWN, "migrated"),
        (ExitCode::Late, END, "migrated"),
        (ExitCode::Never, END, "unproved"),
    ] {
        let world = Fargate { exit_code, ..Fargate::running_for(MINUTE) };
        let (report, took) = run(&world, &plan(&["--database=shop"])).await;
        assert_eq!(verdict(&report).word(), word, "{exit_code:?}: {report:#?}");
        let after = took - (START + MINUTE);
        assert!((decided_after..decided_after + 2 * SECOND).contains(&after), "{exit_code:?}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_container_is_judged_when_ecs_says_all_that_it_knows() {
    for exit_code in [ExitCode::Shown, ExitCode::Early, ExitCode::Late] {
        let poison = [("shop".to_owned(), 137)].into();
        let world = Fargate { poison, exit_code, ..Fargate::running_for(MINUTE) };
        let (report, took) = run(&world, &plan(&["--database=shop"])).await;
        assert_eq!(verdict(&report).word(), "killed", "{report:#?}");
        assert!(took >= START + MINUTE + END, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_report_the_log_is_quiet_since_the_exit_and_not_since_it_was_seen() {
    for (log_drain, printed) in [(12 * SECOND, true), (30 * SECOND, true), (30 * SECOND, false)] {
        let lines = if printed { vec![(MINUTE - SECOND, "done".to_owned())] } else { Vec::new() };
        let world = Fargate { lines, ..Fargate::running_for(MINUTE) };
        let flags = [format!("--log-drain={}s", log_drain.as_secs()), "--proof=exit-code".to_owned()];
        let (report, took) = run(&world, &plan(&["--database=shop", &flags[0], &flags[1]])).await;
        assert_eq!(verdict(&report).word(), "migrated, not proved", "{report:#?}");
        let after = took - (START + MINUTE);
        assert!((log_drain..log_drain + 2 * SECOND).contains(&after), "{after:?} for {log_drain:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_comes_last_of_all_decides_and_one_that_comes_too_late_is_no_proof() {
    let wrong = report("production_default");
    for (seconds, lines, word) in [
        (11, report("shop"), "migrated"),
        (11, wrong.clone(), "wrong database"),
        (40, report("shop"), "unproved"),
        (40, wrong, "unproved"),
    ] {
        let lines = vec![(SECOND, "begins".to_owned()), (MINUTE, lines)];
        let world = Fargate { lines, log_delay: seconds * SECOND, ..Fargate::running_for(MINUTE) };
        let (report, _) = run(&world, &plan(&["--database=shop"])).await;
        assert_eq!(verdict(&report).word(), word, "{seconds}: {report:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_comes_late_is_waited_behind() {
    // It comes within the 12 s after the exit, and the report behind it after them.
    for (report_at, word) in [(14, "migrated"), (19, "unproved")] {
        let lines = [(11, "a late line".to_owned()), (report_at, report("shop"))];
        let lines = lines.map(|(at, line)| (MINUTE + at * SECOND, line)).to_vec();
        let world = Fargate { lines, log_delay: Duration::ZERO, ..Fargate::running_for(MINUTE) };
        let (report, _) = run(&world, &plan(&["--database=shop"])).await;
        assert_eq!(verdict(&report).word(), word, "{report_at}: {report:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_durations_are_those_of_the_container_though_the_task_has_not_stopped() {
    let world = Fargate::running_for(MINUTE);
    let (report, _) = run(&world, &plan(&["--database=shop"])).await;
    let row = &report.databases[0];
    assert_eq!(row.times.stages_ms()[2], Some(60_000), "{row:#?}");
    assert!(row.total_ms.is_some_and(|ms| ms < 120_000), "{row:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_next_one_starts_at_the_verdict_and_waits_for_room_without_a_word() {
    for (slots, next) in [(2, UNTIL_SHOWN), (1, START + MINUTE + END)] {
        let world = Fargate { slots, ..Fargate::running_for(MINUTE) };
        let plan = plan(&["--database=shop,blog", "--max-parallel=1"]);
        let (report, _) = run(&world, &plan).await;
        assert_eq!(report.migrated().count(), 2, "{report:#?}");
        let started = world.started()["blog"];
        assert!((next..next + 3 * SECOND).contains(&started), "{slots}: {started:?}");
        assert!(!report.notes.iter().any(|note| note.contains("vCPUs")), "{:?}", report.notes);
        assert!(report.databases.iter().all(|row| row.waited.is_none()), "{report:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lack_of_room_that_others_make_is_said_although_one_of_ours_leaves() {
    let world = Fargate { slots: 1, ..Fargate::running_for(MINUTE) };
    let plan = plan(&["--database=shop,blog", "--max-parallel=1", "--timeout=20m"]);
    let others = async {
        tokio::time::sleep(UNTIL_SHOWN - 5 * SECOND).await;
        world.tasks.borrow_mut().insert("arn:of/others".into(), world::Life::of(&["other"], false));
    };
    let ((report, _), ()) = tokio::join!(run(&world, &plan), others);
    assert_eq!(report.migrated().count(), 2, "{report:#?}");
    assert!(report.databases[1].waited.is_some(), "{report:#?}");
    assert_eq!(report.notes.iter().filter(|note| note.contains("vCPUs")).count(), 1, "{:?}", report.notes);
}

#[tokio::test(start_paused = true)]
async fn what_ends_by_itself_is_not_stopped_when_the_run_is_interrupted_or_out_of_time() {
    // Killed, so that the end of the task is waited for.
    let world = || Fargate { poison: [("shop".to_owned(), 137)].into(), ..Fargate::running_for(MINUTE) };
    let (sender, interrupt) = Interrupt::by_hand();
    let interrupted = world();
    let patient = plan(&["--database=shop"]);
    let running = migrated(&interrupted, &patient, &interrupt);
    let cancel = async {
        tokio::time::sleep(UNTIL_SHOWN + 5 * SECOND).await;
        sender.send_replace(true);
    };
    let ((report, took), ()) = tokio::join!(running, cancel);
    assert!(!verdict(&report).is_migrated(), "{report:#?}");
    assert!(took < UNTIL_SHOWN + 6 * SECOND, "{took:?}");
    assert_eq!(interrupted.stopped.borrow().len(), 0, "it had ended by itself");

    let late = world();
    let deadline = format!("--timeout={}s", (UNTIL_SHOWN + 5 * SECOND).as_secs());
    let (report, _) = run(&late, &plan(&["--database=shop", &deadline])).await;
    assert_eq!(verdict(&report).word(), "killed", "{report:#?}");
    assert_eq!(late.stopped.borrow().len(), 0, "it had ended by itself");
}

#[tokio::test(start_paused = true)]
async fn an_exit_before_the_start_says_nothing_about_when_it_was() {
    let wrong = vec![(MINUTE, report("production_default"))];
    let before = Some(jiff::Timestamp::UNIX_EPOCH - MINUTE);
    let world = Fargate {
        lines: wrong,
        log_delay: SHOWN + 5 * SECOND,
        execution_stopped_at: before,
        ..Fargate::running_for(MINUTE)
    };
    let (report, _) = run(&world, &plan(&["--database=shop", "--proof=exit-code"])).await;
    assert_eq!(verdict(&report).word(), "wrong database", "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_in_time_is_read_for_as_long_as_any_other() {
    // Its exit code shows 15 s after the deadline, and its report five minutes after that.
    let log_delay = 6 * MINUTE;
    let world = Fargate { exit_code: ExitCode::Late, log_delay, ..Fargate::running_for(MINUTE) };
    let deadline = format!("--timeout={}s", (UNTIL_SHOWN + SECOND).as_secs());
    let (report, _) = run(&world, &plan(&["--database=shop", "--log-drain=7m", &deadline])).await;
    assert_eq!(verdict(&report).word(), "migrated", "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_to_have_ended_is_not_said_to_run() {
    // ECS does not say how it ended.
    let blind = (UNTIL_SHOWN + 2 * SECOND, 60 * MINUTE);
    let world = Fargate { exit_code: ExitCode::Late, blind, ..Fargate::running_for(MINUTE) };
    let deadline = format!("--timeout={}s", (UNTIL_SHOWN + 5 * SECOND).as_secs());
    let (report, _) = run(&world, &plan(&["--database=shop", &deadline])).await;
    let said = verdict(&report).explain();
    assert!(!verdict(&report).is_migrated() && !said.contains("may still run"), "{said}");

    // Its exit shows after StopTask was denied.
    let world = Fargate { stop_denied: true, ..Fargate::running_for(MINUTE) };
    let deadline = format!("--timeout={}s", (UNTIL_SHOWN - 5 * SECOND).as_secs());
    let (report, _) = run(&world, &plan(&["--database=shop", &deadline])).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: true });
    assert!(!report.notes.iter().any(|note| note.contains("may still run")), "{:?}", report.notes);
}
