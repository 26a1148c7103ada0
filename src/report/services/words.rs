//! What the job summary, the terminal and annotations say of services in the same words.

use crate::arn;
use crate::document::{Line, Mark};
use crate::hex::is_commit;
use crate::report::{Annotation, ServiceContent, ServiceReport, ms_between};
use crate::untrusted::shortened;
use crate::verdict::service::{Evidence, ServiceVerdict};
use crate::words::counted;

/// Characters of a commit, of another tag, and of a digest, as docker shortens it.
const COMMIT: usize = 7;
const TAG: usize = 20;
const DIGEST: usize = 12;

/// What is done to the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Purpose {
    Deploy,
    GoBack,
}

/// Judges how a row stands: good is only what the service deployment itself and running tasks prove.
pub(in crate::report) fn mark(row: &ServiceReport) -> Mark {
    match &row.verdict {
        None => Mark::UnderWay,
        Some(verdict) if !verdict.is_done() => Mark::Bad,
        Some(verdict) => match verdict.proof() {
            Some(proof) if proof.evidence() == Evidence::ServiceDeployment => Mark::Good,
            _ => Mark::Doubtful,
        },
    }
}

/// Returns the mark of the row that is worst.
pub(in crate::report) fn mark_of_all(rows: &[ServiceReport]) -> Mark {
    let any = |wanted: Mark| rows.iter().any(|row| mark(row) == wanted);
    [Mark::Bad, Mark::UnderWay, Mark::Doubtful].into_iter().find(|wanted| any(*wanted)).unwrap_or(Mark::Good)
}

/// Returns `1 of 2 services deployed: 1 rolled back`. Only those count as deployed that running tasks prove.
pub(in crate::report) fn headline(rows: &[ServiceReport], purpose: Purpose, is_over: bool) -> String {
    if is_over && rows.iter().all(is_not_deployed) {
        return match purpose {
            Purpose::Deploy => "no service was deployed".to_owned(),
            Purpose::GoBack => "no service went back".to_owned(),
        };
    }
    let is_proved =
        |row: &&ServiceReport| row.verdict.as_ref().is_some_and(|verdict| verdict.proof().is_some());
    let (proved, others): (Vec<_>, Vec<_>) = rows.iter().partition(is_proved);
    let word = match purpose {
        Purpose::Deploy => "deployed",
        Purpose::GoBack => "went back",
    };
    let so_far = if is_over { "" } else { " so far" };
    let line = format!("{} of {} {word}{so_far}", proved.len(), counted(rows.len(), "service"));
    if others.is_empty() { line } else { format!("{line}: {}", states(&others)) }
}

/// Counts the verdicts: `1 rolled back, 2 superseded`, in the order in which the rows have these words first.
pub(super) fn states(rows: &[&ServiceReport]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for word in rows.iter().map(|row| word(row)) {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    counts.join(", ")
}

/// Returns the verdict's word, or `under way`.
pub(super) fn word(row: &ServiceReport) -> &'static str {
    row.verdict.as_ref().map_or("under way", ServiceVerdict::word)
}

pub(super) fn is_not_deployed(row: &ServiceReport) -> bool {
    row.verdict.as_ref().is_some_and(ServiceVerdict::is_not_begun)
}

/// Returns the rows, those that need a person first.
pub(super) fn failures_first(rows: &[ServiceReport]) -> Vec<&ServiceReport> {
    let mut rows: Vec<&ServiceReport> = rows.iter().collect();
    rows.sort_by_key(|row| match mark(row) {
        Mark::Bad if is_not_deployed(row) => 1,
        Mark::Bad => 0,
        Mark::UnderWay => 2,
        Mark::Doubtful => 3,
        Mark::Good => 4,
    });
    rows
}

/// Returns the time from UpdateService to the verdict, in milliseconds and by this run's clock.
pub(super) fn total_ms(row: &ServiceReport) -> Option<i64> {
    ms_between(row.started_at, row.ended_at)
}

