use super::*;
use std::fs;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn ids(tool: Tool, files: &[&str]) -> Vec<String> {
    let files: Vec<(&str, &str)> = files.iter().map(|path| (*path, "")).collect();
    let folder = folder(&files);
    match Known::find(tool, &[], folder.path()).expect("known") {
        Known::List(entries) => entries.into_iter().map(|entry| entry.id).collect(),
        other => panic!("{other:?}"),
    }
}

fn history(ids: &[&str]) -> History {
    History { entries: ids.iter().map(|id| Entry::of(*id)).collect(), ..History::default() }
}

fn versions(list: &[ListedMigration]) -> Vec<&str> {
    list.iter().map(|one| one.version.as_str()).collect()
}

#[test]
fn a_file_is_the_migration_that_its_framework_sees_in_it() {
    for (tool, files, expected) in [
        (
            Tool::Rails,
            vec!["db/migrate/20240102_b.rb", "db/migrate/002_a.rb", "db/migrate/x.rb"],
            vec!["2", "20240102"],
        ),
        (
            Tool::NodePgMigrate,
            vec!["migrations/1_a.js", "migrations/2_b.sql", "migrations/.x.js"],
            vec!["1_a", "2_b"],
        ),
        (
            Tool::Knex,
            vec!["migrations/1_a.js", "migrations/1_a.d.ts", "migrations/1_a.js.map"],
            vec!["1_a.js"],
        ),
        (
            Tool::Sqlx,
            vec!["migrations/10_b.up.sql", "migrations/10_b.down.sql", "migrations/9_a.sql"],
            vec!["9", "10"],
        ),
        (
            Tool::Refinery,
            vec!["migrations/V10__b.sql", "migrations/V9__a.rs", "migrations/mod.rs"],
            vec!["9", "10"],
        ),
        (Tool::GolangMigrate, vec!["migrations/0002_b.up.sql", "migrations/0002_b.down.sql"], vec!["2"]),
        (Tool::Diesel, vec!["migrations/2024-01-02-030405_a/up.sql"], vec!["20240102030405"]),
        (Tool::Prisma, vec!["prisma/migrations/1_a/migration.sql", "prisma/migrations/x.toml"], vec!["1_a"]),
        (Tool::Flyway, vec!["sql/V1.10__b.sql", "sql/V1_2__a.sql", "sql/B1__x.sql"], vec!["1.2", "1.10"]),
        (
            Tool::Yoyo,
            vec!["migrations/1.py", "migrations/1.rollback.sql", "migrations/2.sql"],
            vec!["1", "2"],
        ),
        (Tool::Dbmate, vec!["db/migrations/007_a.sql"], vec!["007"]),
        (Tool::Sequelize, vec!["migrations/1-a.js", "migrations/readme.md"], vec!["1-a.js"]),
    ] {
        assert_eq!(ids(tool, &files), expected, "{tool:?}");
    }
}

#[test]
fn what_cannot_be_known_is_said() {
    let empty = folder(&[("other/x", "")]);
    for (tool, why) in [
        (Tool::Knex, "no file is at migrations/*"),
        (Tool::Django, "the files of django do not say it alone"),
        (Tool::Alembic, "no file is at alembic/versions/*.py or migrations/versions/*.py"),
    ] {
        assert_eq!(Known::find(tool, &[], empty.path()).unwrap_err(), why);
    }
    let repeatable = folder(&[("sql/V1__a.sql", ""), ("sql/R__views.sql", "")]);
    let why = Known::find(Tool::Flyway, &[], repeatable.path()).unwrap_err();
    assert!(why.starts_with("R__views is a repeatable migration"), "{why}");
    let glob = Known::find(Tool::Knex, &["dist/***/x".into()], empty.path()).unwrap_err();
    assert!(glob.contains("is not a pattern"), "{glob}");
}

