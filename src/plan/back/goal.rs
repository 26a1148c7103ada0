//! Pure: what a service goes back to, by its record, or by what a person has named (`--to`).

use std::collections::BTreeSet;

use super::history::{ServiceHistory, number};
use super::ran::Earlier;
use super::schema::minute;
use crate::arn;
use crate::failure::Failure;
use crate::image_reference::ImageReference;
use crate::ports::{DeploymentStatus, ServiceRevision};
use crate::settings::To;
use crate::task_definition::TaskDefinition;
use crate::untrusted::phrase;

/// What a service goes back to: something that ran, or what a person says of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Goal {
    /// The entry at this place of the service's record.
    Ran(usize),
    /// A service revision that ECS knows, and whose deployments are no longer recorded.
    Recorded(ServiceRevision),
    /// A task definition that no recorded deployment has put on the service, as it was named.
    Unrecorded(String),
}

/// Entries that an error names, at most.
const SHOWN: usize = 10;

/// Returns what ran before what runs now.
///
/// # Errors
/// Nothing is recorded, or it is not known.
pub(crate) fn earlier(history: &ServiceHistory) -> Result<Goal, Failure> {
    let service = phrase(&history.service.name);
    match history.before() {
        Earlier::Found(place) => Ok(Goal::Ran(place)),
        Earlier::Nothing if history.ran.is_empty() => Err(Failure::input(format!(
            "nothing is recorded that service {service} ran: it was not deployed within 90 days, or was created anew"
        ))
        .hint("name what to go back to with --to, such as --to family:revision")),
        Earlier::Nothing => Err(Failure::input(format!(
            "nothing is recorded that service {service} ran before it first ran what it runs now: what it has run since \
             was left already"
        ))
        .hint(format!("name what to go back to with --to; it has run {}", ran(history)))),
        Earlier::Unclear(place) => Err(Failure::input(format!(
            "what service {service} ran before is not known: whether {} is what it runs now, by another task definition, \
             cannot be told",
            entry(history, place)
        ))
        .hint(format!("name what to go back to with --to; it has run {}", ran(history)))),
        Earlier::Unknown(place) => {
            let entry = &history.ran[place];
            let when = entry.since.map(|at| format!(" of {}", minute(at))).unwrap_or_default();
            Err(Failure::input(format!(
                "what service {service} ran before is not known: ECS has service revision {}{when} no more",
                phrase(number(&entry.revision))
            ))
            .hint(format!("name what to go back to with --to; it has run {}", ran(history))))
        }
    }
}

