//! Many databases in one run: each gets a report of its own, and none stops another.

use crate::databases::Databases;
use crate::failure::{Exit, Failure};
use crate::output::{self, Log};
use crate::report::MigrationReport;
use crate::settings::DatabaseSettings;
use crate::signals::Stopping;
use futures::stream::{self, StreamExt};

/// What is known of one database in the end. There is a report whenever the server could be asked.
pub type Reported = (Option<MigrationReport>, Result<(), Failure>);

pub struct Run {
    /// Databases at the same time.
    pub jobs: u16,
    /// How many migrations there are.
    pub known: usize,
    /// What is to be done to each database, as a participle: `migrated`.
    pub done: &'static str,
    pub stopping: Stopping,
}

impl Run {
    /// Calls `one` for every database. The report of a single database is the last line on stdout; those of a pack
    /// are printed as they come.
    ///
    /// # Errors
    /// That of the single database, or as [`Run::each`].
    pub async fn all(
        &self,
        databases: &Databases,
        one: impl AsyncFn(&DatabaseSettings, &Log) -> Reported,
    ) -> Result<(), Failure> {
        match databases {
            Databases::One(settings) => {
                let (report, outcome) = one(settings, &Log::default()).await;
                if let Some(report) = report {
                    output::line(report.line()?);
                }
                outcome
            }
            Databases::Pack(pack) => self.each(pack, one).await,
        }
    }

    /// Calls `one` for each database, and prints the reports as they come. After a signal none is begun.
    ///
    /// # Errors
    /// [`Exit::Failed`], or what all failures have in common, or the signal's.
    async fn each(
        &self,
        pack: &[DatabaseSettings],
        one: impl AsyncFn(&DatabaseSettings, &Log) -> Reported,
    ) -> Result<(), Failure> {
        let one = &one;
        let ends: Vec<Result<(), Exit>> = stream::iter(pack)
            .map(|settings| async move {
                match self.stopping.now() {
                    Some(_) => None,
                    None => {
                        let log = Log::of_pack(&settings.name);
                        let reported = one(settings, &log).await;
                        Some(self.print(settings, reported, &log))
                    }
                }
            })
            .buffer_unordered(self.jobs.into())
            .filter_map(std::future::ready)
            .collect()
            .await;
        let failures: Vec<Exit> = ends.iter().filter_map(|end| end.err()).collect();
        let (begun, all, done) = (ends.len(), pack.len(), self.done);
        if let Some(stop) = self.stopping.now().filter(|_| begun < all || !failures.is_empty()) {
            let message = format!("stopped by {}: {begun} of {all} databases were begun", stop.name());
            return Err(Failure::new(stop.exit(), message));
        }
        let Some(first) = failures.first() else { return Ok(()) };
        let exit = if failures.iter().all(|exit| exit == first) { *first } else { Exit::Failed };
        Err(Failure::new(exit, format!("{} of {all} databases were not {done}", failures.len())))
    }

    /// Prints one line on stdout, whatever happens: nothing would be known of a database without a report.
    fn print(&self, settings: &DatabaseSettings, (report, outcome): Reported, log: &Log) -> Result<(), Exit> {
        let message = outcome.as_ref().err().map_or("", |failure| &failure.message);
        let report = report.unwrap_or_else(|| MigrationReport::unknown(&settings.name, self.known, message));
        let outcome = outcome.and_then(|()| report.line().map(drop));
        if let Ok(line) = report.line() {
            output::line(line);
        }
        outcome.map_err(|failure| {
            log.failure(&failure);
            failure.exit
        })
    }
}
