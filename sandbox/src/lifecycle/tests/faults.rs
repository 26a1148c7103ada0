//! Exit codes that show early, late or never, and other ways to end.

use super::*;

async fn with(
    fault: TaskFault,
    program: impl Fn() -> Script + Send + Sync + 'static,
) -> (Vec<Look>, Option<i64>) {
    let account = Account::new(1);
    account.world.faults.push(Fault::task(fault));
    account.program("main", program);
    let arn = account.run(&json!([container("main")]));
    let looks = account.until_stopped(&arn).await;
    let shown = account.exit_shown(&arn);
    (looks, shown)
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_may_show_before_anything_else_of_the_end() {
    let (looks, exit_shown) = with(TaskFault::EarlyExitCode, works(5, 0)).await;
    let end = looks.last().unwrap().time("startedAt").unwrap() + 5_000;
    let shown = first_with_exit_code(&looks);
    assert!(is_near(shown.at, end) && is_near(exit_shown.unwrap(), end));
    assert_eq!(shown.container()["lastStatus"], "STOPPED");
    let announced = looks.iter().find(|look| look.task["stopCode"].is_string()).unwrap();
    assert!((5_000..=10_000 + STEP).contains(&(announced.at - end)));
    for between in looks.iter().filter(|look| (shown.at..announced.at).contains(&look.at)) {
        assert_eq!(
            (&between.task["desiredStatus"], &between.task["lastStatus"]),
            (&json!("RUNNING"), &json!("RUNNING"))
        );
        assert!(between.task.get("executionStoppedAt").is_none());
    }
    assert!(is_near(announced.time("executionStoppedAt").unwrap(), end));
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_may_show_no_earlier_than_stopped() {
    let (looks, exit_shown) = with(TaskFault::LateExitCode, works(5, 3)).await;
    let shown = first_with_exit_code(&looks);
    assert_eq!((&shown.container()["exitCode"], &shown.task["lastStatus"]), (&json!(3), &json!("STOPPED")));
    assert!(is_near(exit_shown.unwrap(), shown.at));
    let ended = seen_to_end(&looks, 0);
    assert_eq!(
        (&ended.task["desiredStatus"], &ended.task["stopCode"]),
        (&json!("STOPPED"), &json!("EssentialContainerExited"))
    );
    assert!(shown.at - ended.at > 8_000);
}

#[tokio::test(start_paused = true)]
async fn an_exit_code_may_never_show() {
    let (looks, exit_shown) = with(TaskFault::NoExitCode, works(5, 0)).await;
    assert!(looks.iter().all(|look| look.container().get("exitCode").is_none()));
    assert_eq!(exit_shown, None);
    let ended = seen_to_end(&looks, 0);
    assert_eq!(ended.task["stopCode"], "EssentialContainerExited");
    assert!(ended.time("executionStoppedAt").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_kill_for_memory_shows_as_late_as_any_exit() {
    let fault = TaskFault::OutOfMemory { after: Duration::from_secs(4) };
    let (looks, _) = with(fault, || Script::new().until_stopped()).await;
    let end = looks.last().unwrap().time("startedAt").unwrap() + 4_000;
    let shown = first_with_exit_code(&looks);
    assert!((5_000..=10_000 + STEP).contains(&(shown.at - end)), "{} after {end}", shown.at);
    assert_eq!(
        (&shown.container()["exitCode"], &shown.task["stopCode"]),
        (&json!(137), &json!("EssentialContainerExited"))
    );
    assert!(shown.container()["reason"].as_str().unwrap().starts_with("OutOfMemoryError"));
}

#[tokio::test(start_paused = true)]
async fn an_interruption_is_told_at_once_and_its_exit_code_later() {
    let fault = TaskFault::SpotInterruption { after: Duration::from_secs(4) };
    let (looks, _) = with(fault, || Script::new().until_stopped()).await;
    let told = looks.iter().find(|look| look.task["stopCode"] == "SpotInterruption").unwrap();
    assert!(is_near(told.at, told.time("startedAt").unwrap() + 4_000));
    assert!(told.container().get("exitCode").is_none());
    let shown = first_with_exit_code(&looks);
    assert_eq!(
        (&shown.container()["exitCode"], &shown.task["lastStatus"]),
        (&json!(143), &json!("STOPPING"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_may_be_shown_with_another_digest_than_its_name_has() {
    let shown = format!("sha256:{}", "a".repeat(64));
    for (named, is_shown) in [("", true), ("no such image", false)] {
        let fault = TaskFault::ImageShownAs { named: named.into(), shown: shown.clone() };
        let (looks, _) = with(fault, works(5, 0)).await;
        let last = looks.last().expect("a look");
        assert_eq!(last.container()["imageDigest"] == shown.as_str(), is_shown, "{:?}", last.container());
    }
}