/// Returns what a person has named with `--to`. `digests` are those of images with this tag in the repositories of
/// what runs now.
///
/// # Errors
/// It does not exist, could be several things, or runs already.
pub(crate) fn named(to: &To, history: &ServiceHistory, digests: &[String]) -> Result<Goal, Failure> {
    let service = phrase(&history.service.name);
    let text = phrase(to.text());
    let refused = |what: String| Failure::input(what).hint(format!("it has run {}", ran(history)));
    let places = match to {
        To::Revision(revision) => {
            is_of_service(revision, &history.service.name)?;
            match history.ran.iter().position(|one| one.revision == *revision) {
                Some(place) => vec![place],
                None => return recorded(revision, history).map_err(refused),
            }
        }
        To::Deployment(deployment) => {
            is_of_service(deployment, &history.service.name)?;
            vec![after(deployment, history).map_err(refused)?]
        }
        To::TaskDefinition(name) => {
            let is_it = |revision: &ServiceRevision| {
                arn::name(&revision.task_definition) == arn::name(name)
                    && (!name.starts_with("arn:") || revision.task_definition == *name)
            };
            let places = matching(history, is_it);
            if places.is_empty() {
                return Ok(Goal::Unrecorded(name.clone()));
            }
            places
        }
        To::Word(word) => {
            let mut places = matching(history, |revision| number(&revision.arn) == word);
            if let Some(brief) = history.listed.iter().find(|brief| arn::name(&brief.arn) == word) {
                places.push(after(&brief.arn, history).map_err(refused)?);
            }
            places.extend(matching(history, |revision| has_image(revision, word, digests)));
            if places.is_empty() {
                let image = match digests {
                    [] => String::new(),
                    _ => ": there is an image with this tag, and the service is not recorded to have run it"
                        .into(),
                };
                return Err(refused(format!("service {service} has not run {text}{image}")));
            }
            places
        }
    };
    let known: Vec<usize> = distinct(history, places);
    let others: Vec<usize> = known
        .iter()
        .copied()
        .filter(|place| history.revision(*place).is_none_or(|one| !history.is_current(one)))
        .collect();
    match others[..] {
        [] => Err(refused(format!("service {service} runs {text} already"))),
        [place] if history.revision(place).is_some() => Ok(Goal::Ran(place)),
        [place] => Err(refused(format!(
            "ECS does not know service revision {} any more, which is what {text} names",
            phrase(number(&history.ran[place].revision))
        ))),
        [newest, ..] if matches!(to, To::Word(_)) && are_alike(history, &others) => Ok(Goal::Ran(newest)),
        _ => {
            let named: Vec<String> = others.iter().map(|place| entry(history, *place)).collect();
            Err(Failure::input(format!(
                "--to {text} could be several things that service {service} has run: {}",
                named.join("; ")
            ))
            .hint("name one of these service revisions by its digits"))
        }
    }
}

/// Returns whether `--to` names this revision: by itself, its task definition, a deployment that it ran after, or an
/// image of it.
pub(crate) fn names(
    to: &To,
    history: &ServiceHistory,
    digests: &[String],
    revision: &ServiceRevision,
) -> bool {
    let ran_after = |is_it: &dyn Fn(&str) -> bool| {
        let mut entries = history.ran.iter().filter(|one| is_it(&one.deployment));
        entries.any(|one| one.revision == revision.arn)
    };
    match to {
        To::Revision(arn) => *arn == revision.arn,
        To::Deployment(arn) => ran_after(&|deployment| deployment == arn),
        To::TaskDefinition(name) => arn::name(&revision.task_definition) == arn::name(name),
        To::Word(word) => {
            number(&revision.arn) == word
                || ran_after(&|deployment| arn::name(deployment) == word)
                || has_image(revision, word, digests)
        }
    }
}

/// Checks a task definition that no recorded deployment has put on the service. A rollback is for an older revision
/// of what runs: a newer one never ran, and nobody has proved its databases.
///
/// # Errors
/// It is not an older revision.
pub(crate) fn is_older(definition: &TaskDefinition, history: &ServiceHistory) -> Result<(), Failure> {
    let runs = arn::name(history.task_definition());
    let current =
        runs.rsplit_once(':').and_then(|(family, number)| Some((family, number.parse::<u64>().ok()?)));
    let is_older = current
        .zip(definition.revision())
        .is_some_and(|((family, current), revision)| family == definition.family() && revision < current);
    if is_older {
        return Ok(());
    }
    Err(Failure::input(format!(
        "nothing is recorded that service {} ran {}, and it is not an older revision of {}, which it runs",
        phrase(&history.service.name),
        phrase(&definition.name()),
        phrase(runs)
    ))
    .hint(format!("put what is new on a service with deploy; it has run {}", ran(history))))
}

