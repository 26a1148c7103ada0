use std::time::Duration;

use clap::{Args as _, FromArgMatches as _};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::outbox::{AT_ONCE, FLUSH, FLUSH_IN_VAIN};
use super::*;
use crate::cli;
use crate::failure::Failure;
use crate::migration::record::Record;
use crate::ports::github::{GitHubFailure, GitHubFailureKind};
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::report::Report;
use crate::session::Session;
use crate::settings::RunIdentity;
use crate::verdict::Killer;

pub(super) mod environments;

use environments::{Environments, Mood};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn settings(databases: &[String], more: &[&str]) -> Settings {
    let names = databases.join(",");
    let mut arguments = vec!["migrate", "--cluster=c", "--task-definition=t", "--subnets=subnet-1"];
    arguments.extend(["--deployments", "--environment-prefix=db/", "--database", &names]);
    arguments.extend(more);
    let matches = cli::MigrateFlags::augment_args(clap::Command::new("migrate")).get_matches_from(arguments);
    let flags = cli::MigrateFlags::from_arg_matches(&matches).expect("flags");
    Settings::new(flags, Some(COMMIT.into()), RunIdentity::local("test")).expect("settings")
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("tenant_{number}")).collect()
}

fn failed() -> Verdict {
    Verdict::Failed { exit_code: 1 }
}

fn record<'a>(
    recorder: &'a Recorder<'a, Report>,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
) -> Record<'a> {
    Record::new(&Session { world: (), progress, interrupt, recorder, github: None })
}

