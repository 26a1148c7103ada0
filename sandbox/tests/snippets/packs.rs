use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use sandbox::real_parts::skip;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{has, snippet};

/// A script of the page, and the migration that it runs: `sh migrate.sh`.
struct Pack {
    directory: TempDir,
    interpreter: &'static str,
}

impl Pack {
    /// The script, where there is something to run it with.
    fn new() -> Option<Self> {
        let interpreter = "python3";
        if !has(interpreter) {
            return skip(interpreter, "apt-get install python3");
        }
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("migrate_pack"), snippet("# migrate_pack.py COMMAND")).unwrap();
        Some(Self { directory, interpreter })
    }

    fn migration(self, script: &str) -> Self {
        fs::write(self.directory.path().join("migrate.sh"), script).unwrap();
        self
    }

    fn command(&self, program: &str, names: &[&str], command: &[&str]) -> Command {
        let mut run = Command::new(program);
        if program == "unshare" {
            // As in a container: the script is process 1.
            run.args(["--pid", "--fork", "--kill-child", self.interpreter]);
        }
        run.arg("migrate_pack").args(command).current_dir(self.directory.path());
        run.env_remove("DATABASE_NAME").env("DATABASE_NAMES", json!(names).to_string());
        run
    }

    fn run(&self, names: &[&str], command: &[&str]) -> Ended {
        Ended::of(&mut self.command(self.interpreter, names, command))
    }
}

#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    lines: Vec<String>,
}

impl Ended {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect();
        Self { code: output.status.code(), lines }
    }

    /// The report of a database, which has exactly one.
    #[track_caller]
    fn report(&self, database: &str) -> Value {
        let reports = self.lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut of_it: Vec<Value> = reports
            .map(|line| line["migration_report"].clone())
            .filter(|report| report["database"] == database)
            .collect();
        assert_eq!(of_it.len(), 1, "reports of {database}: {self:#?}");
        of_it.remove(0)
    }
}

const REPORTS: &str = r#"
echo "migrating"
printf '  {"migration_report": {"version":1,"database":"%s","pending":0}}' "$DATABASE_NAME"
"#;

#[test]
fn each_child_has_its_database_and_its_lines_have_its_name() {
    let Some(pack) = Pack::new().map(|pack| pack.migration(REPORTS)) else { return };
    let run = pack.run(&["a", "b c", "ü"], &["sh", "migrate.sh"]);
    assert_eq!(run.code, Some(0), "{run:#?}");
    for name in ["a", "b c", "ü"] {
        assert!(run.lines.contains(&format!("{name}: migrating")), "{run:#?}");
        assert_eq!(run.report(name), json!({ "version": 1, "database": name, "pending": 0 }));
    }
    assert_eq!(run.lines.len(), 6, "a report is exactly as it was printed: {run:#?}");
}

#[test]
fn a_child_without_a_report_gets_one_with_its_error() {
    let script = r#"
        [ "$DATABASE_NAME" = dies ] && { printf 'no such table\377\n' >&2; exit 4; }
        [ "$DATABASE_NAME" = killed ] && kill -9 $$
        [ "$DATABASE_NAME" = silent ] && exit 0
        echo "{\"migration_report\":{\"version\":1,\"database\":\"good\",\"pending\":0}}"
    "#;
    let Some(pack) = Pack::new().map(|pack| pack.migration(script)) else { return };
    let run = pack.run(&["dies", "killed", "silent", "good"], &["sh", "migrate.sh"]);
    assert_eq!(run.code, Some(1), "{run:#?}");
    for (name, error) in [
        ("dies", "ended with exit code 4 and without a report: no such table\u{fffd}"),
        ("killed", "ended with signal 9 and without a report: "),
        ("silent", "ended with exit code 0 and without a report: "),
    ] {
        let report = run.report(name);
        assert_eq!((&report["error"], &report["pending"]), (&json!(error), &json!(1)));
    }
    assert_eq!(run.report("good")["pending"], 0);

    let run = pack.run(&["a", "b"], &["./no-such-program", "--flag"]);
    assert_eq!(run.code, Some(1), "{run:#?}");
    for name in ["a", "b"] {
        let error = run.report(name)["error"].clone();
        assert!(error.as_str().unwrap().starts_with("start ./no-such-program: "), "{error}");
    }
}

#[test]
fn without_a_list_the_script_becomes_the_command() {
    let Some(pack) = Pack::new() else { return };
    for list in [None, Some("")] {
        let mut run =
            pack.command(pack.interpreter, &[], &["sh", "-c", "echo $0 $DATABASE_NAME; exit 7", "$x y"]);
        run.env("DATABASE_NAME", "a").env_remove("DATABASE_NAMES");
        if let Some(list) = list {
            run.env("DATABASE_NAMES", list);
        }
        let run = Ended::of(&mut run);
        assert_eq!((run.code, run.lines), (Some(7), vec!["$x y a".to_owned()]));
    }
    let mut both = pack.command(pack.interpreter, &["b"], &["sh", "-c", "echo migrated"]);
    let both = Ended::of(both.env("DATABASE_NAME", "a"));
    assert_eq!((both.code, both.lines), (Some(2), Vec::new()));
}

#[test]
fn lines_come_as_they_are_printed() {
    let Some(pack) = Pack::new().map(|pack| pack.migration("echo begun; read answer < answer; echo $answer"))
    else {
        return;
    };
    nix::unistd::mkfifo(&pack.directory.path().join("answer"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut run = pack.command(pack.interpreter, &["a"], &["sh", "migrate.sh"]);
    let mut child = run.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "a: begun");
    fs::write(pack.directory.path().join("answer"), "go on\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "a: go on");
    child.wait().unwrap();
}

#[test]
fn a_signal_reaches_what_runs_and_begins_nothing_more() {
    if !Uid::effective().is_root() || !has("unshare") {
        return skip("root and unshare", "sudo cargo test").unwrap_or_default();
    }
    // A shell hears a signal at once in `wait`, and after a command in the foreground.
    let script = r#"
        trap 'echo told; exit 9' TERM INT
        echo begun
        sleep 600 > /dev/null 2>&1 &
        wait
    "#;
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        if let Some(pack) = Pack::new().map(|pack| pack.migration(script)) {
            let mut run = pack.command("unshare", &["a", "b", "c"], &["sh", "migrate.sh"]);
            let mut child = run.env("MIGRATE_JOBS", "2").stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            let begun: Vec<String> = lines.by_ref().take(2).collect();
            assert!(begun.iter().all(|line| line.ends_with(": begun")), "{begun:?}");
            kill(process_one(&child), signal).unwrap();
            let lines = lines.collect();
            let ended = Ended { code: child.wait().unwrap().code(), lines };
            assert_eq!(ended.code, Some(128 + signal as i32), "{ended:#?}");
            for name in ["a", "b"] {
                assert!(ended.lines.contains(&format!("{name}: told")), "{ended:#?}");
                assert_eq!(ended.report(name)["error"], "ended with exit code 9 and without a report: told");
            }
            assert!(!ended.lines.iter().any(|line| line.contains("\"c\"")), "{ended:#?}");
        }
    }
}

/// The only child of `unshare`: process 1 of its namespace.
fn process_one(unshare: &Child) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", unshare.id());
    let children = fs::read_to_string(children).unwrap();
    Pid::from_raw(children.trim().parse().unwrap())
}