/// Returns whether ECS takes back the deployment that is under way. One that is being stopped ends by itself, and the
/// rollback starts from what it leaves.
///
/// # Errors
/// It is the first deployment of the service, so ECS has nothing to go back to; or this program does not know its
/// status.
pub(crate) fn is_taken_back(history: &ServiceHistory) -> Result<bool, Failure> {
    let Some(underway) = &history.underway else { return Ok(false) };
    match &underway.status {
        DeploymentStatus::Pending | DeploymentStatus::InProgress
            if underway.sources.is_empty() && history.ran.is_empty() =>
        {
            Err(Failure::input(format!(
                "service deployment {} of service {} is under way, and nothing ran before it: ECS has nothing to go back \
                 to",
                phrase(arn::name(&underway.arn)),
                phrase(&history.service.name)
            ))
            .hint("deploy something else, or delete the service"))
        }
        DeploymentStatus::Pending
        | DeploymentStatus::InProgress
        | DeploymentStatus::RollbackRequested
        | DeploymentStatus::RollbackInProgress => Ok(true),
        DeploymentStatus::Other(status) => Err(Failure::input(format!(
            "service deployment {} of service {} is {}, which this program does not know",
            phrase(arn::name(&underway.arn)),
            phrase(&history.service.name),
            phrase(status)
        ))
        .hint("wait for its end, and run this again")),
        _ => Ok(false),
    }
}

/// Checks that `--to` names what ECS goes back to while a deployment is under way. Another UpdateService then would
/// remove what ECS falls back on, should the new deployment fail as well.
///
/// # Errors
/// `--to` names something else.
pub(crate) fn is_meant(to: &To, history: &ServiceHistory, digests: &[String]) -> Result<(), Failure> {
    let back = history.goes_back_to();
    if back.is_some_and(|back| names(to, history, digests, back)) {
        return Ok(());
    }
    let underway = history.underway.as_ref().map(|one| phrase(arn::name(&one.arn))).unwrap_or_default();
    let back = back.map_or("what ran before it".to_owned(), |back| {
        format!(
            "service revision {} ({})",
            phrase(number(&back.arn)),
            phrase(arn::name(&back.task_definition))
        )
    });
    Err(Failure::input(format!(
        "service deployment {underway} of service {} is under way, and from it ECS goes back to {back}, not to {}",
        phrase(&history.service.name),
        phrase(to.text())
    ))
    .hint(
        "run rollback without --to first, which takes that deployment back; then, with nothing under way, run it again \
         with --to",
    ))
}

/// Checks that an ARN of a service revision or deployment belongs to this service.
///
/// # Errors
/// The ARN is of another service.
pub(crate) fn is_of_service(named: &str, ours: &str) -> Result<(), Failure> {
    let theirs = named.rsplit('/').nth(1).unwrap_or_default();
    if theirs == ours {
        return Ok(());
    }
    Err(Failure::input(format!("--to names something of service {}, not {}", phrase(theirs), phrase(ours)))
        .hint("roll back each service with a --to of its own, or name a task definition or a commit"))
}

/// Returns the place of what ran after a deployment.
///
/// # Errors
/// Says why nothing ran after it: it did not succeed, or the service has no such deployment.
fn after(deployment: &str, history: &ServiceHistory) -> Result<usize, String> {
    let name = phrase(arn::name(deployment));
    if let Some(place) = history.ran.iter().position(|one| one.deployment == deployment) {
        return Ok(place);
    }
    Err(match history.listed.iter().find(|brief| brief.arn == deployment) {
        Some(brief) => {
            format!("nothing has run by service deployment {name}: it is {}", phrase(brief.status.name()))
        }
        None => format!("service {} has no service deployment {name}", phrase(&history.service.name)),
    })
}

/// Looks up a revision that is in no entry: one whose deployment is too old to be listed.
///
/// # Errors
/// Says why it cannot be gone back to: it never ran to success, runs already, or ECS does not know it.
fn recorded(revision: &str, history: &ServiceHistory) -> Result<Goal, String> {
    let name = phrase(number(revision));
    if let Some(brief) = history.listed.iter().find(|brief| brief.target.as_deref() == Some(revision)) {
        return Err(format!(
            "service revision {name} never ran to success: its deployment is {}",
            phrase(brief.status.name())
        ));
    }
    match history.revisions.get(revision) {
        Some(one) if history.is_current(one) => {
            Err(format!("service {} runs {name} already", phrase(&history.service.name)))
        }
        Some(one) => Ok(Goal::Recorded(one.clone())),
        None => Err(format!("ECS does not know service revision {name}")),
    }
}

