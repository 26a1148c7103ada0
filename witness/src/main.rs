use clap::Parser as _;
use std::process::ExitCode;
use witness::cli::Cli;
use witness::failure::{Exit, Failure};
use witness::output;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One thread is enough: it waits for a process and for a server.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::failure(&Failure::new(Exit::Failed, format!("start the runtime: {error}")));
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(witness::run(&cli));
    // A name server that never answers holds a thread of the runtime for as long; nothing waits for it any more.
    runtime.shutdown_background();
    ExitCode::from(exit)
}
