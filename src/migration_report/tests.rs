use super::*;

const LINE: &str = r#"{"migration_report":{"version":1,"database":"healthtech_experiment","from":"9","applied":[{"version":"10","name":"orders","ms":12},{"version":11,"name":"carts","ms":3}],"pending":0,"current":"11","tables":57,"ms":812}}"#;

fn fault(line: &str) -> String {
    parse_line(line).expect("it is taken for a report").expect_err("it can not be read")
}

fn report(fields: &str) -> String {
    format!(r#"{{"migration_report":{{{fields}}}}}"#)
}

#[test]
fn a_report_is_read() {
    let report = parse_line(LINE).unwrap().unwrap();
    assert_eq!(report.database, "healthtech_experiment");
    assert_eq!(report.applied.len(), 2);
    assert_eq!((report.applied[0].version.as_str(), report.applied[1].version.as_str()), ("10", "11"));
    assert_eq!((report.pending, report.tables, report.ms), (0, Some(57), Some(812)));
    assert_eq!((report.from.as_deref(), report.current.as_deref()), (Some("9"), Some("11")));
    assert_eq!(report.to_string(), "healthtech_experiment: 2 applied, now at 11, 57 tables");
}

#[test]
fn the_least_that_a_report_must_say() {
    let least = parse_line(&report(r#""version":1,"database":"a","pending":0"#)).unwrap().unwrap();
    assert_eq!(least.to_string(), "a: 0 applied");
    let nulls = r#""version":1,"database":"a","pending":0,"applied":null,"current":null,"from":null,"tables":null,"ms":null,"failed":null"#;
    assert_eq!(parse_line(&report(nulls)).unwrap().unwrap(), least);
}

#[test]
fn a_failed_migration_is_named() {
    let line = report(
        r#""version":1,"database":"a","pending":2,"current":6,"failed":{"version":7,"name":"add_orders","file":"V7__add_orders.sql","error":"relation \"orders\"\nalready exists"}"#,
    );
    let report = parse_line(&line).unwrap().unwrap();
    assert_eq!(
        report.to_string(),
        r#"a: 0 applied, 2 pending, 7 add_orders failed: relation "orders"⏎already exists, now at 6"#
    );
}

#[test]
fn a_report_may_be_indented_and_unknown_fields_do_no_harm() {
    let line = format!("  \t{}\r\n", LINE.replace(r#""ms":812"#, r#""ms":812,"future":{"a":[1]}"#));
    assert_eq!(parse_line(&line), parse_line(LINE));
    let beside = LINE.replacen('{', r#"{"time":"now","#, 1);
    assert_eq!(parse_line(&beside), parse_line(LINE));
}

#[test]
fn anything_else_is_log() {
    for line in [
        "",
        "{",
        "{}",
        "Applying V7__add_orders … OK",
        r#"{"message":"migration_report"}"#,
        r#"{"note":"the \"migration_report\" follows"}"#,
        r#"{"note":{"migration_report":{"version":1}}}"#,
        r#"{not json "migration_report""#,
        r#"["migration_report"]"#,
        r#"log: {"migration_report":{"version":1,"database":"a","pending":0}}"#,
    ] {
        assert_eq!(parse_line(line), None, "{line}");
    }
}

#[test]
fn what_can_not_be_read_says_why() {
    assert!(fault(&LINE[..80]).starts_with("the line is not JSON"));
    assert!(fault("{ \"migration_report\": {\"version\":1,").starts_with("the line is not JSON"));
    assert_eq!(fault(r#"{"migration_report":null}"#), "it names no protocol version");
    assert_eq!(fault(&report(r#""database":"a","pending":0"#)), "it names no protocol version");
    assert_eq!(
        fault(&report(r#""version":2,"database":"a","pending":0"#)),
        "version 2 of the protocol is not supported, 1 is"
    );
    assert_eq!(fault(&report(r#""version":1,"database":"","pending":0"#)), "it names no database");
    assert!(fault(&report(r#""version":1,"pending":0"#)).contains("missing field `database`"));
    assert!(fault(&report(r#""version":1,"database":"a""#)).contains("missing field `pending`"));
    assert!(fault(&report(r#""version":1,"database":"a","pending":-1"#)).contains("-1"));
    assert!(
        fault(&report(r#""version":1,"database":"a","pending":0,"current":[1]"#))
            .contains("neither text nor a number")
    );
}

#[test]
fn what_is_shown_is_one_bounded_line() {
    let name = "\u{1b}[31m\n".repeat(1000);
    let report = MigrationReport {
        version: 1,
        database: name.clone(),
        applied: Vec::new(),
        pending: 0,
        current: Some(name.clone()),
        tables: None,
        ms: None,
        from: None,
        error: None,
        failed: Some(FailedMigration {
            version: name.clone(),
            name: name.clone(),
            file: None,
            line: None,
            error: name,
        }),
    };
    let shown = report.to_string();
    assert!(shown.len() < 5000 && !shown.contains(['\n', '\u{1b}']));
}

#[test]
fn reports_are_gathered_from_a_log() {
    let mut reports = Reports::default();
    assert!(!reports.line("Applying V1"));
    assert!(reports.is_empty());
    assert!(reports.line(&report(r#""version":1,"database":"a","pending":1"#)));
    assert!(reports.line(&report(r#""version":1,"database":"b","pending":0"#)));
    assert!(reports.line(&report(r#""version":1,"database":"a","pending":0"#)));
    assert_eq!(reports.all().len(), 3);
    assert_eq!(reports.of("a").unwrap().pending, 0);
    assert_eq!(reports.of("c"), None);
    assert_eq!(reports.malformed(), None);
    assert!(reports.line(r#"{"migration_report":1}"#));
    assert!(reports.line(r#"{"migration_report""#));
    assert_eq!(reports.malformed(), Some((2, "it names no protocol version")));
}

#[test]
fn a_flood_of_reports_is_not_kept() {
    let line = report(&format!(r#""version":1,"database":"{}","pending":0"#, "a".repeat(1 << 20)));
    let mut reports = Reports::default();
    for _ in 0..40 {
        reports.line(&line);
    }
    assert!(reports.all().len() < 16);
    assert_eq!(reports.malformed().unwrap().1, "the task printed more than 16 MiB of reports");
}
