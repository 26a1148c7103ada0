//! The plan as one comment on the pull request: made once, and edited from then on.

use std::fmt::Write as _;

use anyhow::Result;

use crate::document::markdown;
use crate::hex::is_commit;
use crate::plan::Plan;
use crate::ports::github::{Comment, Comments, PullRequest};
use crate::untrusted::html;

/// GitHub's limit, in characters; bytes are never fewer.
const MAX_BODY: usize = 65_536;

/// Leaves exactly one comment of ours with this plan's marker on the pull request.
///
/// A comment counts as ours when the token's owner wrote it and it begins with the marker: anyone may quote one. When
/// two runs find none and both make one, the older one stays, and each run takes the younger ones away.
///
/// # Errors
/// A [`GitHubFailure`](crate::ports::github::GitHubFailure)'s failure, or the plan can not be rendered.
pub(crate) async fn comment(
    plan: &Plan,
    on: &PullRequest,
    run_url: Option<&str>,
    github: &impl Comments,
) -> Result<()> {
    let marker = marker(plan);
    let body = body(plan, &marker, on, run_url)?;
    let identity = github.identity().await.map_err(|failed| failed.failure)?;
    let ours = async || -> Result<Vec<u64>> {
        let all = github.comments(on.number).await.map_err(|failed| failed.failure)?;
        let is_ours = |comment: &&Comment| comment.body.starts_with(&marker) && identity.wrote(comment);
        Ok(all.iter().filter(is_ours).map(|comment| comment.id).collect())
    };
    let mut found = ours().await?;
    let made = match found.as_slice() {
        [] => {
            let made = github.create_comment(on.number, &body).await.map_err(|failed| failed.failure)?;
            found = ours().await?;
            // It may not be listed yet.
            found.push(made);
            Some(made)
        }
        _ => None,
    };
    found.sort_unstable();
    found.dedup();
    let Some((oldest, younger)) = found.split_first() else { return Ok(()) };
    if made != Some(*oldest) {
        github.update_comment(*oldest, &body).await.map_err(|failed| failed.failure)?;
    }
    for id in younger {
        github.delete_comment(*id).await.map_err(|failed| failed.failure)?;
    }
    Ok(())
}

/// What tells this plan's comment from any other: account and region, cluster and the task definition's family.
fn marker(plan: &Plan) -> String {
    let account = plan.account.as_ref();
    let place = account.map(|account| format!("{}/{}/", account.caller.account, account.region));
    format!(
        "<!-- fargate-migrate plan {}{}/{} -->",
        place.unwrap_or_default(),
        name(&plan.cluster),
        name(plan.base.family())
    )
}

/// A name as it can stand in an HTML comment, told from every other name: what is unusual is percent-encoded.
fn name(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        // Two hyphens in a row could end the comment.
        if byte.is_ascii_alphanumeric() || byte == b'_' || (byte == b'-' && !out.ends_with('-')) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn body(plan: &Plan, marker: &str, on: &PullRequest, run_url: Option<&str>) -> Result<String> {
    let of = on.head.as_ref().filter(|head| is_commit(head)).map(|head| format!(" of {head}"));
    let by = run_url.map(|url| format!(" by <a href=\"{}\">this run</a>", html(url)));
    let footer = format!(
        "\n<sub>The plan{}{}. Nothing has been changed; this comment is kept up to date.</sub>\n",
        of.unwrap_or_default(),
        by.unwrap_or_default()
    );
    let room = MAX_BODY.saturating_sub(marker.len() + 2 + footer.len());
    Ok(format!("{marker}\n\n{}{footer}", markdown(&plan.document()?, room)))
}

#[cfg(test)]
mod tests;
