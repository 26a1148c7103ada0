//! Stages: their order, their rules, and the pauses between them.

use super::*;
use crate::migration::tests::world::Life;

/// A plan of twelve databases in these stages.
fn staged(rollout: &str, flags: &[&str]) -> Plan {
    let names: Vec<String> = (0..12).map(|n| format!("t{n:02}")).collect();
    let file = format!("databases: [{}]\n{rollout}", names.join(", "));
    plan_of(document(), &samples::with_file(&file, &[&["--database=all"], flags].concat()))
}

fn failing(names: &[&str]) -> Fargate {
    Fargate { failing: names.iter().map(|&name| name.into()).collect(), ..Fargate::running_for(MINUTE) }
}

/// Why the others were not run; each once.
fn reasons(report: &Report) -> Vec<String> {
    let verdicts = report.databases.iter().filter_map(|row| row.verdict.as_ref());
    let mut reasons: Vec<String> = Vec::new();
    for verdict in verdicts.filter(|verdict| matches!(verdict, Verdict::NotRun { .. })) {
        let reason = verdict.explain();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

#[tokio::test(start_paused = true)]
async fn a_stage_begins_when_the_pause_after_the_one_before_is_over() {
    let world = Fargate::running_for(MINUTE);
    let rollout =
        "rollout:\n- {databases: [t07], pause: 10m}\n- {databases: ['t0*'], parallel: 9, pause: 1h}\n";
    let (report, took) = run(&world, &staged(rollout, &["--max-parallel=2"])).await;
    assert_eq!(report.migrated().count(), 12);
    let started = world.started();
    let first = started["t07"];
    assert!(first < MINUTE, "{first:?}");
    let second = started["t00"];
    assert!((10 * MINUTE..13 * MINUTE).contains(&(second - first)), "{second:?}");
    // Nine at a time: the widest stage has lanes of its own.
    assert!((0..9).all(|n| n == 7 || started[&format!("t0{n}")] < second + START), "{started:?}");
    let rest = started["t10"];
    assert!((HOUR..HOUR + 3 * MINUTE).contains(&(rest - second)), "{rest:?}");
    // Nothing comes after the last one, so no pause does.
    assert!(took < rest + 4 * MINUTE, "{took:?}");
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn each_stage_has_its_own_rule_and_counts_its_own_failures() {
    let three = "rollout:\n- {name: few, databases: [t00, t01, t02], max-failures: 2}\n- {name: more, databases: ['t0*']}\n";
    for (broken, started, why) in [
        // One of the first is borne, and one of the second is not.
        (&["t01"][..], 12, None),
        (&["t01", "t04"], 5, Some("t04 of stage more was not migrated, and nothing starts after that")),
        (
            &["t00", "t01"],
            2,
            Some("2 databases of stage few were not migrated, t00 first, and its max-failures is 2"),
        ),
        (&["t11"], 12, None),
    ] {
        let world = failing(broken);
        let (report, took) = run(&world, &staged(three, &[])).await;
        assert_eq!(world.runs.get(), started, "{broken:?}: {took:?}");
        assert_eq!(reasons(&report), why.into_iter().map(str::to_owned).collect::<Vec<_>>(), "{broken:?}");
        assert_eq!(report.migrated().count(), started - broken.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stage_that_keeps_going_runs_all_of_its_databases_and_stops_the_later_ones() {
    let rollout = "rollout:\n- {name: few, databases: [t00, t01, t02], keep-going: true, pause: 1h}\n";
    let world = failing(&["t00", "t01"]);
    let (report, took) = run(&world, &staged(rollout, &[])).await;
    assert_eq!((world.runs.get(), report.migrated().count()), (3, 1));
    assert_eq!(reasons(&report), ["t00 of stage few was not migrated, and no later stage starts"]);
    assert!(took < HOUR, "nothing is waited for: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn where_one_stage_packs_every_task_is_told_a_list() {
    let rollout = "rollout:\n- databases: [t00]\n- {databases: ['t0*'], databases-per-task: 5}\n";
    let world = Fargate::running_for(MINUTE);
    let plan = staged(rollout, &[]);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(report.migrated().count(), 12);
    // One, then nine in two, then two by themselves.
    assert_eq!(plan.stages().map(|(_, packs)| packs.len()).collect::<Vec<_>>(), [1, 2, 2]);
    assert_eq!(world.runs.get(), 5);
    assert_eq!(report.pack_logs.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_pause_at_once() {
    let rollout = "rollout:\n- {databases: [t00], pause: 5h}\n";
    let world = Fargate::running_for(MINUTE);
    let (sender, interrupt) = Interrupt::by_hand();
    let plan = staged(rollout, &[]);
    let ended = migrated(&world, &plan, &interrupt);
    let stop = async {
        tokio::time::sleep(HOUR).await;
        sender.send_replace(true);
        std::future::pending().await
    };
    let (report, took) = tokio::select! {
        ended = ended => ended,
        () = stop => unreachable!("it is pending"),
    };
    assert_eq!((took, world.runs.get()), (HOUR, 1));
    assert_eq!(reasons(&report), ["the run was interrupted before it started"]);
}

/// However short it was: the look of the plan is from before it.
#[tokio::test(start_paused = true)]
async fn what_another_run_begins_during_a_pause_is_met_before_the_next_stage() {
    const OTHER: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";
    let world = Fargate::running_for(2 * SECOND);
    let plan = staged("rollout: [{databases: [t00], pause: 50s}]\n", &["--max-parallel=12"]);
    let late = async {
        // Its end is shown by then, and the pause has begun.
        tokio::time::sleep(START + 2 * SECOND + END + 20 * SECOND).await;
        world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["t05"], false));
    };
    let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
    let of = |name: &str| report.databases.iter().find(|row| row.database == name).expect("a row");
    assert_eq!(of("t05").verdict.as_ref().map(Verdict::word), Some("already running"));
    assert_eq!(of("t00").verdict.as_ref().map(Verdict::word), Some("migrated"));
}
