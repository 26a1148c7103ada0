use std::path::{Path, PathBuf};

use sandbox::{GitHub, Script};
use serde_json::{Value, json};

use crate::support::{PROD, Run, World, database};

const TOKEN: &str = "ghs_q9Zx7TokenThatNobodyMaySee31";
const PULL_REQUEST: u64 = 7;
const GLOB: &str = "--migrations=app/migrations/*.sql";
const V10: &str = "app/migrations/V10__expand_order_contact.sql";
const V12: &str = "app/migrations/V12__contract_order_contact.sql";

/// The shop's migrations in a directory of their own, and the directory.
fn shop(world: &World) -> PathBuf {
    let directory = world.directory.path().join("repository");
    let migrations = directory.join("app/migrations");
    std::fs::create_dir_all(&migrations).expect("a directory");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("app/migrations");
    for file in std::fs::read_dir(own).expect("the migrations") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), migrations.join(file.file_name())).expect("copy a migration");
    }
    directory
}

fn plan(world: &World, directory: &Path, more: &[&str]) -> Run {
    let flags = [&["--plan", "--database", PROD], more].concat();
    world.migrate(&flags).current_directory(directory)
}

/// As a step of a workflow `on: pull_request`.
fn on_pull_request(run: Run, directory: &Path, github: &GitHub) -> Run {
    let event = directory.join("event.json");
    let pull = json!({"number": PULL_REQUEST, "head": {"sha": "0123456789abcdef0123456789abcdef01234567",
        "repo": {"id": 1}}, "base": {"repo": {"id": 1}}});
    std::fs::write(&event, json!({"pull_request": pull}).to_string()).expect("write the event");
    run.in_actions()
        .variable("GITHUB_API_URL", &github.api_url())
        .variable("GITHUB_TOKEN", TOKEN)
        .variable("GITHUB_EVENT_PATH", &event.display().to_string())
        .variable("GITHUB_WORKSPACE", &directory.display().to_string())
}

async fn github(permissions: &[&str]) -> GitHub {
    let github = GitHub::start("octo/shop").await.expect("start GitHub's API");
    github.add_actions_token(TOKEN, permissions);
    github.add_issue(PULL_REQUEST);
    github
}

#[tokio::test]
async fn a_pull_request_that_changes_two_of_thirteen_files_hears_of_these_two() {
    let world = World::new().await;
    let (directory, github) = (shop(&world), github(&["pull-requests: write"]).await);
    for number in 0..120 {
        github.add_changed_file(PULL_REQUEST, &format!("src/{number}.rs"), "modified");
    }
    github.add_changed_file(PULL_REQUEST, V10, "modified");
    github.add_changed_file(PULL_REQUEST, V12, "added");
    github.add_changed_file(PULL_REQUEST, "app/migrations/V5__create_shipping_and_taxes.sql", "removed");
    let run = plan(&world, &directory, &[GLOB, "--comment"]);
    let run = on_pull_request(run, &directory, &github).finish().await;
    run.exits(0)
        .says("2 SQL files (those that pull request 7 changes)")
        .says("code that runs may still read or write the column");
    let printed = format!("{}{}", run.stdout, run.stderr);
    let annotations: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("::warning ") || line.starts_with("::error "))
        .filter_map(|line| line.split("::").nth(1))
        .collect();
    assert_eq!(
        annotations,
        [
            format!("warning file={V10},line=25,title=locks%3A changing-every-row"),
            format!("warning file={V12},line=6,title=breaks%3A ban-drop-column"),
        ]
    );
    let comments = github.comments(PULL_REQUEST);
    let [(_, _, body, _)] = comments.as_slice() else { panic!("{comments:?}") };
    assert!(body.contains("V12&#95;&#95;contract") || body.contains("V12__contract"), "{body}");
    assert!(body.contains("What the SQL will do") && !body.contains("V5"), "{body}");
}

