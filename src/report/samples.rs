//! Reports for the renderers' tests.

use jiff::Timestamp;
use serde_json::json;

use super::{DatabaseReport, ImageUsed, LogTail, PackLog, Report, RevisionUsed, Times};
use crate::diagnosis::{LastLines, diagnose};
use crate::ending::{Ending, LogEnd};
use crate::failure::Failure;
use crate::migration_report::{Reports, parse_line};
use crate::plan::ImageSource;
use crate::ports::{Container, Task};
use crate::verdict::{Asked, Killer, Proof, Verdict, judge};

/// What is asked of the samples' tasks.
const ASKED: Asked<'static> = Asked {
    container: "migration",
    image_digest: Some(DIGEST),
    is_essential: true,
    essential: &[],
    proof: Proof::ExitCode,
};
const DIGEST: &str = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";

/// Strings that try to be something else than text.
pub(crate) const HOSTILE: &[&str] = &[
    "::set-output name=migrated::everything",
    "  ::add-mask::e",
    "##[error]spoofed",
    "before ##[set-output name=x]after",
    "progress 1%\r::save-state name=task::arn",
    "\x1b[31mred\x1b[0m \x1b[2J \x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]0;unterminated title",
    "</details></pre></td></table><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "``` ````` ~~~ `code`",
    "a | b || c",
    "@everyone [text](https://evil.example) ![image](https://evil.example/x.png) https://evil.example www.evil.example",
    "user \u{202e}gnp.exe \u{2066}x\u{2069}",
    "NUL \0 BEL \x07 DEL \x7f CSI \u{9b}31m",
    "# heading\n- item\n> quote\n\n---\n| a |\n|---|",
    "$x$ $$y$$ *b* _i_ ~~s~~ &lt;b&gt; \\",
    "fixes #123, GH-123, octo/shop#123; mail someone@example.com :tada:",
    "x: y; click x href \"https://evil.example\" %% comment # end",
];

/// Three databases that were proved migrated.
pub(super) fn all_migrated() -> Report {
    let mut report = run();
    let names = ["startupwebapp_prod", "healthtech_experiment", "fintech_experiment"];
    report.databases = names.map(migrated).to_vec();
    report
}

/// One of each: migrated, failed, wrong database, not run.
pub(super) fn fleet() -> Report {
    let mut report = run();
    report.databases = vec![
        migrated("startupwebapp_prod"),
        failed("healthtech_experiment"),
        wrong_database("fintech_experiment", "startupwebapp_prod"),
        not_run("edtech_experiment"),
    ];
    report.notes = vec!["the log group /ecs/startupwebapp-migrations keeps events for 7 days".to_owned()];
    report
}

/// A run that ended before there was an image.
pub(super) fn no_repository() -> Report {
    let failure = Failure::input("no ECR repository startupwebapp-backnd in us-east-1")
        .hint("use one that exists: startupwebapp-backend, startupwebapp-frontend")
        .evidence(["RepositoryNotFoundException".to_owned()]);
    Report { image: None, revision: None, diff: String::new(), error: Some(failure), ..run() }
}

/// Every text that can come from outside, hostile.
pub(super) fn hostile() -> Report {
    let all = HOSTILE.join("\n");
    let mut row = failed(&all);
    row.stopped_reason = Some(all.clone());
    row.stop_code = Some(all.clone());
    row.task_arn = Some(all.clone());
    row.task_url = Some(format!("https://example.com/{all}"));
    row.other_run_url = Some(format!("https://example.com/{all}"));
    row.log_url = Some("javascript:alert(1)".to_owned());
    row.log.note = Some(all.clone());
    (row.tag, row.image_digest) = (Some(all.clone()), Some(all.clone()));
    for line in HOSTILE {
        row.log.push(line);
    }
    let mut other = wrong_database(&all, HOSTILE[7]);
    other.migration_report = None;
    Report {
        cluster: all.clone(),
        region: Some(all.clone()),
        account: Some(all.clone()),
        family: all.clone(),
        container: all.clone(),
        tag: Some(all.clone()),
        image: Some(ImageUsed {
            reference: all.clone(),
            digest: Some(all.clone()),
            source: ImageSource::Given,
        }),
        revision: Some(RevisionUsed { arn: all.clone(), registered: false }),
        diff: HOSTILE.iter().map(|line| format!("+{line}\n")).collect(),
        databases: vec![row, other, not_run(&all)],
        error: Some(Failure::service(all.clone()).hint(all.clone()).evidence([all.clone()])),
        notes: vec![all],
        ..run()
    }
}

/// A task of three databases: one migrated, one failed by its own report, one that the task did not come to.
pub(super) fn pack() -> Report {
    let mut log = LogTail::default();
    log.push("shop_b: relation \"orders\" already exists");
    let names = ["shop_a", "shop_b", "shop_c"].map(crate::database_name::DatabaseName::from);
    let of_pack = |row: DatabaseReport| DatabaseReport {
        log: LogTail::default(),
        pack_log: Some(0),
        log_file: Some("pack-shop_a-and-2-more-0f9de17a6465.log".to_owned()),
        ..row
    };
    let mut failed = not_run(&names[1]);
    failed.verdict = Some(Verdict::Reported { why: "migration 7 add_orders failed".to_owned() });
    let mut killed = not_run(&names[2]);
    killed.verdict = Some(Verdict::Killed { by: Killer::OutOfMemory, exit_code: Some(137) });
    killed.killed_tasks = vec!["arn:1".to_owned(), "arn:2".to_owned()];
    Report {
        databases: vec![of_pack(migrated(&names[0])), of_pack(failed), of_pack(killed)],
        pack_logs: vec![PackLog { databases: names.to_vec(), log }],
        ..run()
    }
}

