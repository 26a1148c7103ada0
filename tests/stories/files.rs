use std::io::Write as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use sandbox::{Script, seed};

use crate::support::{HEALTH, IMAGE, PROD, World, database, migrates};

/// For what has to end by itself.
const SOON: Duration = Duration::from_secs(30);

/// A file of the runner's that cannot be written, by each of its names.
const FILES: [&str; 3] = ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

#[tokio::test]
async fn a_file_of_the_runner_that_cannot_be_written_is_a_note_and_the_rest_is_as_usual() {
    for (name, path) in
        FILES.iter().flat_map(|name| [(name, "/dev/full"), (name, "/nonexistent/x/y"), (name, "/proc")])
    {
        let world = World::new().await;
        world.program(|context| migrates(database(context)));
        let run = world.migrate(&["--database", HEALTH]).in_actions().variable(name, path).finish().await;
        run.exits(0)
            .says("1 of 1 database proved migrated")
            .says("not written")
            .says(path)
            .never_says("panicked");
        let written = [run.outputs.contains_key("migrated"), !run.state.is_empty(), !run.summary.is_empty()];
        assert_eq!(written, FILES.map(|file| file != *name), "{name}={path}: {run:#?}");
    }
}

#[tokio::test]
async fn a_failure_keeps_its_code_its_annotation_and_its_json_when_nothing_can_be_written() {
    let world = World::new().await;
    world.program(|_| Script::new().line("no").exit(7));
    let mut run = world.migrate(&["--database", HEALTH, "--format=json"]).in_actions();
    for name in FILES {
        run = run.variable(name, "/dev/full");
    }
    let run = run.finish().await;
    run.exits(1).says("::error ");
    assert_eq!(run.verdict(HEALTH), "failed");
}

#[tokio::test]
async fn a_plan_is_printed_whatever_happens_to_the_summary() {
    for path in ["/dev/full", "/nonexistent/x/y"] {
        for format in ["text", "json", "markdown"] {
            let world = World::new().await;
            let run = world.migrate(&["--database", PROD, "--plan", "--format", format]).in_actions();
            let run = run.variable("GITHUB_STEP_SUMMARY", path).finish().await;
            run.exits(0).says("the plan is not in the job summary").says(seed::TASK_FAMILY);
        }
    }
}

#[tokio::test]
async fn standard_output_that_cannot_be_written_does_not_hide_the_verdict() {
    for (exit, code) in [(0, 3), (7, 1)] {
        for broken_pipe in [true, false] {
            let world = World::new().await;
            world.program(move |context| match exit {
                0 => migrates(database(context)),
                code => Script::new().line("no").exit(code),
            });
            let run = world.migrate(&["--database", HEALTH, "--format=json"]).in_actions();
            let stdout = match broken_pipe {
                true => {
                    let (reader, writer) = std::io::pipe().expect("a pipe");
                    drop(reader);
                    writer.into()
                }
                false => std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device").into(),
            };
            let run = run.standard_output(stdout).finish().await;
            run.exits(code).says("error: write to standard output").says("of 1 database");
            let itself = if exit == 0 { 0 } else { 1 };
            run.says(&format!("hint: the run itself has ended with exit code {itself}"));
            assert_eq!(run.outputs["exit-code"], itself.to_string());
        }
    }
}

#[tokio::test]
async fn a_file_that_never_ends_is_refused_before_anything_is_asked() {
    let world = World::new().await;
    let directory = tempfile::tempdir().expect("a directory");
    let pipe = directory.path().join("pipe.json");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let pipe = pipe.to_str().expect("a path");
    for flags in [
        ["--database", PROD, "--config", pipe].as_slice(),
        &["--database", PROD, "--config", "/dev/zero"],
        &["--database", PROD, "--task-definition", pipe],
        &["--database", PROD, "--task-definition", "/dev/zero"],
        &["--databases-file", pipe],
        &["--databases-file", "/dev/zero"],
        &["--database", PROD, "--state", pipe],
        &["--database", PROD, "--state", pipe, "--plan"],
        &["--database", PROD, "--state", "/dev/full"],
    ] {
        let target = ["migrate", "--image", IMAGE, "--cluster", seed::CLUSTER, "--subnets", seed::SUBNETS];
        let family: &[&str] = match flags.contains(&"--task-definition") {
            true => &[],
            false => &["--task-definition", seed::TASK_FAMILY],
        };
        let run = world.command(&[target.as_slice(), family, flags].concat()).finish_within(SOON).await;
        run.exits(2).says("not a regular file").says("hint:");
    }
    assert_eq!(world.called("RegisterTaskDefinition"), 0);
}

