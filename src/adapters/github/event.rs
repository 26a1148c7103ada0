//! The event that started the run, as far as it is about a pull request.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::bounded_file;
use crate::ports::github::PullRequest;

/// Bytes: GitHub caps a webhook's payload at 25 MB (docs, "Webhook events and payloads").
const LARGEST_EVENT: u64 = 32 << 20;

/// Reads `GITHUB_EVENT_PATH`: the webhook's payload. `None` when the event is not about a pull request.
///
/// # Errors
/// The file cannot be read, or is not JSON.
pub(super) fn pull_request(path: &Path) -> Result<Option<PullRequest>> {
    let text = bounded_file::read(path, LARGEST_EVENT)
        .with_context(|| format!("read the event file {}", path.display()))?;
    let event: Value = serde_json::from_slice(&text)
        .with_context(|| format!("read the event file {} as JSON", path.display()))?;
    Ok(of_event(&event))
}

/// Finds an event's pull request: `pull_request`, `pull_request_target` and reviews carry it; a comment carries its
/// issue, which has `pull_request` when it is one.
fn of_event(event: &Value) -> Option<PullRequest> {
    let pull = &event["pull_request"];
    if let Some(number) = pull["number"].as_u64() {
        // The head's repository is null when the fork is gone.
        let id = |repository: &Value| repository["id"].as_u64();
        let (head, base) = (id(&pull["head"]["repo"]), id(&pull["base"]["repo"]));
        return Some(PullRequest {
            number,
            head: pull["head"]["sha"].as_str().map(str::to_owned),
            is_from_fork: head != base,
        });
    }
    let issue = &event["issue"];
    issue["pull_request"].as_object()?;
    Some(PullRequest { number: issue["number"].as_u64()?, head: None, is_from_fork: false })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_pull_request_of_each_kind_of_event() {
        let pull = |head: Value| {
            of_event(&json!({"pull_request": {"number": 7, "head": {"sha": "abc", "repo": head},
                "base": {"repo": {"id": 1}}}}))
        };
        let own = PullRequest { number: 7, head: Some("abc".into()), is_from_fork: false };
        assert_eq!(pull(json!({"id": 1})), Some(own.clone()));
        assert_eq!(pull(json!({"id": 2})), Some(PullRequest { is_from_fork: true, ..own.clone() }));
        assert_eq!(pull(Value::Null), Some(PullRequest { is_from_fork: true, ..own }));
        let commented = of_event(&json!({"issue": {"number": 8, "pull_request": {"url": "…"}}}));
        assert_eq!(commented.map(|pull| pull.number), Some(8));
        assert_eq!(of_event(&json!({"issue": {"number": 8}})), None);
        assert_eq!(of_event(&json!({"ref": "refs/heads/main"})), None);
    }
}
