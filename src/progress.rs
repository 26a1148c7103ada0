//! What a person sees while a run goes on: bars on a terminal, timestamped plain lines elsewhere.
//!
//! The texts come from outside and are made harmless here, for the terminal and for GitHub's runner.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::untrusted;
use crate::verdict::Verdict;
use crate::workflow_commands::Place;

mod bars;
mod image;
mod lines;
mod plain;
mod tally;

use bars::Bars;
use plain::Plain;

/// Where a database's migration task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Queued,
    Provisioning,
    Pulling,
    Running,
    Stopping,
}

impl Phase {
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

/// The one sink of everything that is shown while a run goes on.
///
/// It is shared by reference between all databases of a run. Lines appear within a tenth of a second; none is lost
/// when it is dropped, or when the program panics. `std::process::exit` drops nothing: call [`Progress::finish`] first.
pub struct Progress {
    sink: Arc<Sink>,
}

enum Sink {
    Silent,
    Plain(Plain),
    Bars(Bars),
}

impl Progress {
    pub fn new(mode: Mode, stream: Stream, vocabulary: Vocabulary) -> Self {
        let sink = match mode {
            Mode::Silent => Sink::Silent,
            Mode::Terminal if stream.is_terminal() => Sink::Bars(Bars::new(stream, Clock::system())),
            Mode::Terminal | Mode::Plain => {
                Sink::Plain(Plain::new(stream.writer(), vocabulary, Clock::system()))
            }
        };
        let progress = Self { sink: Arc::new(sink) };
        progress.flush_on_panic();
        progress
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self { sink: Arc::new(Sink::Silent) }
    }

    /// A step begins, such as "build image", and ends the one before.
    pub fn step(&self, title: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.step(title),
            Sink::Bars(bars) => bars.step(title),
        }
    }

    /// A line that a build printed.
    pub fn build_line(&self, line: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.build_line(line),
            Sink::Bars(bars) => bars.build_line(line),
        }
    }

    /// A push has sent `done` of `total` bytes.
    pub fn pushed(&self, done: u64, total: u64) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.pushed(done, total),
            Sink::Bars(bars) => bars.pushed(done, total),
        }
    }

    /// Something worth saying once.
    pub fn note(&self, text: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.note(text),
            Sink::Bars(bars) => bars.note(text),
        }
    }

    /// The databases of the run: with more than one, log lines carry their names; those of a fleet are counted, and
    /// of each one only a failure is told.
    pub fn databases(&self, names: &[String]) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.databases(names),
            Sink::Bars(bars) => bars.databases(names),
        }
    }

    /// Where the task of these databases is now; the same phase again says nothing new.
    pub fn phase(&self, databases: &[String], phase: Phase) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.phase(databases, phase),
            Sink::Bars(bars) => bars.phase(databases, phase),
        }
    }

    /// The task of these databases has reported on this one of them.
    pub fn reported(&self, databases: &[String], database: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.reported(databases, database),
            Sink::Bars(bars) => bars.reported(database),
        }
    }

    /// A log event of a database's task; `timestamp_ms` since the Unix epoch, as CloudWatch Logs gives it.
    pub fn log_line(&self, database: &str, timestamp_ms: i64, line: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.log_line(database, timestamp_ms, line),
            Sink::Bars(bars) => bars.log_line(database, timestamp_ms, line),
        }
    }

    /// What a database's task came to.
    pub fn verdict(&self, database: &str, verdict: &Verdict) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.verdict(database, verdict),
            Sink::Bars(bars) => bars.verdict(database, verdict),
        }
    }

    /// An annotation of the run, or of a place in its repository, where GitHub's runner reads along. Nothing
    /// elsewhere.
    pub fn annotate_error(&self, place: Option<&Place>, title: &str, message: &str) {
        if let Sink::Plain(plain) = &*self.sink {
            plain.annotate_error(place, title, message);
        }
    }

    /// For what goes on beside the run, such as the renewal of credentials.
    pub fn aside(&self) -> Aside {
        Aside { sink: self.sink.clone() }
    }

    /// A text that stands on the same stream after everything before it, such as the run's closing lines.
    ///
    /// It is written as it is: its renderer has made it harmless for a terminal, and here it is for the runner.
    pub fn closing(&self, text: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.closing(text),
            Sink::Bars(bars) => bars.closing(text),
        }
    }

    /// The run is over: bars go, sections end, commands are on again, and everything is written.
    pub fn finish(&self) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.finish(),
            Sink::Bars(bars) => bars.finish(),
        }
    }

    fn flush_on_panic(&self) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.lines().flush_on_panic(),
            Sink::Bars(bars) => bars.lines().flush_on_panic(),
        }
    }
}

/// Speaks on the run's stream without owning it: the end of the run stays [`Progress`]'s.
#[derive(Clone)]
pub struct Aside {
    sink: Arc<Sink>,
}

impl Aside {
    /// Keeps a secret out of the log, where GitHub's runner reads along. Call it before the secret can appear.
    ///
    /// While container logs flow, commands are off: they are on for this line alone, and off again, with a new
    /// token, before the next line of a log.
    pub fn mask(&self, secret: &str) {
        if let Sink::Plain(plain) = &*self.sink {
            plain.mask(secret);
        }
    }

    /// Something worth saying once.
    pub fn note(&self, text: &str) {
        match &*self.sink {
            Sink::Silent => {}
            Sink::Plain(plain) => plain.note(text),
            Sink::Bars(bars) => bars.note(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

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

/// The width of the names before log lines: none with one database.
fn name_width(names: &[String]) -> usize {
    if names.len() > 1 { names.iter().map(|name| name.chars().count()).max().unwrap_or(0) } else { 0 }
}

fn log_prefix(time: &str, database: &str, name_width: usize) -> String {
    let database = untrusted::one_line(database);
    if name_width == 0 { format!("{time} │") } else { format!("{time} {database:<name_width$} │") }
}

/// Of a fleet only what is not migrated is told, and not what was not run because of it.
fn is_told(verdict: &Verdict, of_fleet: bool) -> bool {
    !of_fleet || !(verdict.is_migrated() || matches!(verdict, Verdict::NotRun { .. }))
}

fn verdict_line(database: &str, verdict: &Verdict) -> String {
    let (database, word) = (untrusted::one_line(database), verdict.word());
    if verdict.is_migrated() {
        return format!("✔ {database}: {word}");
    }
    let explanation = verdict.explain();
    format!("✖ {database}: {word}: {}", untrusted::one_line(&explanation))
}

#[cfg(test)]
mod tests;
