//! How rows of services read: in a document, as data for programs, as outputs and as annotations.
//!
//! Everything here is a pure function of [`ServiceReport`]s, whose texts are raw.

use super::ServiceReport;
use crate::arn;
use crate::failure::ExitCode;
use crate::verdict::service::ServiceVerdict;
use crate::verdict::worst;

mod data;
mod document;
mod rollout;
mod words;

pub(super) use data::{Detail, service as as_data};
pub(super) use document::{sections, table, terminal_rows, warnings};
pub(super) use words::{Purpose, annotation, headline, mark_of_all};

/// The exit codes by a run's services: by those for which a deployment was started, and by all of them.
pub(super) struct Judged {
    /// None where no deployment was judged.
    pub started: Option<ExitCode>,
    /// [`ExitCode::Done`] only where all are done.
    pub all: ExitCode,
}

pub(super) fn judged(rows: &[ServiceReport]) -> Judged {
    let verdicts = || rows.iter().filter_map(|row| row.verdict.as_ref());
    let started = verdicts().filter(|verdict| !verdict.is_not_begun());
    let started = worst(started.map(ServiceVerdict::exit_code));
    let all = match worst(verdicts().map(ServiceVerdict::exit_code)) {
        Some(ExitCode::Done) | None if verdicts().count() < rows.len() => ExitCode::Service,
        Some(code) => code,
        None => ExitCode::Done,
    };
    Judged { started, all }
}

/// Gives every service a verdict that has none when the run ends: it was not deployed, or nobody has seen what became
/// of it.
pub(super) fn end(rows: &mut [ServiceReport], why: &str) {
    for row in rows.iter_mut().filter(|row| row.verdict.is_none()) {
        let is_started = row.deployment.is_some() || row.started_at.is_some();
        row.verdict = Some(match is_started {
            true => ServiceVerdict::Unproved {
                why: format!("its deployment was started, and the run ended before its end was seen: {why}"),
            },
            false => ServiceVerdict::NotDeployed { why: why.to_owned() },
        });
    }
}

/// Lists the names that were asked for.
pub(super) fn names(rows: &[ServiceReport]) -> impl Iterator<Item = &str> {
    rows.iter().map(|row| row.service.as_str())
}

/// Lists the names of those that run what was asked for.
pub(super) fn done(rows: &[ServiceReport]) -> impl Iterator<Item = &str> {
    let done = rows.iter().filter(|row| row.verdict.as_ref().is_some_and(ServiceVerdict::is_done));
    done.map(|row| row.service.as_str())
}

/// Lists `service=family:revision` of each service that went back, whoever wanted it to. A service has none where ECS
/// does not say which revision it is on now.
pub(super) fn back_on(rows: &[ServiceReport]) -> impl Iterator<Item = String> {
    rows.iter().filter_map(|row| {
        let to = match row.verdict.as_ref()? {
            ServiceVerdict::WentBack(proof) => proof.task_definition(),
            ServiceVerdict::RolledBack { to, over: true, .. } => to.as_deref()?,
            _ => return None,
        };
        let name = arn::name(to);
        let (family, revision) = name.split_once(':')?;
        let is_family = !family.is_empty()
            && family.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let is_revision = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit());
        (is_family && is_revision).then(|| format!("{}={name}", row.service))
    })
}

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;
