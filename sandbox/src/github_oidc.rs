//! GitHub's issuer of OIDC tokens, as the job of a workflow run finds it.
//!
//! The tokens have GitHub's claims and no signature: what was issued is remembered, and STS asks for that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::faults::Disturbance;
use crate::world::World;

/// The issuer's name, and the end of its provider's ARN.
pub const ISSUER: &str = "token.actions.githubusercontent.com";
/// The repository whose job asks, unless a test says otherwise.
pub const SUBJECT: &str = "repo:octo/shop:environment:production";
/// GitHub's tokens are good for minutes.
const LIFETIME: i64 = 300;
/// What a fault names to strike here.
const OPERATION: &str = "github:GetIdToken";

pub struct Issuer {
    bearer: String,
    state: Mutex<Issued>,
}

struct Issued {
    subject: String,
    tokens: HashMap<String, Claims>,
}

/// What STS needs of a token.
#[derive(Debug, Clone)]
pub struct Claims {
    pub subject: String,
    pub audience: String,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

impl Issuer {
    pub fn new(bearer: String) -> Self {
        let state = Issued { subject: SUBJECT.into(), tokens: HashMap::new() };
        Self { bearer, state: Mutex::new(state) }
    }

    /// Sets whom the tokens from now on are about.
    pub fn set_subject(&self, subject: &str) {
        self.state().subject = subject.into();
    }

    /// Lists every token so far.
    pub fn tokens(&self) -> Vec<String> {
        self.state().tokens.keys().cloned().collect()
    }

    /// Returns what a token says, if this issuer made it.
    pub fn claims(&self, token: &str) -> Option<Claims> {
        self.state().tokens.get(token).cloned()
    }

    /// Returns what a job with `id-token: write` has in its environment.
    pub fn environment(&self, host: &str) -> [(String, String); 2] {
        [
            ("ACTIONS_ID_TOKEN_REQUEST_URL".into(), format!("http://{host}/github/idtoken?api-version=2.0")),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".into(), self.bearer.clone()),
        ]
    }

    fn state(&self) -> MutexGuard<'_, Issued> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Issues a token with GitHub's claims (docs.github.com, "OpenID Connect reference").
    fn issue(&self, audience: &str, now: i64, id: &str) -> String {
        let mut state = self.state();
        let subject = state.subject.clone();
        let repository = subject.split(':').nth(1).unwrap_or_default();
        let claims = json!({
            "jti": id,
            "sub": subject,
            "aud": audience,
            "iss": format!("https://{ISSUER}"),
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "repository": repository,
            "repository_id": "70107",
            "repository_owner": repository.split('/').next(),
            "repository_owner_id": "4242",
            "repository_visibility": "private",
            "environment": subject.split(":environment:").nth(1),
            "ref": "refs/heads/main",
            "ref_type": "branch",
            "sha": "0123456789abcdef0123456789abcdef01234567",
            "workflow": "migrate",
            "job_workflow_ref": format!("{repository}/.github/workflows/migrate.yml@refs/heads/main"),
            "event_name": "workflow_dispatch",
            "run_id": "4242",
            "run_number": "1",
            "run_attempt": "1",
            "runner_environment": "github-hosted",
            "actor": "octocat",
        });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"alg": "RS256", "typ": "JWT", "kid": "sandbox"}));
        let token = format!("{header}.{}.{}", part(&claims), URL_SAFE_NO_PAD.encode(id));
        let claims = Claims { subject, audience: audience.into(), expires_at: now + LIFETIME };
        state.tokens.insert(token.clone(), claims);
        token
    }
}

pub fn router(world: Arc<World>) -> Router {
    Router::new().route("/github/idtoken", routing::get(serve)).with_state(world)
}

async fn serve(
    State(world): State<Arc<World>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let refusal =
        |status: StatusCode, message: &str| (status, Json(json!({"message": message}))).into_response();
    match world.faults.on_call(OPERATION) {
        Some(Disturbance::Hang) => return std::future::pending().await,
        Some(Disturbance::MalformedBody) => return "<html>".into_response(),
        Some(Disturbance::Throttle) => return refusal(StatusCode::TOO_MANY_REQUESTS, "slow down"),
        Some(_) => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "an internal error"),
        None => {}
    }
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("Bearer {}", world.issuer.bearer)) {
        return refusal(StatusCode::UNAUTHORIZED, "the bearer token is not valid");
    }
    // Without an audience GitHub's tokens are for the owner's page.
    let audience = query.get("audience").map_or("https://github.com/octo", String::as_str);
    let token = world.issuer.issue(audience, world.clock.now() / 1000, &world.ids.uuid());
    Json(json!({"count": 1, "value": token})).into_response()
}
