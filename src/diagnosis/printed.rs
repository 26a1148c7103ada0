//! Why a container ended, by the last lines that it printed: for what ECS's reason does not say.
//!
//! A program prints what it likes, so a line counts only in the form in which a kernel, a shell, a runtime or a
//! database driver writes it, and only near the end. No verdict depends on it.

use std::collections::VecDeque;

use super::table::EXEC_FORMAT;
use super::{Diagnosis, normal, reported};

/// The last lines of one container, and of no other.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLines(VecDeque<String>);

/// Lines and bytes of each that are kept.
const LINES: usize = 20;
const LINE: usize = 1024;

impl LastLines {
    pub(crate) fn push(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        self.0.push_back(line[..line.floor_char_boundary(LINE)].to_owned());
        if self.0.len() > LINES {
            self.0.pop_front();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the cause that the latest of them tells, of a container that ended with this exit code; `None` for 0.
    pub(crate) fn diagnose(&self, exit_code: i32) -> Option<Diagnosis> {
        if exit_code == 0 {
            return None;
        }
        self.0.iter().rev().find_map(|line| of_line(&normal(line), exit_code))
    }
}

struct Printed {
    /// The exit codes of such an end; none means any.
    exit_codes: &'static [i32],
    /// How the line begins; none means in any way.
    starts: &'static [&'static str],
    /// One of these is in it.
    has: &'static [&'static str],
    diagnosis: Diagnosis,
}

macro_rules! printed {
    ($($exit_codes:expr, $starts:expr, $has:expr, $cause:expr, $fix:expr;)*) => {
        &[$(Printed {
            exit_codes: &$exit_codes,
            starts: &$starts,
            has: &$has,
            diagnosis: Diagnosis { cause: $cause, fix: $fix },
        }),*]
    };
}

const ROWS: &[Printed] = printed! {
    [], ["exec ", "exec: ", "standard_init_linux.go", "/bin/sh: ", "sh: ", "bash: ", "/bin/bash: "], ["exec format error"],
        EXEC_FORMAT.cause, EXEC_FORMAT.fix;
    [], ["exec ", "exec: ", "standard_init_linux.go"], ["no such file or directory"],
        "the container's program does not exist in the image, or the interpreter or loader that it asks for does not",
        "correct command or entryPoint in the task definition, or --command; of a script check its first line (#!) and \
         its line ends, of a program the C library that it was built for";
    [], ["exec ", "exec: ", "standard_init_linux.go"], ["permission denied"],
        "the container's program may not be executed by its user",
        "make the file executable in the image (chmod +x, or COPY --chmod) and readable for the container's user";
    [], [], ["error while loading shared libraries:", "error loading shared library"],
        "the image lacks a shared library that the program needs",
        "install the library that the line names in the image's last stage, or build the program statically";
    [], [], ["version `glibc_", "version 'glibc_"],
        "the program was built for a newer C library than the image has",
        "build it on the image's own base, or statically (musl)";
    [126], ["sh: ", "/bin/sh: ", "bash: ", "/bin/bash: "], ["permission denied", "is a directory"],
        "the shell may not execute the command",
        "make the file executable in the image (chmod +x, or COPY --chmod), or correct command";
    [127], [], [": not found", "command not found", ": no such file or directory"],
        "the shell did not find the command in the image",
        "install it in the image, or correct command and PATH";
    [], [], ["javascript heap out of memory", "java.lang.outofmemoryerror", "runtime: out of memory",
        "cannot allocate memory", "std::bad_alloc", "memory allocation of"],
        "the program itself ran out of memory",
        "raise memory in the task definition (and the runtime's own limit, such as --max-old-space-size or -Xmx), or let \
         the migration work in smaller batches";
    [], ["memoryerror"], ["memoryerror"],
        "the program itself ran out of memory",
        "raise memory in the task definition, or let the migration work in smaller batches";
    [], [], ["could not extend file"],
        "the database server's disk is full",
        "give the server more storage, then run again";
    [], [], ["no space left on device"],
        "a disk is full: the task's own, or the database server's",
        "see from the line whose it is; raise ephemeralStorage.sizeInGiB in the task definition, or give the server more \
         storage";
    [], [], ["read-only file system"],
        "the container writes to a file system that is read-only",
        "set readonlyRootFilesystem to false, or mount a volume where it writes";
};

