//! Migrations on a clock that stands still until everybody waits: hours pass in a moment.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use self::world::{END, Fargate, MINUTE, SECOND, SHOWN, START, report};
use super::record::Record;
use super::{LogFiles, Migration};
use crate::interrupt::Interrupt;
use crate::plan::tests::{document, observed};
use crate::plan::{Observed, ObservedImage, Plan};
use crate::ports::Network;
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::Report;
use crate::session::Session;
use crate::settings::Settings;
use crate::settings::samples::{self, of as settings};
use crate::state::State;
use crate::steps::image::image;
use crate::steps::revision::revision;
use crate::verdict::Verdict;

mod begun;
mod diagnosed;
mod exit;
mod fleet;
mod fleet_logs;
mod other_runs;
mod packs;
mod stages;
mod throttled;
mod world;

fn plan(flags: &[&str]) -> Plan {
    plan_from(document(), flags)
}

/// The same, made from this task definition.
fn plan_from(document: Value, flags: &[&str]) -> Plan {
    plan_of(document, &settings(flags))
}

fn plan_of(document: Value, settings: &Settings) -> Plan {
    let observed = Observed {
        current: None,
        image: ObservedImage::Reference {
            reference: "registry.example/app@sha256:0".into(),
            digest: None,
            platforms: None,
            unseen: None,
        },
        network: Network { subnets: vec!["subnet-1".into(), "subnet-2".into()], ..Network::default() },
        ..observed(document)
    };
    Plan::new(settings, observed).expect("a plan")
}

/// Runs the plan to its end; answers the report and how long it took.
async fn migrated(world: &Fargate, plan: &Plan, interrupt: &Interrupt) -> (Report, Duration) {
    recorded(world, plan, interrupt, (None, None)).await
}

/// The same, of a run that nobody interrupts.
async fn run(world: &Fargate, plan: &Plan) -> (Report, Duration) {
    let (_sender, never) = Interrupt::by_hand();
    migrated(world, plan, &never).await
}

/// The same, with the logs of all databases in a directory.
async fn logged(world: &Fargate, plan: &Plan, directory: &TempDir) -> (Report, Duration) {
    let (_sender, never) = Interrupt::by_hand();
    recorded(world, plan, &never, (None, Some(directory))).await
}

/// The same, into a state file or a directory of logs.
async fn recorded(
    world: &Fargate,
    plan: &Plan,
    interrupt: &Interrupt,
    (state, logs): (Option<&State>, Option<&TempDir>),
) -> (Report, Duration) {
    let log_files = logs.map(|logs| LogFiles::within(logs.path()).expect("a directory"));
    let log_files = log_files.as_ref();
    let progress = Progress::silent();
    let databases: Vec<String> = plan.databases().map(|name| format!("--database={name}")).collect();
    let settings = settings(&databases.iter().map(String::as_str).collect::<Vec<_>>());
    let recorder = Recorder::new(Report::new(&settings), &progress, None, None);
    let session = Session { world, progress: &progress, interrupt, recorder: &recorder, github: None };
    let record = Record::new(&session).with_state(state);
    let image = image(&plan.image, None, world, &progress, &|_| {}).await.expect("an image");
    let revision =
        revision(&plan.revision_terms(), &image, world, &progress, &|_| {}).await.expect("a revision");
    let from = Instant::now();
    let proofs = Migration::new(plan, &revision, &session, &record, log_files).run().await;
    let report = recorder.close(None);
    // Whoever demands a proof gets that of each database which is called migrated, and no other.
    let mut proved: Vec<&str> = proofs.iter().map(|proof| proof.database().as_str()).collect();
    let mut migrated: Vec<&str> = report.migrated().collect();
    proved.sort_unstable();
    migrated.sort_unstable();
    assert_eq!(proved, migrated);
    (report, from.elapsed())
}

fn verdict(report: &Report) -> &Verdict {
    report.databases[0].verdict.as_ref().expect("a verdict")
}