#[test]
fn a_history_is_compared_by_what_a_row_and_a_file_have_in_common() {
    let known = Known::List(["1", "2", "3"].map(Entry::of).to_vec());
    let difference = known.compare(Tool::Knex, &history(&["1", "4"])).unwrap();
    assert_eq!(versions(&difference.missing), ["2", "3"]);
    assert_eq!(versions(&difference.unknown), ["4"]);
    let applied = known.applied(Tool::Knex, &history(&["1"]), &history(&["1", "3", "2"])).unwrap();
    assert_eq!(versions(&applied), ["3", "2"]);
}

#[test]
fn golang_migrate_has_one_row_for_all_that_came_before() {
    let known = Known::List(["1", "2", "3"].map(Entry::of).to_vec());
    let at = |version: &str| history(&[version]);
    let missing = |history: &History| {
        let difference = known.compare(Tool::GolangMigrate, history).unwrap();
        (difference.missing.len(), difference.unknown.len())
    };
    assert_eq!(missing(&at("2")), (1, 0));
    assert_eq!(missing(&History::default()), (3, 0));
    assert_eq!(missing(&at("9")), (0, 1));
    let failed = crate::report::FailedMigration {
        version: "2".into(),
        name: String::new(),
        file: None,
        line: None,
        error: "dirty".into(),
    };
    assert_eq!(missing(&History { failed: Some(failed), ..at("2") }), (2, 0));
    let applied = known.applied(Tool::GolangMigrate, &at("1"), &at("3")).unwrap();
    assert_eq!(versions(&applied), ["2", "3"]);
}

#[test]
fn what_a_baseline_covers_is_not_missing() {
    let known = Known::List(
        ["1", "1.5", "2", "2.1"].map(|version| Entry { id: version.into(), ..Entry::of(version) }).to_vec(),
    );
    let history = History { baseline: Some("2.0".into()), ..History::default() };
    let difference = known.compare(Tool::Flyway, &history).unwrap();
    assert_eq!(versions(&difference.missing), ["2.1"]);
}

#[test]
fn of_alembic_the_files_say_what_came_before_the_heads() {
    let folder = folder(&[
        ("alembic/versions/a_first.py", "revision = 'a'\ndown_revision = None\n"),
        ("alembic/versions/b_left.py", "revision = 'b'\ndown_revision = 'a'\n"),
        ("alembic/versions/c_right.py", "revision = 'c'\ndown_revision = 'a'\n"),
        ("alembic/versions/d_merge.py", "revision = 'd'\ndown_revision = ('b', 'c')\n"),
        ("alembic/versions/__init__.py", ""),
    ]);
    let known = Known::find(Tool::Alembic, &[], folder.path()).expect("known");
    let difference = known.compare(Tool::Alembic, &history(&["b"])).unwrap();
    assert_eq!(versions(&difference.missing), ["c", "d"]);
    let applied = known.applied(Tool::Alembic, &history(&["b"]), &history(&["d"])).unwrap();
    assert_eq!(versions(&applied), ["c", "d"]);
    assert_eq!(applied[1].name, "merge");
    let newer = known.compare(Tool::Alembic, &history(&["z"])).unwrap_err();
    assert!(newer.starts_with("the database is at revision z, which no file has"), "{newer}");
    let torn = self::folder(&[("alembic/versions/b.py", "revision = 'b'\ndown_revision = 'a'\n")]);
    let why = Known::find(Tool::Alembic, &[], torn.path()).unwrap_err();
    assert_eq!(why, "revision b comes after a, which no file has");
}

#[test]
fn drizzles_journal_says_when_each_was_made() {
    let journal = r#"{"entries":[{"idx":0,"when":100,"tag":"0000_a"},{"idx":1,"when":90,"tag":"0001_b"}]}"#;
    let folder = folder(&[("drizzle/meta/_journal.json", journal)]);
    let known = Known::find(Tool::Drizzle, &[], folder.path()).expect("known");
    // Drizzle itself would never apply the one with the older time.
    let difference = known.compare(Tool::Drizzle, &history(&["100"])).unwrap();
    assert_eq!(versions(&difference.missing), ["0001_b"]);
}