#[tokio::test]
async fn without_the_permission_all_files_are_looked_at_and_that_is_said() {
    let world = World::new().await;
    let (directory, github) = (shop(&world), github(&["contents: read"]).await);
    let run = on_pull_request(plan(&world, &directory, &[GLOB]), &directory, &github).finish().await;
    run.exits(0)
        .says("all SQL files are looked at, because it is not known which ones the pull request changes")
        .says("13 SQL files");
}

#[tokio::test]
async fn level_fail_is_an_exit_code_and_off_looks_at_nothing() {
    let world = World::new().await;
    let directory = shop(&world);
    let json = |stdout: &str| serde_json::from_str::<Value>(stdout).expect("JSON");
    let fail = ["--sql-level=fail", "--format=json"];
    let run = plan(&world, &directory, &[&[GLOB], fail.as_slice()].concat()).finish().await;
    let sql = json(&run.exits(1).stdout)["sql"].clone();
    assert_eq!(
        (sql["files"].as_u64(), sql["findings"].as_array().map(Vec::len)),
        (Some(13), Some(4)),
        "{sql}"
    );
    let last = &sql["findings"][3];
    assert_eq!((&last["file"], &last["line"], &last["question"]), (&json!(V12), &json!(6), &json!("breaks")));
    let only = "--migrations=app/migrations/V1_*.sql";
    plan(&world, &directory, &[only, "--sql-level=fail"]).finish().await.exits(0).says("nothing found");
    plan(&world, &directory, &[GLOB, "--sql-level=off"]).finish().await.exits(0).never_says("SQL file");
    let wrong = plan(&world, &directory, &[GLOB, "--sql-exclude=no-such-rule"]).finish().await;
    wrong.exits(2).says("\"no-such-rule\" is not a rule about SQL");
    plan(&world, &directory, &["--migrations=db/*.sql"])
        .finish()
        .await
        .exits(0)
        .says("no file matches db/*.sql");
}

#[tokio::test]
async fn files_that_cannot_be_read_are_said_and_do_not_fail_the_plan() {
    let world = World::new().await;
    let directory = world.directory.path().join("hostile");
    std::fs::create_dir_all(&directory).expect("a directory");
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).expect("write a file");
    write("a.sql", &[0xff, 0xfe, b';']);
    write("b.sql", "select 1;\n".repeat(1 << 20).as_bytes());
    write("c.sql", format!("select {}1;", "(".repeat(1 << 20)).as_bytes());
    write("d.sql", b"select 1;\nalter tabel x;\n");
    write("e|<h1>::error::x.sql", b"drop table \"##[error]x\x1b[31m@octocat|</td><h1>\";\n");
    let github = github(&["pull-requests: write"]).await;
    let run = plan(&world, &directory, &["--migrations=*.sql", "--sql-level=fail"]);
    let run = on_pull_request(run, &directory, &github).without("GITHUB_EVENT_PATH").finish().await;
    run.exits(1)
        .says("not looked at: a.sql: it is not UTF-8 text")
        .says("not looked at: b.sql")
        .says("not looked at: c.sql, line 1: nested too deeply to be parsed")
        .says("not looked at: d.sql, line 2: not parsed");
    assert!(!run.summary.contains("<h1>") && !run.summary.contains("@octocat"), "{}", run.summary);
    // Between these two lines the runner takes nothing for a command.
    let (before, fenced) = run.stdout.split_once("::stop-commands::").expect("a fence");
    let (token, fenced) = fenced.split_once('\n').expect("a token");
    let (plan, after) = fenced.split_once(&format!("\n::{token}::\n")).expect("the end of the fence");
    assert!(plan.contains("What the SQL will do"), "{plan}");
    for line in before.lines().chain(after.lines()) {
        assert!(line.starts_with("::error file=e") && line.contains("line=1,"), "a command: {line}");
    }
    assert_eq!(after.lines().count(), 1, "{after}");
}

