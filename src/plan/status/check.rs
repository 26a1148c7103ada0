//! `--check`: does each service run the image that its databases are proved at?
//!
//! Yes, when every database has a proof that nothing later puts in doubt, no task migrates it now, or may, no run
//! holds the state file, no deployment of the service is under way, and each running task has the image of that
//! proof. What is not known is never a yes.

use super::{DatabaseRow, Image, RunningImage, SeenService, ServiceRow};
use crate::choices::Proof;
use crate::untrusted::phrase;

/// The result for one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    pub service: String,
    /// Why the service is not known to run the image of all databases; empty when it does.
    pub reasons: Vec<Reason>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The database that it is about; absent where it is about the service itself.
    pub database: Option<String>,
    pub why: String,
    /// Whether another image is known to run. Otherwise it is only not known which one does.
    pub differs: bool,
}

/// Compares every service with every database. A run that holds the state file (`in_use`) may be about to migrate any
/// of them.
pub(crate) fn compared(
    databases: &[DatabaseRow],
    services: &[ServiceRow],
    proof: Proof,
    in_use: bool,
) -> Vec<Compared> {
    let run =
        in_use.then(|| of_itself("a run has the state file now, and may migrate its databases".to_owned()));
    let doubts = databases.iter().filter_map(|row| doubt(row, proof));
    let doubts: Vec<Reason> = run.into_iter().chain(doubts).collect();
    let of = |row: &ServiceRow| {
        let mut reasons = match &row.seen {
            Ok(seen) => of_service(seen, databases),
            Err(why) => vec![of_itself(why.clone())],
        };
        reasons.extend(doubts.iter().cloned());
        Compared { service: row.name.clone(), reasons }
    };
    services.iter().map(of).collect()
}

/// Says why a database is not known to be at what its proof says; none when it is.
fn doubt(row: &DatabaseRow, proof: Proof) -> Option<Reason> {
    let why = match (&row.standing, &row.running) {
        (Err(why), _) => format!("what it is proved at is not known: {why}"),
        (Ok(standing), running) => match (&standing.proved, &standing.later, running) {
            (None, Some(later), _) => format!("it is not proved: {}", later.what),
            (None, None, _) => "it is not proved".to_owned(),
            (Some(proved), ..) if proof == Proof::Report && !proved.by_report => {
                "no migration report proves it, only an exit code".to_owned()
            }
            (Some(proved), ..) if proved.image.digest.is_none() => {
                "the digest of the image that it is proved at is not recorded".to_owned()
            }
            (_, Some(later), _) => format!("its proof may not hold any more: {}", later.what),
            (.., Err(why)) => format!("whether a migration of it runs now is not known: {why}"),
            (.., Ok(running)) => match running.first() {
                Some(task) if task.told.is_err() => {
                    format!("task {} runs, and may migrate it", phrase(&task.arn))
                }
                Some(task) => format!("task {} migrates it now", phrase(&task.arn)),
                None => return None,
            },
        },
    };
    Some(Reason { database: Some(row.name.clone()), why, differs: false })
}

fn of_itself(why: String) -> Reason {
    Reason { database: None, why, differs: false }
}

fn of_service(seen: &SeenService, databases: &[DatabaseRow]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    if let Err(why) = &seen.deployments {
        reasons.push(of_itself(format!("its deployments are not known: {why}")));
    }
    if let Some(rollout) = &seen.rollout {
        reasons.push(of_itself(format!("{} is under way", rollout.what)));
    }
    let tasks = match &seen.tasks {
        Ok(tasks) if tasks.running > 0 => tasks,
        Ok(_) => {
            reasons.push(of_itself("it runs no task".to_owned()));
            return reasons;
        }
        Err(why) => {
            reasons.push(of_itself(format!("what it runs is not known: {why}")));
            return reasons;
        }
    };
    for row in databases {
        let proved = row.standing.as_ref().ok().and_then(|standing| standing.proved.as_ref());
        let Some(proved) = proved.filter(|proved| proved.image.digest.is_some()) else { continue };
        if let Some((why, differs)) = other_than(&proved.image, &tasks.images, tasks.running) {
            reasons.push(Reason { database: Some(row.name.clone()), why, differs });
        }
    }
    reasons
}

/// Says why not all tasks are known to run this image, and whether they are known not to; none when they are known
/// to. A container with an image of another repository is not code of this database, and neither is one that ECS has
/// added.
fn other_than(proved: &Image, images: &[RunningImage], tasks: usize) -> Option<(String, bool)> {
    let all_run_it = |container: &str| {
        let run_it = images.iter().filter(|one| one.container == container && one.image.is(proved));
        run_it.map(|one| one.tasks).sum::<usize>() >= tasks
    };
    let matching = images.iter().find(|one| one.image.is(proved) && all_run_it(&one.container));
    let repository = proved.repository().or_else(|| matching?.image.repository());
    let reason = |one: &RunningImage| {
        let container = phrase(&one.container);
        match (&repository, one.image.repository(), &one.image.unread) {
            (Some(own), Some(theirs), _) if *own != theirs => None,
            (_, None, None) => None,
            (Some(_), Some(_), _) if one.image.digest.is_none() => {
                Some((format!("ECS does not say which image container {container} runs"), false))
            }
            (Some(_), Some(_), _) => {
                let (runs, proved) = (name(&one.image), name(proved));
                Some((format!("container {container} runs {runs}, and it is proved at {proved}"), true))
            }
            (_, None, Some(why)) => Some((
                format!("of which repository container {container} runs an image is not known: {why}"),
                false,
            )),
            (None, Some(_), _) => {
                let why = proved.unread.as_deref().unwrap_or("no record says it");
                let name = name(proved);
                Some((
                    format!("of which repository {name} is, at which it is proved, is not known: {why}"),
                    false,
                ))
            }
        }
    };
    let none_matches =
        || (format!("not every task has a container of the repository of {}", name(proved)), true);
    let reasons = || images.iter().filter(|one| !one.image.is(proved)).filter_map(reason);
    let differs = reasons().find(|(_, differs)| *differs);
    differs.or_else(|| reasons().next()).or_else(|| matching.is_none().then(none_matches))
}

/// Describes an image briefly: `9f3c… (sha256:…)`.
fn name(image: &Image) -> String {
    let digest = image.digest.as_deref().map_or("an unknown image".to_owned(), short);
    match image.tag() {
        Some(tag) => format!("{} ({digest})", phrase(tag)),
        None => digest,
    }
}

/// Returns a digest's algorithm with the first 12 of its digits.
pub(super) fn short(digest: &str) -> String {
    let end = digest.find(':').map_or(0, |at| at + 1) + 12;
    phrase(digest.get(..end).unwrap_or(digest))
}
