//! What a build and a push say on the way.

use super::Progress;
use crate::ports::ImageProgress;

impl ImageProgress for Progress {
    fn step(&self, title: &str) {
        self.step(title);
    }

    fn line(&self, line: &str) {
        self.build_line(line);
    }

    fn pushed(&self, done: u64, total: u64) {
        self.pushed(done, total);
    }

    fn note(&self, text: &str) {
        self.note(text);
    }
}
