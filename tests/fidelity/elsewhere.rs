//! AWS as somebody else's program plays it on this machine: MiniStack or moto, with the seed's account in it.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::process::{Child, Command, Stdio};

use sandbox::seed;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::python::{Python, python};
use crate::support::Run;

/// A running program and what it calls the parts of the seed's account. It ends with this value, and also when the
/// test is killed: its standard input ends then.
pub struct Elsewhere {
    python: &'static Python,
    child: Child,
    pub port: u16,
    pub directory: TempDir,
    /// `repository_uri`, `secret_arn`, `subnets` by name, `security_groups`, `task_definition_arn`.
    pub account: Value,
}

impl Elsewhere {
    /// Starts the program of `script` in an environment that has it, and makes the seed's account with the secret that
    /// its containers get. `None` where there is no Python.
    pub fn start(server: &Python, script: &str, secret: &Value) -> Option<Self> {
        let mut elsewhere = Self::empty(server, script)?;
        let wanted = json!({
            "cluster": seed::CLUSTER,
            "log_group": seed::LOG_GROUP,
            "repository": seed::REPOSITORY,
            "task_definition": seed::task_definition().expect("the seed's task definition"),
            "secret": secret,
        });
        elsewhere.account = elsewhere.python("account.py", &wanted);
        Some(elsewhere)
    }

    /// The same with nothing in the account.
    pub fn empty(server: &Python, script: &str) -> Option<Self> {
        let python = python()?;
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = tempfile::tempfile().expect("a file");
        let mut child = Command::new(server.program("python"))
            .arg("-B")
            .arg(format!("{}/tests/fidelity/{script}", env!("CARGO_MANIFEST_DIR")))
            .env_clear()
            .envs(["PATH", "DOCKER_HOST"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            // Whatever it keeps, it keeps there.
            .envs(["HOME", "TMPDIR"].map(|name| (name, directory.path())))
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().expect("a file"))
            .spawn()
            .expect("start python");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("read the port");
        let port = line.trim().parse().unwrap_or_else(|_| {
            let mut said = String::new();
            let _ = log.rewind().and_then(|()| log.read_to_string(&mut said));
            panic!("{script} did not start: {said}")
        });
        Some(Self { python, child, port, directory, account: Value::Null })
    }

    /// What boto3 answers to one call; an error of the service is `{"error": code, "message": …}`.
    pub fn call(&self, service: &str, method: &str, arguments: &Value) -> Value {
        let answers = self.python("boto3_calls.py", &json!([[service, method, arguments]]));
        answers[0].clone()
    }

    /// The binary against this AWS.
    pub fn command(&self, arguments: &[&str]) -> Run {
        let mut run = Run::new(self.directory.path(), arguments)
            .variable("AWS_ENDPOINT_URL", &self.endpoint())
            .variable("AWS_REGION", "us-east-1")
            .variable("AWS_ACCESS_KEY_ID", "test")
            .variable("AWS_SECRET_ACCESS_KEY", "test");
        if let Ok(engine) = std::env::var("DOCKER_HOST") {
            run = run.variable("DOCKER_HOST", &engine);
        }
        run
    }

    /// `fargate-migrate migrate` for the seed's cluster and family; `more` comes last.
    pub fn migrate(&self, more: &[&str]) -> Run {
        let names = ["migrate", "--cluster", seed::CLUSTER, "--task-definition", seed::TASK_FAMILY];
        self.command(&[names.as_slice(), &["--format=json"], more].concat())
    }

    /// The ids of the seed's private subnets, sorted.
    pub fn private_subnets(&self) -> Vec<String> {
        let subnets = self.account["subnets"].as_object().expect("subnets");
        let private = subnets.iter().filter(|(name, _)| name.starts_with("startupwebapp-private-subnet-"));
        let mut ids: Vec<String> = private.map(|(_, id)| id.as_str().expect("an id").to_owned()).collect();
        ids.sort();
        ids
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn python(&self, script: &str, input: &Value) -> Value {
        let output = self.python.run(script, &[&self.endpoint()], input.to_string().as_bytes());
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It removes its containers and images, then ends.
        let _ = self.child.wait();
    }
}
