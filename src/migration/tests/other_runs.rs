//! A database that someone else's task migrates now.

use std::sync::Arc;

use super::world::{Life, REVISION};
use super::*;
use crate::plan::{Orders, RunningTask, Told};

const OTHER: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef";

fn beside(world: &Fargate, flags: &[&str], revision: &str) -> Plan {
    let life = Life::of(&["shop"], false);
    world.tasks.borrow_mut().insert(OTHER.into(), life);
    let mut plan = plan(&[&["--database=shop"], flags].concat());
    plan.packs[0].running = Some(Arc::new(RunningTask {
        arn: OTHER.into(),
        task_definition: Some(revision.into()),
        started_by: Some("fargate-migrate/gha-1-1-migrate".into()),
        told: Ok(Told::One("shop".into())),
        orders: Orders::default(),
        alike: false,
        ours: false,
        ending: false,
    }));
    plan
}

#[tokio::test(start_paused = true)]
async fn its_end_is_waited_for_and_then_ours_runs() {
    let world = Fargate::running_for(MINUTE);
    let plan = beside(&world, &["--on-running=wait"], REVISION);
    let (report, took) = run(&world, &plan).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
    assert_eq!(world.runs.get(), 1);
    let next = 2 * (START + MINUTE + SHOWN);
    assert!((next..next + 4 * SECOND).contains(&took), "{took:?}");
    assert_ne!(report.databases[0].task_arn.as_deref(), Some(OTHER));
}

