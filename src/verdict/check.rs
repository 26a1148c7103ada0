//! Judging a check: what a database itself says it has, against what the image has.

use super::pack::{unread, without_report};
use super::{Asked, Verdict, by_end, unproved, words};
use crate::database_name::DatabaseName;
use crate::ending::Ending;
use crate::failure::ExitCode;
use crate::migration_report::{Known, MigrationReport, Reports};
use crate::ports::Task;
use crate::words::counted;

/// Migrations that one sentence names.
const NAMED: usize = 8;

/// What a check concludes about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It has every migration of the image, and none that the image does not know.
    UpToDate(Box<MigrationReport>),
    /// It lacks migrations of the image. It may have unknown ones as well.
    Behind(Box<MigrationReport>),
    /// It has migrations that the image does not know.
    Ahead(Box<MigrationReport>),
    /// It is up to date, and its schema is another one than that of others at its version.
    Drifted(Box<MigrationReport>),
    /// The task itself says that it was connected to another database.
    WrongDatabase { asked: DatabaseName, reported: String },
    /// Nothing proves how far it is, and why. A run in which nothing else is wrong ends with `exit_code`.
    Unproved { why: String, exit_code: ExitCode },
}

/// Judges the `databases` that a check task was told, in their order. `packed` says that they were told as a list:
/// then each report counts, whatever the exit code. `reports` is all that was read of its log, and `ending` says
/// whether that is all that the log held.
pub(crate) fn judge_check(
    databases: &[DatabaseName],
    packed: bool,
    asked: &Asked<'_>,
    task: &Task,
    reports: &Reports,
    ending: &Ending,
) -> Vec<Checked> {
    let is_told = |report: &&MigrationReport| databases.iter().any(|name| **name == *report.database);
    if let Some(foreign) = reports.all().iter().find(|report| !is_told(report)) {
        let wrong = |name: &DatabaseName| Checked::WrongDatabase {
            asked: name.clone(),
            reported: foreign.database.clone(),
        };
        return databases.iter().map(wrong).collect();
    }
    // Whatever else it is, exit code 0 of a container that ended by itself.
    let ended = by_end(asked, task, reports, || Verdict::Unreported { unread: None });
    let ended_well = matches!(ended, Verdict::Unreported { .. });
    let one = |name: &DatabaseName| {
        let own: Vec<&MigrationReport> = reports.all_of(name).collect();
        match own.as_slice() {
            [] => Checked::from_end(without_report(asked, task, reports, &ending.log)),
            [report] if let Some(why) = said(report) => Checked::unproved(why),
            [_] if !packed && !ended_well => Checked::from_end(ended.clone()),
            [report] => match unread(reports, &ending.log) {
                Some(why) => Checked::unproved(why),
                None => Checked::by_report(report),
            },
            more => {
                Checked::unproved(format!("{} migration reports name it, and one was expected", more.len()))
            }
        }
    };
    databases.iter().map(one).collect()
}

/// Returns what is wrong by the report's own words.
fn said(report: &MigrationReport) -> Option<String> {
    match (&report.failed, &report.error) {
        (Some(failed), _) => Some(format!("it reports that migration {failed}")),
        (None, Some(error)) => Some(format!("it reports: {}", words::text(error))),
        (None, None) if !report.applied.is_empty() => Some(format!(
            "it reports that it has applied {}: --check-command migrates, and is to change nothing",
            counted(report.applied.len(), "migration")
        )),
        (None, None) => None,
    }
}

impl Checked {
    pub(crate) fn unproved(why: impl Into<String>) -> Self {
        Self::from_end(unproved(why.into()))
    }

    /// Makes the result, from a verdict on a task, for a database that the task did not report on.
    pub(crate) fn from_end(verdict: Verdict) -> Self {
        let exit_code = match verdict.exit_code() {
            ExitCode::Done => ExitCode::MigrationFailed,
            code => code,
        };
        let why = match &verdict {
            Verdict::NeverStarted { reason } => format!("its container never ran: {}", words::text(reason)),
            other => other.explain(),
        };
        Self::Unproved { why, exit_code }
    }

    pub(super) fn by_report(report: &MigrationReport) -> Self {
        let has_unknown = report.unknown.as_ref().is_some_and(|unknown| !unknown.is_empty());
        let report = Box::new(report.clone());
        match (report.pending, has_unknown) {
            (1.., _) => Self::Behind(report),
            (0, true) => Self::Ahead(report),
            (0, false) => Self::UpToDate(report),
        }
    }

    /// Turns up to date into drifted, for a database whose schema is another one than that of others at its version.
    /// What a database lacks, or has too much, says more, so it stays.
    pub(crate) fn drifted(self) -> Self {
        match self {
            Self::UpToDate(report) => Self::Drifted(report),
            other => other,
        }
    }

    pub fn is_up_to_date(&self) -> bool {
        matches!(self, Self::UpToDate(_))
    }

    /// Returns what the database says of itself; none where nothing proves that it is this one.
    pub fn report(&self) -> Option<&MigrationReport> {
        match self {
            Self::UpToDate(report) | Self::Behind(report) | Self::Ahead(report) | Self::Drifted(report) => {
                Some(report)
            }
            Self::WrongDatabase { .. } | Self::Unproved { .. } => None,
        }
    }

    /// Returns the verdict's name in the summary and the JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UpToDate(_) => "up to date",
            Self::Behind(_) => "behind",
            Self::Ahead(_) => "ahead",
            Self::Drifted(_) => "drifted",
            Self::WrongDatabase { .. } => "wrong database",
            Self::Unproved { .. } => "unproved",
        }
    }

    /// Explains why it is not up to date: one sentence, lowercase, without a full stop; empty where there is nothing
    /// to say.
    pub fn explain(&self) -> String {
        match self {
            Self::UpToDate(_) | Self::Drifted(_) => String::new(),
            Self::Behind(report) => {
                let lacks = counted(report.pending, "migration");
                let which = report.missing.as_deref().map(|missing| named(missing, report.pending));
                let which = which.filter(|which| !which.is_empty()).map(|which| format!(": {which}"));
                let which = which.unwrap_or_default();
                let unknown = has_unknown(report).map(|unknown| format!("; {unknown}")).unwrap_or_default();
                format!("it lacks {lacks}{which}{unknown}")
            }
            Self::Ahead(report) => has_unknown(report).unwrap_or_default(),
            Self::WrongDatabase { asked, reported } => format!(
                "asked for {}, but the task was connected to {}",
                words::code(asked),
                words::code(reported)
            ),
            Self::Unproved { why, .. } => words::text(why),
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::UpToDate(_) => ExitCode::Done,
            Self::Unproved { exit_code, .. } => *exit_code,
            _ => ExitCode::MigrationFailed,
        }
    }
}

/// Says `it has 2 migrations that the image does not know: 58 gone, 59 lost`; none where there are none, or that is
/// not known.
pub(crate) fn has_unknown(report: &MigrationReport) -> Option<String> {
    let unknown = report.unknown.as_ref().filter(|unknown| !unknown.is_empty())?;
    let count = unknown.len() as u64;
    let which = named(unknown, count);
    Some(format!("it has {} that the image does not know: {which}", counted(count, "migration")))
}

/// Lists up to [`NAMED`] of `count` migrations: `58 add_orders, 59 drop_carts and 2 more`.
fn named(migrations: &[Known], count: u64) -> String {
    let name = |known: &Known| words::migration(&known.version, &known.name);
    let names: Vec<String> = migrations.iter().take(NAMED).map(name).collect();
    let more = count.saturating_sub(names.len() as u64);
    let more = if more > 0 && !names.is_empty() { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}
