//! The file: one process at a time, a document a line, written before it counts.

use std::cell::{Cell, RefCell};
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::history::History;
use super::journal_record::JournalRecord;
use crate::bounded_file;
use crate::failure::Failure;
use crate::untrusted::phrase;

/// Bytes: a hundred runs of ten thousand databases, which write less than a KiB about each.
const LARGEST: u64 = 1 << 30;

/// A journal that this process alone may write to, until it is dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: RefCell<File>,
    /// Bytes of whole lines.
    whole: Cell<u64>,
}

/// What was read of a journal.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub history: History,
    /// The last line had no end: the process that wrote it was killed.
    pub was_cut: bool,
}

impl Journal {
    /// Takes the file over, and makes it where there is none. A last line without an end is cut off.
    ///
    /// # Errors
    /// Another process has it, it can not be read or written, or it is no journal. Nothing was changed then.
    pub(crate) fn open(path: &Path) -> Result<(Self, Contents), Failure> {
        if path.exists() {
            regular(path, fs::metadata(path))?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| unusable(path, "open", &error))?;
        regular(path, file.metadata())?;
        locked(path, file.try_lock())?;
        let (contents, whole) = read(path, &mut file)?;
        if contents.was_cut {
            file.set_len(whole).map_err(|error| unusable(path, "write to", &error))?;
        }
        Ok((Self { path: path.to_owned(), file: RefCell::new(file), whole: Cell::new(whole) }, contents))
    }

    /// What it says, for a plan: the file stays as it is.
    ///
    /// # Errors
    /// As [`Journal::open`], and when there is no such file.
    pub(crate) fn peek(path: &Path) -> Result<Contents, Failure> {
        regular(path, fs::metadata(path))?;
        let mut file = File::open(path).map_err(|error| unusable(path, "open", &error))?;
        locked(path, file.try_lock_shared())?;
        read(path, &mut file).map(|(contents, _)| contents)
    }

    /// Appends a record. A runner that is killed after this has it in the file.
    ///
    /// # Errors
    /// The file is then as it was before.
    pub(crate) fn append(&self, record: &JournalRecord) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(record).map_err(|error| self.not_written(&error))?;
        line.push(b'\n');
        let mut file = self.file.borrow_mut();
        let whole = self.whole.get();
        // What an earlier append has left of its line, when it could not take it back.
        if file.metadata().map_err(|error| self.not_written(&error))?.len() != whole {
            file.set_len(whole).map_err(|error| self.not_written(&error))?;
        }
        if let Err(error) = file.write_all(&line) {
            // Tried again before the next line, when it fails now.
            let _ = file.set_len(whole);
            return Err(self.not_written(&error));
        }
        self.whole.set(whole + line.len() as u64);
        Ok(())
    }

    /// Appends a record that a machine which loses its power after this still has.
    ///
    /// # Errors
    /// As [`Journal::append`]; the record may be there all the same.
    pub(crate) fn append_ahead(&self, record: &JournalRecord) -> Result<(), Failure> {
        self.append(record)?;
        self.file.borrow().sync_data().map_err(|error| self.not_written(&error))
    }

    /// One that can be read only.
    #[cfg(test)]
    pub(super) fn full(path: &Path) -> Self {
        let file = File::open(path).expect("open the file");
        Self { path: path.to_owned(), file: RefCell::new(file), whole: Cell::new(0) }
    }

    fn not_written(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::service(format!("write to state file {}: {error}", self.path.display()))
            .hint("make room for it, or name another file with --state")
    }
}

/// A device may have no end, and a pipe no beginning.
fn regular(path: &Path, found: io::Result<Metadata>) -> Result<(), Failure> {
    found
        .and_then(|found| bounded_file::check_is_regular(found.file_type()))
        .map_err(|error| unusable(path, "use", &error))
}

fn locked(path: &Path, lock: Result<(), TryLockError>) -> Result<(), Failure> {
    match lock {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::input(format!("state file {} is in use by another run", path.display()))
                .hint("wait for its end, or name another file with --state"))
        }
        Err(TryLockError::Error(error)) => Err(unusable(path, "lock", &error)),
    }
}

fn unusable(path: &Path, verb: &str, error: &io::Error) -> Failure {
    let failure = Failure::input(format!("{verb} state file {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => failure.hint("check --state: its directory has to exist"),
        _ => failure.hint("check --state and the file's permissions"),
    }
}

/// The contents, and how many bytes of whole lines there are.
fn read(path: &Path, file: &mut File) -> Result<(Contents, u64), Failure> {
    let bytes = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| bounded_file::read_all(file, LARGEST))
        .map_err(|error| unusable(path, "read", &error))?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut history = History::default();
    for (number, line) in (1..).zip(bytes[..whole].split_inclusive(|byte| *byte == b'\n')) {
        let record = serde_json::from_slice::<JournalRecord>(line).map_err(|error| error.to_string());
        record.and_then(|record| history.take(record)).map_err(|why| {
            let why = phrase(&why);
            Failure::input(format!("line {number} of state file {} can not be read: {why}", path.display()))
                .hint("restore the file, or name another one with --state; nothing is resumed without it")
        })?;
    }
    Ok((Contents { history, was_cut: whole < bytes.len() }, whole as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> JournalRecord {
        JournalRecord::Ended { at: jiff::Timestamp::UNIX_EPOCH, task: "t".into() }
    }

    #[test]
    fn what_can_not_be_written_is_said_and_leaves_nothing() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let journal = Journal::full(&path);
        let failure = journal.append_ahead(&record()).expect_err("it is read-only");
        assert_eq!(failure.exit_code, crate::failure::ExitCode::Service);
        assert!(failure.message.starts_with("write to state file"), "{}", failure.message);
        assert_eq!(journal.whole.get(), 0);
    }

    #[test]
    fn half_a_line_that_could_not_be_taken_back_goes_before_the_next() {
        let path = tempfile::NamedTempFile::new().expect("a file").into_temp_path();
        let (journal, _) = Journal::open(&path).expect("a journal");
        journal.append(&record()).expect("written");
        journal.file.borrow_mut().write_all(b"{\"record\":").expect("half a line");
        journal.append(&record()).expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, format!("{0}\n{0}\n", serde_json::to_string(&record()).expect("JSON")));
    }
}
