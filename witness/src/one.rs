//! One database: connect → lock → history → command → history → report. A pack has many of them.

use crate::address;
use crate::child::{self, Child, End, Signals};
use crate::cli::{Cli, HistoryFlags, Operation, RunFlags};
use crate::databases::Databases;
use crate::failure::{Exit, Failure, describe};
use crate::history::{History, Place};
use crate::lock;
use crate::look;
use crate::output::{self, Log};
use crate::processes;
use crate::report::MigrationReport;
use crate::session::Session;
use crate::sessions::{self, Seen};
use crate::settings::DatabaseSettings;
use crate::signals::{self, Stop, Stopping};
use crate::tls;
use futures::TryFutureExt as _;
use futures::stream::{self, StreamExt as _};
use std::cell::RefCell;
use std::ffi::OsString;
use std::time::Instant;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What other sessions see in pg_stat_activity.
const APPLICATION: &str = "witness";

/// The variable by which one task of a container that has the witness in front is told to do something else.
const OPERATION: &str = "WITNESS_OPERATION";

/// What every database of a run is looked at with.
pub(crate) struct Job<'a> {
    pub flags: &'a HistoryFlags,
    /// None for `check`.
    pub run: Option<&'a RunFlags>,
    /// The migration command, also where it is not run.
    pub command: &'a [OsString],
    tls: MakeRustlsConnect,
    stopping: Stopping,
    pub is_pack: bool,
}

/// What became of one database.
struct Outcome {
    report: Option<MigrationReport>,
    exit_code: u8,
    /// What the program has to say itself.
    failure: Option<Failure>,
    /// Whether the command was started.
    has_run: bool,
}

/// Runs the command line, and returns the exit code.
pub async fn run(cli: &Cli) -> u8 {
    match all(cli).await {
        Ok(exit_code) => exit_code,
        Err(failure) => {
            output::failure(&failure);
            failure.exit as u8
        }
    }
}

async fn all(cli: &Cli) -> Result<u8, Failure> {
    let command = &cli.run.command[..];
    let told = std::env::var(OPERATION).ok().filter(|told| !told.is_empty());
    let (flags, run, command) = match (&cli.operation, told.as_deref()) {
        (Some(Operation::Check(check)), _) => (&check.history, None, &check.command[..]),
        (None, None) if command.is_empty() => return Err(child::no_command()),
        (None, None) => (&cli.run.history, Some(&cli.run), command),
        (None, Some("check")) => (&cli.run.history, None, command),
        (None, Some("exec")) => return Err(child::become_command(command, OPERATION)),
        (None, Some(other)) => {
            return Err(Failure::new(Exit::Usage, format!("{OPERATION} is {other:?}"))
                .hint("set it to check or to exec, or unset it: the command then migrates"));
        }
    };
    let stopping = Stopping::by(signals::Signals::install()?);
    processes::reap_orphans()?;
    let databases = address::databases(flags, |name| std::env::var(name).ok())?;
    // All databases are on one server.
    let tls = tls::connector(databases.first())?;
    match databases {
        Databases::One(settings) => {
            let job = Job { flags, run, command, tls, stopping, is_pack: false };
            let outcome = job.database(&settings, &Log::default()).await;
            if let Some(failure) = &outcome.failure {
                output::failure(failure);
            }
            if let Some(report) = outcome.report {
                output::line(report.line()?);
            }
            Ok(outcome.exit_code)
        }
        Databases::Pack(pack) => Job { flags, run, command, tls, stopping, is_pack: true }.pack(&pack).await,
    }
}