#[tokio::test]
async fn the_first_signal_ends_a_run_that_waits_for_its_input() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let world = World::new().await;
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let run = world.migrate(&["--databases-file=-"]).standard_input(reader.into()).spawn();
        writer.write_all(b"shop\n").expect("written");
        until_handled(run.pid());
        run.signal(signal);
        run.finish_within(SOON).await.exits(130).says("interrupted");
        drop(writer);
        assert_eq!(world.operations(), [] as [String; 0]);
    }
}

/// Waits until the process handles signals, by its `SigCgt` (proc_pid_status(5)).
fn until_handled(pid: u32) {
    let deadline = Instant::now() + SOON;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("running");
        let handled = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a set");
        let handled = u64::from_str_radix(handled.trim(), 16).expect("hexadecimal digits");
        let is_handled = |signal: Signal| handled >> (signal as u32 - 1) & 1 == 1;
        if [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().all(is_handled) {
            return;
        }
        assert!(Instant::now() < deadline, "no handlers");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn no_output_goes_to_the_state_file_an_input_or_another_output() {
    let world = World::new().await;
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name).to_str().expect("a path").to_owned();
    std::fs::write(at("databases"), format!("{PROD}\n")).expect("written");
    std::fs::write(at("state"), "").expect("written");
    std::fs::hard_link(at("databases"), at("linked")).expect("a link");
    std::os::unix::fs::symlink(at("state"), at("also-state")).expect("a link");
    std::fs::create_dir(at("logs")).expect("a directory");
    let summary = |file: &str| format!("--summary-file={}", at(file));
    for (flags, said) in [
        (vec![format!("--state={}", at("state")), summary("also-state")], "--state and --summary-file"),
        (vec![format!("--state={}", at("new")), summary("./new")], "--state and --summary-file"),
        (vec![format!("--state={}", at("linked"))], "--databases-file and --state"),
        (vec![summary("databases")], "--databases-file and --summary-file"),
        (
            vec![format!("--state={}", at("logs/db-shop.log")), format!("--log-dir={}", at("logs"))],
            "a log of --log-dir and --state",
        ),
    ] {
        let list = format!("--databases-file={}", at("databases"));
        let flags: Vec<&str> = flags.iter().chain([&list]).map(String::as_str).collect();
        let run = world.migrate(&flags).finish_within(SOON).await;
        run.exits(2).says(said).says("are the same file").says("hint: give each a file of its own");
    }
    let list = format!("--databases-file={}", at("databases"));
    let onto_it = summary("databases");
    let flags = [&["run"], &seed::MIGRATE[1..], &[&list, &onto_it, "--", "app"]].concat();
    world.command(&flags).finish_within(SOON).await.exits(125).says("--databases-file and --summary-file");
    for variable in ["GITHUB_OUTPUT", "GITHUB_STATE"] {
        let run = world.migrate(&["--database", PROD, &summary("both")]).in_actions();
        run.variable(variable, &at("both")).finish_within(SOON).await.exits(2).says(variable);
    }
    assert_eq!(world.operations(), [] as [String; 0]);
    let run = world.migrate(&["--database", PROD, &summary("both")]).in_actions();
    run.variable("GITHUB_STEP_SUMMARY", &at("both")).finish().await.exits(0);
    assert_eq!(std::fs::read_to_string(at("databases")).expect("read"), format!("{PROD}\n"), "as it was");
}
