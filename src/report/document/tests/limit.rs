//! GitHub drops a summary that is too long: what is left out, and what never is.

use proptest::prelude::*;

use super::*;
use crate::report::samples::HOSTILE;

#[test]
fn a_flood_stays_below_the_limit_and_still_shows_the_error() {
    let mut report = samples::fleet();
    for row in &mut report.databases {
        row.log = LogTail::default();
        for number in 0..100_000 {
            row.log.push(&format!("line {number} \"'<>&{}", "'".repeat(600)));
        }
        row.log.push("error: the very last line");
    }
    let summary = summary(&report);
    assert!(summary.len() <= SUMMARY_LIMIT, "{}", summary.len());
    assert_eq!(summary.matches("error: the very last line").count(), 3);
    let failed = summary.find("Log of <b>healthtech_experiment").unwrap();
    assert!(failed < summary.find("Log of <b>startupwebapp_prod").unwrap());
}

#[test]
fn a_large_fleet_keeps_its_failures() {
    let mut report = samples::run();
    report.databases = (0..1_000).map(|number| samples::migrated(&format!("tenant_{number:04}"))).collect();
    for number in [3, 524, 999] {
        report.databases[number] = samples::failed(&format!("tenant_{number:04}"));
    }
    let summary = summary(&report);
    assert!(summary.len() <= SUMMARY_LIMIT, "{}", summary.len());
    for name in ["tenant_0003", "tenant_0524", "tenant_0999"] {
        assert!(summary.contains(&format!("\n| {name}<br>")), "{name}");
        assert!(summary.contains(&format!("### ❌ {name}: failed")), "{name}");
        assert!(summary.contains(&format!("Log of <b>{name}</b>: 4 lines")), "{name}");
    }
    let (open, folded) =
        summary.split_once("<details><summary>950 more databases: 950 migrated</summary>\n\n").unwrap();
    let rows = |text: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.strip_prefix("| tenant_"));
        names.map(|name| name[..4].to_owned()).collect()
    };
    assert_eq!(rows(open).len(), table::OPEN);
    assert_eq!(rows(open)[..5], ["0003", "0524", "0999", "0000", "0001"]);
    assert_eq!(rows(folded).len(), 950, "every database has its row");
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut report = samples::run();
    report.databases = (0..5_000).map(|number| samples::migrated(&format!("tenant_{number:04}"))).collect();
    report.databases[4_999] = samples::failed("tenant_4999");
    let summary = summary(&report);
    assert!(summary.len() <= SUMMARY_LIMIT, "{}", summary.len());
    let rows = summary.lines().filter(|line| line.starts_with("| tenant_")).count();
    let left = counted(5_000 - rows, "more database");
    assert!(rows > 1_000, "{rows}");
    assert!(summary.contains(&format!("\n… and {left}, {} migrated: the output", 5_000 - rows)), "{left}");
}

#[test]
fn many_failures_with_full_logs_stay_below_the_limit() {
    let mut report = samples::run();
    report.databases = (0..2_000).map(|number| samples::failed(&format!("tenant_{number:04}"))).collect();
    for row in &mut report.databases {
        for _ in 0..50 {
            row.log.push(&"'".repeat(900));
        }
    }
    let summary = summary(&report);
    assert!(summary.len() <= SUMMARY_LIMIT, "{}", summary.len());
    assert!(summary.len() > SUMMARY_LIMIT - 16 * 1024, "{}", summary.len());
}

#[test]
fn the_logs_of_packs_stay_below_the_limit_and_are_text() {
    let mut report = samples::pack();
    let mut log = LogTail::default();
    HOSTILE.iter().for_each(|line| log.push(line));
    (0..200).for_each(|_| log.push(&"x".repeat(300)));
    let databases = vec![HOSTILE.concat().as_str().into(), "b".into()];
    report.pack_logs = vec![PackLog { databases, log }; 400];
    let summary = summary(&report);
    assert!(summary.len() <= SUMMARY_LIMIT, "{} bytes", summary.len());
    assert!(!summary.contains("<script") && !summary.contains("<img"), "{}", &summary[..2_000]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_stays_below_the_limit(text in "(?s).{0,1000}", rows in 0_usize..30, times in 1_usize..20) {
        let text = text.repeat(times);
        let mut report = samples::hostile();
        report.diff = text.clone();
        report.notes = vec![text.clone(); 20];
        report.error = Some(crate::failure::Failure::service(text.clone()).evidence([text.clone()]));
        report.databases = (0..rows).map(|_| samples::failed(&text)).collect();
        for row in &mut report.databases {
            row.task_url = Some(format!("https://example.com/{text}"));
            row.log.push(&text);
        }
        prop_assert!(summary(&report).len() <= SUMMARY_LIMIT);
    }
}