#[tokio::test(start_paused = true)]
async fn it_is_adopted_when_it_runs_the_same_revision_and_only_then() {
    for (revision, adopted) in [(REVISION, true), ("arn:aws:ecs:x:1:task-definition/t:2", false)] {
        let world = Fargate::running_for(MINUTE);
        let plan = beside(&world, &["--on-running=adopt"], revision);
        let (report, _) = run(&world, &plan).await;
        assert_eq!(verdict(&report).is_migrated(), adopted, "{report:#?}");
        assert_eq!(world.runs.get(), 0, "nothing runs beside it");
        if adopted {
            assert_eq!(report.databases[0].task_arn.as_deref(), Some(OTHER));
            let took = report.databases[0].total_ms;
            assert_eq!(
                took,
                i64::try_from((START + MINUTE).as_millis()).ok(),
                "all of it, not since it was adopted"
            );
        } else {
            assert!(report.notes.iter().any(|note| note.contains("is not adopted")), "{:?}", report.notes);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_task_is_not_ours_to_stop() {
    let world = Fargate::running_for(60 * MINUTE);
    let plan = beside(&world, &["--on-running=adopt", "--timeout=5m"], REVISION);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: false });
    assert!(world.stopped.borrow().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_word_it_is_a_failure() {
    let world = Fargate::running_for(MINUTE);
    let (report, _) = run(&world, &beside(&world, &[], REVISION)).await;
    assert!(matches!(verdict(&report), Verdict::AlreadyRunning { .. }));
    assert_eq!(world.runs.get(), 0);
}

/// Two databases, of which a task of someone else migrates both, and a third one that is not ours.
fn beside_a_pack(world: &Fargate, flags: &[&str]) -> Plan {
    let told = ["shop", "blog", "other"];
    world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&told, true));
    let mut plan = plan(&[&["--database=shop,blog", "--max-parallel=2"], flags].concat());
    let running = Arc::new(RunningTask {
        arn: OTHER.into(),
        task_definition: Some(REVISION.into()),
        started_by: Some("fargate-migrate/gha-1-1-migrate".into()),
        told: Ok(Told::Pack(told.map(str::to_owned).to_vec())),
        orders: Orders::default(),
        alike: false,
        ours: false,
        ending: false,
    });
    for pack in &mut plan.packs {
        pack.running = Some(Arc::clone(&running));
    }
    plan
}

#[tokio::test(start_paused = true)]
async fn several_may_wait_for_the_end_of_one_pack() {
    let world = Fargate::running_for(MINUTE);
    let (report, took) = run(&world, &beside_a_pack(&world, &["--on-running=wait"])).await;
    assert_eq!((report.migrated().count(), world.runs.get()), (2, 2), "{report:#?}");
    assert!(took >= 2 * (START + MINUTE + SHOWN), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_adopted_pack_is_judged_by_its_reports_and_not_run_again() {
    let poison = [("blog".to_owned(), 137)].into();
    let world = Fargate { poison, ..Fargate::running_for(MINUTE) };
    let mut plan = beside_a_pack(&world, &["--on-running=adopt"]);
    let second = plan.packs.pop().expect("two packs");
    plan.packs[0].databases.extend(second.databases);
    plan.stages[0].packs = 0..1;
    let (report, _) = run(&world, &plan).await;
    let words: Vec<_> =
        report.databases.iter().filter_map(|row| Some(row.verdict.as_ref()?.word())).collect();
    assert_eq!((words, world.runs.get()), (vec!["migrated", "killed"], 0));
}

/// One database after the other; during the second one, someone else starts a task for `blog`, the last of them.
async fn met(world: &Fargate, flags: &[&str]) -> Report {
    let plan = plan(&[&["--database=shop,docs,blog", "--max-parallel=1", "--keep-going"], flags].concat());
    let late = async {
        tokio::time::sleep(START + 3 * MINUTE).await;
        world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["other", "blog"], true));
    };
    let ((report, _), ()) = tokio::join!(run(world, &plan), late);
    report
}

fn words(report: &Report) -> Vec<String> {
    let verdicts = report.databases.iter().filter_map(|row| row.verdict.as_ref());
    verdicts.map(|verdict| verdict.word().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_else_starts_later_is_met_as_the_plan_would_have() {
    for (flag, last, ours) in
        [("fail", "already running", 2), ("wait", "migrated", 3), ("adopt", "migrated", 2)]
    {
        let world = Fargate::running_for(2 * MINUTE);
        let report = met(&world, &[&format!("--on-running={flag}")]).await;
        assert_eq!(words(&report), ["migrated", "migrated", last], "{flag}: {:?}", report.notes);
        assert_eq!(world.runs.get(), ours, "{flag}");
        assert_eq!(report.databases[2].task_arn.as_deref() == Some(OTHER), flag == "adopt");
    }
}

/// It is not listed as running any more, and works on.
#[tokio::test(start_paused = true)]
async fn one_that_is_told_to_end_before_the_next_look_is_waited_for() {
    let world = Fargate {
        slow: Some(("blog", 10 * MINUTE)),
        stop_timeout: 2 * MINUTE,
        ..Fargate::running_for(2 * MINUTE)
    };
    // Looks come when a task has ended, after 170 and 340 seconds or a little more.
    let late = async {
        tokio::time::sleep(100 * SECOND).await;
        world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["blog"], false));
        tokio::time::sleep(200 * SECOND).await;
        world.stopped.borrow_mut().insert(OTHER.into(), Instant::now());
    };
    let plan = plan(&["--database=shop,docs,blog", "--max-parallel=1", "--keep-going"]);
    let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
    assert_eq!(words(&report), ["migrated"; 3], "{:?}", report.notes);
    assert!(report.notes.iter().any(|note| note.contains("which is being stopped")), "{:?}", report.notes);
    let tasks = world.tasks.borrow();
    let began = tasks.iter().find(|(arn, life)| life.databases == ["blog"] && *arn != OTHER);
    let after = began.map(|(_, life)| life.since - world.stopped.borrow()[OTHER]);
    assert!(after >= Some(world.stop_timeout), "{after:?}");
}

/// It goes on where nobody sees it. One database waits for it in vain; another one, which a killed pack of ours leaves
/// afterwards, must not start beside it.
#[tokio::test(start_paused = true)]
async fn one_that_is_lost_from_sight_is_still_there_for_the_next_that_meets_it() {
    for (flag, lost) in [("fail", "already running"), ("wait", "already running"), ("adopt", "unproved")] {
        let world = Fargate {
            slow: Some(("wiki", 10 * MINUTE)),
            poison: [("mail".to_owned(), 137)].into(),
            hidden: Some((OTHER, 4 * MINUTE)),
            ..Fargate::running_for(2 * MINUTE)
        };
        let names = "--database=mail,wiki,shop,docs,blog,desk";
        let on_running = format!("--on-running={flag}");
        let packs = ["--databases-per-task=2", "--max-parallel=2", "--keep-going"];
        let plan = plan(&[&[names, &on_running], packs.as_slice()].concat());
        let late = async {
            tokio::time::sleep(100 * SECOND).await;
            world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["blog", "wiki"], true));
        };
        let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
        assert_eq!(words(&report), ["killed", lost, "migrated", "migrated", lost, "migrated"], "{flag}");
        assert_eq!(["wiki", "blog"].map(|name| world.tasks_of(name)), [2, 1], "{flag}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pack_loses_those_that_somebody_else_migrates_and_starts_with_the_rest() {
    let world = Fargate::running_for(10 * MINUTE);
    let flags = ["--database=a,b,shop,blog", "--databases-per-task=2", "--max-parallel=1", "--keep-going"];
    let plan = plan(&flags);
    let late = async {
        tokio::time::sleep(9 * MINUTE).await;
        world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["blog"], false));
    };
    let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
    assert_eq!(words(&report), ["migrated", "migrated", "migrated", "already running"]);
    assert_eq!((world.tasks_of("shop"), world.tasks_of("blog")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn looks_are_a_minute_apart_and_the_plan_is_the_first() {
    let world = Fargate::running_for(20 * SECOND);
    let report = met(&world, &["--on-running=fail"]).await;
    assert_eq!(world.lists.get(), 2, "before the second task, and before the third");
    assert!(report.notes.is_empty(), "{:?}", report.notes);

    let world = Fargate::running_for(MINUTE);
    let flags = ["--database=shop,docs,blog", "--max-parallel=3"];
    run(&world, &plan(&flags)).await;
    assert_eq!(world.lists.get(), 0, "the plan has just looked");
}

/// Nobody knows what runs then, so nothing starts.
#[tokio::test(start_paused = true)]
async fn after_a_look_that_fails_nothing_starts() {
    let world = Fargate { list_denied: true, ..Fargate::running_for(2 * MINUTE) };
    let report = met(&world, &[]).await;
    assert_eq!(words(&report), ["migrated", "never started", "never started"]);
    assert_eq!(
        (world.lists.get(), world.runs.get()),
        (1, 1),
        "one that is denied is not asked again at once"
    );
    let said = "nothing starts while it is not known which tasks other runs have started: access denied";
    assert_eq!(report.error.expect("an error").message, said);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_for_a_moment_is_tried_again() {
    for (outage, last, runs) in [(25 * SECOND, "migrated", 3), (60 * MINUTE, "never started", 2)] {
        let world =
            Fargate { unlisted: (8 * MINUTE, 8 * MINUTE + outage), ..Fargate::running_for(4 * MINUTE) };
        let plan = plan(&["--database=shop,docs,blog", "--max-parallel=1", "--keep-going"]);
        let (report, _) = run(&world, &plan).await;
        assert_eq!(words(&report), ["migrated", "migrated", last], "{report:#?}");
        assert_eq!(world.runs.get(), runs);
    }
}

/// A person starts it, or a scheduled rule: by its revision it migrates `blog`.
#[tokio::test(start_paused = true)]
async fn a_task_without_overrides_that_is_started_later_is_met_by_its_own_revision() {
    for (own, denied, last, runs) in [
        (Some("blog"), false, "already running", 2),
        (Some("other"), false, "migrated", 3),
        (None, false, "migrated", 3),
        // Nobody knows what it migrates.
        (Some("other"), true, "already running", 2),
    ] {
        let world =
            Fargate { own_database: own, definitions_denied: denied, ..Fargate::running_for(2 * MINUTE) };
        let plan = plan(&["--database=shop,docs,blog", "--max-parallel=1", "--keep-going"]);
        let late = async {
            tokio::time::sleep(START + 3 * MINUTE).await;
            let life = Life { untold: true, started_by: "somebody".into(), ..Life::of(&["blog"], false) };
            world.tasks.borrow_mut().insert(OTHER.into(), life);
        };
        let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
        assert_eq!(words(&report), ["migrated", "migrated", last], "{own:?} {denied}: {:?}", report.notes);
        assert_eq!((world.runs.get(), world.definitions_read.get()), (runs, 1), "read once");
        let doubt = report.notes.iter().any(|note| note.contains(OTHER) && note.contains("access denied"));
        assert_eq!(doubt, denied, "{:?}", report.notes);
    }
}

/// ListTasks names it. Until DescribeTasks knows it, it may migrate any database.
#[tokio::test(start_paused = true)]
async fn a_task_that_is_listed_and_not_described_is_looked_at_again_and_then_closes() {
    for (unknown_for, last, runs) in [(40 * SECOND, "migrated", 3), (60 * MINUTE, "already running", 2)] {
        let world = Fargate { strange: Some((OTHER, unknown_for)), ..Fargate::running_for(2 * MINUTE) };
        let plan = plan(&["--database=shop,docs,blog", "--max-parallel=1", "--keep-going"]);
        let late = async {
            // Half a minute before the last look.
            tokio::time::sleep(2 * (START + 2 * MINUTE + SHOWN) - 30 * SECOND).await;
            world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["other"], false));
        };
        let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
        assert_eq!(words(&report), ["migrated", "migrated", last], "{:?}", report.notes);
        assert_eq!(world.runs.get(), runs);
        if last != "migrated" {
            let why = report.databases[2].verdict.as_ref().expect("a verdict").explain();
            assert!(why.contains(OTHER) && why.contains("ECS does not say what it is told"), "{why}");
        }
    }
}

/// The first of two is waited for, and then the second.
#[tokio::test(start_paused = true)]
async fn after_a_wait_is_looked_again() {
    const SECOND_ONE: &str = "arn:aws:ecs:us-east-1:123456789012:task/c/fedcba9876543210fedcba9876543210";
    let world = Fargate { slow: Some(("blog", 9 * MINUTE)), ..Fargate::running_for(10 * SECOND) };
    let plan = beside(&world, &["--on-running=wait"], REVISION);
    world.tasks.borrow_mut().insert(SECOND_ONE.into(), Life::of(&["shop", "blog"], true));
    let (report, took) = run(&world, &plan).await;
    assert!(verdict(&report).is_migrated() && took > 9 * MINUTE, "{took:?} {report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_told_something_else_is_not_adopted() {
    let words = |text: &str| Some(text.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let variable = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for (flags, command, further, differs) in [
        (&[] as &[&str], None, vec![], None),
        (&["--command=app migrate --jobs 2"], words("app migrate --jobs 2"), vec![], None),
        (&["--env=MODE=wet"], None, variable("MODE", "wet"), None),
        (&[], words("app serve"), vec![], Some("its command is not")),
        (&["--command=app migrate --jobs 2"], None, vec![], Some("its command is not")),
        (&["--env=MODE=wet"], None, variable("MODE", "dry"), Some("its variable MODE is not")),
        (&["--env=MODE=wet"], None, vec![], Some("its variable MODE is not")),
        (&[], None, variable("MODE", ""), Some("its variable MODE is not")),
    ] {
        let world = Fargate::running_for(2 * MINUTE);
        let flags =
            [&["--database=shop,docs,blog", "--max-parallel=1", "--on-running=adopt", "--keep-going"], flags];
        let plan = plan(&flags.concat());
        let late = async {
            tokio::time::sleep(START + 3 * MINUTE).await;
            let life = Life { command, further, ..Life::of(&["blog"], false) };
            world.tasks.borrow_mut().insert(OTHER.into(), life);
        };
        let ((report, _), ()) = tokio::join!(run(&world, &plan), late);
        let last = report.databases[2].verdict.as_ref().expect("a verdict");
        assert_eq!(last.is_migrated(), differs.is_none(), "{flags:?}: {last:?}");
        assert_eq!(world.runs.get(), 2, "nothing runs beside it");
        let said = |what: &str| {
            report.notes.iter().any(|note| note.contains("is not adopted") && note.contains(what))
        };
        assert!(differs.is_none_or(said), "{:?}", report.notes);
    }
}

/// Two find it late, at once or one after the other: one of them follows it, into one file.
#[tokio::test(start_paused = true)]
async fn a_pack_that_several_adopt_is_followed_once() {
    for lanes in 1..=3 {
        let world = Fargate::running_for(2 * MINUTE);
        let logs = tempfile::tempdir().expect("a directory");
        let lanes_flag = format!("--max-parallel={lanes}");
        let names = format!("--database={},blog,wiki", ["shop", "docs", "mail"][..lanes].join(","));
        let plan = plan(&[&names, &lanes_flag, "--on-running=adopt"]);
        let late = async {
            tokio::time::sleep(100 * SECOND).await;
            world.tasks.borrow_mut().insert(OTHER.into(), Life::of(&["other", "blog", "wiki"], true));
        };
        let ((report, _), ()) = tokio::join!(logged(&world, &plan, &logs), late);
        assert_eq!((words(&report), world.runs.get()), (vec!["migrated".into(); lanes + 2], lanes));
        let both = &report.databases[lanes..];
        let files = both.iter().map(|row| row.log_file.clone().expect("a file"));
        let files: Vec<_> = files.collect();
        assert_eq!(files[0], files[1]);
        let log = std::fs::read_to_string(logs.path().join(&files[0])).expect("a log");
        assert_eq!(log.lines().count(), 3, "a report of each of its databases:\n{log}");
        assert_eq!(report.pack_logs.len(), 1);
        assert_eq!(report.pack_logs[0].databases, ["blog", "wiki"]);
        for row in both {
            assert_eq!(
                (row.pack_log, row.task_arn.as_deref(), row.exit_code),
                (Some(0), Some(OTHER), Some(0))
            );
            assert!(row.migration_report.as_ref().is_some_and(|report| report.database == *row.database));
        }
    }
}
