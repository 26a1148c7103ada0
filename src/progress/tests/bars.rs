use indicatif::{InMemoryTerm, ProgressDrawTarget};

use super::super::Bars;
use super::*;

#[test]
fn bars_stand_at_the_foot_and_lines_scroll_above() {
    let terminal = InMemoryTerm::new(16, 72);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    let bars = Arc::new(Bars::on(target, clock(), None));
    let progress = Progress { sink: bars.clone() };
    progress.step("migrate");
    progress.databases(&names());
    progress.task_phase(&["startupwebapp_prod".into()], TaskPhase::Pulling);
    progress.task_phase(&["startupwebapp_prod".into()], TaskPhase::Running);
    let long = format!("applied V3 add_orders {}", "and more ".repeat(20));
    progress.log_line("startupwebapp_prod", 1_763_971_261_500, "connecting");
    progress.log_line("startupwebapp_prod", 1_763_971_261_500, &long);
    progress.flush();
    bars.redraw();
    let spinners = ["⠁", "⠂", "⠄", "⡀", "⢀", "⠠", "⠐", "⠈"];
    let screen = spinners.iter().fold(terminal.contents(), |screen, spinner| screen.replace(spinner, "*"));
    insta::assert_snapshot!(screen, @"
    08:01:01 startupwebapp_prod │ connecting
    08:01:01 startupwebapp_prod │ applied V3 add_orders and more and more an
    d more and more and more and more and more and more and more and more an
    d more and more and more and more and more and more and more and more an
    d more and more
    * migrate 0s
      ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 2 databases
    * startupwebapp_prod running        0s applied V3 add_orders and more an
    ");
    progress.database_verdict(&"startupwebapp_prod".into(), &not_run());
    progress.closing("0 of 2 databases migrated");
    progress.finish();
    let rest = terminal.contents();
    insta::assert_snapshot!(rest.lines().skip(5).collect::<Vec<_>>().join("\n"), @"
    08:01:02 ✖ startupwebapp_prod: not run: startupwebapp_prod failed before
     it (0 seconds)
    08:01:02 ▸ migrate (0 seconds)
    0 of 2 databases migrated
    ");
}

#[test]
fn a_pause_is_told_with_the_time_when_the_next_stage_begins() {
    let pauses = |progress: &Progress| {
        let soon = Timestamp::from_second(1_763_971_262 + 600).unwrap();
        let tomorrow = Timestamp::from_second(1_763_971_262 + 24 * 3600).unwrap();
        progress.stage_pause("stage canary has passed: 10 min pause", soon);
        progress.stage_pause("stage early has passed: 24 h pause", tomorrow);
    };
    let (progress, written) = plain(Vocabulary::Plain);
    pauses(&progress);
    drop(progress);
    insta::assert_snapshot!(written.text(), @"
    08:01:02 ▸ stage canary has passed: 10 min pause, next stage begins at 08:11:02
    08:01:02 ▸ stage early has passed: 24 h pause, next stage begins at 2025-11-25 08:01:02
    ");

    let terminal = InMemoryTerm::new(16, 90);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    let bars = Arc::new(Bars::on(target, clock(), None));
    let progress = Progress { sink: bars.clone() };
    pauses(&progress);
    bars.redraw();
    let screen = terminal.contents();
    let waits = "stage early has passed: 24 h pause, next stage begins at 2025-11-25 08:01:02";
    assert!(screen.lines().last().is_some_and(|line| line.contains(waits)), "{screen}");
    progress.finish();
}
