//! Pure: whom the role trusts: GitHub's tokens for one repository, and in it one environment or branch.

use serde_json::{Value, json};

use super::scope::{Blanks, Scope};
use crate::adapters::identity::role::audience;
use crate::cli::TrustFlags;
use crate::failure::Failure;

/// Who issues the tokens of github.com.
pub(super) const ISSUER: &str = "token.actions.githubusercontent.com";

/// The `sub` claims of the jobs that may have the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subjects {
    owner: String,
    name: String,
    owner_id: String,
    repository_id: String,
    /// `environment:production`, `ref:refs/heads/main`.
    contexts: Vec<String>,
}

impl Subjects {
    /// Takes the repository from the flags, the job's variables or the checkout; what nothing says becomes a
    /// placeholder.
    ///
    /// # Errors
    /// A value is not a name, or would let more than one job in.
    pub fn new(
        flags: &TrustFlags,
        variable: &dyn Fn(&str) -> Option<String>,
        remote: Option<&str>,
        blanks: &mut Blanks,
    ) -> Result<Self, Failure> {
        let mut blank = |name, how: &str| blanks.fill(None, name, how);
        let given = flags.github_repository.clone();
        let repository =
            given.or_else(|| variable("GITHUB_REPOSITORY")).or_else(|| remote.map(str::to_owned));
        let (owner, name) = match &repository {
            Some(repository) => {
                let parts = repository
                    .split_once('/')
                    .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'));
                let (owner, name) = parts.ok_or_else(|| {
                    Failure::input(format!("invalid value {repository:?} for --github-repository"))
                        .hint("write OWNER/NAME")
                })?;
                (exact("github-repository", owner)?, exact("github-repository", name)?)
            }
            None => {
                let how = "the repository on GitHub: pass --github-repository OWNER/NAME";
                (blank("OWNER", how), blank("NAME", how))
            }
        };
        let how = format!(
            "a number that stays when names change: gh api repos/{owner}/{name} --jq '.owner.id, .id'"
        );
        // In a job the ids are those of its own repository.
        let own = variable("GITHUB_REPOSITORY") == repository;
        let mut id = |flag: &Option<String>, name: &str, blank_name| {
            let given = flag.clone().or_else(|| variable(name).filter(|_| own));
            given.map_or_else(|| Ok(blank(blank_name, &how)), |id| number(blank_name, id))
        };
        let owner_id = id(&flags.github_owner_id, "GITHUB_REPOSITORY_OWNER_ID", "OWNER_ID")?;
        let repository_id = id(&flags.github_repository_id, "GITHUB_REPOSITORY_ID", "REPOSITORY_ID")?;
        let mut contexts = Vec::new();
        for environment in &flags.github_environment {
            // GitHub writes a colon in a name like this (OpenID Connect reference, "Customizing the subject claims").
            let environment = exact("github-environment", environment)?.replace(':', "%3A");
            contexts.push(format!("environment:{environment}"));
        }
        for reference in &flags.github_ref {
            contexts.push(format!("ref:{}", exact("github-ref", reference)?));
        }
        if contexts.is_empty() {
            let how = "the environment of the job: pass --github-environment; or --github-ref refs/heads/main for a \
                       job without one";
            contexts.push(format!("environment:{}", blank("ENVIRONMENT", how)));
        }
        Ok(Self { owner, name, owner_id, repository_id, contexts })
    }

    /// Returns both forms of each claim: names, and names with ids, which repositories
    /// have that were created or renamed on or after 15 July 2026.
    pub fn claims(&self) -> Vec<String> {
        let Self { owner, name, owner_id, repository_id, contexts } = self;
        let forms =
            [format!("repo:{owner}/{name}"), format!("repo:{owner}@{owner_id}/{name}@{repository_id}")];
        contexts
            .iter()
            .flat_map(|context| forms.iter().map(move |form| format!("{form}:{context}")))
            .collect()
    }
}

/// Returns the value where it names one thing: a claim is compared as it is, and a wildcard would stand for itself at
/// best.
fn exact(flag: &str, value: &str) -> Result<String, Failure> {
    if value.is_empty() || value.contains(['*', '?']) || value.contains(char::is_whitespace) {
        return Err(Failure::input(format!("--{flag} {value:?} does not name one thing"))
            .hint("name it exactly; repeat --github-environment and --github-ref for several"));
    }
    Ok(value.to_owned())
}

fn number(name: &str, id: String) -> Result<String, Failure> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(id);
    }
    Err(Failure::input(format!("invalid value {id:?} for {name}"))
        .hint("gh api repos/OWNER/NAME --jq '.owner.id, .id' prints both"))
}

/// Makes the role's trust policy.
pub(super) fn trust(scope: &Scope) -> Value {
    let Scope { partition, account, .. } = scope;
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:{partition}:iam::{account}:oidc-provider/{ISSUER}")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                (format!("{ISSUER}:aud")): audience(partition),
                (format!("{ISSUER}:sub")): scope.subjects.claims(),
            }},
        }],
    })
}
