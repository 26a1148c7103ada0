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

#[tokio::test(start_paused = true)]
async fn an_exit_that_shows_is_seen_within_a_second() {
    for millis in (0..2_000).step_by(300) {
        let run_for = MINUTE + Duration::from_millis(millis);
        let (report, took) = run(&Fargate::running_for(run_for), &plan(&["--database=shop"])).await;
        assert!(verdict(&report).is_migrated(), "{report:#?}");
        let after = took - (START + run_for + SHOWN);
        assert!(after <= SECOND + Duration::from_millis(10), "{millis}: {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_sidecar_is_not_when_the_migration_container_exited() {
    let mut document = document();
    let containers = document["taskDefinition"]["containerDefinitions"].as_array_mut().expect("a list");
    containers.push(json!({"name": "proxy", "image": "proxy:1", "essential": true}));
    let flags = ["--database=shop", "--container=migration", "--proof=exit-code"];
    // It has ended soon after the start, so that the task is stopped.
    let world = Fargate {
        lines: vec![(MINUTE, report("production_default"))],
        log_delay: SHOWN + 5 * SECOND,
        execution_stopped_at: Some(jiff::Timestamp::UNIX_EPOCH + START + SECOND),
        ..Fargate::running_for(MINUTE)
    };
    let (report, _) = run(&world, &plan_from(document, &flags)).await;
    assert_eq!(verdict(&report).word(), "wrong database", "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_log_is_as_long_as_asked_for_and_costs_a_call_now_and_then() {
    // A line comes when the exit shows.
    let lines = vec![(MINUTE + SHOWN, "done".to_owned())];
    let world = Fargate { lines, log_delay: Duration::ZERO, ..Fargate::running_for(MINUTE) };
    let (_, took) = run(&world, &plan(&["--database=shop", "--log-drain=1s"])).await;
    assert!(took < UNTIL_SHOWN + 2 * SECOND, "{took:?}");

    let world = Fargate { lines: Vec::new(), ..Fargate::running_for(MINUTE) };
    let (_, took) = run(&world, &plan(&["--database=shop", "--log-drain=1h"])).await;
    assert!((60 * MINUTE..63 * MINUTE).contains(&took), "{took:?}");
    assert!(world.log_reads.get() < 1_000, "{} calls", world.log_reads.get());
}

#[tokio::test(start_paused = true)]
async fn the_logs_of_many_are_read_less_often() {
    for (count, most) in [(4, 4 * 320), (5, 5 * 70)] {
        let world = Fargate::running_for(10 * MINUTE);
        let names: Vec<String> = (0..count).map(|number| format!("tenant_{number}")).collect();
        let flags = [format!("--database={}", names.join(",")), format!("--max-parallel={count}")];
        let (report, _) = run(&world, &plan(&[&flags[0], &flags[1]])).await;
        assert_eq!(report.migrated().count(), count);
        assert!(world.log_reads.get() < most, "{count}: {} calls", world.log_reads.get());
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_without_capacity_is_said_although_one_of_ours_leaves() {
    let dry_subnet = Some("subnet-1".to_owned());
    let world = Fargate { dry_subnet, ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &plan(&["--database=shop,blog", "--max-parallel=1"])).await;
    assert_eq!(report.migrated().count(), 2, "{report:#?}");
    assert!(report.databases.iter().all(|row| row.waited.is_some()), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_does_not_leave_is_not_waited_for_without_a_word() {
    // StopTask is denied: what runs on beside the migration container keeps its vCPUs.
    let world = Fargate { serves: true, stop_denied: true, slots: 1, ..Fargate::running_for(MINUTE) };
    let flags = ["--database=shop,blog", "--container=migration", "--max-parallel=1", "--timeout=20m"];
    let mut document = document();
    document["taskDefinition"]["containerDefinitions"][0]["essential"] = json!(false);
    let (report, _) = run(&world, &plan_from(document, &flags)).await;
    assert_eq!(report.migrated().count(), 1, "{report:#?}");
    assert_eq!(report.notes.iter().filter(|note| note.contains("vCPUs")).count(), 1, "{:?}", report.notes);
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_that_may_be_followed_by_a_restart_does_not_keep_a_task_from_being_stopped() {
    let world = Fargate { exit_code: ExitCode::Early, ..Fargate::running_for(MINUTE) };
    let (sender, interrupt) = Interrupt::by_hand();
    let plan = plan(&["--database=shop"]);
    let cancel = async {
        tokio::time::sleep(START + MINUTE + 3 * SECOND).await;
        sender.send_replace(true);
    };
    let ((report, _), ()) = tokio::join!(migrated(&world, &plan, &interrupt), cancel);
    assert_eq!(verdict(&report), &Verdict::Cancelled { stopped: true });
    assert_eq!(world.stopped.borrow().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_comes_to_no_end_is_left_at_the_timeout() {
    let world = Fargate { endless_log: true, ..Fargate::running_for(MINUTE) };
    let (report, took) = run(&world, &plan(&["--database=shop", "--timeout=10m"])).await;
    assert!(verdict(&report).explain().contains("came to no end"), "{report:#?}");
    assert!(took < 13 * MINUTE, "{took:?}");
}
