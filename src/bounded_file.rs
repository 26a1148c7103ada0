//! Reads files and standard input, never more than a limit and never without an end: a pipe may have no writer, and a
//! device no last byte.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Bytes of a text that people write, or that lists databases: a hundred thousand of them fit.
pub(crate) const TEXT: u64 = 8 << 20;

/// Standard input ends within this time: a program may have to ask a database for the list that it prints.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// There is no such file, it cannot be read, it is anything else than a regular file, or it is larger.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe waits for its other end, so this comes first.
    check_ends(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    check_ends(&file.metadata()?)?;
    read_all(file, limit)
}

/// Reads a regular file of at most `limit` bytes as text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text(read(path, limit)?)
}

/// Reads standard input to its end as text of at most `limit` bytes.
///
/// # Errors
/// It cannot be read, is larger, is not UTF-8, or does not end in time.
pub(crate) fn read_stdin(limit: u64) -> io::Result<String> {
    text(read_in_time(io::stdin(), limit, PATIENCE)?)
}

/// Reads to the end of `source`, in a thread that is left behind when the end does not come within `patience`.
fn read_in_time(source: impl Read + Send + 'static, limit: u64, patience: Duration) -> io::Result<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().spawn(move || {
        // Nobody waits for it after the time is up.
        let _ = sender.send(read_all(source, limit));
    })?;
    receiver.recv_timeout(patience).unwrap_or_else(|error| {
        Err(match error {
            RecvTimeoutError::Timeout => {
                let error = format!("it did not end within {} minutes", patience.as_secs() / 60);
                io::Error::new(io::ErrorKind::TimedOut, error)
            }
            RecvTimeoutError::Disconnected => io::Error::other("its reader has ended"),
        })
    })
}

/// Reads to the end of `source`, which must be at most `limit` bytes away.
///
/// # Errors
/// It cannot be read, or is larger.
pub(crate) fn read_all(source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {} MiB", limit.div_ceil(1 << 20)),
        )),
        false => Ok(bytes),
    }
}

/// Checks that it is a regular file, or the null device, which people name for "no file".
///
/// # Errors
/// As [`check_is_regular`].
pub(crate) fn check_ends(metadata: &Metadata) -> io::Result<()> {
    let is_null = |null: Metadata| null.file_type().is_char_device() && null.rdev() == metadata.rdev();
    match metadata.file_type().is_char_device() && fs::metadata("/dev/null").is_ok_and(is_null) {
        true => Ok(()),
        false => check_is_regular(metadata.file_type()),
    }
}

/// Checks that it is a regular file.
///
/// # Errors
/// It is anything else: which kind, in the words of the message.
pub(crate) fn check_is_regular(kind: FileType) -> io::Result<()> {
    let other = match kind {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {other}, not a regular file")))
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let (pipe, socket, link) =
            (directory.path().join("pipe"), directory.path().join("socket"), directory.path().join("link"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        let _listener = UnixListener::bind(&socket).expect("a socket");
        std::os::unix::fs::symlink(&pipe, &link).expect("a link");
        for (path, said) in [
            (pipe.as_path(), "it is a pipe, not a regular file"),
            (&link, "it is a pipe, not a regular file"),
            (&socket, "it is a socket, not a regular file"),
            (directory.path(), "it is a directory, not a regular file"),
            (Path::new("/dev/zero"), "it is a device, not a regular file"),
            (Path::new("/dev/tty"), "it is a device, not a regular file"),
        ] {
            assert_eq!(read(path, TEXT).expect_err("refused").to_string(), said, "{}", path.display());
        }
        assert_eq!(read(Path::new("/dev/null"), TEXT).expect("it is empty"), b"");
        let absent = read(&directory.path().join("none"), TEXT).expect_err("absent");
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_limit_is_the_last_size_that_is_read() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for (size, is_read) in [(0, true), (2 << 20, true), ((2 << 20) + 1, false), (2 << 40, false)] {
            // Sparse: nothing of it is on the disk.
            file.as_file().set_len(size).expect("a size");
            match read(file.path(), 2 << 20) {
                Ok(bytes) => assert!(is_read && bytes.len() as u64 == size, "{size}"),
                Err(error) => {
                    assert!(!is_read && error.to_string() == "it is larger than 2 MiB", "{size}: {error}")
                }
            }
        }
        std::fs::write(file.path(), [0xff, 0xfe]).expect("written");
        assert_eq!(read_text(file.path(), TEXT).expect_err("binary").to_string(), "it is not UTF-8 text");
    }

    #[test]
    fn a_stream_that_stays_open_is_given_up_and_one_without_end_is_cut() {
        let (open, _other_end) = UnixStream::pair().expect("a pair");
        let began = Instant::now();
        let error = read_in_time(open, TEXT, Duration::ZERO).expect_err("it stays open");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() < Duration::from_secs(30));
        let error = read_in_time(io::repeat(b'x'), 1 << 20, PATIENCE).expect_err("it has no end");
        assert_eq!(error.to_string(), "it is larger than 1 MiB");
        assert_eq!(read_in_time(&b"shop\n"[..], 5, PATIENCE).expect("read"), b"shop\n");
    }
}
