//! What GitHub's refusals mean to the person who reads them.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use octocrab::GitHubError;

use crate::adapters::aws_error::innermost;
use crate::adapters::proxy::Proxies;
use crate::failure::Failure;
use crate::ports::github::{GitHubCall, GitHubFailure, GitHubFailureKind};
use crate::untrusted::phrase;

/// What GitHub asks for when it says that a secondary limit is reached, but not for how long.
const SECONDARY_LIMIT_WAIT: Duration = Duration::from_secs(60);

const STATUS_PAGE: &str = "see https://www.githubstatus.com";

/// Makes the failure of `call`; `doing` says what was done ("create a deployment").
pub(super) fn failed(
    call: GitHubCall,
    doing: &str,
    error: &octocrab::Error,
    proxies: &Proxies,
) -> GitHubFailure {
    match error {
        octocrab::Error::GitHub { source, .. } => answered(call, doing, source),
        // An answer that is not what GitHub documents: a proxy's page, or another server.
        octocrab::Error::Json { .. } | octocrab::Error::Serde { .. } => refused(
            Failure::service(format!("{doing}: the answer is not GitHub's: {}", causes(error)))
                .hint("check GITHUB_API_URL"),
        ),
        octocrab::Error::Uri { .. } | octocrab::Error::UriParse { .. } => denied(
            Failure::input(format!("{doing}: GITHUB_API_URL and GITHUB_REPOSITORY make no address"))
                .hint("check both"),
        ),
        _ => match proxies.failure_of(error) {
            Some(failure) if failure.is_transient() => passing(failure.while_doing(doing), None),
            Some(failure) => denied(failure.while_doing(doing)),
            None => no_answer(doing, &causes(error)),
        },
    }
}

fn denied(failure: Failure) -> GitHubFailure {
    GitHubFailure { kind: GitHubFailureKind::Denied, failure }
}

fn refused(failure: Failure) -> GitHubFailure {
    GitHubFailure { kind: GitHubFailureKind::Refused, failure }
}

fn passing(failure: Failure, wait: Option<Duration>) -> GitHubFailure {
    GitHubFailure { kind: GitHubFailureKind::Passing { wait }, failure: failure.transient() }
}

fn limited(message: String, wait: Duration) -> GitHubFailure {
    const HINT: &str = "the token has reached a rate limit; other workflows may share it";
    passing(Failure::service(message).hint(HINT), Some(wait))
}

pub(super) fn no_answer(doing: &str, why: &str) -> GitHubFailure {
    let failure = Failure::service(format!("{doing}: GitHub did not answer: {}", phrase(why)));
    passing(failure.hint("see https://www.githubstatus.com, and GITHUB_API_URL if it is set"), None)
}

/// Tells whether GitHub answered that the token may not do this at all.
pub(super) fn is_forbidden(failed: &GitHubFailure) -> bool {
    failed.kind == GitHubFailureKind::Denied && failed.failure.exit_code == crate::failure::ExitCode::Service
}

/// Makes the failure of an error in an answer to GraphQL, by its `type`: GitHub's are FORBIDDEN, NOT_FOUND,
/// RATE_LIMITED and others. An error without one is a query that took too long, or a fault of GitHub's own.
pub(super) fn graphql(call: GitHubCall, doing: &str, kind: Option<&str>, said: &str) -> GitHubFailure {
    let message = format!("{doing}: GitHub answers {}", phrase(said));
    match kind {
        Some("FORBIDDEN" | "NOT_FOUND" | "INSUFFICIENT_SCOPES") => lacking(call, message),
        Some("RATE_LIMITED") => limited(message, SECONDARY_LIMIT_WAIT),
        Some(_) => refused(Failure::service(message)),
        None => passing(Failure::service(message).hint(STATUS_PAGE), None),
    }
}

fn lacking(call: GitHubCall, message: String) -> GitHubFailure {
    let hint = match call.permission {
        Some(permission) => {
            format!("the token lacks a permission: add `{permission}` to the job's `permissions`")
        }
        None => "the token may not ask this".to_owned(),
    };
    denied(Failure::service(message).hint(hint))
}

fn answered(call: GitHubCall, doing: &str, error: &GitHubError) -> GitHubFailure {
    let status = error.status_code.as_u16();
    let message = format!("{doing}: GitHub answers {status} ({})", said(error));
    if let Some(wait) = rate_limit(status, error) {
        return limited(format!("{message} and asks to wait {} s", wait.as_secs()), wait);
    }
    match status {
        401 => denied(Failure::input(message).hint(
            "the token is wrong or has expired: pass `GITHUB_TOKEN: ${{ github.token }}` in the step's env",
        )),
        403 | 404 => lacking(call, message),
        408 | 500.. => passing(Failure::service(message).hint(STATUS_PAGE), None),
        _ => refused(Failure::service(message)),
    }
}

/// Returns how long GitHub wants to be left alone, when this is what it says: primary limits answer 403 or 429 with
/// nothing remaining, secondary ones 403 or 429 with Retry-After, or with a message alone (GitHub's "Rate limits for
/// the REST API").
fn rate_limit(status: u16, error: &GitHubError) -> Option<Duration> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let header = |name: &str| {
        error.headers.as_ref()?.get(name)?.to_str().ok()?.trim().parse::<u64>().ok().map(Duration::from_secs)
    };
    if let Some(wait) = header("retry-after") {
        return Some(wait);
    }
    if header("x-ratelimit-remaining") == Some(Duration::ZERO) {
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let reset = header("x-ratelimit-reset").unwrap_or(SECONDARY_LIMIT_WAIT + Duration::from_secs(now));
        return Some(reset.saturating_sub(Duration::from_secs(now)) + Duration::from_secs(1));
    }
    let secondary = error.message.to_ascii_lowercase().contains("secondary rate limit");
    (secondary || status == 429).then_some(SECONDARY_LIMIT_WAIT)
}

/// Returns GitHub's message, and the first of the errors that a 422 lists.
fn said(error: &GitHubError) -> String {
    let Some(first) = error.errors.as_ref().and_then(|errors| errors.first()) else {
        return phrase(&error.message);
    };
    let text = |name: &str| first[name].as_str().unwrap_or_default();
    let detail = match first["message"].as_str().or_else(|| first.as_str()) {
        Some(message) => message.to_owned(),
        None => format!("{} {}", text("field"), text("code")),
    };
    phrase(&format!("{}: {detail}", error.message))
}

/// Returns the last cause of an error: octocrab's outer ones say "Service Error".
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    phrase(&innermost(error))
}
