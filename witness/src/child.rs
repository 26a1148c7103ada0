//! The migration command as a process: its output passed on, signals passed to its group, and its end.

use crate::failure::{Exit, Failure};
use crate::processes::{self, Own};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::task::Poll;
use tokio::process::Command;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

mod output;

use output::Output;

/// Those that a command may have a meaning for.
const PASSED_ON: [(SignalKind, Signal); 6] = [
    (SignalKind::terminate(), Signal::SIGTERM),
    (SignalKind::interrupt(), Signal::SIGINT),
    (SignalKind::hangup(), Signal::SIGHUP),
    (SignalKind::quit(), Signal::SIGQUIT),
    (SignalKind::user_defined1(), Signal::SIGUSR1),
    (SignalKind::user_defined2(), Signal::SIGUSR2),
];

/// Becomes the command: it has this process's id, and nothing is in front of it any more.
///
/// # Errors
/// As [`Child::start`]; it returns only then.
pub fn become_command(command: &[OsString], without: &str) -> Failure {
    let [program, arguments @ ..] = command else { return no_command() };
    let error = std::process::Command::new(program).args(arguments).env_remove(without).exec();
    not_started(program, &error)
}

/// Makes the failure of a command line without a command.
pub fn no_command() -> Failure {
    Failure::new(Exit::Usage, "no command is given")
        .hint("write the migration command behind --, as in: witness -- python manage.py migrate")
}

/// Makes the failure of a program that cannot be started, with the exit code that a shell has for it.
fn not_started(program: &OsStr, error: &std::io::Error) -> Failure {
    let name = program.to_string_lossy();
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(Exit::NotFound, format!("start {name}: {error}"))
            .hint("the command is that of the image: write it as the image has it, with its path where PATH lacks it"),
        _ => Failure::new(Exit::NotRun, format!("start {name}: {error}")),
    }
}

/// The signals for a command, kept from the time that this is made: also those that arrive before the command is there.
pub struct Signals(Vec<(Stream, Signal)>);

impl Signals {
    /// Begins to listen. The caller is inside a runtime.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |(kind, name): (SignalKind, Signal)| match signal(kind) {
            Ok(stream) => Ok((stream, name)),
            Err(error) => Err(Failure::new(Exit::Failed, format!("listen for {name}: {error}"))),
        };
        PASSED_ON.into_iter().map(listen).collect::<Result<_, _>>().map(Self)
    }

    async fn received(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            let mut came = self.0.iter_mut().filter_map(|(stream, name)| match stream.poll_recv(context) {
                Poll::Ready(Some(())) => Some(*name),
                _ => None,
            });
            came.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// A command that runs.
pub struct Child {
    process: tokio::process::Child,
    own: Own,
    leads_a_group: bool,
    stdout: Output,
    stderr: Output,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exited(u8),
    Killed(i32),
}

impl End {
    /// Returns the exit code, as a shell has it: 128 + N after signal N.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }

    /// Returns why it did not succeed, for the report.
    pub fn error(self) -> Option<String> {
        match self {
            Self::Exited(0) => None,
            Self::Exited(code) => Some(format!("the command ended with exit code {code}")),
            Self::Killed(signal) => Some(match Signal::try_from(signal) {
                Ok(name) => format!("the command was ended by {name}"),
                Err(_) => format!("the command was ended by signal {signal}"),
            }),
        }
    }
}

impl Child {
    /// Starts a command, in a process group of its own unless a terminal is its input. Each line gets the prefix, if there
    /// is one.
    ///
    /// # Errors
    /// [`Exit::NotFound`] and [`Exit::NotRun`], as a shell has them.
    pub fn start(
        command: &[OsString],
        variables: &[(String, String)],
        prefix: Option<&str>,
    ) -> Result<Self, Failure> {
        let [program, arguments @ ..] = command else { return Err(no_command()) };
        let name = program.to_string_lossy().into_owned();
        let failed = |error: std::io::Error| Failure::new(Exit::Failed, format!("start {name}: {error}"));
        let (stdout, stdout_writer) = std::io::pipe().map_err(failed)?;
        let (stderr, stderr_writer) = std::io::pipe().map_err(failed)?;
        let mut starting = Command::new(program);
        starting.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        starting.stdout(stdout_writer).stderr(stderr_writer);
        // A process that reads a terminal has to be in the terminal's group.
        let leads_a_group = !std::io::stdin().is_terminal();
        if leads_a_group {
            starting.process_group(0);
        }
        let started = processes::start(&mut starting);
        let (process, own) = started.map_err(|error| not_started(program, &error))?;
        // The writers are the command's alone now: the end of its output is seen.
        drop(starting);
        let stdout = Output::pass_on(stdout, std::io::stdout(), prefix);
        let stderr = Output::pass_on(stderr, std::io::stderr(), prefix);
        Ok(Self { process, own, leads_a_group, stdout, stderr })
    }

    /// Returns the command's process id.
    pub fn id(&self) -> i32 {
        self.own.id()
    }

    /// Waits for the command's end and for its output, and passes signals on until then. Nothing of its output is written
    /// afterwards, and what was written ends with a line.
    ///
    /// # Errors
    /// The end cannot be waited for.
    pub async fn end(mut self, signals: &mut Signals) -> Result<End, Failure> {
        let status = loop {
            tokio::select! {
                status = self.process.wait() => break status,
                name = signals.received() => self.pass(name),
            }
        };
        let status =
            status.map_err(|error| Failure::new(Exit::Failed, format!("wait for the command: {error}")))?;
        drop(self.own);
        tokio::join!(self.stdout.drained(), self.stderr.drained());
        // A migration report stands alone on its line.
        if !self.stdout.close() {
            let _ = writeln!(std::io::stdout());
        }
        self.stderr.close();
        Ok(match (status.code(), status.signal()) {
            (Some(code), _) => End::Exited(u8::try_from(code).unwrap_or(1)),
            (None, signal) => End::Killed(signal.unwrap_or_default()),
        })
    }

    /// Passes a signal to the command's whole group: a shell in front of a migration would keep it.
    fn pass(&self, signal: Signal) {
        let id = Pid::from_raw(self.own.id());
        // One that has just ended needs none.
        let _ = match signal {
            _ if self.leads_a_group => killpg(id, signal),
            // A terminal sends these to the command itself.
            Signal::SIGINT | Signal::SIGQUIT | Signal::SIGHUP => Ok(()),
            _ => kill(id, signal),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_said_as_a_shell_says_it() {
        assert_eq!((End::Exited(3).exit_code(), End::Killed(9).exit_code()), (3, 137));
        assert_eq!(End::Exited(0).error(), None);
        assert_eq!(End::Killed(9).error().as_deref(), Some("the command was ended by SIGKILL"));
    }
}
