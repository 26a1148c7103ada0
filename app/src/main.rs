use app::cli::{Cli, Command};
use app::failure::{Exit, Failure};
use app::{create_database, healthcheck, migrate, output, serve, signals::Signals, status};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::failure(&Failure::new(Exit::Failed, format!("start the runtime: {error}")));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(run(command));
    // A name server that never answers holds a thread of the runtime for as long; nothing waits for it any more.
    runtime.shutdown_background();
    exit.into()
}

async fn run(command: Command) -> Exit {
    let outcome = match command {
        // Signals are caught before anything is connected, so that there is no moment to lose a transaction in.
        Command::Migrate(options) => match Signals::install() {
            Ok(signals) => migrate::run(&options, signals).await,
            Err(failure) => Err(failure),
        },
        Command::Status(options) => match Signals::install() {
            Ok(signals) => status::run(&options, signals).await,
            Err(failure) => Err(failure),
        },
        Command::Serve(options) => match Signals::install() {
            Ok(signals) => serve::run(&options, signals).await,
            Err(failure) => Err(failure),
        },
        Command::CreateDatabase(options) => create_database::run(&options).await,
        Command::Healthcheck(options) => healthcheck::run(&options).await,
    };
    match outcome {
        Ok(()) => Exit::Done,
        Err(failure) => {
            output::failure(&failure);
            failure.exit
        }
    }
}