#[tokio::test(start_paused = true)]
async fn a_migration_of_ninety_minutes_is_waited_for_and_its_end_is_noticed_within_seconds() {
    let world = Fargate::running_for(90 * MINUTE);
    let plan = plan(&["--database=shop", "--timeout=3h"]);
    let (report, took) = run(&world, &plan).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
    let after_it_shows = took - (START + 90 * MINUTE + SHOWN);
    assert!(after_it_shows <= 2 * SECOND, "{after_it_shows:?}");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_does_not_know_yet_is_waited_for_and_one_that_it_never_knows_is_lost() {
    for (unknown_for, migrates) in [(90 * SECOND, true), (60 * MINUTE, false)] {
        let world = Fargate { unknown_for, ..Fargate::running_for(5 * MINUTE) };
        let (report, took) = run(&world, &plan(&["--database=shop"])).await;
        assert_eq!(verdict(&report).is_migrated(), migrates, "{report:#?}");
        assert!(took < 10 * MINUTE);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_minutes_is_waited_out_and_a_longer_one_is_said() {
    for (outage, migrates) in [(4 * MINUTE, true), (20 * MINUTE, false)] {
        let world = Fargate { blind: (MINUTE, MINUTE + outage), ..Fargate::running_for(2 * MINUTE) };
        let (report, _) = run(&world, &plan(&["--database=shop"])).await;
        assert_eq!(verdict(&report).is_migrated(), migrates, "{report:#?}");
        if !migrates {
            assert!(
                matches!(verdict(&report), Verdict::Unproved { why } if why.contains("no longer be described"))
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_arrives_late_is_waited_for_by_default() {
    let world = Fargate { log_delay: SHOWN + SECOND, ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &plan(&["--database=shop"])).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_report_of_another_database_still_counts() {
    let lines = vec![(MINUTE, report("production_default"))];
    let world = Fargate { log_delay: SHOWN + SECOND, lines, ..Fargate::running_for(MINUTE) };
    let (report, _) = run(&world, &plan(&["--database=shop"])).await;
    assert!(matches!(verdict(&report), Verdict::WrongDatabase { .. }), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_the_task_and_an_interrupt_does_so_at_once() {
    let world = Fargate::running_for(90 * MINUTE);
    let (sender, interrupt) = Interrupt::by_hand();
    let (report, took) = migrated(&world, &plan(&["--database=shop", "--timeout=10m"]), &interrupt).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: true });
    assert!(took < 13 * MINUTE, "{took:?}");

    let world = Fargate::running_for(90 * MINUTE);
    let plan = plan(&["--database=shop", "--database=blog", "--max-parallel=2"]);
    let running = migrated(&world, &plan, &interrupt);
    let interrupted = async {
        tokio::time::sleep(5 * MINUTE).await;
        sender.send_replace(true);
    };
    let ((report, took), ()) = tokio::join!(running, interrupted);
    assert!(report.databases.iter().all(|row| row.verdict == Some(Verdict::Cancelled { stopped: true })));
    assert!(took <= 5 * MINUTE + SECOND, "{took:?}");
    assert_eq!(world.stopped.borrow().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_stops_without_an_answer_to_stop_task_is_seen_to_stop() {
    let world = Fargate { stops_in_silence: true, ..Fargate::running_for(90 * MINUTE) };
    let (report, _) = run(&world, &plan(&["--database=shop", "--timeout=10m"])).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: true });
    assert!(!report.notes.iter().any(|note| note.contains("may still run")), "{:?}", report.notes);
}

/// A web service's task definition whose init container migrates.
fn plan_of_an_init_container(flags: &[&str]) -> Plan {
    let mut document = document();
    let containers = document["taskDefinition"]["containerDefinitions"].as_array_mut().expect("a list");
    containers[0]["essential"] = json!(false);
    let wait = json!([{"containerName": "migration", "condition": "SUCCESS"}]);
    containers.push(json!({"name": "web", "image": "web:1", "essential": true, "dependsOn": wait}));
    plan_from(document, &[&["--database=shop", "--container=migration"], flags].concat())
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_container_that_its_task_outlives_decides_and_the_task_is_stopped() {
    for (failing, stop_timeout, expected) in [
        (Vec::new(), Duration::ZERO, "migrated"),
        (Vec::new(), 2 * MINUTE, "migrated"),
        (vec!["shop".to_owned()], 30 * SECOND, "failed"),
    ] {
        let world = Fargate { serves: true, failing, stop_timeout, ..Fargate::running_for(5 * MINUTE) };
        let plan = plan_of_an_init_container(&[]);
        assert!(
            plan.notes.iter().any(|note| note.contains("migration is not essential")),
            "{:?}",
            plan.notes
        );
        let (report, took) = run(&world, &plan).await;
        assert_eq!(verdict(&report).word(), expected, "{report:#?}");
        assert!(took < START + 5 * MINUTE + SHOWN + 2 * SECOND, "{took:?}: it waits for its own exit alone");
        assert_eq!(world.stopped.borrow().len(), 1);
    }
    for (stop_denied, stops_in_silence, is_said) in [(true, false, true), (false, true, false)] {
        let world =
            Fargate { serves: true, stop_denied, stops_in_silence, ..Fargate::running_for(5 * MINUTE) };
        let (report, took) = run(&world, &plan_of_an_init_container(&[])).await;
        assert_eq!(verdict(&report).word(), "migrated", "{report:#?}");
        assert!(took < START + 5 * MINUTE + SHOWN + 12 * SECOND, "{took:?}");
        let said = report.notes.iter().any(|note| note.contains("may run on, although its container"));
        assert_eq!(said, is_said, "{:?}", report.notes);
    }
    // Its end came in time, and that of the task did not.
    let world = Fargate { serves: true, stop_timeout: 2 * MINUTE, ..Fargate::running_for(9 * MINUTE) };
    let (report, _) = run(&world, &plan_of_an_init_container(&["--timeout=10m"])).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
    // Without an end of its own it is timed out like any other.
    let world = Fargate { serves: true, ..Fargate::running_for(90 * MINUTE) };
    let (report, _) = run(&world, &plan_of_an_init_container(&["--timeout=10m"])).await;
    assert_eq!(verdict(&report), &Verdict::TimedOut { stopped: true });
}

#[tokio::test(start_paused = true)]
async fn one_reader_asks_for_all_tasks_at_once() {
    let world = Fargate::running_for(MINUTE);
    let names: Vec<String> = (0..60).map(|n| format!("tenant_{n}")).collect();
    let plan = plan(&[&format!("--database={}", names.join(",")), "--max-parallel=60"]);
    let (report, _) = run(&world, &plan).await;
    assert_eq!(report.migrated().count(), 60);
    assert!(world.describes.get() <= 60, "{} calls", world.describes.get());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_just_in_time_is_judged_and_not_timed_out() {
    let world =
        Fargate { log_delay: SHOWN + SECOND, ..Fargate::running_for(10 * MINUTE - START - SHOWN - SECOND) };
    let plan = plan(&["--database=shop", "--timeout=10m"]);
    let (report, _) = run(&world, &plan).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_while_the_log_is_drained_is_no_proof() {
    for (log_delay, migrates) in [(SHOWN + 9 * SECOND, false), (Duration::ZERO, true)] {
        let world = Fargate { log_delay, ..Fargate::running_for(MINUTE) };
        let (sender, interrupt) = Interrupt::by_hand();
        let plan = plan(&["--database=shop"]);
        let running = migrated(&world, &plan, &interrupt);
        let interrupted = async {
            tokio::time::sleep(START + MINUTE + SHOWN + SECOND).await;
            sender.send_replace(true);
        };
        let ((report, _), ()) = tokio::join!(running, interrupted);
        assert_eq!(verdict(&report).is_migrated(), migrates, "{report:#?}");
        assert_eq!(world.stopped.borrow().len(), 0, "there was nothing left to stop");
    }
}
