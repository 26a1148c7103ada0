//! The end of a log: what memory keeps of it.

use std::collections::VecDeque;
use std::sync::Arc;

/// The end of a log, within bounds whatever a container prints.
#[derive(Debug, Clone, Default)]
pub struct LogTail {
    /// It is one of many, and shorter.
    of_fleet: bool,
    /// A document shares them: those of a large fleet are most of what a run needs of memory.
    lines: Arc<VecDeque<String>>,
    bytes: usize,
    /// Lines seen in all.
    pub seen: u64,
    /// Of these, what earlier tasks printed, with the line behind it.
    earlier: u64,
    /// Why the log is missing or short, such as a denied read.
    pub note: Option<String>,
}

impl LogTail {
    /// Lines and bytes that are kept of each database's log.
    pub const MAX_LINES: usize = 200;
    pub const MAX_BYTES: usize = 64 * 1024;
    /// A longer line is cut here: one line cannot push all others out.
    pub const MAX_LINE: usize = 4 * 1024;

    /// The same of each database of a fleet: a thousand of them have 8 MiB at most.
    pub const MAX_FLEET_LINES: usize = 50;
    pub const MAX_FLEET_BYTES: usize = 8 * 1024;

    /// Makes the end of one log among many.
    pub fn of_fleet() -> Self {
        Self { of_fleet: true, ..Self::default() }
    }

    /// Begins another task's log, below `line` where there is something above it.
    pub fn begin(&mut self, line: &str) {
        self.note = None;
        if self.seen > 0 {
            self.push(line);
        }
        self.earlier = self.seen;
    }

    /// Tells whether the last task has printed nothing.
    pub fn is_silent(&self) -> bool {
        self.seen == self.earlier
    }

    /// Forgets what the last task has printed, as if it had printed nothing yet.
    pub fn clear(&mut self) {
        let own = usize::try_from(self.seen - self.earlier).unwrap_or(usize::MAX);
        let kept = self.lines.len().saturating_sub(own);
        Arc::make_mut(&mut self.lines).truncate(kept);
        self.bytes = self.lines.iter().map(String::len).sum();
        self.seen = self.earlier;
        self.note = None;
    }

    pub fn push(&mut self, line: &str) {
        let (most_lines, most_bytes, most_line) = match self.of_fleet {
            true => (Self::MAX_FLEET_LINES, Self::MAX_FLEET_BYTES, Self::MAX_LINE / 4),
            false => (Self::MAX_LINES, Self::MAX_BYTES, Self::MAX_LINE),
        };
        let mut end = line.len().min(most_line);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let mut kept = line[..end].to_owned();
        if end < line.len() {
            kept.push('…');
        }
        self.seen += 1;
        self.bytes += kept.len();
        let lines = Arc::make_mut(&mut self.lines);
        lines.push_back(kept);
        while lines.len() > most_lines || self.bytes > most_bytes {
            self.bytes -= lines.pop_front().map_or(0, |line| line.len());
        }
    }

    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.lines.iter().map(String::as_str)
    }

    pub fn last(&self) -> Option<&str> {
        self.lines.back().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_again_is_the_last_task_s_alone() {
        let mut log = LogTail::of_fleet();
        log.begin("second");
        assert!(log.is_silent() && log.seen == 0, "nothing is above it");
        log.push("a");
        log.begin("second");
        assert!(log.is_silent());
        log.push("b");
        log.clear();
        log.push("c");
        assert_eq!((log.lines().collect::<Vec<_>>(), log.seen), (vec!["a", "second", "c"], 3));
        // What earlier tasks printed may have been pushed out.
        (0..100).for_each(|_| log.push("d"));
        log.clear();
        assert_eq!(log.lines().len(), 0);
    }
}
