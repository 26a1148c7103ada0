//! The one place of the program that writes for people: stdout for what they asked for, stderr for the rest.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Prints a headed step of the demo.
pub fn step(title: &str) {
    out(&format!("\n{}\n", bold(title)));
}

/// Prints a line below a step.
pub fn line(text: &str) {
    out(&format!("  {text}\n"));
}

/// Prints text exactly as it is, such as what another program printed.
pub fn verbatim(text: &str) {
    out(text);
}

/// Writes what a person should know to stderr: stdout may belong to another program.
#[expect(clippy::print_stderr, reason = "the one place of the program that writes to stderr")]
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// One line that shows that something long is alive: rewritten in place on a terminal, else written once a minute.
pub struct Progress {
    what: String,
    started: Instant,
    last_line: Instant,
    on_terminal: bool,
}

const LINE_EVERY: Duration = Duration::from_secs(60);

impl Progress {
    pub fn start(what: &str) -> Self {
        let now = Instant::now();
        let progress = Self {
            what: what.to_owned(),
            started: now,
            last_line: now,
            on_terminal: std::io::stdout().is_terminal(),
        };
        progress.rewrite("");
        progress
    }

    pub fn update(&mut self, detail: &str) {
        self.rewrite(detail);
        if !self.on_terminal && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            line(&format!("{} … {detail}, {}", self.what, elapsed(self.started)));
        }
    }

    /// Leaves one line behind.
    pub fn finish(self, detail: &str) {
        let end = if self.on_terminal { "\r\x1b[2K" } else { "" };
        out(&format!("{end}  {} · {detail}, {}\n", self.what, elapsed(self.started)));
    }

    /// Leaves nothing behind: the error that follows says it all.
    pub fn abandon(self) {
        if self.on_terminal {
            out("\r\x1b[2K");
        }
    }

    fn rewrite(&self, detail: &str) {
        if self.on_terminal {
            out(&format!("\r\x1b[2K  {} … {detail} {}", self.what, elapsed(self.started)));
        }
    }
}

fn elapsed(since: Instant) -> String {
    match since.elapsed().as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn bold(text: &str) -> String {
    let colour =
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    if colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}

fn out(text: &str) {
    let mut stdout = std::io::stdout();
    // A closed pipe is the reader's decision, not a reason to leave a server behind.
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}