/// A run whose tasks all start at once and take `each`, beside GitHub in this mood. Answers its notes and how long it
/// was held up after its end.
async fn run(
    settings: &Settings,
    github: &Environments,
    each: Duration,
    verdict: Verdict,
) -> (Vec<String>, Duration) {
    let queue = DeploymentQueue::new(settings);
    let progress = Progress::silent();
    let recorder = Recorder::new(Report::new(settings), &progress, None, None);
    let (_keep, calm) = Interrupt::by_hand();
    let record = record(&recorder, &progress, &calm).with_github_deployments(Some(&queue));
    let (_sender, interrupt) = Interrupt::by_hand();
    let work = async {
        let started = Instant::now();
        for database in &settings.databases {
            record.started(std::slice::from_ref(database), "arn");
        }
        sleep(each).await;
        for database in &settings.databases {
            record.judged(database, verdict.clone());
        }
        assert_eq!(started.elapsed(), each, "the run was held up");
        Instant::now()
    };
    let ended = queue.record_during(github, work, &interrupt).await;
    (queue.notes(), ended.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_deployment_goes_from_in_progress_to_its_end() {
    let github = Environments::new(Mood::Answers);
    let settings = settings(&names(3), &[]);
    let (notes, held_up) = run(&settings, &github, Duration::from_secs(40), failed()).await;
    assert_eq!(notes, [""; 0]);
    assert!(held_up < Duration::from_secs(2), "{held_up:?}");
    for name in ["db/tenant_0", "db/tenant_1", "db/tenant_2"] {
        assert_eq!(github.states(name), [DeploymentState::InProgress, DeploymentState::Failure]);
    }
    let new = &github.made.borrow()[0];
    assert_eq!((new.commit.as_str(), &new.payload["database"]), (COMMIT, &Value::from("tenant_0")));
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_is_over_at_once_is_only_recorded_as_that() {
    let github = Environments::new(Mood::Answers);
    let settings = settings(&names(1), &[]);
    run(&settings, &github, Duration::ZERO, failed()).await;
    assert_eq!(github.states("db/tenant_0"), [DeploymentState::Failure]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_github_holds_nobody_up_for_long() {
    let github = Environments::new(Mood::Silent);
    let settings = settings(&names(5), &[]);
    let (notes, held_up) = run(&settings, &github, Duration::from_secs(300), failed()).await;
    assert!(held_up <= FLUSH_IN_VAIN, "{held_up:?}");
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("5 of 5 databases"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn github_being_down_is_one_note() {
    let github = Environments::new(Mood::Down);
    let settings = settings(&names(50), &[]);
    let (notes, held_up) = run(&settings, &github, Duration::from_secs(600), failed()).await;
    assert!(held_up <= Duration::from_secs(1), "{held_up:?}");
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("GitHub is down") && notes[0].contains("50 of 50"), "{notes:?}");
    assert!(github.sent.borrow().len() < 120, "it is left alone between: {}", github.sent.borrow().len());
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_while_github_was_down_is_made_up_for() {
    let github = Environments::new(Mood::Down);
    let settings = settings(&names(3), &[]);
    let queue = DeploymentQueue::new(&settings);
    let progress = Progress::silent();
    let recorder = Recorder::new(Report::new(&settings), &progress, None, None);
    let (_keep, calm) = Interrupt::by_hand();
    let record = record(&recorder, &progress, &calm).with_github_deployments(Some(&queue));
    let (_sender, interrupt) = Interrupt::by_hand();
    let work = async {
        record.started(&["tenant_0".into()], "arn");
        sleep(Duration::from_secs(100)).await;
        record.judged(&"tenant_0".into(), failed());
        sleep(Duration::from_secs(100)).await;
        github.mood.set(Mood::Answers);
        sleep(Duration::from_secs(100)).await;
    };
    queue.record_during(&github, work, &interrupt).await;
    assert_eq!(github.states("db/tenant_0"), [DeploymentState::Failure]);
    assert_eq!(queue.notes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_asked_about_once() {
    let github = Environments::new(Mood::Denies);
    let settings = settings(&names(50), &[]);
    let (notes, held_up) = run(&settings, &github, Duration::from_secs(60), failed()).await;
    assert_eq!(held_up, Duration::ZERO);
    assert!(github.sent.borrow().len() <= AT_ONCE, "{}", github.sent.borrow().len());
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("add `deployments: write`"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_leaves_the_others_alone() {
    let github = Environments::new(Mood::Refuses("tenant_1"));
    let settings = settings(&names(3), &[]);
    let (notes, _) = run(&settings, &github, Duration::from_secs(60), failed()).await;
    assert_eq!(
        notes,
        ["1 of 3 databases have no up-to-date GitHub Deployment (tenant_1): GitHub answers 422"]
    );
    assert_eq!(github.states("db/tenant_2").last(), Some(&DeploymentState::Failure));
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_out_while_the_run_goes_on() {
    let github = Environments::new(Mood::LimitsAfter(3));
    let settings = settings(&names(4), &[]);
    let (notes, _) = run(&settings, &github, Duration::from_secs(300), failed()).await;
    assert_eq!(notes, [""; 0]);
    let sent = github.sent.borrow();
    let during = sent
        .iter()
        .filter(|at| (Duration::from_secs(2)..Duration::from_secs(60)).contains(&(**at - sent[0])));
    assert_eq!(during.count(), 0, "GitHub asked to be left alone");
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_not_waited_out_after_the_run() {
    let github = Environments::new(Mood::LimitsAfter(3));
    let settings = settings(&names(4), &[]);
    let (notes, held_up) = run(&settings, &github, Duration::from_secs(5), failed()).await;
    assert!(held_up <= FLUSH_IN_VAIN, "{held_up:?}");
    assert!(notes.len() == 1 && notes[0].contains("GitHub asks to wait"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_large_fleet_stays_below_githubs_limits_and_says_what_is_left_out() {
    let github = Environments::new(Mood::Answers);
    let settings = settings(&names(1000), &[]);
    let (notes, held_up) = run(&settings, &github, Duration::from_secs(1800), failed()).await;
    assert!(held_up <= FLUSH + FLUSH_IN_VAIN, "{held_up:?}");
    let sent = github.sent.borrow();
    let most = |span: Duration| {
        (0..sent.len()).map(|from| sent[from..].iter().filter(|at| **at - sent[from] < span).count()).max()
    };
    assert!(most(Duration::from_secs(60)) <= Some(80), "{:?}", most(Duration::from_secs(60)));
    assert!(most(Duration::from_secs(3600)) <= Some(500));
    assert!(sent.len() > 50, "{}", sent.len());
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("of 1000 databases") && notes[0].contains("500 an hour"), "{notes:?}");
    // Half of a large fleet would be left in progress if beginnings were recorded, too.
    let states = github.states.borrow();
    assert!(states.values().all(|states| states == &[DeploymentState::Failure]));
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_ends_within_the_runners_patience() {
    let github = Environments::new(Mood::Silent);
    let settings = settings(&names(3), &[]);
    let queue = DeploymentQueue::new(&settings);
    let progress = Progress::silent();
    let recorder = Recorder::new(Report::new(&settings), &progress, None, None);
    let (_keep, calm) = Interrupt::by_hand();
    let record = record(&recorder, &progress, &calm).with_github_deployments(Some(&queue));
    let (sender, interrupt) = Interrupt::by_hand();
    let work = async {
        record.started(&["tenant_0".into()], "arn");
        sleep(Duration::from_secs(10)).await;
        sender.send_replace(true);
        record.judged(&"tenant_0".into(), Verdict::Cancelled { stopped: true });
        Instant::now()
    };
    let ended = queue.record_during(&github, work, &interrupt).await;
    // The runner kills a cancelled step after 10 s, and stopping tasks may take 5 of them.
    assert!(ended.elapsed() <= Duration::from_millis(2500), "{:?}", ended.elapsed());
}

#[test]
fn only_a_task_that_was_started_has_a_deployment() {
    let settings = settings(&names(2), &[]);
    let queue = DeploymentQueue::new(&settings);
    queue.judged(&"tenant_0".into(), &Verdict::NotRun { why: "no".into() });
    queue.judged(&"tenant_1".into(), &Verdict::NeverStarted { reason: "RunTask was refused".into() });
    assert!(queue.outbox.rows.borrow().is_empty());
    assert_eq!(queue.notes(), [""; 0]);
}

#[test]
fn an_image_tagged_with_a_commit_is_that_commit() {
    let other = "f".repeat(40);
    let settings = settings(&names(1), &["--tag", &other]);
    let queue = DeploymentQueue::new(&settings);
    let progress = Progress::silent();
    let recorder = Recorder::new(Report::new(&settings), &progress, None, None);
    let (_keep, calm) = Interrupt::by_hand();
    let record = record(&recorder, &progress, &calm).with_github_deployments(Some(&queue));
    record.started(&["tenant_0".into()], "arn");
    assert_eq!(queue.outbox.rows.borrow()[0].new.commit, other);
}

#[test]
fn success_is_for_migrated_alone() {
    let other = [
        failed(),
        Verdict::NeverStarted { reason: String::new() },
        Verdict::Killed { by: Killer::Spot, exit_code: Some(0) },
        Verdict::TimedOut { stopped: true },
        Verdict::Cancelled { stopped: true },
        Verdict::WrongDatabase { asked: "a".into(), reported: "b".into(), times: None, exit_code: Some(0) },
        Verdict::Unproved { why: String::new() },
        Verdict::AlreadyRunning { task_arn: String::new(), started_by: None, doubt: None },
        Verdict::NotRun { why: String::new() },
    ];
    for verdict in other {
        assert_ne!(state(&verdict), Some(DeploymentState::Success), "{verdict:?}");
    }
}
