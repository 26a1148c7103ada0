//! The file of a task's log, which several packs of a run may write to: an earlier process of the run, or another run, may
//! have given the databases of these packs to one task.

use std::cell::RefCell;
use std::collections::HashMap;

use anyhow::Result;

use crate::steps::task::log::files::LogFiles;

/// Which task each file belongs to in this process, and how many lines of its log are written.
#[derive(Debug, Default)]
pub(super) struct Written(RefCell<HashMap<String, (String, usize)>>);

/// A log's file, and how far one follower of its task is.
#[derive(Debug)]
pub(super) struct LogFile {
    pub name: String,
    task: String,
    lines: usize,
}

impl LogFile {
    pub(super) fn new(name: String, task: &str) -> Self {
        Self { name, task: task.to_owned(), lines: 0 }
    }
}

impl Written {
    /// Makes room for the log, unless this process writes it already.
    ///
    /// # Errors
    /// An earlier log of the name cannot be looked for or renamed.
    pub(super) fn begin(&self, files: &LogFiles, file: &LogFile) -> Result<()> {
        let mut written = self.0.borrow_mut();
        if written.get(&file.name).is_some_and(|(task, _)| *task == file.task) {
            return Ok(());
        }
        written.insert(file.name.clone(), (file.task.clone(), 0));
        files.begin(&file.name).map(drop)
    }

    /// Adds the next lines that a follower has read, but for those that another one has written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn append<'a>(
        &self,
        files: &LogFiles,
        file: &mut LogFile,
        lines: impl Iterator<Item = &'a str>,
    ) -> Result<()> {
        let mut written = self.0.borrow_mut();
        let (_, count) = written.entry(file.name.clone()).or_insert_with(|| (file.task.clone(), file.lines));
        let first = file.lines;
        let mut new = Vec::new();
        for line in lines {
            // A gap: another follower has begun again, and comes here.
            if file.lines >= *count && first <= *count {
                new.push(line);
            }
            file.lines += 1;
        }
        *count += new.len();
        files.append(&file.name, new.into_iter())
    }

    /// Removes the file, because the follower reads the log again from its head.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(super) fn restart(&self, files: &LogFiles, file: &mut LogFile) -> Result<()> {
        file.lines = 0;
        self.0.borrow_mut().insert(file.name.clone(), (file.task.clone(), 0));
        files.restart(&file.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_followers_write_each_line_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = LogFiles::within(directory.path()).expect("made");
        let read = || std::fs::read_to_string(directory.path().join("x.log")).unwrap_or_default();
        let written = Written::default();
        let follower = || LogFile::new("x.log".into(), "task");
        let (mut one, mut other) = (follower(), follower());
        let append = |file: &mut LogFile, lines: &[&str]| {
            written.append(&files, file, lines.iter().copied()).expect("written");
        };
        written.begin(&files, &one).expect("new");
        append(&mut one, &["1", "2"]);
        written.begin(&files, &other).expect("the same");
        append(&mut other, &["1", "2", "3"]);
        append(&mut one, &["3", "4"]);
        append(&mut other, &["4"]);
        assert_eq!(read(), "1\n2\n3\n4\n");
        written.restart(&files, &mut one).expect("removed");
        append(&mut other, &["5"]);
        append(&mut one, &["1", "2", "3", "4", "5"]);
        append(&mut other, &["6"]);
        assert_eq!(read(), "1\n2\n3\n4\n5\n6\n");
    }

    #[test]
    fn another_task_has_a_file_of_its_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = LogFiles::within(directory.path()).expect("made");
        let written = Written::default();
        for task in ["first", "second"] {
            let mut file = LogFile::new("x.log".into(), task);
            written.begin(&files, &file).expect("room");
            written.append(&files, &mut file, [task].into_iter()).expect("written");
        }
        let text = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("a file");
        assert_eq!((text("x.log"), text("x.earlier-1.log")), ("second\n".into(), "first\n".into()));
    }
}
