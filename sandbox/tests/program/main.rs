//! The sandbox as a program: what it says, what it passes on, and that nothing outlives it.

#![expect(clippy::unwrap_used, reason = "in a test, an absent value is a failure with its place")]

#[path = "../aws/image.rs"]
mod image;
/// What tasks of the seed's family do.
mod tasks;

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn sandbox() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    // Its own group, so that a signal of the test runner's terminal does not get in between.
    command.env_remove("SANDBOX_DATABASE_URL").stdin(Stdio::null()).process_group(0);
    command
}

fn exec(flags: &[&str], script: &str) -> Output {
    sandbox().arg("exec").args(flags).args(["--", "sh", "-c", script]).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The ports of both servers, from the environment that was exported or printed.
fn ports(lines: &str) -> [u16; 2] {
    ["AWS_ENDPOINT_URL=http://127.0.0.1:", "PGPORT="].map(|start| {
        let line = lines.lines().find_map(|line| line.trim_start_matches("export ").strip_prefix(start));
        line.unwrap_or_else(|| panic!("no {start} in {lines}")).parse().unwrap()
    })
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits for a real process to end; nothing tells us when.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() {
        assert!(Instant::now() < deadline, "{what} did not happen in 30 s");
        std::thread::yield_now();
    }
}

/// Starts a sandbox that runs until it is ended, and reads what it prints until both ports are known.
fn up(flags: &[&str]) -> (Child, [u16; 2]) {
    up_in(&std::env::temp_dir(), flags)
}

fn up_in(temporary: &Path, flags: &[&str]) -> (Child, [u16; 2]) {
    let mut command = sandbox();
    command.arg("up").args(flags).env("TMPDIR", temporary);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        lines.push_str(&line.unwrap());
        lines.push('\n');
        if lines.contains("PGDATABASE=") {
            return (child, ports(&lines));
        }
    }
    panic!("the sandbox ended: {:?}\n{lines}", child.wait());
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

#[test]
fn figures_are_printed_beside_what_the_command_prints() {
    let output = exec(&["--figures", "--quotas=documented"], "echo its own");
    assert_eq!(output.stdout, b"its own\n");
    let figures = String::from_utf8_lossy(&output.stderr);
    assert!(figures.starts_with("0 calls, 0 throttled, in "), "{figures}");
}

#[test]
fn exec_passes_the_environment_in_and_the_exit_code_out() {
    let mut command = sandbox();
    command
        .env("AWS_PROFILE", "production")
        .env("AWS_SESSION_TOKEN", "real")
        .env("AWS_ENDPOINT_URL_ECS", "x");
    let output = command.args(["exec", "--", "sh", "-c", "env; exit 7"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let environment = stdout(&output);
    for wrong in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_ECS"] {
        assert!(!environment.contains(wrong), "{wrong} leads out of the sandbox");
    }
    assert!(environment.contains("SANDBOX_POSTGRES_URL=postgres://postgres:"));
    for port in ports(&environment) {
        assert!(!listens(port));
    }
}

#[test]
fn exec_answers_like_a_shell_for_a_command_that_was_killed_or_is_not_there() {
    assert_eq!(exec(&[], "kill -KILL $$").status.code(), Some(137));
    let output = sandbox().args(["exec", "--", "/nonexistent/command"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("start /nonexistent/command"));
}

#[test]
fn exec_hands_a_signal_on_and_cleans_up_after_the_command() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("environment");
    let script = format!(
        "trap 'kill $!; exit 42' TERM; env > {0}.new; mv {0}.new {0}; sleep 600 & wait $!",
        file.display()
    );
    let mut child = sandbox().args(["exec", "--", "sh", "-c", &script]).spawn().unwrap();
    eventually("the command's start", || {
        assert_eq!(child.try_wait().unwrap(), None, "the sandbox ended by itself");
        file.exists()
    });
    let ports = ports(&std::fs::read_to_string(&file).unwrap());
    assert_eq!(ports.map(listens), [true, true]);
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(42));
    assert_eq!(ports.map(listens), [false, false]);
}

#[test]
fn up_runs_until_it_is_interrupted() {
    for (end, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let (mut child, ports) = up(&[]);
        assert_eq!(ports.map(listens), [true, true]);
        signal(&child, end);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(ports.map(listens), [false, false]);
    }
}

#[test]
fn nothing_outlives_a_sandbox_that_is_killed() {
    // What a killed program cannot remove, the test removes. Everybody may enter: the server is not root.
    let temporary = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temporary.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let (mut child, ports) = up_in(temporary.path(), &[]);
    assert_eq!(ports.map(listens), [true, true]);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    eventually("the end of both servers", || ports.map(listens) == [false, false]);
    let databases = || {
        let names = std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("sandbox-postgres-")).count()
    };
    eventually("the removal of the databases", || databases() == 0);
}