#[tokio::test]
async fn what_a_command_prints_is_looked_at() {
    let world = World::new().await;
    let directory = shop(&world);
    let run =
        plan(&world, &directory, &[&format!("--sql-command=cat {V12}"), "--sql-level=fail"]).finish().await;
    run.exits(1).says("what --sql-command prints").says("--sql-command:6").says("ban-drop-column");
    // The job's token is no business of the project's code.
    let script = r#"--sql-command=sh -c 'echo "drop table t_${GITHUB_TOKEN:-none};"'"#;
    let run = plan(&world, &directory, &[script]).in_actions().variable("GITHUB_TOKEN", TOKEN).finish().await;
    run.exits(0).says("drop table t_none").never_says(TOKEN);
    let failed =
        plan(&world, &directory, &["--sql-command=sh -c 'echo no such app >&2; exit 3'"]).finish().await;
    failed.exits(0).says("not looked at: --sql-command: it failed, exit status: 3: no such app");
}

#[tokio::test]
async fn what_a_check_has_found_pending_is_looked_at() {
    let world = World::new().await;
    let directory = shop(&world);
    world.program(|context| {
        let missing = json!([{"version": 12, "name": "contract_order_contact"}]);
        let fields = json!({"version": 1, "database": database(context), "applied": [], "current": "11",
            "pending": 1, "missing": missing});
        Script::new().line(json!({ "migration_report": fields }).to_string())
    });
    let check = ["--check", "--check-command=app status --report"];
    let run = plan(&world, &directory, &[&[GLOB], check.as_slice()].concat()).finish().await;
    run.exits(0).says("1 SQL file (those that a check found pending)").says(V12).never_says(V10);
}

#[tokio::test]
async fn a_plan_of_a_deploy_says_it_too() {
    let shop_with_a_service = crate::deploy::shop::Shop::new().await;
    let directory = shop(&shop_with_a_service.world);
    let run = shop_with_a_service.deploy(&["--plan", "--database", PROD, GLOB, "--sql-level=fail"]);
    let run = run.current_directory(&directory).finish().await;
    run.exits(1).says("13 SQL files").says("code that runs may still read or write the column");
}

/// `check` asks the databases, and says what the SQL that they lack will do.
#[tokio::test]
async fn a_check_says_what_the_pending_sql_will_do() {
    let world = World::new().await;
    let (directory, github) = (shop(&world), github(&["pull-requests: write"]).await);
    let lacks = |pending: u64, missing: Value| {
        world.program(move |context| {
            let fields = json!({"version": 1, "database": database(context), "applied": [], "current": "11",
                "pending": pending, "missing": missing});
            Script::new().line(json!({ "migration_report": fields }).to_string())
        });
    };
    lacks(1, json!([{"version": 12, "name": "contract_order_contact"}]));
    let check = |more: &[&str]| {
        let flags = [&["--database", PROD], more].concat();
        world.check(&flags).current_directory(&directory)
    };
    let run = check(&[GLOB]).in_actions().variable("GITHUB_WORKSPACE", &directory.display().to_string());
    let run = run.finish().await;
    run.exits(1)
        .says("1 SQL file (those that a check found pending)")
        .says(&format!("::warning file={V12},line=6,title=breaks%3A ban-drop-column"))
        .sums_up("What the pending SQL will do")
        .never_says(V10);
    // On a pull request it is the files that that changes, whatever the databases lack.
    lacks(0, json!([]));
    github.add_changed_file(PULL_REQUEST, V12, "added");
    let run = check(&[GLOB, "--sql-level=fail", "--comment"]);
    let run = on_pull_request(run, &directory, &github).finish().await;
    run.exits(1).says("1 of 1 database up to date").says("those that pull request 7 changes");
    let comments = github.comments(PULL_REQUEST);
    let [(_, _, body, _)] = comments.as_slice() else { panic!("{comments:?}") };
    assert!(body.contains("What the pending SQL will do"), "{body}");
    check(&[GLOB, "--format=json"]).finish().await.exits(0).says("nothing found");
}
