//! What the state file and GitHub's Deployments say of a database.

use super::{Image, Later, Proved, Source, Standing};
use crate::arn;
use crate::choices::Proof;
use crate::ports::Account;
use crate::state::github_history::{Newest, Read};
use crate::state::journal_record::Target;
use crate::state::{History, Latest};

/// What was read of earlier runs.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Absent without `--state`.
    pub state: Option<History>,
    /// Whether a run holds the state file now, and may migrate what is not recorded yet.
    pub in_use: bool,
    /// Absent without `--deployments`.
    ///
    /// # Errors
    /// Says why GitHub was not asked.
    pub github: Option<Result<Read, String>>,
    /// What a person should know about them.
    pub notes: Vec<String>,
}

/// The records that were read, and what they must be about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub recorded: &'a Recorded,
    pub account: &'a Account,
    pub cluster: &'a str,
    /// The families that migration tasks may be of; empty where no task definition is named.
    pub families: &'a [String],
}

impl Sources<'_> {
    /// Returns the first field in which a record is about something else: its name, the record's value, and the value
    /// that is looked at.
    pub(crate) fn difference(&self, target: &Target) -> Option<(&'static str, String, String)> {
        let (account, region) = (&self.account.caller.account, &self.account.region);
        let is_of_family = self.families.is_empty() || self.families.contains(&target.family);
        [
            ("account", target.account.as_str(), account.as_str(), target.account == *account),
            ("region", &target.region, region, target.region == *region),
            ("cluster", &target.cluster, self.cluster, arn::name(&target.cluster) == arn::name(self.cluster)),
            (
                "task definition",
                &target.family,
                self.families.first().map_or("", String::as_str),
                is_of_family,
            ),
        ]
        .into_iter()
        .find(|(.., is_same)| !is_same)
        .map(|(name, theirs, ours, _)| (name, theirs.to_owned(), ours.to_owned()))
    }
}

/// Returns what the records say of a database, the newest of both sources.
///
/// # Errors
/// Says why nothing is known of it.
pub(crate) fn standing(database: &str, sources: &Sources<'_>) -> Result<Standing, String> {
    let state = sources.recorded.state.as_ref();
    let by_state = state.map(|history| match history.latest(database) {
        Some(latest) => Ok(of_state(latest)),
        None => Err("the state file has no run of it".to_owned()),
    });
    let by_github = sources.recorded.github.as_ref().map(|read| match read {
        Ok(read) => of_github(database, read, sources),
        Err(why) => Err(Unread::Unknown(why.clone())),
    });
    match (by_state, by_github) {
        (None, None) => Err("neither --state nor --deployments is given".to_owned()),
        (Some(standing), None) => standing,
        (None | Some(Err(_)), Some(Ok(standing))) => Ok(standing),
        (None, Some(Err(why))) => Err(why.words().to_owned()),
        (Some(Err(state)), Some(Err(github))) => Err(format!("{state}; {}", github.words())),
        (Some(Ok(standing)), Some(Err(Unread::Nothing(_)))) => Ok(standing),
        // GitHub may have a later run.
        (Some(Ok(standing)), Some(Err(Unread::Unknown(why)))) => {
            let later = standing.later.or(Some(Later { at: None, what: why }));
            Ok(Standing { later, ..standing })
        }
        (Some(Ok(state)), Some(Ok(github))) => Ok(newest(state, github)),
    }
}

/// Why GitHub has nothing to say of a database.
enum Unread {
    /// There is no record.
    Nothing(String),
    /// There may be one.
    Unknown(String),
}

impl Unread {
    fn words(&self) -> &str {
        match self {
            Self::Nothing(why) | Self::Unknown(why) => why,
        }
    }
}

fn of_state(latest: Latest<'_>) -> Standing {
    let proved = latest.proved.map(|judged| Proved {
        at: judged.at,
        image: Image { digest: judged.image_digest.clone(), ..Image::default() },
        by_report: judged.proves(Proof::Report),
        from: Source::StateFile,
        revision: judged.revision.clone(),
    });
    let failed = latest.failed.map(|judged| Later { at: Some(judged.at), what: judged.verdict.clone() });
    let unjudged = latest.unjudged.map(|at| Later {
        at: Some(at),
        what: "a migration began, and what became of it is not recorded".to_owned(),
    });
    Standing { proved, later: unjudged.or(failed) }
}

fn of_github(database: &str, read: &Read, sources: &Sources<'_>) -> Result<Standing, Unread> {
    let Some(Newest { at, succeeded, payload }) = read.history.newest.get(database) else {
        if read.unread.iter().any(|name| **name == *database) {
            let why = read.trouble.as_deref().unwrap_or("it was not asked");
            return Err(Unread::Unknown(format!("what GitHub's Deployments say is not known: {why}")));
        }
        return Err(Unread::Nothing("GitHub has no Deployment of it".to_owned()));
    };
    let Some(payload) = payload.as_ref().filter(|payload| payload.database == database) else {
        return Err(Unread::Unknown(
            "its newest GitHub Deployment does not say that it is about this database".to_owned(),
        ));
    };
    let Some(target) = &payload.target else {
        return Err(Unread::Unknown(
            "its newest GitHub Deployment does not say what was migrated where".to_owned(),
        ));
    };
    if let Some((what, theirs, ours)) = sources.difference(target) {
        return Err(Unread::Unknown(format!(
            "its newest GitHub Deployment is about {what} {theirs}, and this is {ours}"
        )));
    }
    if !succeeded {
        let what = "its newest GitHub Deployment is not a success".to_owned();
        return Ok(Standing { proved: None, later: Some(Later { at: Some(*at), what }) });
    }
    let proved = Proved {
        at: *at,
        image: Image {
            reference: payload.image.clone(),
            digest: payload.image_digest.clone(),
            ..Image::default()
        },
        by_report: payload.proof == Proof::Report,
        from: Source::GitHub,
        revision: payload.task_definition.clone(),
    };
    Ok(Standing { proved: Some(proved), later: None })
}

/// Returns the newer of the two. GitHub's times are whole seconds, cut off, and its deployment is created before the
/// state file has the verdict: one that GitHub has in a later second is of another run.
fn newest(state: Standing, github: Standing) -> Standing {
    let at = |standing: &Standing| {
        let later = standing.later.as_ref().and_then(|later| later.at);
        later.or(standing.proved.as_ref().map(|proved| proved.at))
    };
    if at(&github).map(|at| at.as_second()) <= at(&state).map(|at| at.as_second()) {
        return state;
    }
    match github.proved {
        Some(_) => github,
        None => Standing { proved: state.proved, later: github.later },
    }
}
