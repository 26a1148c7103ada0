//! What a person sees while a run goes on: bars on a terminal, timestamped plain lines elsewhere.
//!
//! The texts come from outside and are made harmless here, for the terminal and for GitHub's runner.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::database_name::DatabaseName;
use crate::ports::{ImageProgress, Task, TaskStatus};
use crate::verdict::{Checked, Verdict};
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
    /// Its container has exited, and nothing says yet that its log was read to the end.
    Reading,
}

impl TaskPhase {
    /// Returns where a task is that has been started.
    pub(crate) fn of(task: &Task) -> Self {
        match task.last_status {
            TaskStatus::Running => Self::Running,
            TaskStatus::Deactivating
            | TaskStatus::Stopping
            | TaskStatus::Deprovisioning
            | TaskStatus::Stopped => Self::Stopping,
            TaskStatus::Activating => Self::Pulling,
            _ if task.pull_started_at.is_some() => Self::Pulling,
            _ => Self::Provisioning,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Provisioning => "provisioning",
            Self::Pulling => "pulling",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Reading => "exited, reading its log",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bars, on a stream that is a terminal; plain lines on any other.
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

/// The one voice of a run: it passes everything on to its [`Sink`].
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

    /// Makes a progress that shows nothing.
    pub fn silent() -> Self {
        Self { sink: Arc::new(Silent) }
    }

    /// Makes a progress that tells everything to this sink: for a program that has runs in itself.
    pub fn to(sink: Arc<dyn Sink>) -> Self {
        Self { sink }
    }

    /// Returns what speaks for things that go on during the run, such as the renewal of credentials.
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
    /// Begins the step that is the pause after a stage, and tells when the next stage begins.
    fn stage_pause(&self, title: &str, until: Timestamp) {}

    /// Tells where the task of these names is now. A phase that was passed says nothing new, unless another task is
    /// queued.
    fn task_phase(&self, names: &[DatabaseName], phase: TaskPhase) {}

    /// Tells a line of a task's log; `timestamp_ms` since the Unix epoch, as CloudWatch Logs gives it.
    ///
    /// Lines may wait for the rest of their page: call [`Sink::flush`] at its end. Everything else is shown at once.
    fn log_line(&self, name: &str, timestamp_ms: i64, line: &str) {}

    /// Shows the log lines that wait.
    fn flush(&self) {}

    /// Takes the names of the run's databases. With more than one, log lines carry their names. A fleet is counted,
    /// and only the failures among its databases are told one by one.
    fn databases(&self, names: &[DatabaseName]) {}

    /// Tells that the task of these databases has reported on this one of them.
    fn database_reported(&self, databases: &[DatabaseName], database: &str) {}

    /// Tells the verdict on a database.
    fn database_verdict(&self, database: &DatabaseName, verdict: &Verdict) {}

    /// Tells what a check has found out about a database.
    fn database_checked(&self, database: &DatabaseName, checked: &Checked) {}

    /// Annotates the run, or a place in its repository, where GitHub's runner reads along.
    fn annotate_error(&self, place: Option<&Place>, title: &str, message: &str) {}

    /// Does the same as a warning.
    fn annotate_warning(&self, place: Option<&Place>, title: &str, message: &str) {}

    /// Keeps a secret out of the log, where GitHub's runner reads along. Call it before the secret can appear.
    ///
    /// While container logs flow, commands are off: they are on for this line alone, and off again, with a new
    /// token, before the next line of a log.
    fn mask(&self, secret: &str) {}

    /// Shows a text on the same stream after everything before it, such as the run's closing lines.
    ///
    /// It is written as it is: its renderer has made it harmless for a terminal, and here it is for the runner.
    fn closing(&self, text: &str) {}

    /// Tells of a panic, after the lines that wait: `message` as an annotation, `text` as closing text. Returns
    /// whether it did. It waits for no lock, since the panic may have come from within a call of this sink.
    fn last_words(&self, message: &str, text: &str) -> bool {
        false
    }

    /// Ends the run: bars go, sections end, commands are on again, and everything is written.
    fn finish(&self) {}
}

struct Silent;

impl ImageProgress for Silent {}
impl Sink for Silent {}

/// A voice on the run's stream that does not own it: the end of the run stays [`Progress`]'s.
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

    /// Returns the time of day of a log event, as `14:05:09`; a timestamp that is not a time at all counts as now.
    fn at(&self, timestamp_ms: i64) -> String {
        self.time_of_day(Timestamp::from_millisecond(timestamp_ms).unwrap_or_else(|_| (self.now)()))
    }

    /// Returns the time of day of what is to come, with the date where that is not today's.
    fn coming(&self, at: Timestamp) -> String {
        let date = |at: Timestamp| at.to_zoned(self.zone.clone()).date();
        let time = self.time_of_day(at);
        if date(at) == date((self.now)()) { time } else { format!("{} {time}", date(at)) }
    }

    fn time_of_day(&self, at: Timestamp) -> String {
        let time = at.to_zoned(self.zone.clone()).time();
        format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
    }
}

#[cfg(test)]
mod tests;
