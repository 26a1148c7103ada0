//! The file: one process at a time, one JSON document a line, written before it counts.

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

/// What a journal says while a run may have it.
#[derive(Debug)]
pub(crate) struct Look {
    pub history: History,
    /// Another run has the file.
    pub in_use: bool,
    /// What a person should know about it.
    pub note: Option<String>,
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
    /// Another process has it, it cannot be read or written, or it is not a journal. Nothing was changed then.
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

    /// Reads what the file says, for a plan: the file stays as it is.
    ///
    /// # Errors
    /// As [`Journal::open`], and when there is no such file.
    pub(crate) fn peek(path: &Path) -> Result<Contents, Failure> {
        regular(path, fs::metadata(path))?;
        let mut file = File::open(path).map_err(|error| unusable(path, "open", &error))?;
        locked(path, file.try_lock_shared())?;
        read(path, &mut file).map(|(contents, _)| contents)
    }

    /// Reads what the file says now, for a caller that changes nothing by it. A run that has the file does not
    /// prevent it, and it does not keep a run from beginning: it tries the file's lock and gives it back before it
    /// reads anything.
    ///
    /// # Errors
    /// As [`Journal::peek`], except that a run may have the file.
    pub(crate) fn look(path: &Path) -> Result<Look, Failure> {
        regular(path, fs::metadata(path))?;
        let mut file = File::open(path).map_err(|error| unusable(path, "open", &error))?;
        let in_use = match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => true,
            lock => {
                locked(path, lock)?;
                file.unlock().map_err(|error| unusable(path, "unlock", &error))?;
                false
            }
        };
        let bytes = settled(|| bytes(path, &mut file))?;
        let (Contents { history, was_cut }, _) = parsed(path, &bytes)?;
        let note = match (in_use, was_cut) {
            (true, _) => Some(format!(
                "a run has state file {} now, which was read as far as it was written",
                path.display()
            )),
            (false, true) => Some(cut(path)),
            (false, false) => None,
        };
        Ok(Look { history, in_use, note })
    }

    /// Appends a record. The file has it even if the process is killed after this.
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

    /// Appends a record that is in the file even if the machine loses its power after this.
    ///
    /// # Errors
    /// As [`Journal::append`]; the record may be there all the same.
    pub(crate) fn append_ahead(&self, record: &JournalRecord) -> Result<(), Failure> {
        self.append(record)?;
        self.file.borrow().sync_data().map_err(|error| self.not_written(&error))
    }

    /// Makes a journal whose file can only be read.
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

/// Returns the note about a file that [was cut](Contents::was_cut).
pub(super) fn cut(path: &Path) -> String {
    format!(
        "the last line of state file {} has no end, and counts as not written: its writer was killed",
        path.display()
    )
}

/// Checks that the file is a regular one: a device may have no end, and a pipe no beginning.
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

/// Reads the contents, and counts the bytes of whole lines.
fn read(path: &Path, file: &mut File) -> Result<(Contents, u64), Failure> {
    parsed(path, &bytes(path, file)?)
}

fn bytes(path: &Path, file: &mut File) -> Result<Vec<u8>, Failure> {
    file.seek(SeekFrom::Start(0))
        .and_then(|_| bounded_file::read_all(file, LARGEST))
        .map_err(|error| unusable(path, "read", &error))
}

/// Reads again until a reading has all whole lines of the one before, and returns the one before. Whole lines stay
/// for good, but half a line that could not be written to its end is taken back, and a reading that meets it there
/// can have it with the end of the line that came instead.
fn settled(mut read: impl FnMut() -> Result<Vec<u8>, Failure>) -> Result<Vec<u8>, Failure> {
    let mut bytes = read()?;
    loop {
        let later = read()?;
        if later.starts_with(&bytes[..whole(&bytes)]) {
            return Ok(bytes);
        }
        bytes = later;
    }
}

/// Counts the bytes of whole lines.
fn whole(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
}

fn parsed(path: &Path, bytes: &[u8]) -> Result<(Contents, u64), Failure> {
    let whole = whole(bytes);
    let mut history = History::default();
    for (number, line) in (1..).zip(bytes[..whole].split_inclusive(|byte| *byte == b'\n')) {
        let record = serde_json::from_slice::<JournalRecord>(line).map_err(|error| error.to_string());
        record.and_then(|record| history.take(record)).map_err(|why| {
            let why = phrase(&why);
            Failure::input(format!("line {number} of state file {} cannot be read: {why}", path.display()))
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
    fn half_a_line_with_the_end_of_another_is_read_again() {
        let readings = ["a\nbb", "a\nbc\n", "a\ncc\n", "a\ncc\nd"];
        let mut left = readings.iter();
        let settled = settled(|| Ok(left.next().expect("a reading").as_bytes().to_vec())).expect("read");
        assert_eq!(settled, b"a\nbb", "the first two agree on its only whole line");
        let settled = super::settled(|| Ok(left.next().expect("a reading").as_bytes().to_vec()));
        assert_eq!(settled.expect("read"), b"a\ncc\n");
        let mut left = readings[1..].iter();
        let settled = super::settled(|| Ok(left.next().expect("a reading").as_bytes().to_vec()));
        assert_eq!(settled.expect("read"), b"a\ncc\n", "not the line that nobody wrote");
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
