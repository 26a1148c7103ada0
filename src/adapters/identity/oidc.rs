//! GitHub's OIDC token: a JWT that says which repository, branch or environment a job runs for.
//!
//! A job with `permissions: id-token: write` finds an address and a bearer token in its environment
//! (actions/toolkit, packages/core/src/oidc-utils.ts).

use std::time::Duration;

use anyhow::Result;
use aws_smithy_types::base64;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::adapters::aws_error::innermost;
use crate::adapters::call_log;
use crate::adapters::proxy::Proxies;
use crate::adapters::secret::Secret;
use crate::backoff::jittered;
use crate::failure::{Failure, is_transient};
use crate::untrusted::phrase;

const DOING: &str = "ask GitHub for an OIDC token";
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(10);
/// The toolkit tries up to 10 times.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where this job gets its tokens.
#[derive(Debug)]
pub(super) struct TokenEndpoint {
    client: Client,
    proxies: Proxies,
    url: Url,
    bearer: Secret,
}

/// What STS checks of a token. Read without checking the signature: for the hint of an error alone.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Claims {
    #[serde(default)]
    pub sub: String,
    #[serde(default)]
    pub aud: String,
}

impl TokenEndpoint {
    /// Finds in the environment where this job gets its tokens.
    ///
    /// # Errors
    /// A [`Failure`] with the missing permission when the job has no address to ask; or the address, or a proxy, is
    /// wrong.
    pub(super) fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let (Some(url), Some(bearer)) =
            (set("ACTIONS_ID_TOKEN_REQUEST_URL"), set("ACTIONS_ID_TOKEN_REQUEST_TOKEN"))
        else {
            return Err(Failure::input(format!("{DOING}: this job may not have one"))
                .hint(
                    "give the job `permissions: id-token: write`; outside of GitHub Actions leave --role-to-assume \
                     away and use AWS_PROFILE or another source of credentials",
                )
                .evidence(["ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set".into()])
                .into());
        };
        let url = Url::parse(&url)
            .map_err(|_| Failure::input(format!("{DOING}: ACTIONS_ID_TOKEN_REQUEST_URL is not a URL")))?;
        let proxies = Proxies::of_this_process()?;
        let client = proxies.reqwest()?.connect_timeout(CONNECT_DEADLINE).build()?;
        Ok(Self { client, proxies, url, bearer: Secret::new(bearer) })
    }

    /// Gets a new token for `audience`. Server errors, rate limits and silence are tried again until `deadline`.
    pub(super) async fn token(&self, audience: &str, deadline: Duration) -> Result<Secret> {
        let deadline = Instant::now() + deadline;
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let error =
                match timeout_at(deadline, timeout(ATTEMPT_DEADLINE, self.ask(audience, attempt))).await {
                    Ok(Ok(Ok(token))) => return Ok(token),
                    Ok(Ok(Err(error))) => error,
                    Ok(Err(_)) | Err(_) => unanswered("no answer before the deadline").into(),
                };
            if !is_transient(&error) || attempt == ATTEMPTS || Instant::now() + pause >= deadline {
                return Err(error);
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            attempt += 1;
        }
    }

    async fn ask(&self, audience: &str, attempt: u32) -> Result<Secret> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("audience", audience);
        let request = self
            .client
            .get(url)
            .header(AUTHORIZATION, format!("Bearer {}", self.bearer.expose()))
            .header(ACCEPT, "application/json");
        // reqwest's error would name the address: it says which run this is, and nothing that helps.
        let began = Instant::now();
        let answer = request.send().await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        call_log::told("GitHub: OIDC token", status, began, attempt);
        let answer = answer.map_err(|error| match self.proxies.failure_of(&error) {
            Some(failure) => failure.while_doing(DOING),
            None => unanswered(&innermost(&error.without_url())),
        })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(refused(status).into());
        }
        let answer: Value = answer.json().await.unwrap_or_default();
        let token = answer["value"].as_str().ok_or_else(|| unanswered("its answer has no token"))?;
        Ok(Secret::new(token))
    }
}

fn unanswered(why: &str) -> Failure {
    Failure::service(format!("{DOING}: {why}"))
        .hint("githubstatus.com tells whether GitHub Actions has an outage; run again later")
        .transient()
}

fn refused(status: StatusCode) -> Failure {
    let failure = Failure::service(format!("{DOING}: it answers {status}"));
    match status.as_u16() {
        408 | 429 => failure.transient(),
        500.. => failure.hint("githubstatus.com tells whether GitHub Actions has an outage").transient(),
        _ => failure.hint(
            "the job's ACTIONS_ID_TOKEN_REQUEST_TOKEN is refused: it ends with its job, so it cannot come from \
             another one",
        ),
    }
}

impl Claims {
    /// Reads the claims; `None` when the token is not a JWT.
    pub(super) fn of(token: &str) -> Option<Self> {
        let payload = token.split('.').nth(1)?;
        let mut standard = payload.replace('-', "+").replace('_', "/");
        standard.push_str(&"===="[..(4 - standard.len() % 4) % 4]);
        let claims: Self = serde_json::from_slice(&base64::decode(standard).ok()?).ok()?;
        Some(Self { sub: phrase(&claims.sub), aud: phrase(&claims.aud) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        let url_safe = |text: &str| base64::encode(text).replace('+', "-").replace('/', "_");
        format!("e30.{}.c2ln", url_safe(payload).trim_end_matches('='))
    }

    #[test]
    fn claims_are_read_whatever_their_padding() {
        for sub in ["repo:o/r:environment:p", "repo:o/r:environment:pr", "repo:o/r:environment:prö"] {
            let token = jwt(&format!(r#"{{"sub":"{sub}","aud":"sts.amazonaws.com","exp":1}}"#));
            assert_eq!(Claims::of(&token), Some(Claims { sub: sub.into(), aud: "sts.amazonaws.com".into() }));
        }
    }

    #[test]
    fn what_is_no_token_has_no_claims_and_a_hostile_one_is_one_short_line() {
        for token in ["", "a.b", "a.%%.c", "a..c"] {
            assert_eq!(Claims::of(token), None, "{token}");
        }
        let claims = Claims::of(&jwt(&format!(r#"{{"sub":"a\n::error::{}"}}"#, "x".repeat(9_000)))).unwrap();
        assert!(!claims.sub.contains('\n') && claims.sub.chars().count() <= 300, "{claims:?}");
    }

    #[test]
    fn without_the_permission_the_hint_names_it() {
        let error = TokenEndpoint::from_environment(&|_| None).unwrap_err();
        assert!(Failure::find(&error).unwrap().hint.as_deref().unwrap().contains("id-token: write"));
    }

    #[test]
    fn a_bearer_is_never_shown() {
        let variable = |name: &str| {
            Some(if name.ends_with("_URL") { "http://127.0.0.1:1/".to_owned() } else { "hunter2".to_owned() })
        };
        let endpoint = TokenEndpoint::from_environment(&variable).unwrap();
        assert!(!format!("{endpoint:?}").contains("hunter2"));
    }
}