/// Returns `3f78685 (4f53cda18c2b) → a1b2c3d (…)`; what is not known has a dash.
pub(super) fn from_to(row: &ServiceReport) -> Line {
    match (&row.from, &row.to) {
        (Some(from), Some(to)) if from == to => content(to),
        (None, None) => Line::from("–"),
        (from, to) => side(from.as_ref()).and(" → ").and(side(to.as_ref())),
    }
}

fn side(one: Option<&ServiceContent>) -> Line {
    one.map_or_else(|| "–".into(), content)
}

/// Returns the commit and the digest of its image, as far as they are known, and else the revision.
fn content(one: &ServiceContent) -> Line {
    let tag = one.tag.as_deref().map(|tag| match is_commit(tag) {
        true => tag[..COMMIT].to_owned(),
        false => shortened(tag, TAG).into_owned(),
    });
    let digest = one.digest.as_deref().map(|digest| {
        let digits = digest.split_once(':').map_or(digest, |(_, digits)| digits);
        digits.chars().take(DIGEST).collect::<String>()
    });
    match (tag, digest) {
        (Some(tag), Some(digest)) => Line::code(tag).and(" (").and(Line::code(digest)).and(")"),
        (Some(one), None) | (None, Some(one)) => Line::code(one),
        (None, None) => Line::code(arn::name(&one.task_definition)),
    }
}

/// Returns the number of tasks that prove a deployment, `3`; without a proof `1 of 2, 3 failed`.
pub(super) fn tasks(row: &ServiceReport) -> String {
    if let Some(proof) = row.verdict.as_ref().and_then(ServiceVerdict::proof) {
        return proof.tasks().to_string();
    }
    let Some(stage) = &row.stage else { return "–".to_owned() };
    let failed = if stage.failed > 0 { format!(", {} failed", stage.failed) } else { String::new() };
    format!("{} of {}{failed}", stage.running, stage.wanted)
}

/// Says what a person should do: by the verdict, or as the diagnosis of a task has it.
pub(super) fn fix(row: &ServiceReport) -> Option<String> {
    let diagnosed = || row.cause.as_ref()?.diagnosis.map(|found| found.fix.to_owned());
    match row.verdict.as_ref()? {
        verdict if verdict.is_done() => None,
        verdict if verdict.is_not_begun() => None,
        ServiceVerdict::Superseded { .. } => Some(
            "see who else deploys the service during this run, and let one wait for the other; what runs now is \
             the newer deployment's matter"
                .to_owned(),
        ),
        ServiceVerdict::Paused { .. } => Some(
            "go on with the deployment, or take it back, with ContinueServiceDeployment (in the AWS console: on \
             the page of the deployment)"
                .to_owned(),
        ),
        ServiceVerdict::TimedOut { .. } | ServiceVerdict::Cancelled { rolled_back: false } => {
            Some(diagnosed().unwrap_or_else(|| {
                "ECS goes on with the deployment: wait for its end, or take it back with `rollback`".to_owned()
            }))
        }
        ServiceVerdict::RollbackFailed { .. } => Some(diagnosed().unwrap_or_else(|| {
            "see in the service's events what keeps the tasks from starting, then `rollback --to` a revision \
             whose image is still there"
                .to_owned()
        })),
        ServiceVerdict::Unseen { .. } => Some(
            "let the run's credentials look (`fargate-migrate iam` prints the policy), then run again: what is deployed \
             by then is proved and not deployed twice"
                .to_owned(),
        ),
        _ => diagnosed(),
    }
}

/// Makes an error annotation for a service that is not done; `None` for one that no deployment was started for: it
/// fails with what came before it.
pub(in crate::report) fn annotation(row: &ServiceReport) -> Option<Annotation> {
    let verdict = row.verdict.as_ref().filter(|_| mark(row) == Mark::Bad && !is_not_deployed(row))?;
    let cause = row.cause.as_ref().and_then(|cause| cause.diagnosis).map(|found| found.cause.to_owned());
    let fix = fix(row).map(|fix| format!("To fix it: {fix}"));
    let lines: Vec<String> = [Some(verdict.explain()), cause, fix].into_iter().flatten().collect();
    Some(Annotation {
        title: format!("{}: {}", row.service, verdict.word()),
        message: lines.join("\n"),
        file: None,
        line: None,
    })
}