impl Job<'_> {
    /// Works on several databases at a time. After a signal none is begun. Returns 0 when all went well, what all failures
    /// have in common, or 1.
    async fn pack(&self, pack: &[DatabaseSettings]) -> Result<u8, Failure> {
        let ends: Vec<Option<u8>> = stream::iter(pack)
            .map(|settings| async move {
                if self.stopping.now().is_some() {
                    return None;
                }
                let log = Log::of_pack(&settings.name);
                Some(self.print(settings, self.database(settings, &log).await, &log))
            })
            .buffer_unordered(self.flags.jobs.into())
            .collect()
            .await;
        let begun = ends.iter().flatten().count();
        let failures: Vec<u8> = ends.into_iter().flatten().filter(|code| *code != 0).collect();
        if let Some(stop) = self.stopping.now().filter(|_| begun < pack.len() || !failures.is_empty()) {
            let message =
                format!("stopped by {}: {begun} of {} databases were begun", stop.name(), pack.len());
            return Err(Failure::new(stop.exit(), message));
        }
        let Some(first) = failures.first().copied() else { return Ok(0) };
        output::failure(&Failure::new(
            Exit::Failed,
            format!("{} of {} databases did not end well", failures.len(), pack.len()),
        ));
        Ok(if failures.iter().all(|code| *code == first) { first } else { Exit::Failed as u8 })
    }

    /// Prints what became of a database of a pack, and returns the exit code.
    fn print(&self, settings: &DatabaseSettings, outcome: Outcome, log: &Log) -> u8 {
        let Outcome { report, exit_code, failure, has_run } = outcome;
        if let Some(failure) = &failure {
            log.failure(failure);
        }
        // Where nothing has run the reason is known, and at least one migration is not known to be there. Of what was done
        // without a look at it afterwards there is nothing to say.
        let reason = failure.filter(|_| !has_run).map(|failure| failure.message);
        let report = report.or_else(|| Some(MigrationReport::unknown(&settings.name, 1, &reason?)));
        if let Some(Ok(line)) = report.as_ref().map(MigrationReport::line) {
            output::line(line);
        }
        exit_code
    }

    async fn database(&self, settings: &DatabaseSettings, log: &Log) -> Outcome {
        let looked = match self.run {
            Some(run) => self.migrate(run, settings, log).await,
            None => self.check(settings, log).await,
        };
        looked.unwrap_or_else(|failure| Outcome {
            report: None,
            exit_code: failure.exit as u8,
            failure: Some(failure),
            has_run: false,
        })
    }

    /// Says how far the database is.
    async fn check(&self, settings: &DatabaseSettings, log: &Log) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let mut stopping = self.stopping.clone();
        let looking = async {
            let mut session = Session::connect(settings, &self.tls, APPLICATION, log).await?;
            look::read_only(&session).await?;
            look::check(self, &mut session, settings, log).await
        };
        let mut report = tokio::select! {
            report = looking => report?,
            stop = stopping.received() => {
                return Err(Failure::new(stop.exit(), format!("stopped by {}", stop.name())));
            }
        };
        report.ms = milliseconds(began);
        Ok(Outcome { report: Some(report), exit_code: 0, failure: None, has_run: false })
    }

    /// Runs the command, and says what it has done to the database.
    ///
    /// # Errors
    /// Why the command was not run.
    async fn migrate(
        &self,
        run: &RunFlags,
        settings: &DatabaseSettings,
        log: &Log,
    ) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let mut stopping = self.stopping.clone();
        // From here on no signal is lost: one that arrives while the command starts is passed on to it.
        let mut signals = Signals::listen()?;
        let (session, place, before) = tokio::select! {
            opened = self.open(run, settings, log) => opened?,
            stop = stopping.received() => return Err(stopped_before(stop)),
        };
        if let Some(stop) = self.stopping.now() {
            return Err(stopped_before(stop));
        }
        let variables = address::variables(self.flags, &run.templates, settings, self.is_pack);
        let prefix = self.is_pack.then_some(settings.name.as_str());
        let child = Child::start(self.command, &variables, prefix)?;
        let (end, seen) = followed(child, &mut signals, &session).await;
        // The lock is held for as long as the connection answers.
        let asked =
            session.client.simple_query("").map_err(|error| Failure::new(Exit::Failed, describe(&error)));
        if session.patience.wait("ask for the lock", asked).await.is_err() {
            log.line("the connection with the lock ended before the command: another run may have worked on this database");
        }
        let end = match end {
            Ok(end) => end,
            Err(failure) => return Ok(Outcome::unseen(failure, None)),
        };
        let looked = self.after(settings, session, place.as_ref(), &before, log).await;
        let elsewhere = seen.iter().find(|name| **name != settings.name && !run.also.contains(name));
        if let Some(other) = elsewhere {
            return Ok(Outcome::elsewhere(settings, other, looked.ok(), end));
        }
        Ok(match looked {
            Ok(mut report) => {
                report.ms = milliseconds(began);
                report.error = report.error.or_else(|| end.error());
                Outcome { report: Some(report), exit_code: end.exit_code(), failure: None, has_run: true }
            }
            Err(failure) => Outcome::unseen(failure, Some(end)),
        })
    }

    /// Connects, takes the lock, and reads the history. The connection holds the lock until it ends.
    async fn open(
        &self,
        run: &RunFlags,
        settings: &DatabaseSettings,
        log: &Log,
    ) -> Result<(Session, Option<Place>, History), Failure> {
        let session = Session::connect(settings, &self.tls, APPLICATION, log).await?;
        lock::acquire(&session.client, lock::WITNESS, &session.patience, run.lock_timeout, log).await?;
        let place = Place::find(&session, self.flags.history, self.flags.table.as_deref()).await?;
        let history = match &place {
            Some(place) => place.read(&session).await?,
            None => History::default(),
        };
        Ok((session, place, history))
    }

    /// Looks at what the database has now on a new connection: the server may have ended the first one. Where there can be
    /// no new one, as after a password that was valid for minutes, the first one is as good.
    async fn after(
        &self,
        settings: &DatabaseSettings,
        mut first: Session,
        place: Option<&Place>,
        before: &History,
        log: &Log,
    ) -> Result<MigrationReport, Failure> {
        match Session::connect(settings, &self.tls, APPLICATION, log).await {
            Ok(mut new) => look::after(self, &mut new, settings, place, before, log).await,
            Err(_) if !first.client.is_closed() => {
                look::after(self, &mut first, settings, place, before, log).await
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Waits for the command's end, and looks at its sessions until then.
async fn followed(child: Child, signals: &mut Signals, session: &Session) -> (Result<End, Failure>, Seen) {
    let seen = RefCell::default();
    let process = child.id();
    let end = tokio::select! {
        end = child.end(signals) => end,
        never = sessions::watch(&session.client, process, &seen) => match never {},
    };
    (end, seen.into_inner())
}

impl Outcome {
    /// Makes the outcome of a command that has run and done nobody knows what: without a look at it there is no success.
    fn unseen(failure: Failure, end: Option<End>) -> Self {
        let exit_code = end.map(End::exit_code).filter(|code| *code != 0).unwrap_or(Exit::Failed as u8);
        Self { report: None, exit_code, failure: Some(failure), has_run: true }
    }

    /// Makes the outcome of a command that was in another database: whatever the one asked for has, the report is about
    /// the other.
    fn elsewhere(
        settings: &DatabaseSettings,
        other: &str,
        report: Option<MigrationReport>,
        end: End,
    ) -> Self {
        let message =
            format!("the command was connected to database {other}, and {} was asked for", settings.name);
        let pending = report.map_or(1, |report| report.pending.max(1));
        let report = MigrationReport::unknown(other, pending, &message);
        let failure = Failure::new(Exit::Failed, message).hint(
            "let the command take the name from the variable that is set for it; if it has to look into another database, \
             allow that by --also-connects-to",
        );
        Self { report: Some(report), ..Self::unseen(failure, Some(end)) }
    }
}

fn stopped_before(stop: Stop) -> Failure {
    Failure::new(stop.exit(), format!("stopped by {} before the command was started", stop.name()))
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
