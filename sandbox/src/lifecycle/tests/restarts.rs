//! Containers with a restart policy.

use super::*;

/// A container that may restart after a minute, unless it exits with 0.
fn restarting() -> Value {
    let mut restarting = container("main");
    restarting["restartPolicy"] =
        json!({ "enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 60 });
    restarting
}

/// Exits with 1 after `first` seconds, then with `then` after as many.
fn twice(first: u64, then: (u64, i32)) -> (Arc<AtomicUsize>, impl Fn() -> Script + Send + Sync) {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    let program = move || match counted.fetch_add(1, Ordering::Relaxed) {
        0 => works(first, 1)(),
        _ => works(then.0, then.1)(),
    };
    (starts, program)
}

#[tokio::test(start_paused = true)]
async fn nothing_shows_of_a_restart() {
    let account = Account::new(1);
    let (starts, program) = twice(70, (5, 0));
    account.program("main", program);
    let arn = account.run(&json!([restarting()]));
    let looks = account.until_stopped(&arn).await;
    assert_eq!(starts.load(Ordering::Relaxed), 2);
    let end = looks.last().unwrap().time("startedAt").unwrap() + 75_000;
    let ended = seen_to_end(&looks, 0);
    assert!((5_000..=10_000 + STEP).contains(&(ended.at - end)), "{} after {end}", ended.at);
    assert_eq!(ended.container()["exitCode"], 0);
    assert!(is_near(ended.time("executionStoppedAt").unwrap(), end));
}

#[tokio::test(start_paused = true)]
async fn what_exits_before_its_time_or_again_too_soon_is_not_restarted() {
    for (first, then, expected_starts, expected_code) in
        [(59, (1, 0), 1, 1), (61, (59, 2), 2, 2), (61, (61, 0), 2, 0)]
    {
        let account = Account::new(1);
        let (starts, program) = twice(first, then);
        account.program("main", program);
        let arn = account.run(&json!([restarting()]));
        let looks = account.until_stopped(&arn).await;
        assert_eq!(starts.load(Ordering::Relaxed), expected_starts, "{first} {then:?}");
        assert_eq!(looks.last().unwrap().container()["exitCode"], expected_code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_told_to_stop_is_not_restarted() {
    let account = Account::new(1);
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = starts.clone();
    account.program("agent", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Script::new().until_stopped()
    });
    account.program("main", works(90, 0));
    let mut agent = sidecar("agent");
    agent["restartPolicy"] = json!({ "enabled": true, "restartAttemptPeriod": 60 });
    let arn = account.run(&json!([container("main"), agent]));
    let looks = account.until_stopped(&arn).await;
    assert_eq!(looks.last().unwrap().task["containers"][1]["exitCode"], 143);
    assert_eq!(starts.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_may_show_for_a_moment() {
    let account = Account::new(1);
    account.world.faults.push(Fault::task(TaskFault::RestartShown { lasts: Duration::from_secs(3) }));
    let (_, program) = twice(70, (30, 0));
    account.program("main", program);
    let arn = account.run(&json!([restarting()]));
    let looks = account.until_stopped(&arn).await;
    let exit = looks.last().unwrap().time("startedAt").unwrap() + 70_000;
    let ended = seen_to_end(&looks, 0);
    assert!((5_000..=10_000 + STEP).contains(&(ended.at - exit)));
    assert_eq!(
        (&ended.container()["exitCode"], &ended.task["desiredStatus"]),
        (&json!(1), &json!("RUNNING"))
    );
    assert!(ended.task.get("stopCode").is_none() && ended.task.get("executionStoppedAt").is_none());
    let again = looks.iter().find(|look| look.at > ended.at && look.container()["lastStatus"] == "RUNNING");
    let again = again.unwrap();
    assert!(is_near(again.at, ended.at + 3_000));
    assert!(again.container().get("exitCode").is_none());
    let last = looks.last().unwrap();
    assert_eq!(
        (&last.container()["exitCode"], &last.task["stopCode"]),
        (&json!(0), &json!("EssentialContainerExited"))
    );
    assert!(is_near(last.time("executionStoppedAt").unwrap(), exit + 30_000));
    // The first exit is not the one that counts.
    assert!(account.exit_shown(&arn).unwrap() > exit + 30_000);
}
