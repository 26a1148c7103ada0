use super::*;
use crate::report::samples::{self, HOSTILE};
use crate::report::{Report, words};

fn drawn(report: &Report) -> String {
    fleet(&words::failures_first(report))
}

#[test]
fn a_fleet_is_drawn_failures_first() {
    insta::assert_snapshot!(drawn(&samples::fleet()), @"
    <details open><summary>When the tasks ran, in UTC</summary>

    ```mermaid
    ---
    displayMode: compact
    config:
      gantt:
        useWidth: 900
        leftPadding: 181
    ---
    gantt
      dateFormat YYYY-MM-DD HH:mm:ss.SSS
      axisFormat %H:%M:%S
      section ✖ healthtech_experiment
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      failed :crit, 2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
      section ✖ fintech_experiment
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      failed :crit, 2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
      section ✔ startupwebapp_prod
      queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000
      pull :active, 2025-11-24 08:00:52.000, 2025-11-24 08:00:58.000
      run :2025-11-24 08:01:02.000, 2025-11-24 08:01:04.000
    ```

    </details>
    ");
}

#[test]
fn a_task_that_never_ran_ends_in_red() {
    let mut report = samples::fleet();
    report.databases.truncate(2);
    report.databases[1].times.pull_stopped = None;
    report.databases[1].times.started = None;
    let chart = drawn(&report);
    let bars: Vec<&str> = chart.lines().filter(|line| line.contains(" :")).take(2).collect();
    assert_eq!(
        bars,
        [
            "  queue :done, 2025-11-24 08:00:40.000, 2025-11-24 08:00:52.000",
            "  failed :crit, 2025-11-24 08:00:52.000, 2025-11-24 08:01:04.000",
        ]
    );
}

/// Mermaid would draw the word over the bars beside it.
#[test]
fn a_bar_that_is_too_short_for_its_word_has_none() {
    let mut report = samples::fleet();
    let longest = report.databases[0].times.ended.as_mut().expect("a time");
    *longest += jiff::SignedDuration::from_mins(10);
    let chart = drawn(&report);
    let labels: Vec<&str> =
        chart.lines().filter_map(|line| line.split_once(" :")).map(|(word, _)| word.trim()).collect();
    assert_eq!(labels, [[BLANK; 3], [BLANK; 3], [BLANK, BLANK, "run"]].concat());
}

#[test]
fn nothing_is_drawn_without_times() {
    let mut report = samples::fleet();
    report.databases.iter_mut().for_each(|row| row.times = Default::default());
    assert_eq!(drawn(&report), "");
}

#[test]
fn a_name_is_never_syntax() {
    let mut report = samples::run();
    report.databases = HOSTILE.iter().map(|name| samples::failed(name)).collect();
    for line in drawn(&report).lines().filter(|line| line.starts_with("  section ")) {
        let name = line.strip_prefix("  section ✖ ").unwrap();
        let syntax = |char: char| char.is_ascii_punctuation() && !matches!(char, '_' | '-' | '.');
        assert!(!name.contains(|char: char| char.is_control() || syntax(char)), "{name}");
    }
}

#[test]
fn a_large_fleet_is_cut_to_what_mermaid_takes() {
    let mut report = samples::run();
    let name = "ж".repeat(300);
    report.databases = (0..2_000).map(|number| samples::migrated(&format!("{number:04}{name}"))).collect();
    report.databases[1_999] = samples::failed("the_one_that_failed");
    let chart = drawn(&report);
    assert!(chart.chars().count() < LIMIT, "{}", chart.len());
    assert!(chart.len() < LIMIT, "{}", chart.len());
    assert_eq!(chart.matches("  section ").count(), ROWS);
    assert!(chart.find("the_one_that_failed").unwrap() < chart.find("0000").unwrap());
    assert!(chart.contains("of the first 50 in the table, of 2,000 databases, in UTC"));
}
