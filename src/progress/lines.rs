//! Lines on their way to a stream: written in order, at most a tenth of a second late, and in few writes however
//! many there are.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Fast enough to look immediate, slow enough that 200,000 lines cost a few thousand writes at most.
const CADENCE: Duration = Duration::from_millis(50);
/// Pending bytes that are written without waiting.
const FULL: usize = 64 * 1024;

pub(super) struct Lines {
    shared: Arc<Shared>,
    flusher: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    pending: String,
    /// Takes whole lines, each with its end.
    write: Box<dyn FnMut(&str) + Send>,
    written_at: Option<Instant>,
    ended: bool,
}

impl Lines {
    pub fn new(write: impl FnMut(&str) + Send + 'static) -> Self {
        let state = State { pending: String::new(), write: Box::new(write), written_at: None, ended: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let flusher = std::thread::Builder::new().name("progress".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.flush_late_lines()
        });
        // Without the thread a last line may wait for the next one, or for the end: nothing is lost.
        Self { shared, flusher: flusher.ok() }
    }

    pub fn push(&self, line: &str) {
        let mut state = self.shared.lock();
        let first = state.pending.is_empty();
        state.pending.push_str(line);
        state.pending.push('\n');
        if state.pending.len() >= FULL || state.written_at.is_none_or(|at| at.elapsed() >= CADENCE) {
            state.flush();
        } else if first {
            self.shared.changed.notify_one();
        }
    }

    pub fn flush(&self) {
        self.shared.lock().flush();
    }

    /// A panic may end the process on the spot: what is pending is written before its message.
    pub fn flush_on_panic(&self) {
        let shared: Weak<Shared> = Arc::downgrade(&self.shared);
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Not waiting: the panic may have come from within a write.
            if let Some(shared) = shared.upgrade()
                && let Ok(mut state) = shared.state.try_lock()
            {
                state.flush();
            }
            next(info);
        }));
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        state.flush();
        drop(state);
        self.shared.changed.notify_one();
        if let Some(flusher) = self.flusher.take() {
            // It can only have panicked within a write, whose message has been shown.
            let _ = flusher.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush_late_lines(&self) {
        let mut state = self.lock();
        while !state.ended {
            state = if state.pending.is_empty() {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                let (mut state, _) =
                    self.changed.wait_timeout(state, CADENCE).unwrap_or_else(PoisonError::into_inner);
                state.flush();
                state
            };
        }
    }
}

impl State {
    fn flush(&mut self) {
        if !self.pending.is_empty() {
            (self.write)(&self.pending);
            self.pending.clear();
            self.written_at = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_arrives_once_and_in_order() {
        let got = Arc::new(Mutex::new((String::new(), 0_usize)));
        let lines = Lines::new({
            let got = Arc::clone(&got);
            move |text| {
                let mut got = got.lock().unwrap();
                got.0.push_str(text);
                got.1 += 1;
            }
        });
        let count = 200_000;
        let began = Instant::now();
        for number in 0..count {
            lines.push(&number.to_string());
        }
        drop(lines);
        let took = began.elapsed();
        let got = got.lock().unwrap();
        assert!(got.0.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..count));
        assert!(got.1 < 2_000, "{} writes in {took:?}", got.1);
    }

    #[test]
    fn a_last_line_does_not_wait_for_another() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let lines = Lines::new(move |text: &str| sender.send(text.to_owned()).unwrap());
        lines.push("first");
        lines.push("second");
        let wait = Duration::from_secs(10);
        assert_eq!(receiver.recv_timeout(wait).unwrap(), "first\n");
        assert_eq!(receiver.recv_timeout(wait).unwrap(), "second\n");
    }
}
