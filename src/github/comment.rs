//! The plan as one comment on the pull request: made once, and edited from then on.

use std::fmt::Write as _;

use anyhow::Result;

use crate::document::{Document, markdown};
use crate::failure::Failure;
use crate::hex::is_commit;
use crate::plan::Plan;
use crate::plan::deploy_plan::DeployPlan;
use crate::ports::Account;
use crate::ports::github::{Comment, Comments, PullRequest};
use crate::untrusted::html;

/// GitHub's limit of a comment, in characters; a text never has fewer bytes than characters.
const MAX_BODY: usize = 65_536;

/// A plan, or what a check has found, that can be a comment.
pub(crate) trait Commented {
    /// Renders what the comment shows.
    ///
    /// # Errors
    /// The plan cannot be done after all.
    fn document(&self) -> Result<Document, Failure>;

    /// Returns what tells its comment from those of other plans: the account, the cluster, and what the plan is
    /// about.
    fn about(&self) -> (Option<&Account>, &str, String);

    /// Returns the kind of the comment, which tells it from those of another kind.
    fn kind(&self) -> &'static str {
        "plan"
    }

    /// Returns what the footer calls it, with a capital letter.
    fn said(&self) -> &'static str {
        "The plan"
    }
}

impl Commented for Plan {
    fn document(&self) -> Result<Document, Failure> {
        self.document()
    }

    /// Returns the task definition's family as what the plan is about.
    fn about(&self) -> (Option<&Account>, &str, String) {
        (self.account.as_ref(), &self.cluster, self.base.family().to_owned())
    }
}

impl Commented for DeployPlan {
    fn document(&self) -> Result<Document, Failure> {
        self.document()
    }

    /// Returns `deploy` and the services, which cannot be a family's name: that has neither a comma nor a space.
    fn about(&self) -> (Option<&Account>, &str, String) {
        let names: Vec<&str> = self.services.iter().map(|service| service.name()).collect();
        (Some(&self.account), &self.cluster, format!("deploy {}", names.join(",")))
    }
}

/// Makes or edits the plan's comment, so that the pull request has exactly one of this token's owner with its marker.
///
/// A comment counts when the token's owner wrote it and it begins with the marker: anyone may quote one. When two
/// runs find none and both make one, the older one stays, and each run deletes the younger ones.
///
/// # Errors
/// A [`GitHubFailure`](crate::ports::github::GitHubFailure)'s failure, or the plan cannot be rendered.
pub(crate) async fn comment(
    plan: &impl Commented,
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

/// Returns what tells this plan's comment from any other: account and Region, cluster, and what it is about.
fn marker(plan: &impl Commented) -> String {
    let (account, cluster, about) = plan.about();
    let place = account.map(|account| format!("{}/{}/", account.caller.account, account.region));
    format!(
        "<!-- fargate-migrate {} {}{}/{} -->",
        plan.kind(),
        place.unwrap_or_default(),
        name(cluster),
        name(&about)
    )
}

/// Encodes a name for an HTML comment, so that no two names become the same: what is unusual is percent-encoded.
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

fn body(plan: &impl Commented, marker: &str, on: &PullRequest, run_url: Option<&str>) -> Result<String> {
    let of = on.head.as_ref().filter(|head| is_commit(head)).map(|head| format!(" of {head}"));
    let by = run_url.map(|url| format!(" by <a href=\"{}\">this run</a>", html(url)));
    let footer = format!(
        "\n<sub>{}{}{}. Nothing has been changed; this comment is kept up to date.</sub>\n",
        plan.said(),
        of.unwrap_or_default(),
        by.unwrap_or_default()
    );
    let room = MAX_BODY.saturating_sub(marker.len() + 2 + footer.len());
    Ok(format!("{marker}\n\n{}{footer}", markdown(&plan.document()?, room)))
}

#[cfg(test)]
mod tests;
