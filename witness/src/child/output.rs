//! The command's output, copied by a thread: a log that takes no more must not keep a signal from being passed on.

use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Most bytes that are held of a line: a longer one of a pack is passed on in pieces.
const PIECE: usize = 64 * 1024;
/// How long output may be silent once the command has ended: a process that it has left behind may hold it open. One that
/// writes on and on is listened to for as often as that.
const LEFT_OPEN: Duration = Duration::from_secs(2);
const LOOKS: u32 = 5;

/// One of the command's two outputs.
pub struct Output {
    done: oneshot::Receiver<()>,
    gate: Arc<Gate>,
}

/// What the thread and the program share.
struct Gate {
    state: Mutex<State>,
    /// Bytes that have passed.
    passed: AtomicU64,
}

struct State {
    is_open: bool,
    /// Whether the reader still takes any.
    is_read: bool,
    ends_with_a_line: bool,
}

impl Output {
    /// Begins to copy. Each line gets the prefix, if there is one.
    pub fn pass_on(from: PipeReader, to: impl Write + Send + 'static, prefix: Option<&str>) -> Self {
        let (done, receiver) = oneshot::channel();
        let gate = Arc::new(Gate::open());
        let (shared, prefix) = (Arc::clone(&gate), prefix.map(|prefix| format!("{prefix}: ").into_bytes()));
        std::thread::spawn(move || {
            // Output that cannot be read is not a reason to stop a migration.
            let _ = match prefix {
                None => copy(from, to, &shared),
                Some(prefix) => copy_lines(BufReader::with_capacity(PIECE, from), to, &shared, &prefix),
            };
            let _ = done.send(());
        });
        Self { done: receiver, gate }
    }

    /// Waits until the output has ended, or for some seconds if the command has ended and another process holds it open.
    pub async fn drained(&mut self) {
        for _ in 0..LOOKS {
            let passed = self.gate.passed.load(Ordering::Relaxed);
            let has_ended = timeout(LEFT_OPEN, &mut self.done).await.is_ok();
            if has_ended || passed == self.gate.passed.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// Lets nothing more pass. Returns whether what has passed ends with a line.
    pub fn close(&self) -> bool {
        let mut state = self.gate.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_open = false;
        state.ends_with_a_line
    }
}

impl Gate {
    fn open() -> Self {
        let state = State { is_open: true, is_read: true, ends_with_a_line: true };
        Self { state: Mutex::new(state), passed: AtomicU64::new(0) }
    }

    /// Writes bytes, and returns whether the gate is open. The command must not die of a reader that went away: what it
    /// writes is then dropped.
    fn write(&self, to: &mut impl Write, bytes: &[u8]) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_open {
            state.is_read = state.is_read && to.write_all(bytes).and_then(|()| to.flush()).is_ok();
            state.ends_with_a_line = bytes.last().is_none_or(|last| *last == b'\n');
            self.passed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        state.is_open
    }
}

fn copy(mut from: impl Read, mut to: impl Write, gate: &Gate) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(length) if gate.write(&mut to, &piece[..length]) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Copies line by line: each is written at once, so that those of several commands do not mix.
fn copy_lines(mut from: impl BufRead, mut to: impl Write, gate: &Gate, prefix: &[u8]) -> std::io::Result<()> {
    let mut line = prefix.to_vec();
    loop {
        line.truncate(prefix.len());
        let read = from.by_ref().take(PIECE as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        if !gate.write(&mut to, &line) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lined(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        copy_lines(text, &mut out, &Gate::open(), b"shop: ").expect("read");
        out
    }

    #[test]
    fn each_line_of_a_pack_has_its_database() {
        assert_eq!(lined(b"one\ntwo"), b"shop: one\nshop: two\n");
        assert_eq!(lined(b"\n\xff\0\n"), b"shop: \nshop: \xff\0\n");
        assert_eq!(lined(b""), b"");
        let long = vec![b'x'; PIECE + 1];
        let out = lined(&long);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 2);
        assert_eq!(out.iter().filter(|byte| **byte == b'x').count(), PIECE + 1);
    }

    #[test]
    fn output_is_passed_on_as_it_is() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * PIECE + 7).collect();
        let mut out = Vec::new();
        copy(&bytes[..], &mut out, &Gate::open()).expect("read");
        assert_eq!(out, bytes);
    }

    /// A reader that takes one byte and goes away.
    struct Gone(bool);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            match std::mem::replace(&mut self.0, true) {
                false => Ok(1),
                true => Err(std::io::ErrorKind::BrokenPipe.into()),
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn output_is_read_to_its_end_after_its_reader_is_gone() {
        let gate = Gate::open();
        copy(&vec![0; 3 * PIECE][..], Gone(false), &gate).expect("read");
        assert_eq!(gate.passed.load(Ordering::Relaxed), 3 * PIECE as u64);
    }

    #[tokio::test]
    async fn nothing_passes_once_it_is_closed() {
        let (from, mut into) = std::io::pipe().expect("a pipe");
        let (mut heard, to) = std::io::pipe().expect("a pipe");
        let mut output = Output::pass_on(from, to, None);
        into.write_all(b"half").expect("write");
        let mut four = [0; 4];
        heard.read_exact(&mut four).expect("read");
        assert!(!output.close());
        into.write_all(b"late").expect("write");
        drop(into);
        output.drained().await;
        let mut rest = String::new();
        heard.read_to_string(&mut rest).expect("read");
        assert_eq!(rest, "");
    }
}
