//! Roles, whom they trust, and the sessions that were given out for them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::github_oidc::SUBJECT;
use crate::ids::Ids;

/// The role of the seed's workflow.
pub const ROLE: &str = "github-actions-startupwebapp";

/// One assumed role's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub access_key: String,
    pub secret_key: String,
    pub token: String,
    /// `ROLE/SESSION`.
    pub principal: String,
    /// Milliseconds since the Unix epoch.
    pub expires_at: i64,
    /// Whether a call was signed with it. The answer that gave it out may never have arrived.
    pub used: bool,
}

pub struct Sessions {
    state: Mutex<State>,
}

struct State {
    /// `sub` claims that each role trusts.
    trust: BTreeMap<String, Vec<String>>,
    lifetime: Option<Duration>,
    sessions: Vec<Session>,
}

impl Default for Sessions {
    fn default() -> Self {
        let trust = BTreeMap::from([(ROLE.into(), vec![SUBJECT.into()])]);
        Self { state: Mutex::new(State { trust, lifetime: None, sessions: Vec::new() }) }
    }
}

impl Sessions {
    /// Lets exactly these subjects assume the role.
    pub fn trust(&self, role: &str, subjects: &[&str]) {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        self.state().trust.insert(role.into(), subjects);
    }

    pub fn trusts(&self, role: &str, subject: &str) -> bool {
        self.state().trust.get(role).is_some_and(|subjects| subjects.iter().any(|known| known == subject))
    }

    /// Makes new sessions end after this long, whatever their duration: STS has none below 15 minutes.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state().lifetime = Some(lifetime);
    }

    pub fn all(&self) -> Vec<Session> {
        self.state().sessions.clone()
    }

    /// Returns the session that a call was signed with, and marks it as used.
    pub fn of_call(&self, access_key: &str, token: Option<&str>) -> Option<Session> {
        let mut state = self.state();
        let is_meant =
            |session: &&mut Session| session.access_key == access_key && Some(&*session.token) == token;
        let session = state.sessions.iter_mut().find(is_meant)?;
        session.used = true;
        Some(session.clone())
    }

    /// Begins a session of a role. `now` is in milliseconds since the Unix epoch.
    pub fn begin(&self, ids: &Ids, role: &str, name: &str, duration: Duration, now: i64) -> Session {
        let mut state = self.state();
        let lasts = state.lifetime.unwrap_or(duration);
        let session = Session {
            access_key: format!("ASIA{}", ids.hex(16).to_uppercase()),
            secret_key: ids.hex(40),
            token: format!("sandbox-session-{}", ids.hex(64)),
            principal: format!("{role}/{name}"),
            expires_at: now + i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX / 2),
            used: false,
        };
        state.sessions.push(session.clone());
        session
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
