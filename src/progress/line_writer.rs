//! Lines on their way to a stream: written in order, and in few writes however many there are.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Waiting bytes that are written before their page ends: 200,000 lines cost a few hundred writes.
const FULL: usize = 64 * 1024;

pub(super) struct LineWriter(Mutex<Waiting>);

struct Waiting {
    text: String,
    /// Takes whole lines, each with its end.
    write: Box<dyn FnMut(&str) + Send>,
}

impl LineWriter {
    pub(super) fn new(write: impl FnMut(&str) + Send + 'static) -> Self {
        Self(Mutex::new(Waiting { text: String::new(), write: Box::new(write) }))
    }

    /// Writes a line, after those that wait.
    pub(super) fn write(&self, line: &str) {
        let mut waiting = self.lock();
        waiting.push(line);
        waiting.flush();
    }

    /// Lets a line wait for those that follow at once: the caller flushes after the last one.
    pub(super) fn push(&self, line: &str) {
        let mut waiting = self.lock();
        waiting.push(line);
        if waiting.text.len() >= FULL {
            waiting.flush();
        }
    }

    pub(super) fn flush(&self) {
        self.lock().flush();
    }

    /// Tells whether a line can be written without waiting for another thread.
    pub(super) fn is_free(&self) -> bool {
        !matches!(self.0.try_lock(), Err(TryLockError::WouldBlock))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            (self.write)(&self.text);
            self.text.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn every_line_arrives_once_and_in_order() {
        let got = Arc::new(Mutex::new((String::new(), 0_usize)));
        let lines = LineWriter::new({
            let got = Arc::clone(&got);
            move |text| {
                let mut got = got.lock().unwrap();
                got.0.push_str(text);
                got.1 += 1;
            }
        });
        let count = 200_000;
        for number in 0..count {
            lines.push(&number.to_string());
        }
        lines.flush();
        let got = got.lock().unwrap();
        assert!(got.0.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..count));
        assert!(got.1 < 2_000, "{} writes", got.1);
    }

    #[test]
    fn a_last_line_does_not_wait_for_another() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let lines = LineWriter::new(move |text: &str| sender.send(text.to_owned()).unwrap());
        lines.write("first");
        assert_eq!(receiver.try_recv().unwrap(), "first\n");
        lines.push("second");
        lines.push("third");
        lines.flush();
        assert_eq!(receiver.try_recv().unwrap(), "second\nthird\n");
    }
}
