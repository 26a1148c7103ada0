//! What a person sees while a run goes on: bars on a terminal, timestamped plain lines elsewhere.
//!
//! The texts come from outside and are made harmless here, for the terminal and for GitHub's runner.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::database_name::DatabaseName;
use crate::ports::ImageProgress;
use crate::verdict::Verdict;
use crate::workflow_commands::Place;

mod bars;
mod line_writer;
mod phases;
mod plain;
mod tally;

use bars::Bars;
use plain::Plain;

/// Where a one-off task is.
///
/// In the order in which a task passes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskPhase {
    /// No task yet, or another one after a task that has ended.
    Queued,
    Provisioning,
    Pulling,
    Running,
    Stopping,
}

impl TaskPhase {
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Provisioning => "provisioning",
            Self::Pulling => "pulling",
            Self::Running => "running",
            Self::Stopping => "stopping",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bars, on a stream that is a terminal; plain lines when it is none.
    Terminal,
    /// Timestamped lines.
    Plain,
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Who reads the plain lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vocabulary {
    /// GitHub's runner: sections fold, and workflow commands are off while container logs flow.
    GitHub,
    Plain,
}

/// The one voice of a run: whatever is told to it is told to its [`Sink`].
///
/// It is shared by reference between all databases of a run. None of its lines is lost when it is dropped.
/// `std::process::exit` drops nothing: call [`Sink::finish`] first, or [`Sink::last_words`] from a panic.
pub struct Progress {
    sink: Arc<dyn Sink>,
}

impl Progress {
    pub fn new(mode: Mode, stream: Stream, vocabulary: Vocabulary) -> Self {
        match mode {
            Mode::Silent => Self::silent(),
            Mode::Terminal if stream.is_terminal() => {
                Self { sink: Arc::new(Bars::new(stream, Clock::system())) }
            }
            Mode::Terminal | Mode::Plain => {
                Self { sink: Arc::new(Plain::new(stream.writer(), vocabulary, Clock::system())) }
            }
        }
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self { sink: Arc::new(Silent) }
    }

    /// Returns what speaks for things that go on beside the run, such as the renewal of credentials.
    pub fn aside(&self) -> Aside {
        Arc::clone(&self.sink)
    }
}

impl Deref for Progress {
    type Target = dyn Sink;

    fn deref(&self) -> &Self::Target {
        &*self.sink
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Everything that a run tells. A sink leaves out what it does not show.
#[expect(unused_variables, reason = "an event that is left out has no use for its facts")]
pub trait Sink: ImageProgress + Send + Sync {
    /// Tells where the task of these names is now. A phase that was passed says nothing new, unless another task is
    /// queued.
    fn task_phase(&self, names: &[DatabaseName], phase: TaskPhase) {}

    /// Tells a line of a task's log; `timestamp_ms` since the Unix epoch, as CloudWatch Logs gives it.
    ///
    /// Lines may wait for the rest of their page: call [`Sink::flush`] at its end. Everything else is shown at once.
    fn log_line(&self, name: &str, timestamp_ms: i64, line: &str) {}

    /// Shows the log lines that wait.
    fn flush(&self) {}

    /// Names the databases of the run: with more than one, log lines carry their names; those of a fleet are counted,
    /// and of each one only a failure is told.
    fn databases(&self, names: &[DatabaseName]) {}

    /// Tells that the task of these databases has reported on this one of them.
    fn database_reported(&self, databases: &[DatabaseName], database: &str) {}

    /// Tells what a database's task came to.
    fn database_verdict(&self, database: &DatabaseName, verdict: &Verdict) {}

    /// Annotates the run, or a place in its repository, where GitHub's runner reads along.
    fn annotate_error(&self, place: Option<&Place>, title: &str, message: &str) {}

    /// Keeps a secret out of the log, where GitHub's runner reads along. Call it before the secret can appear.
    ///
    /// While container logs flow, commands are off: they are on for this line alone, and off again, with a new
    /// token, before the next line of a log.
    fn mask(&self, secret: &str) {}

    /// Shows a text on the same stream after everything before it, such as the run's closing lines.
    ///
    /// It is written as it is: its renderer has made it harmless for a terminal, and here it is for the runner.
    fn closing(&self, text: &str) {}

    /// Tells of a panic, after the lines that wait: `message` as an annotation, `text` as closing text. Returns whether
    /// it did. It waits for no lock, since the panic may have come from within a call of this sink.
    fn last_words(&self, message: &str, text: &str) -> bool {
        false
    }

    /// Ends the run: bars go, sections end, commands are on again, and everything is written.
    fn finish(&self) {}
}

struct Silent;

impl ImageProgress for Silent {}
impl Sink for Silent {}

/// Speaks on the run's stream without owning it: the end of the run stays [`Progress`]'s.
pub type Aside = Arc<dyn Sink>;

impl Stream {
    fn is_terminal(self) -> bool {
        use std::io::IsTerminal as _;
        match self {
            Self::Stdout => std::io::stdout().is_terminal(),
            Self::Stderr => std::io::stderr().is_terminal(),
        }
    }

    fn writer(self) -> Box<dyn std::io::Write + Send> {
        match self {
            Self::Stdout => Box::new(std::io::stdout()),
            Self::Stderr => Box::new(std::io::stderr()),
        }
    }
}

/// The time of day that lines show.
struct Clock {
    zone: TimeZone,
    now: fn() -> Timestamp,
}

impl Clock {
    fn system() -> Self {
        Self { zone: TimeZone::system(), now: Timestamp::now }
    }

    fn now(&self) -> String {
        self.time_of_day((self.now)())
    }

    /// A log event's own time; one that is no time at all counts as now.
    fn at(&self, timestamp_ms: i64) -> String {
        self.time_of_day(Timestamp::from_millisecond(timestamp_ms).unwrap_or_else(|_| (self.now)()))
    }

    fn time_of_day(&self, at: Timestamp) -> String {
        let time = at.to_zoned(self.zone.clone()).time();
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }
}

#[cfg(test)]
mod tests;
