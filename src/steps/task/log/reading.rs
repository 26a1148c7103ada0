//! Reading: a followed task's log into its row, its file, the terminal, and the search for migration reports.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::failure::{Failure, is_transient};
use crate::migration::{Migration, Shared};
use crate::migration_report::Reports;
use crate::ports::{LogEvent, LogStream, Reads, Task, Writes};
use crate::report::LogTail;
use crate::steps::task::follow::has_run;
use crate::steps::task::following::Following;
use crate::steps::task::log::fleet::FleetStream;
use crate::steps::task::log::stream::{LogFollower, Read};
use crate::untrusted;

/// Failed log reads in a row before a drain gives up. Those that are throttled do not count: `--timeout` ends them.
const MAX_LOG_ERRORS: u32 = 5;

/// Where a task's log comes from.
pub enum Source {
    /// GetLogEvents of its stream.
    Own(LogFollower),
    /// FilterLogEvents of all streams of the fleet.
    Fleet(FleetStream),
}

impl Source {
    fn stream(&self) -> &LogStream {
        match self {
            Self::Own(log) => log.stream(),
            Self::Fleet(log) => &log.stream,
        }
    }

    /// False when it has to be read again, as its own stream.
    fn is_sound(&self) -> bool {
        match self {
            Self::Own(_) => true,
            Self::Fleet(log) => log.is_sound(),
        }
    }

    async fn read(&mut self, reads: &impl Reads) -> anyhow::Result<Read> {
        match self {
            Self::Own(log) => log.read(reads).await,
            Self::Fleet(log) => match log.read().await {
                Some(read) => Ok(read),
                // Its own stream is read when the task has stopped.
                None => std::future::pending().await,
            },
        }
    }
}

pub enum Taken {
    Lines,
    End,
    Absent,
    /// Which says nothing about what is there.
    Failed,
}

/// Waits for ever without a log.
pub async fn read_if(log: Option<&mut Source>, reads: &impl Reads) -> anyhow::Result<Read> {
    match log {
        Some(log) => log.read(reads).await,
        None => std::future::pending().await,
    }
}

