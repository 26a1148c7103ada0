//! The output of the tasks on standard output, for a program to read on.
//!
//! It is written by a thread of its own: a reader that stands still, such as a pager, must not keep the run from
//! hearing an interrupt.

use std::cell::RefCell;
use std::io::{ErrorKind, Write as _};
use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use crate::interrupt::Interrupt;
use crate::untrusted;
use crate::workflow_commands::without_commands;

/// Bytes that are handed on at once.
const FULL: usize = 64 * 1024;

pub(super) struct Output {
    /// None where standard output carries a document.
    writer: Option<Writer>,
    /// The width of the names before each line, with several databases.
    width: Option<usize>,
    /// GitHub's runner reads it, unless it goes to a file or a program, which is not known here.
    reads_commands: bool,
    page: RefCell<String>,
}

struct Writer {
    pages: mpsc::Sender<String>,
    /// The result, once all is written, or nothing more can be.
    ended: oneshot::Receiver<std::io::Result<()>>,
}

impl Output {
    pub(super) fn new(is_text: bool, width: Option<usize>, reads_commands: bool) -> Self {
        Self { writer: is_text.then(Writer::new), width, reads_commands, page: RefCell::default() }
    }

    /// Tells whether the lines go to standard output: the progress then does not show them.
    pub(super) fn takes_lines(&self) -> bool {
        self.writer.is_some()
    }

    /// Takes a line of a container, which is written without control characters and is not a command to GitHub's
    /// runner.
    pub(super) fn line(&self, name: &str, line: &str) {
        let mut page = self.page.borrow_mut();
        let line = untrusted::one_line(line);
        let line = match self.width {
            Some(width) => format!("{name:<width$} │ {line}").into(),
            None => line,
        };
        page.push_str(&if self.reads_commands { without_commands(&line) } else { line.as_ref().into() });
        page.push('\n');
        let is_full = page.len() >= FULL;
        drop(page);
        if is_full {
            self.flush();
        }
    }

    pub(super) fn flush(&self) {
        let page = self.page.take();
        if let Some(writer) = &self.writer
            && !page.is_empty()
        {
            // A thread that has ended says why at the end.
            let _ = writer.pages.send(page);
        }
    }

    /// Waits until all is written, and returns why it was not. A reader that went away, as in `| head`, has what it
    /// wanted.
    pub(super) async fn end(self, interrupt: &Interrupt) -> Option<String> {
        self.flush();
        let Writer { pages, ended } = self.writer?;
        drop(pages);
        let written = tokio::select! {
            biased;
            written = ended => written.unwrap_or(Ok(())),
            () = interrupt.wait() => return Some("the run was interrupted before it was written".to_owned()),
        };
        match written {
            Ok(()) => None,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => None,
            Err(error) => Some(format!("write to standard output: {error}")),
        }
    }
}

impl Writer {
    fn new() -> Self {
        let (pages, waiting) = mpsc::channel::<String>();
        let (tell, ended) = oneshot::channel();
        thread::spawn(move || {
            let mut stdout = std::io::stdout();
            let mut write = |page: String| stdout.write_all(page.as_bytes()).and_then(|()| stdout.flush());
            let _ = tell.send(waiting.into_iter().try_for_each(&mut write));
        });
        Self { pages, ended }
    }
}
