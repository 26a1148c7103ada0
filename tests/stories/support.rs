//! The binary in a scrubbed environment, with the files that GitHub's runner gives a step.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use sandbox::{Options, Sandbox, Script, TaskContext, seed};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// What the policies of these runs allow, for whoever compares.
#[path = "policies.rs"]
mod policies;

/// An image of another registry: scripts stand in for it, so nothing is pulled.
pub const IMAGE: &str =
    "registry.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111";
pub const PROD: &str = "startupwebapp_prod";
pub const HEALTH: &str = "healthtech_experiment";
pub const FINTECH: &str = "fintech_experiment";
/// No run of the binary takes longer, unless it builds an image.
const DEADLINE: Duration = Duration::from_secs(120);

/// The seed's AWS without PostgreSQL: scripts stand in for the migrations.
pub struct World {
    pub sandbox: Sandbox,
    pub directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.expect("start the sandbox");
        seed::account(&sandbox).expect("create the seed's account");
        let world = Self { sandbox, directory: tempfile::tempdir().expect("a directory") };
        world.program(|context| migrates(database(context)));
        world
    }

    /// What every migration task of the seed's family runs.
    pub fn program(&self, program: impl Fn(&TaskContext) -> Script + Send + Sync + 'static) {
        self.sandbox.set_program(seed::TASK_FAMILY, program);
    }

    /// `fargate-migrate migrate` with the seed's names and a given image; `more` comes last.
    pub fn migrate(&self, more: &[&str]) -> Run {
        let image = ["--image", IMAGE];
        let has_image =
            more.iter().any(|flag| ["--binary", "--image", "--dockerfile", "--context"].contains(flag));
        let image: &[&str] = if has_image { &[] } else { &image };
        self.command(&[seed::MIGRATE.as_slice(), &["--log-drain=1s"], image, more].concat())
    }

    /// The binary with exactly these arguments.
    pub fn command(&self, arguments: &[&str]) -> Run {
        let mut run = Run::new(self.directory.path(), arguments);
        for (name, value) in self.sandbox.environment() {
            run = run.variable(&name, &value);
        }
        run
    }

    /// The operations that the sandbox was asked for, each as often as it was.
    pub fn operations(&self) -> Vec<String> {
        self.sandbox.calls().iter().map(|call| call.operation.clone()).collect()
    }

    pub fn called(&self, operation: &str) -> usize {
        self.operations().iter().filter(|called| *called == operation).count()
    }

    pub fn inputs(&self, operation: &str) -> Vec<Value> {
        let calls = self.sandbox.calls().into_iter().filter(|call| call.operation == operation);
        calls.map(|call| call.input).collect()
    }
}

/// The database that a task was told.
pub fn database(context: &TaskContext) -> String {
    context.environment.get("DATABASE_NAME").cloned().unwrap_or_else(|| "production_default".into())
}

/// The migration report's line.
pub fn report(database: &str) -> String {
    json!({"migration_report": {
        "version": 1,
        "database": database,
        "from": "9",
        "applied": [{"version": "10", "name": "create_orders", "ms": 12}],
        "pending": 0,
        "current": "10",
        "tables": 57,
        "ms": 40,
    }})
    .to_string()
}

/// An image that speaks the protocol.
pub fn migrates(database: String) -> Script {
    Script::new().line("applied V10__create_orders in 12 ms").line(report(&database))
}

/// One run of the binary, about to start.
pub struct Run {
    command: Command,
    files: PathBuf,
}