/// What only a database, or its driver, says: the words of the reports are then looked for in the line.
const DATABASE: &[&str] = &[
    "password authentication failed",
    "no pg_hba.conf entry",
    "access denied for user",
    "too many clients already",
    "remaining connection slots",
    "fatal: database \"",
    "unknown database '",
    "connection to server at",
    "could not translate host name",
    "could not connect to server",
    "can't connect to mysql server",
    "the database system is",
    "canceling statement due to",
    "must be owner of",
    "permission denied for schema",
    "permission denied for table",
    "permission denied for relation",
    "permission denied for database",
    "read-only transaction",
    "(sqlstate ",
    "sqlstate[",
];

/// Returns the cause that a line tells; `line` is folded ([`normal`]).
fn of_line(line: &str, exit_code: i32) -> Option<Diagnosis> {
    let says = |row: &&Printed| {
        (row.exit_codes.is_empty() || row.exit_codes.contains(&exit_code))
            && (row.starts.is_empty() || row.starts.iter().any(|start| line.starts_with(start)))
            && row.has.iter().any(|phrase| line.contains(phrase))
    };
    ROWS.iter().find(says).map(|row| row.diagnosis).or_else(|| {
        DATABASE.iter().any(|phrase| line.contains(phrase)).then(|| reported::diagnose_text(line)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str], exit_code: i32) -> &'static str {
        let mut printed = LastLines::default();
        lines.iter().for_each(|line| printed.push(line));
        printed.diagnose(exit_code).map_or("", |diagnosis| diagnosis.cause)
    }

    #[test]
    fn the_latest_line_that_tells_a_cause_tells_it() {
        for (line, exit_code, word) in [
            ("exec /usr/local/bin/app: exec format error", 255, "processor architecture"),
            ("exec /app/migrate: exec format error", 1, "processor architecture"),
            (
                "standard_init_linux.go:228: exec user process caused: exec format error",
                1,
                "processor architecture",
            ),
            ("/bin/sh: /app: cannot execute binary file: Exec format error", 126, "processor architecture"),
            ("exec /entrypoint.sh: no such file or directory", 255, "interpreter or loader"),
            ("exec /entrypoint.sh: permission denied", 126, "may not be executed"),
            ("sh: ./migrate.sh: Permission denied", 126, "may not execute the command"),
            ("/bin/sh: 1: alembic: not found", 127, "did not find the command"),
            ("bash: line 1: rake: command not found", 127, "did not find the command"),
            (
                "app: error while loading shared libraries: libpq.so.5: cannot open shared object file",
                127,
                "shared library",
            ),
            (
                "Error loading shared library libssl.so.3: No such file or directory (needed by /app)",
                127,
                "shared library",
            ),
            (
                "/app: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app)",
                1,
                "newer C library",
            ),
            (
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
                134,
                "ran out of memory",
            ),
            ("fatal error: runtime: out of memory", 2, "ran out of memory"),
            ("MemoryError", 1, "ran out of memory"),
            ("OSError: [Errno 28] No space left on device", 1, "a disk is full"),
            (
                "ERROR: could not extend file \"base/1/2\": No space left on device",
                1,
                "server's disk is full",
            ),
            ("psql: error: FATAL:  password authentication failed for user \"app\"", 2, "refused the user"),
            ("FATAL: sorry, too many clients already", 1, "no connection left"),
            ("ERROR: relation \"orders\" already exists (SQLSTATE 42P07)", 1, "already has"),
            (
                "connection to server at \"db\" (10.0.0.1), port 5432 failed: Connection refused",
                2,
                "could not reach",
            ),
        ] {
            assert!(
                told(&["starting", line], exit_code).contains(word),
                "{line}: {}",
                told(&[line], exit_code)
            );
        }
    }

    #[test]
    fn what_a_program_merely_mentions_is_no_cause() {
        for (line, exit_code) in [
            ("checked that images with exec format error are refused", 1),
            ("GET /cart 404 page: not found", 1),
            ("permission denied for the third time, said the clerk", 1),
            ("column total does not exist", 1),
            ("connection refused by the queue", 1),
            ("MemoryErrors seen so far: 0", 0),
        ] {
            assert_eq!(told(&[line], exit_code), "", "{line}");
        }
        assert_eq!(told(&["exec /app: exec format error"], 0), "");
    }

    #[test]
    fn only_the_end_counts_and_no_line_is_too_long() {
        let mut lines = vec!["exec /app: exec format error"];
        lines.extend(["another line"; LINES]);
        assert_eq!(told(&lines, 1), "");
        let long = "é".repeat(LINE);
        assert_eq!(told(&["exec /app: exec format error", &long], 1), EXEC_FORMAT.cause);
    }
}
