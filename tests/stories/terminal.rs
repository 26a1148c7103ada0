use std::fs::File;
use std::io::Write as _;
use std::process::Stdio;

use nix::pty::openpty;

use crate::support::{Finished, Run};

/// A run whose standard input is a terminal, with the terminal's other end.
pub fn on_terminal(run: Run) -> (Run, File) {
    let pair = openpty(None, None).expect("a pseudo-terminal");
    (run.standard_input(Stdio::from(pair.slave)), File::from(pair.master))
}

/// What is typed waits in the terminal until it is read.
pub async fn answered(run: Run, typed: &[u8]) -> Finished {
    let (run, mut terminal) = on_terminal(run);
    terminal.write_all(typed).expect("type");
    run.finish().await
}
