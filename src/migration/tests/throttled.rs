//! RunTask while AWS says "slow down".

use super::*;

#[tokio::test(start_paused = true)]
async fn a_throttled_run_task_is_tried_again_with_its_own_token() {
    let world = Fargate { throttled: 6, ..Fargate::running_for(MINUTE) };
    let (report, took) = run(&world, &plan(&["--database=shop"])).await;
    assert!(verdict(&report).is_migrated(), "{report:#?}");
    let tokens = world.tokens.borrow();
    assert_eq!(tokens.len(), 7);
    assert!(tokens.iter().all(|token| *token == tokens[0]), "{tokens:?}");
    // 1, 2, 4, 8, 16 and 20 s, a little shorter each.
    let waited = took - (START + MINUTE + SHOWN);
    assert!((38..=54).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn throttling_that_does_not_end_ends_with_the_timeout() {
    let world = Fargate { throttled: usize::MAX, ..Fargate::running_for(MINUTE) };
    let (report, took) = run(&world, &plan(&["--database=shop", "--timeout=10m"])).await;
    assert!(matches!(verdict(&report), Verdict::NeverStarted { .. }), "{report:#?}");
    assert!((10 * MINUTE..11 * MINUTE).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_wait_at_once_and_no_call_follows_it() {
    let world = Fargate { throttled: usize::MAX, ..Fargate::running_for(MINUTE) };
    let (sender, interrupt) = Interrupt::by_hand();
    let plan = plan(&["--database=shop"]);
    let interrupted = async {
        tokio::time::sleep(MINUTE).await;
        sender.send_replace(true);
        world.runs.get()
    };
    let ((report, took), runs) = tokio::join!(migrated(&world, &plan, &interrupt), interrupted);
    assert!(took < MINUTE + SECOND, "{took:?}");
    assert_eq!(world.runs.get(), runs);
    assert!(!verdict(&report).is_migrated());
}
