//! STS AssumeRoleWithWebIdentity: GitHub's token for a role's credentials.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;

use super::oidc::{Claims, TokenEndpoint};
use super::session::Session;
use super::sts;
use crate::adapters::aws_error;
use crate::arn;
use crate::failure::Failure;
use crate::ports::Call;
use crate::progress::Aside;
use crate::settings::RunIdentity;

/// Whom to become, and as whom CloudTrail shows it.
#[derive(Debug, Clone)]
pub struct Role {
    pub arn: String,
    /// The run's startedBy.
    pub run: String,
}

/// RoleSessionName: 2 to 64 characters of `[\w+=,.@-]` (AssumeRoleWithWebIdentity).
const SESSION_NAME: usize = 64;

impl Role {
    pub fn of(arn: Option<&String>, run: &RunIdentity) -> Option<Self> {
        arn.map(|arn| Self { arn: arn.clone(), run: run.started_by.clone() })
    }

    fn session_name(&self) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        self.run.chars().map(|c| if allowed(c) { c } else { '-' }).take(SESSION_NAME).collect()
    }
}

/// Returns the audience that tokens for a partition's STS have: China's has a name of its own
/// (aws-actions/configure-aws-credentials, `audience`).
pub fn audience(partition: &str) -> &'static str {
    if partition == "aws-cn" { "sts.amazonaws.com.cn" } else { "sts.amazonaws.com" }
}

/// Assumes the role, and keeps its session going. `config` needs no credentials: the call is not signed.
pub async fn assume(
    role: &Role,
    config: &SdkConfig,
    call_timeout: Duration,
    aside: &Aside,
) -> Result<Session> {
    let assumption = Arc::new(Assumption {
        role: role.clone(),
        tokens: TokenEndpoint::from_environment(&|name| std::env::var(name).ok())?,
        sts: sts(config),
        call_timeout,
        aside: aside.clone(),
    });
    let assume = move || {
        let assumption = assumption.clone();
        Box::pin(async move { assumption.credentials().await }) as _
    };
    Session::begin(Box::new(assume), aside.clone()).await
}

struct Assumption {
    role: Role,
    tokens: TokenEndpoint,
    sts: aws_sdk_sts::Client,
    call_timeout: Duration,
    aside: Aside,
}

impl Assumption {
    async fn credentials(&self) -> Result<Credentials> {
        let token = self.tokens.token(audience(arn::partition(&self.role.arn)), self.call_timeout).await?;
        self.aside.mask(token.expose());
        let doing = format!("assume role {}", self.role.arn);
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(&self.role.arn)
            .role_session_name(self.role.session_name())
            .web_identity_token(token.expose())
            .send()
            .await
            .map_err(|error| {
                let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
                match refused(&doing, code, message, token.expose()) {
                    Some(failure) => failure.into(),
                    None => aws_error::failed(Call::ASSUME_ROLE_WITH_WEB_IDENTITY, &doing, error),
                }
            })?;
        let given = answer.credentials.ok_or_else(|| {
            aws_error::incomplete(Call::ASSUME_ROLE_WITH_WEB_IDENTITY, &doing, "Credentials")
        })?;
        for secret in [&given.access_key_id, &given.secret_access_key, &given.session_token] {
            self.aside.mask(secret);
        }
        let end = SystemTime::try_from(given.expiration)?;
        let (key, secret, token) = (given.access_key_id, given.secret_access_key, given.session_token);
        Ok(Credentials::new(key, secret, Some(token), Some(end), "GitHubOidc"))
    }
}

/// Makes the failure of a refusal that a person can fix, or that passes; `None` for anything else.
fn refused(doing: &str, code: &str, message: &str, token: &str) -> Option<Failure> {
    let claims = Claims::of(token).unwrap_or_default();
    let hint = match code {
        "AccessDenied" => format!(
            "the role does not exist, or its trust policy does not allow this job: its token has sub {} and aud {}. \
             `fargate-migrate iam` prints a trust policy to compare with",
            claims.sub, claims.aud
        ),
        "InvalidIdentityToken" => format!(
            "the account needs an OpenID Connect provider for GitHub's tokens that takes the audience {}: \
             `fargate-migrate iam` prints how to create it",
            claims.aud
        ),
        "IDPCommunicationError" | "ExpiredTokenException" => {
            return Some(Failure::service(format!("{doing}: {message}")).transient());
        }
        _ => return None,
    };
    let failure = Failure::input(format!("{doing}: AWS refuses GitHub's token"));
    Some(failure.hint(hint).evidence([message.to_owned()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(arn: &str, run: &str) -> Role {
        Role { arn: arn.into(), run: run.into() }
    }

    #[test]
    fn the_session_is_named_after_the_run_in_the_characters_that_sts_takes() {
        let name = role("arn:aws:iam::1:role/x", "fargate-migrate/gha-4242-1-migrate").session_name();
        assert_eq!(name, "fargate-migrate-gha-4242-1-migrate");
        assert_eq!(role("", &"ä/".repeat(99)).session_name(), "-".repeat(64));
    }

    #[test]
    fn each_partition_has_its_audience() {
        let of = |arn: &str| audience(arn::partition(arn));
        assert_eq!(of("arn:aws:iam::1:role/x"), "sts.amazonaws.com");
        assert_eq!(of("arn:aws-us-gov:iam::1:role/x"), "sts.amazonaws.com");
        assert_eq!(of("arn:aws-cn:iam::1:role/x"), "sts.amazonaws.com.cn");
    }

    #[test]
    fn a_refusal_never_quotes_the_token() {
        for code in ["AccessDenied", "InvalidIdentityToken"] {
            let failure = refused("assume role x", code, "Not authorized", "aaa.bbb.ccc").expect(code);
            assert!(!format!("{failure:?}").contains("bbb"), "{failure:?}");
        }
        assert!(refused("assume role x", "Throttling", "", "").is_none());
    }
}
