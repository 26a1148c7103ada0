//! The tasks that a run has started, for its post stage: in a file next to the step's state, which both stages have.
//!
//! In the state itself each would be a variable of the post stage's container, and thousands are more than a process
//! can be started with.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{Error, ErrorKind, Result as IoResult, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::bounded_file;

/// Bytes: the ARNs of a hundred thousand tasks.
const LARGEST: u64 = 16 << 20;
/// Ends a task's ARN: what has no end was cut when the process was killed, or the disk was full.
const END: char = ';';

#[derive(Debug)]
pub struct TaskList(PathBuf);

impl TaskList {
    /// Makes the list empty.
    pub(super) fn begin(state: &Path) -> Result<Self> {
        write_beside(state, "tasks", "").map(Self)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Adds a task, in one write: whatever ends the process, those before it stay whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn add(&self, arn: &str) -> Result<()> {
        // The line end before it parts it from one that was cut.
        let line = format!("\n{arn}{END}\n");
        let file = OpenOptions::new().append(true).open(&self.0);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .with_context(|| format!("add task {arn} to the list for the post stage, {}", self.0.display()))
    }

    /// Reads the tasks of a list, and why there may be more than these.
    pub fn read(path: &Path) -> (Vec<String>, Option<Error>) {
        let text = match bounded_file::read(path, LARGEST) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => return (Vec::new(), Some(error)),
        };
        let lines = text.lines().filter(|line| !line.is_empty());
        let tasks: Vec<IoResult<String>> = lines.map(task).collect();
        let mut problem = None;
        let whole = tasks.into_iter().filter_map(|task| task.map_err(|error| problem = Some(error)).ok());
        (whole.collect(), problem)
    }
}

fn task(line: &str) -> IoResult<String> {
    let arn = line.strip_suffix(END).filter(|arn| arn.starts_with("arn:") && arn.contains(":task/"));
    arn.map(str::to_owned).ok_or_else(|| Error::new(ErrorKind::UnexpectedEof, "one of its lines was cut"))
}

/// Writes a file for the post stage next to the step's state, and returns its path.
///
/// # Errors
/// It cannot be written, or the step's state is not a file.
pub(super) fn write_beside(state: &Path, what: &str, text: &str) -> Result<PathBuf> {
    let mut path = OsString::from(state);
    path.push(format!(".{what}"));
    let path = PathBuf::from(path);
    let written = match fs::metadata(state) {
        // Next to a device there is no place for it.
        Ok(found) if !found.is_file() => bounded_file::check_is_regular(found.file_type()),
        _ => fs::write(&path, text),
    };
    written.with_context(|| format!("write for the post stage to {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ecs:us-east-1:111122223333:task/c/0123456789abcdef0123456789abcdef";

    #[test]
    fn whole_lines_survive_whatever_cut_another() {
        let directory = tempfile::tempdir().expect("a directory");
        let list = TaskList::begin(&directory.path().join("state")).expect("begun");
        let arns: Vec<String> = (0..3).map(|number| format!("{ARN}{number}")).collect();
        arns.iter().for_each(|arn| list.add(arn).expect("added"));
        let (tasks, problem) = TaskList::read(list.path());
        assert_eq!((tasks, problem.is_none()), (arns.clone(), true));
        let whole = fs::read(list.path()).expect("read");
        for length in 0..=whole.len() {
            fs::write(list.path(), &whole[..length]).expect("cut");
            let (before, _) = TaskList::read(list.path());
            assert_eq!(before, arns[..before.len()], "cut at {length}");
            list.add(ARN).expect("added after the cut");
            let (after, problem) = TaskList::read(list.path());
            assert_eq!(after, [before.as_slice(), &[ARN.to_owned()]].concat(), "cut at {length}");
            assert_eq!(
                problem.is_some(),
                after.len() - 1 < 3
                    && !whole[..length].ends_with(b"\n")
                    && !whole[..length].ends_with(b";")
                    && length > 0,
                "cut at {length}"
            );
        }
        fs::remove_file(list.path()).expect("removed");
        let (none, problem) = TaskList::read(list.path());
        assert_eq!((none.len(), problem.map(|problem| problem.kind())), (0, Some(ErrorKind::NotFound)));
    }

    #[test]
    fn a_list_is_made_beside_no_device() {
        assert!(TaskList::begin(Path::new("/dev/full")).is_err());
        assert!(TaskList::begin(Path::new("/nonexistent/x/state")).is_err());
        assert!(!Path::new("/dev/full.tasks").exists());
    }
}