/// Returns whether a revision has an image with this tag, or with one of these digests.
fn has_image(revision: &ServiceRevision, tag: &str, digests: &[String]) -> bool {
    revision.images.iter().any(|image| {
        let has_digest = image.digest.as_ref().is_some_and(|digest| digests.contains(digest));
        has_digest || ImageReference::parse(&image.image).tag == Some(tag)
    })
}

/// Returns whether all of them ran the same images, each by its digest, so that only their task definitions differ.
fn are_alike(history: &ServiceHistory, places: &[usize]) -> bool {
    let digests = |place: &usize| -> Option<BTreeSet<(&str, &str)>> {
        let images = history.revision(*place)?.images.iter();
        images.map(|image| Some((image.container.as_str(), image.digest.as_deref()?))).collect()
    };
    let all: Option<BTreeSet<_>> = places.iter().map(digests).collect();
    all.is_some_and(|all| all.len() == 1 && all.iter().all(|images| !images.is_empty()))
}

/// Returns a note on what else a word names: the same image by other task definitions. None where there is nothing
/// else.
pub(crate) fn also_named(
    to: &To,
    history: &ServiceHistory,
    digests: &[String],
    goal: &Goal,
) -> Option<String> {
    let (To::Word(word), Goal::Ran(taken)) = (to, goal) else { return None };
    let places = distinct(history, matching(history, |revision| has_image(revision, word, digests)));
    let is_another = |place: &usize| {
        place != taken && history.revision(*place).is_some_and(|one| !history.is_current(one))
    };
    let others: Vec<String> =
        places.into_iter().filter(is_another).map(|place| entry(history, place)).collect();
    (!others.is_empty()).then(|| {
        format!(
            "service {} ran the image {} by several task definitions: this is the newest, {}; --to goes to another by the \
             digits of its service revision: {}",
            phrase(&history.service.name),
            phrase(word),
            entry(history, *taken),
            others.join("; ")
        )
    })
}

fn matching(history: &ServiceHistory, is_it: impl Fn(&ServiceRevision) -> bool) -> Vec<usize> {
    let known = (0..history.ran.len()).filter(|place| history.revision(*place).is_some_and(&is_it));
    known.collect()
}

/// Returns the newest place of each content, sorted.
fn distinct(history: &ServiceHistory, places: Vec<usize>) -> Vec<usize> {
    let newest = |place: usize| history.place_of(&history.ran[place].revision).unwrap_or(place);
    let mut newest: Vec<usize> = places.into_iter().map(newest).collect();
    newest.sort_unstable();
    newest.dedup();
    newest
}

/// Describes an entry as `service revision 42 (web:7, since 2026-11-28 16:45 UTC)`.
fn entry(history: &ServiceHistory, place: usize) -> String {
    let one = &history.ran[place];
    let definition = history.revision(place).map(|revision| phrase(arn::name(&revision.task_definition)));
    let since = history.span(place).from.map(|at| format!("since {}", minute(at)));
    let about: Vec<String> = definition.into_iter().chain(since).collect();
    format!("service revision {} ({})", phrase(number(&one.revision)), about.join(", "))
}

/// Lists what the service has run, the newest first, [`SHOWN`] entries at most.
fn ran(history: &ServiceHistory) -> String {
    let places = distinct(history, (0..history.ran.len()).collect());
    if places.is_empty() {
        return "nothing that is recorded".to_owned();
    }
    let rest = places.len().saturating_sub(SHOWN);
    let shown: Vec<String> = places.iter().take(SHOWN).map(|place| entry(history, *place)).collect();
    let rest = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    format!("{}{rest}", shown.join("; "))
}

#[cfg(test)]
mod tests;
