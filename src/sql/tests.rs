use super::*;

fn found(text: &str) -> Found {
    found_with(text, &Asked::default())
}

fn found_with(text: &str, asked: &Asked) -> Found {
    let mut found = Found::default();
    found.look_at("a.sql", Ok(text.to_owned()), asked);
    found
}

fn rules_of(text: &str) -> Vec<(u64, &'static str)> {
    let found = found(text);
    assert_eq!(found.unread, [], "{text}");
    found.findings.iter().map(|one| (one.line, one.rule.name)).collect()
}

/// What the shop's own migrations do.
#[test]
fn the_shop() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("app/migrations");
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let mut all = Found::default();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        all.look_at(&name, Ok(std::fs::read_to_string(&path).unwrap()), &Asked::default());
    }
    assert_eq!((all.files, all.unread), (13, Vec::new()));
    let lines = all.findings.iter().map(|one| {
        format!("{}:{} {} {}: {}", one.file, one.line, one.rule.question.word(), one.rule.name, one.statement)
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn each_rule_finds_its_statement() {
    for (sql, rule) in [
        ("CREATE INDEX i ON orders (a);", "require-concurrent-index-creation"),
        ("DROP INDEX i;", "require-concurrent-index-deletion"),
        ("REINDEX TABLE orders;", "require-concurrent-reindex"),
        ("ALTER TABLE orders DETACH PARTITION p;", "require-concurrent-partition-detach"),
        ("ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0);", "constraint-missing-not-valid"),
        (
            "ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES users (id);",
            "adding-foreign-key-constraint",
        ),
        ("ALTER TABLE orders ADD CONSTRAINT c UNIQUE (a);", "disallowed-unique-constraint"),
        ("ALTER TABLE orders ADD PRIMARY KEY (a);", "adding-serial-primary-key-field"),
        ("ALTER TABLE orders ALTER COLUMN a SET NOT NULL;", "adding-not-nullable-field"),
        ("ALTER TABLE orders ADD COLUMN a uuid DEFAULT gen_random_uuid();", "adding-field-with-default"),
        ("ALTER TABLE orders ALTER COLUMN a TYPE bigint;", "changing-column-type"),
        ("UPDATE orders SET a = 1;", "changing-every-row"),
        ("DELETE FROM orders;", "changing-every-row"),
        ("ALTER TABLE orders DROP COLUMN a;", "ban-drop-column"),
        ("DROP TABLE orders;", "ban-drop-table"),
        ("DROP VIEW orders;", "ban-drop-view"),
        ("DROP SCHEMA shop;", "ban-drop-schema"),
        ("ALTER TABLE orders SET SCHEMA shop;", "ban-set-schema"),
        ("ALTER TABLE orders RENAME COLUMN a TO b;", "renaming-column"),
        ("ALTER TABLE orders RENAME TO old;", "renaming-table"),
        ("ALTER TABLE orders ADD COLUMN a int NOT NULL;", "adding-required-field"),
    ] {
        assert_eq!(rules_of(&format!("select 1;\n\n{sql}\n")), [(3, rule)], "{sql}");
    }
    for rule in rules::all().iter().filter(|rule| rule.name != rules::EVERY_ROW) {
        assert!(Squawk::try_from(rule.name).is_ok(), "{}", rule.name);
    }
}

#[test]
fn the_page_has_a_section_for_each_rule_and_for_nothing_else() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sections: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(sections, rules::all().iter().map(|rule| rule.name).collect::<Vec<_>>());
}

#[test]
fn a_rule_is_included_and_excluded_by_its_name() {
    let asked = |include: &[&str], exclude: &[&str]| {
        let named = |names: &[&str]| names.iter().map(|name| Rule::named(name).unwrap()).collect();
        Asked { include: named(include), exclude: named(exclude), postgres: Some(16), only: None }
    };
    let sql = "ALTER TABLE orders DROP COLUMN a;";
    let names = |asked: &Asked| -> Vec<_> {
        found_with(sql, asked).findings.iter().map(|one| one.rule.name).collect()
    };
    assert_eq!(names(&asked(&["require-lock-timeout"], &[])), ["require-lock-timeout", "ban-drop-column"]);
    assert_eq!(names(&asked(&[], &["ban-drop-column"])), [""; 0]);
    let locks = Asked { only: Some(Question::Locks), ..asked(&["require-lock-timeout"], &[]) };
    assert_eq!(names(&locks), ["require-lock-timeout"]);
}

#[test]
fn a_comment_ignores_what_it_names_and_nothing_else() {
    let drop = "ALTER TABLE orders DROP COLUMN a;\nDELETE FROM orders;";
    assert_eq!(rules_of(&format!("-- squawk-ignore ban-drop-column\n{drop}")), [(3, "changing-every-row")]);
    assert_eq!(rules_of(&format!("-- squawk-ignore renaming-table\n{drop}")).len(), 2);
    let every = "SELECT 1;\n-- squawk-ignore changing-every-row\nUPDATE orders SET a = 1;";
    assert_eq!(rules_of(every), []);
}

#[test]
fn a_table_that_the_file_creates_is_left_alone_and_one_that_may_be_there_is_not() {
    let then = "ALTER TABLE shop.\"T\" DROP COLUMN a; UPDATE \"T\" SET a = 1; CREATE INDEX i ON \"T\" (a);";
    assert_eq!(rules_of(&format!("CREATE TABLE \"T\" (a int); {then}")), []);
    assert_eq!(rules_of(&format!("CREATE TABLE t (a int); {then}")).len(), 3);
    let then = "ALTER TABLE t DROP COLUMN a;";
    assert_eq!(rules_of(&format!("CREATE TABLE IF NOT EXISTS t (a int); {then}")).len(), 1);
    assert_eq!(rules_of("CREATE TABLE a.t (a int); ALTER TABLE b.t DROP COLUMN a;").len(), 1);
}

#[test]
fn what_cannot_be_read_is_said_and_is_not_a_finding() {
    let unread = |text: &str| {
        let found = found(text);
        assert_eq!(found.findings, [], "{text:.80}");
        found.unread.iter().map(|one| (one.line, one.why.clone())).collect::<Vec<_>>()
    };
    let wrong = unread("SELECT 1;\nALTER TABEL orders DROP COLUMN a;");
    assert!(wrong[0].0 == Some(2) && wrong[0].1.starts_with("not parsed: "), "{wrong:?}");
    let block = unread("SELECT 1;\nDO $$ BEGIN EXECUTE 'DROP TABLE orders'; END $$;");
    assert_eq!(block, [(Some(2), "a DO block: the statements in it are not looked at".to_owned())]);
    let deep = "nested too deeply to be parsed";
    for opened in ["(", "[", "NOT ", "- ", "1 + "] {
        let nested = unread(&format!("SELECT\n{}1;", opened.repeat(100_000)));
        assert!(nested[0].0 == Some(2) && nested[0].1 == deep, "{opened} {nested:?}");
    }
    // As deep as the bound lets through, and in strings that the parser would open.
    for opened in ["(", "NOT ", "1 + ", "CASE WHEN "] {
        found(&format!("SELECT {}1;", opened.repeat(1_900)));
        let body = format!(
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT {}1 $$;",
            opened.repeat(100_000)
        );
        assert_eq!(found(&body).findings, []);
        assert_eq!(found(&body.replace("$$", "'")).findings, []);
    }
}

#[test]
fn a_long_list_of_rows_is_not_deep() {
    let rows = "(1, 'a', now()), ".repeat(20_000);
    assert_eq!(rules_of(&format!("INSERT INTO t VALUES {rows} (1, 'a', now());")), []);
}

#[test]
fn hostile_text_is_one_bounded_line() {
    let sql = format!(
        "ALTER TABLE orders\n -- ::error::x\n DROP\u{a0}COLUMN \"##[x]\u{1b}[31m|`<b>{}\";",
        "a".repeat(300)
    );
    let found = found(&sql.replace('\u{a0}', " "));
    let [finding] = found.findings.as_slice() else { panic!("{found:?}") };
    assert!(!finding.statement.contains(['\n', '\u{1b}']), "{finding:?}");
    assert_eq!((finding.line, finding.statement.chars().count()), (3, STATEMENT));
}

#[test]
fn findings_are_bounded_and_the_rest_is_counted() {
    let found = found(&"DROP TABLE a;\n".repeat(MOST + 7));
    assert_eq!((found.findings.len(), found.more), (MOST, 7));
}
