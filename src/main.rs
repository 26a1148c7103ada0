//! Parses, runs, says how it ended: [`fargate_migrate::operations`] does all of it.

use std::process::ExitCode;

use fargate_migrate::operations;

#[tokio::main]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    operations::run(std::env::args_os().collect(), &variable).await.into()
}