impl Run {
    pub fn new(directory: &Path, arguments: &[&str]) -> Self {
        let files = tempfile::tempdir_in(directory).expect("a directory").keep();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fargate-migrate"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &files)
            .current_dir(&files)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self { command, files }
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub fn current_directory(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub fn standard_input(mut self, source: Stdio) -> Self {
        self.command.stdin(source);
        self
    }

    /// With the environment and the files of a step in GitHub Actions.
    pub fn in_actions(self) -> Self {
        let mut run = self;
        for (name, file) in [
            ("GITHUB_OUTPUT", "output"),
            ("GITHUB_STATE", "state"),
            ("GITHUB_STEP_SUMMARY", "summary.md"),
            ("GITHUB_ENV", "env"),
            ("GITHUB_PATH", "path"),
        ] {
            let path = run.files.join(file);
            std::fs::write(&path, "").expect("make a command file");
            run.command.env(name, path);
        }
        for (name, value) in [
            ("GITHUB_ACTIONS", "true"),
            ("CI", "true"),
            ("GITHUB_RUN_ID", "4242"),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_JOB", "migrate"),
            ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
            ("GITHUB_REPOSITORY", "octo/shop"),
            ("GITHUB_SERVER_URL", "https://github.example"),
        ] {
            run.command.env(name, value);
        }
        run
    }

    pub fn spawn(mut self) -> Running {
        policies::record(self.command.as_std());
        Running { child: self.command.spawn().expect("start fargate-migrate"), files: self.files }
    }

    pub async fn finish(self) -> Finished {
        self.spawn().finish().await
    }
}

/// A run that goes on.
pub struct Running {
    child: Child,
    files: PathBuf,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id().expect("still running")
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        nix::sys::signal::kill(pid, signal).expect("signal fargate-migrate");
    }

    pub async fn finish(self) -> Finished {
        self.finish_within(DEADLINE).await
    }

    pub async fn finish_within(mut self, deadline: Duration) -> Finished {
        let (mut out, mut err) =
            (self.child.stdout.take().expect("piped"), self.child.stderr.take().expect("piped"));
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let all = async {
            let (a, b, status) = tokio::join!(
                out.read_to_string(&mut stdout),
                err.read_to_string(&mut stderr),
                self.child.wait()
            );
            a.and(b).expect("UTF-8 output");
            status.expect("wait")
        };
        let status = tokio::time::timeout(deadline, all).await.expect("fargate-migrate did not end");
        let read = |name: &str| std::fs::read_to_string(self.files.join(name)).unwrap_or_default();
        Finished {
            code: status.code().unwrap_or(-1),
            summary: read("summary.md"),
            outputs: command_file(&read("output")),
            state: command_file(&read("state")),
            environment: read("env"),
            path: read("path"),
            stdout,
            stderr,
        }
    }
}

/// What a run left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub summary: String,
    pub outputs: HashMap<String, String>,
    pub state: HashMap<String, String>,
    /// GITHUB_ENV and GITHUB_PATH as they are.
    pub environment: String,
    pub path: String,
}

impl Finished {
    /// The document of `--format json`.
    pub fn result(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }

    /// The verdict of a database, from `--format json`.
    pub fn verdict(&self, database: &str) -> String {
        self.row(database)["verdict"].as_str().unwrap_or_default().to_owned()
    }

    pub fn row(&self, database: &str) -> Value {
        let result = self.result();
        let rows = result["databases"].as_array().cloned().unwrap_or_default();
        rows.into_iter()
            .find(|row| row["database"] == database)
            .unwrap_or_else(|| panic!("no row {database}"))
    }

    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    #[track_caller]
    pub fn never_says(&self, text: &str) -> &Self {
        let everywhere = [&self.stdout, &self.stderr, &self.summary];
        assert!(!everywhere.iter().any(|said| said.contains(text)), "{text:?} is in {self:#?}");
        self
    }
}

/// Reads a command file as the runner does: `K=V`, or `K<<DELIMITER`, lines, `DELIMITER` (FileCommandManager.cs).
pub fn command_file(text: &str) -> HashMap<String, String> {
    let mut values = HashMap::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|heredoc| equals < heredoc) => {
                values.insert(line[..equals].to_owned(), line[equals + 1..].to_owned());
            }
            (_, Some(heredoc)) => {
                let delimiter = &line[heredoc + 2..];
                let mut value = Vec::new();
                loop {
                    match lines.next() {
                        Some(line) if line == delimiter => break,
                        Some(line) => value.push(line),
                        None => panic!("the runner would fail the step: {delimiter} does not come"),
                    }
                }
                values.insert(line[..heredoc].to_owned(), value.join("\n"));
            }
            _ => panic!("the runner would fail the step: {line:?}"),
        }
    }
    values
}

/// A static executable made from Rust source, as `--binary` takes it.
pub fn static_program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let (source, program) = (directory.path().join("app.rs"), directory.path().join("app"));
        std::fs::write(&source, PROGRAM_SOURCE).expect("write the source");
        let status = std::process::Command::new("rustc")
            .args([
                "--edition=2024",
                "-Copt-level=0",
                "-Cstrip=symbols",
                "-Ctarget-feature=+crt-static",
                "-o",
            ])
            .args([&program, &source])
            .status()
            .expect("run rustc");
        assert!(status.success(), "rustc made no static program");
        (directory, program)
    });
    path
}

/// Speaks the report protocol for the database that DATABASE_NAME names, without a database.
const PROGRAM_SOURCE: &str = r#"
fn main() {
    let database = std::env::var("DATABASE_NAME").unwrap_or("production_default".into());
    let password = std::env::var("DATABASE_PASSWORD").is_ok();
    println!("migrating as {:?}, password {}", std::env::args().collect::<Vec<_>>(), if password { "set" } else { "missing" });
    println!(
        "{{\"migration_report\":{{\"version\":1,\"database\":\"{database}\",\"applied\":[],\"pending\":0,\"current\":\"1\",\"tables\":1,\"ms\":1}}}}"
    );
}
"#;