#[test]
fn a_state_directory_is_found_again_with_the_same_port() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let (mut child, first) = up(&["--state", state]);
    signal(&child, Signal::SIGINT);
    child.wait().unwrap();
    let (mut child, second) = up(&["--state", state]);
    assert_eq!(first[0], second[0]);
    assert!(first[0] < 32_768, "{} could be a client's before the sandbox is back", first[0]);
    signal(&child, Signal::SIGINT);
    child.wait().unwrap();
    assert!(Path::new(state).join("images/index.json").exists());
    sandbox::postgres::Postgres::forget(&directory.path().join("postgres")).unwrap();
}

/// In the shell that has exported what the first one printed.
#[tokio::test]
async fn what_a_sandbox_exports_does_not_lead_the_next_one_to_its_server() {
    let output = exec(
        &[],
        &format!(
            "exec {} exec -- sh -c 'echo nested $SANDBOX_POSTGRES_URL'; :",
            env!("CARGO_BIN_EXE_sandbox")
        ),
    );
    let nested = stdout(&output);
    let outer = exec(&[], "echo nested $SANDBOX_POSTGRES_URL");
    assert!(nested.starts_with("nested postgres://"), "{output:?}");
    assert_ne!(nested, stdout(&outer));
    assert!(!stdout(&exec(&[], "env")).contains("SANDBOX_DATABASE_URL="));
}

#[tokio::test]
async fn a_state_keeps_what_its_task_definitions_need() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || {
        let postgres = sandbox::postgres::Options { url: None, ..Default::default() };
        sandbox::seed::SeedSystem::start(sandbox::Options::default(), postgres, Some(directory.path()))
            .await
            .unwrap()
    };
    let system = start().await;
    system.sandbox.create_cluster("second");
    system.sandbox.create_log_group("/ecs/second");
    system.sandbox.put_parameter("/second/token", "t0ken");
    let arn = system.sandbox.put_secret("second/password", &serde_json::json!("old"));
    system.sandbox.put_secret("second/password", &serde_json::json!("hunter2"));
    let kept = system.sandbox.keep();
    system.stop().await.unwrap();

    let file = directory.path().join("sandbox.json");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777,
        0o600
    );
    let system = start().await;
    let again = system.sandbox.keep();
    assert_eq!((&again["clusters"], &again["logGroups"]), (&kept["clusters"], &kept["logGroups"]));
    assert_eq!(again["secrets"]["parameters"], serde_json::json!({ "/second/token": "t0ken" }));
    assert_eq!(again["secrets"]["secrets"]["second/password"], kept["secrets"]["secrets"]["second/password"]);
    assert_eq!(system.sandbox.put_secret("second/password", &serde_json::json!("next")), arn, "the same ARN");
    let port = system.postgres.port().to_string();
    assert!(
        system.sandbox.keep()["secrets"].to_string().contains(&port),
        "the seed's secret names the new server"
    );
    system.stop().await.unwrap();
    sandbox::postgres::Postgres::forget(&directory.path().join("postgres")).unwrap();
}

#[test]
fn flags_that_make_no_sense_are_refused_before_anything_starts() {
    for arguments in [&["exec"][..], &["up", "--pace", "fast"], &["up", "--engine", "podman"], &[]] {
        let output = sandbox().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
