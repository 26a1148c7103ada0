//! Parses, runs, says how it ended: [`fargate_migrate::operations`] does all of it.

use std::io::Write as _;
use std::process::ExitCode;

use fargate_migrate::operations;
use tokio::runtime::Runtime;

/// The exit code of a service that failed, as the table of exit codes has it.
const NO_RUNTIME: u8 = 3;

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Where stderr is gone as well, nobody can be told.
            let _ = writeln!(
                std::io::stderr(),
                "error: start the threads of the program: {error}\nhint: raise the limit of processes (`ulimit -u`)"
            );
            return ExitCode::from(NO_RUNTIME);
        }
    };
    let code = runtime.block_on(operations::run(std::env::args_os().collect(), &variable));
    // A read that never ends, such as the AWS SDK's of a token file that is a pipe, must not hold up the end.
    runtime.shutdown_background();
    code.into()
}
