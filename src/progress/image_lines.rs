//! What a build and a push say on the way.

use super::Progress;
use crate::ports::ImageProgress;

impl ImageProgress for Progress {
    fn step(&self, title: &str) {
        self.sink.step(title);
    }

    fn line(&self, line: &str) {
        self.sink.build_line(line);
    }

    fn pushed(&self, done: u64, total: u64) {
        self.sink.pushed(done, total);
    }

    fn note(&self, text: &str) {
        self.sink.note(text);
    }
}
