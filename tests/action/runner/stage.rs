//! A stage of a step: a container, followed until it ends or is made to end.

use std::collections::{BTreeMap, HashMap};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::files::Files;
use crate::commands::Commands;
use crate::support::command_file;

/// From SIGINT to SIGTERM, and from there to SIGKILL (ProcessInvoker.cs).
const UNTIL_TERM: Duration = Duration::from_millis(7500);
const UNTIL_KILL: Duration = Duration::from_millis(2500);
/// No stage of these stories takes longer.
const DEADLINE: Duration = Duration::from_secs(240);

/// A stage's container, and the docker client that the runner holds.
pub struct Stage {
    client: Child,
    container: Container,
    lines: mpsc::UnboundedReceiver<String>,
    files: Files,
}

impl Stage {
    /// Starts the client that runs the container of this name.
    pub fn start(mut client: Command, container: String, files: Files) -> Self {
        client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut client = client.spawn().expect("start docker");
        let lines = lines_of(&mut client);
        Self { client, container: Container(container), lines, files }
    }

    pub async fn ended(mut self) -> Ended {
        let mut log = Vec::new();
        let mut commands = Commands::default();
        let all = async {
            while let Some(line) = self.lines.recv().await {
                commands.read(&line);
                log.push(line);
            }
            self.client.wait().await.expect("wait for docker")
        };
        let status = timeout(DEADLINE, all).await;
        let status = status.unwrap_or_else(|_| panic!("{} did not end: {log:#?}", self.container.0));
        Ended {
            code: status.code().unwrap_or(-1),
            outputs: command_file(&self.files.read("set_output")),
            state: command_file(&self.files.read("save_state")).into_iter().collect(),
            summary: self.files.read("step_summary"),
            executed: commands.executed,
            log,
        }
    }

    /// What "Cancel workflow" does: SIGINT, SIGTERM and SIGKILL, each to the docker client.
    pub async fn cancelled(self) -> Ended {
        let pid = self.client.id().expect("docker runs");
        let pid = Pid::from_raw(i32::try_from(pid).expect("a process id"));
        let ended = self.ended();
        tokio::pin!(ended);
        for (signal, patience) in [(Signal::SIGINT, UNTIL_TERM), (Signal::SIGTERM, UNTIL_KILL)] {
            kill(pid, signal).expect("signal docker");
            if let Ok(ended) = timeout(patience, &mut ended).await {
                return ended;
            }
        }
        panic!("the runner would have killed the docker client, and the container would still run");
    }

    /// What a lack of memory does: nobody in the container gets to do anything.
    pub async fn killed(self) -> Ended {
        let killed =
            Command::new("docker").args(["kill", "--signal", "KILL", &self.container.0]).output().await;
        assert!(killed.is_ok_and(|output| output.status.success()), "docker kill");
        self.ended().await
    }
}

/// What the runner knows when a stage is over.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub outputs: HashMap<String, String>,
    pub state: BTreeMap<String, String>,
    pub summary: String,
    /// The names of the workflow commands that took effect, in their order.
    pub executed: Vec<String>,
    pub log: Vec<String>,
}

impl Ended {
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.log.iter().any(|line| line.contains(text)), "{text:?} is not in {self:#?}");
        self
    }
}

/// Removes the container, whatever became of its client.
struct Container(String);

impl Drop for Container {
    fn drop(&mut self) {
        let _ = std::process::Command::new("docker").args(["rm", "--force", "--volumes", &self.0]).output();
    }
}

/// Both streams, line by line as they come: the runner reads commands from either.
fn lines_of(client: &mut Child) -> mpsc::UnboundedReceiver<String> {
    fn forward(stream: impl AsyncRead + Unpin + Send + 'static, to: mpsc::UnboundedSender<String>) {
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // .NET's ReadLine ends a line at a lone CR, too.
                for line in line.split('\r') {
                    let _ = to.send(line.to_owned());
                }
            }
        });
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    forward(client.stdout.take().expect("piped"), sender.clone());
    forward(client.stderr.take().expect("piped"), sender);
    receiver
}