impl<W: Reads + Writes> Migration<'_, W> {
    pub fn log_of(&self, task: &Task, shared: &Shared<'_, W>) -> Option<Source> {
        let stream = self.plan.log_stream(&self.plan.container, task)?;
        Some(match &shared.fleet_log {
            Some(fleet) => {
                // A task that runs already was started before: by another process of this run, or by somebody else.
                let is_new = matches!(task.last_status.as_str(), "PROVISIONING" | "PENDING");
                Source::Fleet(fleet.follow(stream, is_new))
            }
            None => Source::Own(LogFollower::new(stream)),
        })
    }

    /// An earlier task's log of the same database stays apart: in a file of its own, and above a line.
    pub fn log_begins(&self, following: &Following<'_>) {
        let id = untrusted::one_line(following.task.id()).into_owned();
        self.recorder.log(&following.tail, |tail| tail.begin(&format!("── from here on task {id} ──")));
        self.file(|files| files.begin(&following.log_file()).map(drop));
    }

    /// Reads on after the end: the driver flushes its last lines when the container exits, and CloudWatch Logs shows
    /// them a little later. A migration report is the last line of its protocol, and ends the wait.
    pub async fn drain(&self, following: &mut Following<'_>) {
        if !has_run(&following.task) {
            following.log = None;
            return;
        }
        let mut patience = self.plan.log_drain;
        if let Some(Source::Fleet(log)) = &following.log {
            let stream = log.stream.clone();
            let (complete, waited) = self.drain_fleet(following).await;
            if complete {
                return;
            }
            // All of it again, from the head: complete, in order, and with a report if there is one.
            following.log = Some(Source::Own(LogFollower::new(stream)));
            following.reports = Reports::default();
            self.recorder.log(&following.tail, LogTail::clear);
            self.file(|files| files.restart(&following.log_file()));
            patience = patience.saturating_sub(waited);
        }
        self.drain_own(following, patience).await;
    }

    /// Until the fleet's log has shown a migration report and a whole sweep has brought nothing late behind it, or has
    /// been quiet for long enough; answers whether that is all of the log, and how long it is known to be quiet.
    async fn drain_fleet(&self, following: &mut Following<'_>) -> (bool, Duration) {
        let mut quiet_since = Instant::now();
        let mut sweeps = 0;
        loop {
            let has_reported = following.has_reported();
            let Some(Source::Fleet(log)) = following.log.as_mut().filter(|log| log.is_sound()) else {
                return (false, Duration::ZERO);
            };
            // The first one that ends may have been under way when the last line came.
            if sweeps >= 2 && has_reported {
                return (true, Duration::ZERO);
            }
            let patience = if has_reported { self.plan.timeout } else { self.plan.log_drain };
            let read = tokio::select! {
                read = log.read() => read,
                () = sleep_until(quiet_since + patience) => {
                    // Without a sweep, nobody has looked.
                    return (has_reported, if sweeps > 0 { self.plan.log_drain } else { Duration::ZERO });
                }
            };
            let Some(read) = read else { continue };
            match self.take(following, Ok(read)) {
                Taken::Lines => (quiet_since, sweeps) = (Instant::now(), 0),
                _ => sweeps += 1,
            }
        }
    }

    /// Until there is a report and nothing behind it, or a read shows that nothing has come for `patience`.
    async fn drain_own(&self, following: &mut Following<'_>, patience: Duration) {
        let Some(Source::Own(log)) = &mut following.log else { return };
        log.drain();
        let began = Instant::now();
        let mut quiet_since = began;
        loop {
            let read = read_if(following.log.as_mut(), self.world).await;
            match self.take(following, read) {
                Taken::Lines => {
                    quiet_since = Instant::now();
                    continue;
                }
                Taken::End if following.has_reported() => return,
                Taken::Failed => {
                    let over = following.log_errors >= MAX_LOG_ERRORS || began.elapsed() >= self.plan.timeout;
                    if following.log.is_none() || over {
                        return;
                    }
                    continue;
                }
                Taken::End | Taken::Absent => {}
            }
            if quiet_since.elapsed() >= patience {
                self.say_if_silent(following);
                return;
            }
        }
    }

    pub fn take(&self, following: &mut Following<'_>, read: anyhow::Result<Read>) -> Taken {
        match read {
            Ok(Read::Events(events)) => {
                following.log_errors = 0;
                self.lines(following, &events);
                Taken::Lines
            }
            Ok(Read::End) => Taken::End,
            Ok(Read::Absent) => Taken::Absent,
            Err(error) => {
                let failure = Failure::from_error(&error);
                following.log_errors += u32::from(!failure.throttled);
                if !is_transient(&error) {
                    following.log = None;
                }
                self.recorder.log(&following.tail, |tail| tail.note = Some(failure.message.clone()));
                self.recorder.note(format!(
                    "logs could not be read, so a migration report in them could not be seen: {}",
                    failure.hint.unwrap_or(failure.message)
                ));
                Taken::Failed
            }
        }
    }

    fn lines(&self, following: &mut Following<'_>, events: &[LogEvent]) {
        let name = following.name();
        for event in events {
            for line in untrusted::lines(&event.message) {
                if let Some(database) = following.reported(line) {
                    self.progress.database_reported(&following.databases, &database);
                }
                self.progress.log_line(&name, event.timestamp, line);
                self.recorder.log(&following.tail, |tail| tail.push(line));
            }
        }
        self.progress.flush();
        let lines = events.iter().flat_map(|event| untrusted::lines(&event.message));
        self.file(|files| files.append(&following.log_file(), lines));
    }

    /// A log that can not be written is said once; the migration goes on.
    fn file(&self, write: impl FnOnce(&crate::steps::task::log::files::LogFiles) -> anyhow::Result<()>) {
        if let Some(files) = self.log_files
            && let Err(error) = write(files)
        {
            self.recorder.note(format!("{error:#}"));
        }
    }

    /// A log without a line is said, with the name that was looked for.
    fn say_if_silent(&self, following: &Following<'_>) {
        let Some(stream) = following.log.as_ref().map(Source::stream) else { return };
        self.recorder.log(&following.tail, |tail| {
            if tail.is_silent() {
                tail.note = Some(format!(
                    "the container printed nothing: log stream {} of log group {} is empty or was never made",
                    stream.name, stream.group
                ));
            }
        });
    }
}
