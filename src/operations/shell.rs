//! `fargate-migrate completions` and `fargate-migrate man`: the command line, for shells and for man.

use std::fs;
use std::path::Path;

use anyhow::Result;
use clap_complete::Shell;

use super::printing::print;
use crate::cli;
use crate::failure::{ExitCode, Failure};

const NAME: &str = "fargate-migrate";

/// Prints the script that the shell completes with.
///
/// # Errors
/// It cannot be printed.
pub(super) fn completions(shell: Shell) -> Result<ExitCode> {
    let generated = |name: &str| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut cli::command(), name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    };
    let script = match shell {
        // clap_complete 4.6 takes the hyphen of a program's name for the beginning of an operation's, and the script
        // would complete no flag of `migrate`. Within bash's script the name is that of a function, except where it
        // is registered.
        Shell::Bash => {
            let inner = NAME.replace('-', "_");
            generated(&inner).replace(&format!(" {inner}\n"), &format!(" {NAME}\n"))
        }
        _ => generated(NAME),
    };
    print(script.trim_end())
}

/// Writes `fargate-migrate.1` and a page for each operation, such as `fargate-migrate-migrate.1`.
///
/// # Errors
/// The directory cannot be made or written to.
pub(super) fn man(directory: &Path) -> Result<ExitCode> {
    let cannot = |error: std::io::Error| {
        Failure::input(format!("write the man pages to {}: {error}", directory.display()))
            .hint("name a directory that can be written to")
    };
    fs::create_dir_all(directory).map_err(cannot)?;
    clap_mangen::generate_to(cli::command(), directory).map_err(cannot)?;
    print(&format!("the man pages are in {}", directory.display()))
}
