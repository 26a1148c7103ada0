//! Flyway itself is not on crates.io, PyPI or in Debian: what it does to the table and what it answers is written here,
//! in the shapes of Flyway 13.5.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use sandbox::postgres::{Options, Postgres};
use sandbox::real_parts::skip;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{has, snippet};

/// As Flyway creates it in PostgreSQL.
const TABLE: &str = "create table flyway_schema_history (installed_rank int not null primary key, version varchar(50),
    description varchar(200) not null, type varchar(20) not null, script varchar(1000) not null, checksum int,
    installed_by varchar(100) not null, installed_on timestamp not null default now(), execution_time int not null,
    success boolean not null);";

const STAND_IN: &str = r#"#!/bin/sh
case "$*" in
  *migrate) psql "$SERVER" -v ON_ERROR_STOP=1 -Xqf "$0.sql" ;;
  *info) cat "$0.json" ;;
esac
"#;

struct Image {
    postgres: Postgres,
    directory: TempDir,
}

impl Image {
    async fn new() -> Option<Self> {
        if !has("psql") {
            return skip("psql", "apt-get install postgresql-client");
        }
        let started = Postgres::start(&Options { url: None, ..Options::default() }).await.unwrap();
        let postgres =
            started.or_else(|| skip("PostgreSQL's initdb and postgres", "apt-get install postgresql"))?;
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let folder = format!("{}/", directory.path().display());
        let script = snippet("flyway \"-url=").replace("/flyway/", &folder);
        for (name, text) in [("migrate-and-report.sh", script.as_str()), ("flyway", STAND_IN)] {
            fs::write(at(name), text).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(at("report.sql"), snippet("jsonb_build_object('migration_report'")).unwrap();
        Some(Self { postgres, directory })
    }

    /// Runs the script for a database with the rows `had`, in which Flyway adds the rows `run` and then answers `info`.
    async fn run(&self, database: &str, had: &[&str], run: &[&str], info: &Value) -> Result<Value, String> {
        self.postgres.create_database(database).await.unwrap();
        let rows = |rows: &[&str]| -> String {
            let insert = "insert into flyway_schema_history (installed_rank, version, description, type, script, \
                          installed_by, execution_time, success) values";
            rows.iter().map(|row| format!("{insert} ({row});\n")).collect()
        };
        let client = self.postgres.connect(database).await.unwrap();
        if !had.is_empty() {
            client.batch_execute(&format!("{TABLE}{}", rows(had))).await.unwrap();
        }
        let create = if had.is_empty() { TABLE } else { "" };
        let at = |name: &str| self.directory.path().join(name);
        fs::write(at("flyway.sql"), format!("{create}{}", rows(run))).unwrap();
        fs::write(at("flyway.json"), info.to_string()).unwrap();
        let path = format!("{}:{}", self.directory.path().display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .arg(at("migrate-and-report.sh"))
            .env("PATH", path)
            .env("SERVER", self.postgres.url(database))
            .env("DATABASE_HOST", self.postgres.host())
            .env("DATABASE_PORT", self.postgres.port().to_string())
            .env("DATABASE_USER", self.postgres.user())
            .env("DATABASE_PASSWORD", self.postgres.password())
            .env("DATABASE_NAME", database)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        if !output.status.success() {
            return Err(String::from_utf8(output.stderr).unwrap());
        }
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["migration_report"]["database"], database);
        Ok(line["migration_report"].clone())
    }
}

/// What `flyway -outputType=json info` answers about migrations in these states.
fn info(database: &str, states: &[&str]) -> Value {
    let migrations: Vec<Value> = states.iter().map(|state| json!({ "state": state })).collect();
    json!({ "database": database, "migrations": migrations, "operation": "info" })
}

#[tokio::test]
async fn pending_and_applied_are_flyways_own() {
    let Some(image) = Image::new().await else { return };
    const BASELINE_1: &str =
        "1, '1', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', 'u', 0, true";
    const BASELINE_2: &str =
        "1, '2', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', 'u', 0, true";
    const SCHEMA: &str = "0, null, '<< Flyway Schema Creation >>', 'SCHEMA', 'app', 'u', 0, true";
    let (v1, v2) = (
        "1, '1', 'one', 'SQL', 'V1__one.sql', 'u', 5, true",
        "2, '2', 'two', 'SQL', 'V2__two.sql', 'u', 5, true",
    );
    let v3 = "3, '3', 'three', 'SQL', 'V3__three.sql', 'u', 5, true";
    // name, rows before, rows of the run, states that Flyway tells; then from, versions applied, pending, current.
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str], Value, &'a [&'a str], u64, Value);
    let cases: &[Case] = &[
        ("new", &[], &[v1, v2], &["Success", "Success"], json!(null), &["1", "2"], 0, json!("2")),
        ("nothing_to_do", &[v1, v2], &[], &["Success", "Success"], json!("2"), &[], 0, json!("2")),
        // Adopted: a row with a version and no file.
        (
            "adopted",
            &[BASELINE_1],
            &[v2, v3],
            &["Baseline", "Success", "Success"],
            json!("1"),
            &["2", "3"],
            0,
            json!("3"),
        ),
        (
            "adopted_by_this_run",
            &[],
            &[BASELINE_1, v2],
            &["Baseline", "Success"],
            json!(null),
            &["2"],
            0,
            json!("2"),
        ),
        (
            "one_is_pending",
            &[BASELINE_1],
            &[v2],
            &["Baseline", "Success", "Pending"],
            json!("1"),
            &["2"],
            1,
            json!("2"),
        ),
        (
            "files_below",
            &[BASELINE_2],
            &[v3],
            &["Below Baseline", "Ignored (Baseline)", "Success"],
            json!("2"),
            &["3"],
            0,
            json!("3"),
        ),
        (
            "above_target",
            &[v1],
            &[v2],
            &["Success", "Success", "Above Target"],
            json!("1"),
            &["2"],
            1,
            json!("2"),
        ),
        ("schema_made", &[], &[SCHEMA, v1], &["Success", "Success"], json!(null), &["1"], 0, json!("1")),
        (
            "failed_row",
            &[v1, "2, '2', 'two', 'SQL', 'V2__two.sql', 'u', 5, false"],
            &[],
            &["Success", "Failed"],
            json!("1"),
            &[],
            1,
            json!("1"),
        ),
        (
            "out_of_order",
            &[v1, "2, '10', 'ten', 'SQL', 'V10__ten.sql', 'u', 5, true"],
            &["3, '9', 'nine', 'SQL', 'V9__nine.sql', 'u', 5, true"],
            &["Success", "Out of Order", "Success"],
            json!("10"),
            &["9"],
            0,
            json!("10"),
        ),
        ("left_out", &[v1, v3], &[], &["Success", "Ignored", "Success"], json!("3"), &[], 1, json!("3")),
        (
            "undone",
            &[v1, v2, "3, '2', 'two', 'UNDO_SQL', 'U2__two.sql', 'u', 5, true"],
            &[],
            &["Success", "Undone", "Success", "Pending"],
            json!("1"),
            &[],
            1,
            json!("1"),
        ),
        (
            "done_again",
            &[v1, v2, "3, '2', 'two', 'UNDO_SQL', 'U2__two.sql', 'u', 5, true"],
            &["4, '2', 'two', 'SQL', 'V2__two.sql', 'u', 5, true"],
            &["Success", "Undone", "Success", "Success", "Available"],
            json!("1"),
            &["2"],
            0,
            json!("2"),
        ),
        (
            "deleted",
            &[v1, v2, "3, '2', '<< Flyway Marked as Deleted >>', 'DELETE', 'V2__two.sql', 'u', 0, true"],
            &[],
            &["Success", "Deleted", "Deleted"],
            json!("1"),
            &[],
            0,
            json!("1"),
        ),
        (
            "java_and_repeatable",
            &[v1],
            &[
                "2, '1.5', 'java', 'JDBC', 'db.V1_5__Java', 'u', 5, true",
                "3, null, 'views', 'SQL', 'R__views.sql', 'u', 5, true",
            ],
            &["Success", "Success", "Success"],
            json!("1"),
            &["1.5", "repeatable"],
            0,
            json!("1.5"),
        ),
        ("outdated", &[v1], &[], &["Success", "Outdated", "Superseded"], json!("1"), &[], 1, json!("1")),
        (
            "baseline_migration",
            &[],
            &["1, '5', 'five', 'SQL_BASELINE', 'B5__five.sql', 'u', 5, true"],
            &["Baseline", "Ignored (Baseline)", "Missing", "Future"],
            json!(null),
            &["5"],
            0,
            json!("5"),
        ),
        ("a_state_of_tomorrow", &[v1], &[], &["Success", "Held Back"], json!("1"), &[], 1, json!("1")),
    ];
    for (name, had, run, states, from, applied, pending, current) in cases {
        let report = image.run(name, had, run, &info(name, states)).await.unwrap();
        let versions: Vec<&str> = report["applied"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["version"].as_str().unwrap())
            .collect();
        let told = (&report["from"], versions.as_slice(), report["pending"].as_u64(), &report["current"]);
        assert_eq!(told, (from, *applied, Some(*pending), current), "{name}: {report}");
    }
}

#[tokio::test]
async fn an_answer_that_tells_nothing_proves_nothing() {
    let Some(image) = Image::new().await else { return };
    let v1 = ["1, '1', 'one', 'SQL', 'V1__one.sql', 'u', 5, true"];
    let refused = json!({ "error": { "errorCode": "ERROR", "message": "Unable to connect" } });
    for (name, answer) in [("refused", refused), ("other", info("shop_live", &["Success"]))] {
        let report = image.run(name, &[], &v1, &answer).await.unwrap();
        assert_eq!(report["pending"], Value::Null, "{name}");
    }
    let error = image.run("cut_off", &[], &v1, &Value::String("not JSON".to_owned())).await;
    assert_eq!(error.map(|report| report["pending"].clone()), Ok(Value::Null));
}
