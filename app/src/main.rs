use app::cli::{Cli, Command};
use app::{failure::Exit, healthcheck, migrate, output, serve, signals::Signals, status};
use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        // Signals are caught before anything is connected, so that there is no moment to lose a transaction in.
        Command::Migrate(options) => match Signals::install() {
            Ok(signals) => migrate::run(&options, signals).await,
            Err(failure) => Err(failure),
        },
        Command::Status(options) => status::run(&options).await,
        Command::Serve(options) => match Signals::install() {
            Ok(signals) => serve::run(&options, signals).await,
            Err(failure) => Err(failure),
        },
        Command::Healthcheck(options) => healthcheck::run(&options).await,
    };
    match outcome {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit.into()
        }
    }
}
