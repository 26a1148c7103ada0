use std::fs::File;
use std::io::Write as _;

use nix::sys::signal::Signal;

use super::*;
use crate::support::Running;
use crate::terminal::{answered, on_terminal};

const QUESTION: &str = "Roll back? [y/N]";

#[tokio::test]
async fn only_a_yes_after_the_plan_rolls_back() {
    let shop = Shop::after(&["a", "b"]).await;
    for typed in [&b"n\n"[..], b"\n", b"yeah\n", b"\x04"] {
        let run = answered(shop.rollback(&[]), typed).await;
        run.exits(2).says(QUESTION).says("the answer was not yes").says("Plan: roll back 1 service");
        assert!(shop.changes().is_empty(), "{typed:?}");
    }
    let run = answered(shop.rollback(&[]), b"y\n").await;
    run.exits(0).says(QUESTION).says("Plan: roll back 1 service").says("rolled back");
    assert_eq!(shop.changes(), ["UpdateService"]);
}

#[tokio::test]
async fn nobody_is_asked_with_yes_in_ci_or_without_a_terminal() {
    for way in 0..3 {
        let shop = Shop::after(&["a", "b"]).await;
        let run = match way {
            0 => answered(shop.rollback(&["--yes"]), b"n\n").await,
            1 => answered(shop.rollback(&[]).in_actions(), b"n\n").await,
            _ => shop.rollback(&[]).finish().await,
        };
        run.exits(0).never_says(QUESTION);
        assert_eq!(shop.changes(), ["UpdateService"]);
    }
}

/// Until the question is there: the plan is made by then.
async fn asked(shop: &Shop, run: Run) -> (Running, File) {
    let (run, terminal) = on_terminal(run);
    let running = run.spawn();
    shop.until(|shop| shop.world.called("BatchGetImage") > 0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    (running, terminal)
}

#[tokio::test]
async fn an_interrupt_at_the_question_changes_nothing() {
    let shop = Shop::after(&["a", "b"]).await;
    let (running, _terminal) = asked(&shop, shop.rollback(&[])).await;
    running.signal(Signal::SIGINT);
    running.finish().await.exits(130);
    assert!(shop.changes().is_empty());
}

#[tokio::test]
async fn what_has_changed_since_the_plan_was_shown_was_not_agreed_to() {
    let shop = Shop::after(&["a", "b"]).await;
    let (running, mut terminal) = asked(&shop, shop.rollback(&[])).await;
    shop.deploy(&shop.revision("c")).await;
    terminal.write_all(b"y\n").expect("type");
    running.finish().await.exits(2).says("not what the plan says any more");
    assert!(shop.changes().is_empty());
}
