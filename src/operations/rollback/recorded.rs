//! What earlier runs have recorded of the databases: in a state file, in GitHub's Deployments, or in both.

use anyhow::Result;

use crate::adapters::github::GitHub;
use crate::failure::Failure;
use crate::github::deployments::past::{Read, newest};
use crate::operations::github_api;
use crate::plan::back::schema::Recorded as Known;
use crate::ports::Account;
use crate::progress::Progress;
use crate::settings::RollbackSettings;
use crate::state::journal_record::Target;
use crate::state::{Change, Journal};
use crate::untrusted::phrase;

/// What is known, and whose it is.
pub(super) struct Recorded {
    pub known: Known,
    /// What the state file is about.
    target: Option<Target>,
    /// Of each of [`Known::newest`], in their order.
    targets: Vec<Target>,
}

/// Reads what the settings name.
///
/// # Errors
/// The state file cannot be read. What GitHub does not say is not an error, and not known.
pub(super) async fn recorded(
    settings: &RollbackSettings,
    progress: &Progress,
    github: Option<&GitHub>,
) -> Result<Recorded> {
    let mut recorded = Recorded { known: Known::default(), target: None, targets: Vec::new() };
    let mut from = Vec::new();
    if let Some(path) = &settings.state {
        let contents = Journal::peek(path)?;
        let history = contents.history;
        recorded.target = history.run().map(|run| run.target.clone());
        recorded.known.known += history.count();
        let changes = history.changes().map(|(database, change)| (database.to_owned(), change.clone()));
        recorded.known.changes.extend(changes);
        from.push(format!("state file {}", path.display()));
    }
    if settings.github.deployments {
        match (settings.databases.as_slice(), github_api(github, progress)) {
            ([], _) => recorded.known.notes.push(
                "GitHub's Deployments were not asked which databases were migrated: the configuration file lists no \
                 databases"
                    .to_owned(),
            ),
            (_, Err(failure)) => recorded.known.notes.push(format!(
                "GitHub's Deployments were not asked which databases were migrated: {}",
                failure.sentence()
            )),
            (databases, Ok(api)) => {
                let prefix = settings.github.environment_prefix.as_deref().unwrap_or_default();
                let read = newest(&api, databases, prefix).await;
                recorded.known.known = recorded.known.known.max(databases.len());
                recorded.takes(read, databases.iter().map(|name| name.as_str()));
                from.push("GitHub's Deployments".to_owned());
            }
        }
    }
    recorded.known.from = (!from.is_empty()).then(|| from.join(" and "));
    Ok(recorded)
}

impl Recorded {
    /// Takes up what was read. A deployment does not say what its task has applied: that of another image counts as a
    /// change.
    fn takes<'a>(&mut self, read: Read, databases: impl Iterator<Item = &'a str>) {
        for database in databases {
            let known = read.history.newest.get(database);
            let about = known.and_then(|newest| {
                let payload = newest.payload.as_ref().filter(|payload| payload.database == database)?;
                let change = Change {
                    at: newest.at,
                    image_digest: payload.image_digest.clone(),
                    applied: newest.succeeded.then_some(true),
                };
                Some((change, payload.target.clone()?))
            });
            match about {
                Some((change, target)) => {
                    self.known.newest.push((database.to_owned(), change));
                    self.targets.push(target);
                }
                None => self.known.unread.push(database.to_owned()),
            }
        }
        self.known.notes.extend(read.trouble.map(|why| {
            format!("what GitHub's Deployments say of {} databases is not known: {why}", read.unread.len())
        }));
    }
}

/// Compares what is recorded with the account and Region that the services are in, and drops what is about others.
/// Migrations may run in another cluster.
///
/// # Errors
/// The state file is about another account or Region.
pub(super) fn check(recorded: &mut Recorded, account: &Account) -> Result<(), Failure> {
    let (ours, region) = (&account.caller.account, &account.region);
    let is_here = |target: &Target| target.account == *ours && target.region == *region;
    if let Some(target) = recorded.target.as_ref().filter(|target| !is_here(target)) {
        return Err(Failure::input(format!(
            "the state file is about account {} in {}, and the services are in {ours} in {region}",
            phrase(&target.account),
            phrase(&target.region)
        ))
        .hint("name the state file of the runs that migrated these services' databases with --state"));
    }
    let all = std::mem::take(&mut recorded.known.newest).into_iter().zip(&recorded.targets);
    let (here, elsewhere): (Vec<_>, Vec<_>) = all.partition(|(_, target)| is_here(target));
    recorded.known.newest = here.into_iter().map(|(change, _)| change).collect();
    recorded.known.unread.extend(elsewhere.into_iter().map(|((database, _), _)| database));
    Ok(())
}

#[cfg(test)]
mod tests;
