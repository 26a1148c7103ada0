//! What is recorded, and what an earlier process of the run has begun.

use super::*;
use crate::plan::Earlier;
use crate::state::FRESH;

#[tokio::test(start_paused = true)]
async fn what_can_not_be_recorded_is_not_started() {
    let world = Fargate::running_for(MINUTE);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let state = State::full(file.path());
    let (_sender, never) = Interrupt::by_hand();
    let (report, _) = recorded(&world, &plan(&["--database=shop"]), &never, Some(&state)).await;
    assert!(matches!(verdict(&report), Verdict::NeverStarted { .. }), "{report:#?}");
    assert_eq!(world.runs.get(), 0);
    let error = report.error.expect("an error");
    assert!(error.message.starts_with("write to state file"), "{}", error.message);
    assert_eq!(error.exit_code, crate::failure::ExitCode::Service);
}

/// The look at ECS that a second call rests on is of no use half a day later.
#[tokio::test(start_paused = true)]
async fn a_call_is_not_made_again_when_nobody_has_looked_for_long() {
    for (first_takes, migrates) in [(FRESH - 10 * MINUTE, true), (FRESH, false)] {
        let world = Fargate::running_for(first_takes);
        let mut plan = plan(&["--database=a", "--database=b", "--timeout=20h"]);
        let token = "0123456789abcdef0123456789abcdef0123456789abcdef".to_owned();
        plan.packs[1].earlier = Some(Earlier::Call { token, attempt: 0 });
        let (_sender, never) = Interrupt::by_hand();
        let (report, _) = migrated(&world, &plan, &never).await;
        let second = report.databases[1].verdict.as_ref().expect("a verdict");
        assert_eq!(second.is_migrated(), migrates, "{second:?}");
        assert_eq!(world.runs.get(), if migrates { 2 } else { 1 });
    }
}