pub(super) fn run() -> Report {
    Report {
        cluster: "startupwebapp-cluster".to_owned(),
        region: Some("us-east-1".to_owned()),
        account: Some("123456789012".to_owned()),
        family: "startupwebapp-migration-task".to_owned(),
        container: "migration".to_owned(),
        tag: Some("3f786850e387550fdab836ed7e6dc881de23001b".to_owned()),
        image: Some(ImageUsed {
            reference: format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@{DIGEST}"),
            digest: Some(DIGEST.to_owned()),
            source: ImageSource::Built,
        }),
        revision: Some(RevisionUsed {
            arn: "arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:13".to_owned(),
            registered: true,
        }),
        diff: "--- startupwebapp-migration-task:12\n+++ startupwebapp-migration-task:13\n@@ -4,3 +4,7 @@\n       \"environment\": [\n+        {\n+          \"name\": \"DATABASE_NAME\",\n+          \"value\": \"__set-by-fargate-migrate__\"\n+        },\n".to_owned(),
        started_at: at(0),
        ended_at: Some(at(97)),
        ..Report::default()
    }
}

pub(super) fn migrated(database: &str) -> DatabaseReport {
    let line = json!({"migration_report": {
        "version": 1, "database": database, "from": "10", "current": "12", "pending": 0, "tables": 57, "ms": 840,
        "applied": [
            {"version": "11", "name": "add_order_notes", "ms": 310},
            {"version": "12", "name": "index_client_events", "ms": 512},
        ],
    }});
    let log = [
        "connecting to the database",
        "applied V11 add_order_notes (310 ms)",
        "applied V12 index_client_events (512 ms)",
    ];
    judged(database, Some(0), &[&log[..], &[&line.to_string()]].concat())
}

/// Exit code 0 of an image that prints no migration report.
pub(super) fn migrated_by_exit_code(database: &str) -> DatabaseReport {
    judged(database, Some(0), &["Operations to perform:", "  Apply all migrations: auth, order, user"])
}

/// The same, of a run that takes nothing but a report for a proof.
pub(super) fn unreported(database: &str) -> DatabaseReport {
    DatabaseReport { verdict: Some(Verdict::Unreported { unread: None }), ..migrated_by_exit_code(database) }
}

pub(super) fn failed(database: &str) -> DatabaseReport {
    judged(
        database,
        Some(1),
        &[
            "connecting to the database",
            "applied V11 add_order_notes (295 ms)",
            "V12 index_client_events failed: relation \"client_events\" does not exist",
            "error: migration V12 failed; it was rolled back",
        ],
    )
}

pub(super) fn wrong_database(asked: &str, connected: &str) -> DatabaseReport {
    let line = json!({"migration_report": {
        "version": 1, "database": connected, "current": "12", "pending": 0, "tables": 57, "applied": [],
    }});
    judged(asked, Some(0), &["no migrations to apply", &line.to_string()])
}

pub(super) fn not_run(database: &str) -> DatabaseReport {
    let why = "healthtech_experiment was not migrated, and nothing starts after that".to_owned();
    DatabaseReport { verdict: Some(Verdict::NotRun { why }), ..DatabaseReport::new(&database.into()) }
}

/// A row as a run makes it from a task that ended by itself, and its log.
fn judged(database: &str, exit_code: Option<i32>, log: &[&str]) -> DatabaseReport {
    const TASK: &str = "0f9de17a6465404e8b1b2356dc13c2f8";
    let container = Container { name: "migration".to_owned(), exit_code, ..Container::default() };
    let task = Task {
        arn: format!("arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/{TASK}"),
        last_status: "STOPPED".into(),
        stop_code: Some("EssentialContainerExited".to_owned()),
        stopped_reason: Some("Essential container in task exited".to_owned()),
        created_at: Some(at(40)),
        pull_started_at: Some(at(52)),
        pull_stopped_at: Some(at(58)),
        started_at: Some(at(62)),
        execution_stopped_at: Some(at(64)),
        containers: vec![container],
        ..Task::default()
    };
    let mut reports = Reports::default();
    let mut row = DatabaseReport::new(&database.into());
    for line in log {
        reports.line(line);
        row.log.push(line);
    }
    row.verdict = Some(judge(
        &row.database,
        &ASKED,
        &task,
        &reports,
        &Ending { log: LogEnd::Whole, ..Ending::default() },
    ));
    row.diagnosis = diagnose(&task, "migration", &LastLines::default());
    row.exit_code = exit_code;
    row.migration_report = log.iter().rev().find_map(|line| parse_line(line)?.ok());
    row.tag = run().tag;
    row.image_digest = Some(DIGEST.to_owned());
    row.times = Times {
        created: task.created_at,
        pull_started: task.pull_started_at,
        pull_stopped: task.pull_stopped_at,
        started: task.started_at,
        ended: task.execution_stopped_at,
    };
    row.total_ms = Some(48_000);
    row.task_url = Some(format!(
        "https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/{TASK}?region=us-east-1"
    ));
    row.log_url = Some(format!(
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F{TASK}"
    ));
    row.stop_code = task.stop_code;
    row.stopped_reason = task.stopped_reason;
    row.task_arn = Some(task.arn);
    row.started_at = Some(at(40));
    row.ended_at = Some(at(88));
    row
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_971_200 + seconds).expect("a second of the year 2025")
}
