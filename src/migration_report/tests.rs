use super::*;

const LINE: &str = r#"{"migration_report":{"version":1,"database":"healthtech_experiment","from":"9","applied":[{"version":"10","name":"orders","ms":12},{"version":11,"name":"carts","ms":3}],"pending":0,"current":"11","tables":57,"ms":812}}"#;

fn fault(line: &str) -> String {
    parse_line(line).expect("it is taken for a report").expect_err("it cannot be read")
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
    let nulls = r#""version":1,"database":"a","pending":0,"applied":null,"current":null,"from":null,"tables":null,"ms":null,"failed":null,"schema":null,"unknown":null,"missing":null"#;
    assert_eq!(parse_line(&report(nulls)).unwrap().unwrap(), least);
}

#[test]
fn what_a_database_is_like() {
    let line = report(
        r#""version":1,"database":"a","pending":2,"schema":"sha256:00ff","unknown":[{"version":13,"name":"gone"}],"missing":[{"version":"12"}]"#,
    );
    let read = parse_line(&line).unwrap().unwrap();
    let known = |version: &str, name: &str| Known { version: version.into(), name: name.into() };
    assert_eq!(read.schema.as_deref(), Some("sha256:00ff"));
    assert_eq!(read.unknown, Some(vec![known("13", "gone")]));
    assert_eq!(read.missing, Some(vec![known("12", "")]));
    let none = parse_line(&report(r#""version":1,"database":"a","pending":0,"unknown":[],"missing":[]"#));
    let none = none.unwrap().unwrap();
    assert_eq!((none.unknown, none.missing), (Some(Vec::new()), Some(Vec::new())));
    let longest = format!(r#""version":1,"database":"a","pending":0,"schema":"{}""#, "é".repeat(128));
    assert!(parse_line(&report(&longest)).unwrap().is_ok());
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
        r#"{not json "migration_report""#,
        r#"["migration_report"]"#,
        "migration_report: how to print one",
        "see docs/migration-report.md, or add_migration_report: {}",
        "select json_build_object('migration_report', json_build_object('version', 1))",
        "the key 'migration_report' is missing",
        r#"{"name":"migration_report","ms":3}"#,
        r#"{"applied":["1 migration_report"],"pending":0}"#,
        r#"{"my_migration_report":{"version":1}}"#,
        r#"{"migrations":3}"#,
        r"C:\\users\\migration_report",
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
        schema: None,
        unknown: None,
        missing: None,
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

/// What one reader takes for a proof and another for something else is none.
#[test]
fn a_line_that_can_be_read_in_two_ways_says_so() {
    let good = r#""version":1,"database":"a","pending":0"#;
    let whole = report(good);
    let quoted = whole.replace('"', "\\\"");
    for (line, why) in [
        (
            report(r#""version":1,"database":"b","database":"a","pending":0"#),
            "the name database stands there twice",
        ),
        (
            report(r#""version":1,"database":"a","pending":3,"pending":0"#),
            "the name pending stands there twice",
        ),
        (
            report(&format!(r#"{good},"failed":{{"version":"1"}},"failed":null"#)),
            "the name failed stands there twice",
        ),
        (report(&format!(r#"{good},"Database":"b""#)), "the name Database stands there twice"),
        (
            report(&format!(r#"{good},"applied":[{{"version":1,"version":2}}]"#)),
            "the name version stands there twice",
        ),
        (report(&format!(r#"{good},"future":[[{{"x":1,"x":2}}]]"#)), "the name x stands there twice"),
        (format!(r#"{{"a":1,"a":2,{}"#, &whole[1..]), "the name a stands there twice"),
        (
            report(&format!(r#"{good},"datab\u0061se":"b""#)),
            "the name datab\\u0061se is written with escapes",
        ),
        (whole.replace("migration_report", r"migration\u005freport"), "is written with escapes"),
        (whole.replace("migration_report", r"\u006digration_repor\u0074"), "is written with escapes"),
        (format!("{},{}", &whole[..whole.len() - 1], &whole[1..]), "the line has more than one"),
        (format!("{whole}{whole}"), "the line has more than one"),
        (format!(r#"{},"message":"{quoted}"}}"#, &whole[..whole.len() - 1]), "the line has more than one"),
        (report(&format!(r#"{good},"future":{whole}"#)), "the line has more than one"),
        (report(&format!(r#"{good},"Pending":3"#)), "the name Pending stands there twice"),
        (report(&format!(r#"{good},"Failed":{{}}"#)), "the report has a field Failed, which is not one"),
        (report(&format!(r#"{good},"failed":["7","orders"]"#)), "failed is not an object"),
        (
            report(&format!(r#"{good},"failed":{{"Version":7}}"#)),
            "failed has a field Version, which is not one",
        ),
        (report(&format!(r#"{good},"applied":[["7","orders",3]]"#)), "applied is not an object"),
        (report(&format!(r#"{good},"applied":{{"version":7}}"#)), "invalid type: map"),
        (report(&format!(r#"{good},"schema":"""#)), "schema does not have 1 to 128 characters"),
        (
            report(&format!(r#"{good},"schema":"{}""#, "0".repeat(129))),
            "schema does not have 1 to 128 characters",
        ),
        (report(&format!(r#"{good},"schema":57"#)), "invalid type: integer"),
        (report(&format!(r#"{good},"Schema":"a""#)), "the report has a field Schema, which is not one"),
        (report(&format!(r#"{good},"Unknown":[]"#)), "the report has a field Unknown, which is not one"),
        (report(&format!(r#"{good},"missing ":[]"#)), "the report has a field missing , which is not one"),
        (report(&format!(r#"{good},"unknown":1"#)), "invalid type: integer"),
        (report(&format!(r#"{good},"unknown":["7"]"#)), "unknown is not an object"),
        (report(&format!(r#"{good},"unknown":[["7","orders"]]"#)), "unknown is not an object"),
        (report(&format!(r#"{good},"unknown":[{{"name":"orders"}}]"#)), "missing field `version`"),
        (report(&format!(r#"{good},"unknown":[{{"version":7,"NAME":"x"}}]"#)), "unknown has a field NAME"),
        (
            report(r#""version":1,"database":"a","pending":1,"missing":[{"Version":7}]"#),
            "missing has a field Version, which is not one",
        ),
        (
            report(&format!(r#"{good},"missing":[{{"version":7}}]"#)),
            "missing lists 1 migrations, and pending counts 0",
        ),
        (report(r#""version":1,"database":"a","pending":0.0"#), "invalid type: floating point"),
        (report(r#""version":1,"database":"a","pending":1e0"#), "invalid type: floating point"),
        (report(r#""version":1,"database":"a","pending":"0""#), "invalid type: string"),
        (report(r#""version":1,"database":"a","pending":18446744073709551616"#), "invalid type"),
        (report(r#""version":1.0,"database":"a","pending":0"#), "it names no protocol version"),
        (report(r#""version":1,"database":["a"],"pending":0"#), "invalid type: sequence"),
        (r#"{"migration_report":[1,"a",[],0]}"#.to_owned(), "it names no protocol version"),
    ] {
        let found = fault(&line);
        assert!(found.contains(why), "{line}: {found}");
    }
}

/// What could be a report does not pass for log, wherever it stands.
#[test]
fn a_report_is_seen_where_it_does_not_count() {
    let whole = report(r#""version":1,"database":"a","pending":0"#);
    let quoted = whole.replace('"', "\\\"");
    let twice = quoted.replace('\\', r"\\\").replace('"', "\\\"");
    for line in [
        format!("[info] {whole}"),
        format!("2026-11-28T18:00:00Z {whole}"),
        format!("log: {whole}"),
        format!("\u{feff}{whole}"),
        format!("\u{1b}[32m{whole}\u{1b}[0m"),
        format!("\u{a0}{whole}"),
        format!("{whole} done"),
        format!("{whole};"),
        format!("[{whole}]"),
        format!("'{whole}'"),
        format!(r#"{{"level":"info","message":"{quoted}"}}"#),
        format!(r#"{{"level":"info","message":"done\n{quoted}"}}"#),
        format!(r#"{{"log":"{twice}"}}"#),
        format!(r#"{{"level":"info","data":{whole}}}"#),
        format!("\"{quoted}\""),
        whole.replace("migration_report", "MIGRATION_REPORT"),
        whole.replace("migration_report", " migration_report "),
        whole.replace("{\"migration_report\":", "\"migration_report\": "),
        "{'migration_report': {'version': 1, 'database': 'a', 'pending': 0}}".to_owned(),
        "{ migration_report: { version: 1, database: 'a', pending: 0 } }".to_owned(),
        r#"{"migration_report"=>{"version"=>1}}"#.to_owned(),
        r#"level=info migration_report={"version":1}"#.to_owned(),
        r#"migration_report {"version":1}"#.to_owned(),
        r#"  "migration_report": {"#.to_owned(),
        r#"{"migration_report": "soon"}"#.to_owned(),
        r#"{"migration_report""#.to_owned(),
        r#"{ "migration_rep"#.to_owned(),
    ] {
        assert!(matches!(parse_line(&line), Some(Err(_))), "{line}: {:?}", parse_line(&line));
    }
    let spaced = whole.replace(':', " : ").replace('{', "{ ");
    assert!(matches!(parse_line(&format!("\t {spaced}  \r\n")), Some(Ok(_))), "blanks do not matter");
}

#[test]
fn a_report_reads_as_a_sentence() {
    let words = |fields: &str| {
        let line =
            format!(r#"{{"migration_report": {{"version": 1, "database": "shop", "pending": 0{fields}}}}}"#);
        parse_line(&line).expect("a report").expect("readable").in_words()
    };
    assert_eq!(words(""), "migration report of shop: 0 applied");
    let one = r#", "from": "9", "current": "10", "applied": [{"version": 10, "name": "create_orders"}], "tables": 57"#;
    assert_eq!(words(one), "migration report of shop: 9 → 10, 1 applied (10 create_orders), 57 tables");
    let many: Vec<String> = (1..=7).map(|n| format!(r#"{{"version": "{n}"}}"#)).collect();
    let many = format!(r#", "current": "7", "applied": [{}]"#, many.join(","));
    assert_eq!(words(&many), "migration report of shop: at 7, 7 applied (1, 2, 3, 4, 5 and 2 more)");
    let failed = r#", "failed": {"version": "3", "name": "x", "error": "no\u001b[31m\n::error::such table"}"#;
    let said = words(failed);
    assert!(said.starts_with("migration report of shop: 0 applied, 3 x failed: no"), "{said}");
    assert!(!said.contains(['\u{1b}', '\n']), "{said}");
}
