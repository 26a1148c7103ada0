//! What happens to an errand's task, passed on to progress and to the errand's client.

use super::{Client, Errand, Errands};
use crate::diagnosis::LastLines;
use crate::failure::Failure;
use crate::ports::{LogEvent, LogStream, Task, TaskWorld};
use crate::progress::TaskPhase;
use crate::steps::task::follow::Listener;
use crate::untrusted;
use crate::verdict::is_decided;

/// The listener to the task of an errand.
pub(super) struct Hearing<'e, 'a, W, C> {
    errands: &'e Errands<'a, W, C>,
    errand: &'e Errand,
    /// Called when the task is decided and its log is still to be read.
    when_ended: &'e dyn Fn(&Task),
    pub last: LastLines,
    pub is_silent: bool,
    has_printed: bool,
}

impl<'e, 'a, W: TaskWorld, C: Client> Hearing<'e, 'a, W, C> {
    pub(super) fn new(
        errands: &'e Errands<'a, W, C>,
        errand: &'e Errand,
        when_ended: &'e dyn Fn(&Task),
    ) -> Self {
        let last = LastLines::default();
        Self { errands, errand, when_ended, last, is_silent: false, has_printed: false }
    }
}

impl<W: TaskWorld, C: Client> Listener for Hearing<'_, '_, W, C> {
    fn seen(&mut self, task: &Task) {
        self.errands.phase(self.errand, TaskPhase::of(task));
    }

    fn is_decided(&self, task: &Task) -> bool {
        is_decided(&self.errands.asked(), task)
    }

    fn ended(&mut self, task: &Task) {
        if !self.has_heard_all() {
            self.errands.phase(self.errand, TaskPhase::Reading);
        }
        (self.when_ended)(task);
    }

    fn is_being_stopped(&mut self) {
        self.errands.phase(self.errand, TaskPhase::Stopping);
    }

    fn printed(&mut self, events: &[LogEvent]) {
        for event in events {
            for line in untrusted::lines(&event.message) {
                self.has_printed = true;
                self.last.push(line);
                self.errands.client.line(self.errand, event.timestamp, line);
            }
        }
        self.errands.client.page_ended(self.errand);
    }

    fn has_heard_all(&self) -> bool {
        self.errands.client.has_heard_all(self.errand)
    }

    fn begin_again(&mut self) {
        self.has_printed = false;
        self.last.clear();
        self.errands.client.begin_again(self.errand);
    }

    fn unreadable(&mut self, failure: Failure) {
        self.errands.client.unreadable(self.errand, failure);
    }

    fn silent(&mut self, _stream: &LogStream) {
        self.is_silent = !self.has_printed;
    }
}
