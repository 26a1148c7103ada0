//! `sandbox up | exec | demo`: the sandbox as a program.

mod cli;
mod console;
mod demo;
mod interrupt;

use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;

use clap::Parser as _;
use sandbox::options::Options;
use sandbox::seed::{CLUSTER, SeedSystem, TASK_FAMILY};
use sandbox::{StandIn, postgres};

use cli::{Cli, Command, Exec, Shape};
use interrupt::{Interrupted, Interrupts};

/// Also after another build has replaced the file.
const THIS_PROGRAM: &str = "/proc/self/exe";

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Demo(flags) => run(demo::run(flags)),
        Command::Up(shape) => run(up(shape)),
        Command::Exec(exec) => run(run_command(exec)),
        // Without a runtime, because it has threads.
        Command::StartContainer => return sandbox::start_container(),
    };
    outcome.unwrap_or_else(|error| match error.downcast_ref::<Interrupted>() {
        Some(interrupted) => ExitCode::from(interrupted.exit_code()),
        None => {
            console::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    })
}

#[tokio::main]
async fn run(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    work.await
}

/// Runs until it is interrupted.
async fn up(shape: Shape) -> anyhow::Result<ExitCode> {
    let interrupts = Interrupts::listen()?;
    let system = interrupts.or(start(&shape)).await?;
    console::note(&format!(
        "The sandbox runs at {} with {}. Ctrl-C ends it.\nExport this, then try: aws ecs describe-clusters \
         --clusters {CLUSTER}\n",
        system.sandbox.endpoint(),
        system.postgres.origin(),
    ));
    for variable in interfering_variables() {
        console::verbatim(&format!("unset {}\n", variable.to_string_lossy()));
    }
    for (name, value) in system.environment() {
        console::verbatim(&format!("export {name}={}\n", quoted(&value)));
    }
    let interrupted = interrupts.heard().await;
    print_figures(&shape, &system);
    system.stop().await?;
    Err(interrupted.into())
}

/// Runs a command in the sandbox's environment, and ends with its exit code.
async fn run_command(exec: Exec) -> anyhow::Result<ExitCode> {
    let interrupts = Interrupts::listen()?;
    let system = interrupts.or(start(&exec.shape)).await?;
    let (program, arguments) =
        exec.command.split_first().unwrap_or_else(|| unreachable!("clap requires one"));
    let mut command = tokio::process::Command::new(program);
    command.args(arguments);
    for variable in interfering_variables() {
        command.env_remove(variable);
    }
    command.envs(system.environment());
    let status = interrupts.status(&mut command).await;
    print_figures(&exec.shape, &system);
    let stopped = system.stop().await;
    let code = exit_code(status?);
    stopped.map(|()| code)
}

fn print_figures(shape: &Shape, system: &SeedSystem) {
    if shape.figures {
        console::note(&system.sandbox.figures().to_string());
    }
}

async fn start(shape: &Shape) -> anyhow::Result<SeedSystem> {
    let options = Options {
        pace: shape.pace,
        engine: shape.engine.into(),
        starter: Some(THIS_PROGRAM.into()),
        port: shape.port,
        quotas: shape.quotas.into(),
        keep_calls: false,
        ..Options::default()
    };
    let postgres = postgres::Options { announce: Arc::new(console::note), ..postgres::Options::default() };
    let system = SeedSystem::start(options, postgres, shape.state.as_deref()).await?;
    if shape.stand_in {
        let image = Arc::new(StandIn::rehearsal().at(shape.pace));
        // When a service runs the family, migrations have a family of their own.
        for family in [TASK_FAMILY.to_owned(), format!("{TASK_FAMILY}-migration")] {
            let image = Arc::clone(&image);
            system.sandbox.set_program(&family, move |context| image.script(context));
        }
    }
    Ok(system)
}

/// Lists variables that would lead AWS clients out of the sandbox: a profile, a session token, another endpoint.
fn interfering_variables() -> impl Iterator<Item = std::ffi::OsString> {
    let aws =
        |name: &std::ffi::OsString| name.to_string_lossy().starts_with("AWS_") && name != "AWS_CA_BUNDLE";
    std::env::vars_os().map(|(name, _)| name).filter(aws)
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Quotes one word for a shell, whatever is in it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_value_stays_one_word_for_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:1"), "http://127.0.0.1:1");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
