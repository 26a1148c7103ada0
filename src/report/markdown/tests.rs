use proptest::prelude::*;

use super::super::samples;
use super::*;
use crate::report::LogTail;

#[test]
fn a_fleet_that_is_migrated() {
    insta::assert_snapshot!(summary(&samples::all_migrated()), @"");
}

#[test]
fn a_fleet_with_one_of_each() {
    insta::assert_snapshot!(summary(&samples::fleet()), @"");
}

#[test]
fn a_run_that_ended_early() {
    insta::assert_snapshot!(summary(&samples::no_repository()), @"");
}

#[test]
fn a_run_under_way() {
    let mut report = samples::all_migrated();
    report.ended_at = None;
    report.databases[1] = DatabaseReport::new("healthtech_experiment");
    report.databases[2] = DatabaseReport::new("fintech_experiment");
    report.databases[2].log.push("connecting to the database");
    let summary = summary(&report);
    let until = summary.find("### What ran").unwrap();
    insta::assert_snapshot!(&summary[..until], @"");
}

#[test]
fn an_exit_code_alone_is_not_called_proof() {
    let mut report = samples::all_migrated();
    report.databases[0] = samples::migrated_by_exit_code("startupwebapp_prod");
    let summary = summary(&report);
    let head: String = summary.lines().take(4).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(head, @"");
}

/// What a browser would make of the summary: only our own elements, and no text is lost.
#[test]
fn hostile_text_stays_text() {
    let summary = summary(&samples::hostile());
    for line in summary.split(['\n', '\r']) {
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
        assert!(!line.contains(|char: char| char.is_control() || char == '\u{202e}'), "{line:?}");
    }
    let ours = ["details", "details open", "summary", "p", "pre", "code", "b"];
    for tag in summary.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.trim_start_matches('/');
        assert!(ours.contains(&name) || name.starts_with("a href=\"https://example.com/"), "<{tag}>");
    }
    for element in ["details", "pre", "code", "b", "p", "summary"] {
        let opened = summary.matches(&format!("<{element}>")).count()
            + summary.matches(&format!("<{element} ")).count();
        assert_eq!(opened, summary.matches(&format!("</{element}>")).count(), "{element}");
    }
    for word in ["unterminated title", "spoofed", "name=migrated", "onerror", "evil"] {
        assert!(summary.contains(word), "{word}");
    }
    for live in ["@everyone", "](https", "https://evil", "www.evil", "javascript:"] {
        assert!(!outside_code(&summary).contains(live), "{live}");
    }
    // Each row keeps its nine cells, whatever its texts say.
    let rows: Vec<&str> = summary.lines().filter(|line| line.starts_with("| ") && line.contains("❌")).collect();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row.matches('|').count(), 10, "{row}");
    }
}

/// The Markdown without what stands in `<pre>`, `<summary>`, and fences, where nothing is a link or a mention.
fn outside_code(markdown: &str) -> String {
    let mut out = String::new();
    let mut fence: Option<String> = None;
    let mut pre = false;
    for line in markdown.lines() {
        match &fence {
            Some(marks) if line == marks => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => {
                fence = Some(line.chars().take_while(|char| *char == '`').collect());
            }
            None => {
                pre |= line.starts_with("<pre>");
                if !pre && !line.starts_with('<') {
                    out.push_str(line);
                    out.push('\n');
                }
                pre &= !line.ends_with("</pre>");
            }
        }
    }
    out
}

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
    assert!(summary.len() <= LIMIT, "{}", summary.len());
    assert_eq!(summary.matches("error: the very last line").count(), 3);
    let failed = summary.find("Log of <b>healthtech_experiment").unwrap();
    assert!(failed < summary.find("Log of <b>startupwebapp_prod").unwrap());
}

#[test]
fn a_large_fleet_keeps_its_failures() {
    let mut report = samples::run();
    report.databases = (0..5_000).map(|number| samples::migrated(&format!("tenant_{number:04}"))).collect();
    for number in [3, 2_048, 4_999] {
        report.databases[number] = samples::failed(&format!("tenant_{number:04}"));
    }
    let summary = summary(&report);
    assert!(summary.len() <= LIMIT, "{}", summary.len());
    for name in ["tenant_0003", "tenant_2048", "tenant_4999"] {
        assert!(summary.contains(&format!("| {name} | ❌ **failed**")), "{name}");
        assert!(summary.contains(&format!("### ❌ {name}: failed")), "{name}");
        assert!(summary.contains(&format!("Log of <b>{name}</b>: 4 lines")), "{name}");
    }
    assert!(summary.contains("all of them migrated: the output `result` has them"));
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
    assert!(summary.len() <= LIMIT, "{}", summary.len());
    assert!(summary.len() > LIMIT - 16 * 1024, "{}", summary.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_stays_below_the_limit(text in "(?s).{0,4000}", rows in 0_usize..60, times in 1_usize..40) {
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
        prop_assert!(summary(&report).len() <= LIMIT);
    }
}
