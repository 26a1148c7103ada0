//! A role's session that outlives itself: renewed in the background, long before it ends.
//!
//! The SDK's identity cache asks [`Session`] shortly before the credentials that it holds end. By then there are new
//! ones, so no call waits for a renewal, and one that fails is tried again while the old credentials still work.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::failure::Failure;
use crate::progress::Aside;

/// How long before its end a session is renewed. Tries that fail are repeated in this time.
const MARGIN: Duration = Duration::from_secs(300);
/// A session shorter than 20 minutes, as tests have them, is renewed in the last quarter.
const MARGIN_PART: u32 = 4;
/// Tries that fit into the margin.
const TRIES: u32 = 10;

/// Asks for new credentials; they say when they end.
pub(super) type Assume = Box<dyn Fn() -> BoxFuture<'static, Result<Credentials>> + Send + Sync>;

/// Credentials of a role, always of a session that still lasts.
pub struct Session {
    inner: Arc<Inner>,
    /// Ends when this is dropped.
    _renewer: JoinSet<()>,
}

struct Inner {
    assume: Assume,
    held: Mutex<Held>,
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
    aside: Aside,
}

#[derive(Clone)]
struct Held {
    credentials: Credentials,
    until: Instant,
    /// How long before its end it is renewed.
    margin: Duration,
}

impl Held {
    fn new(credentials: Credentials) -> Self {
        let left = credentials.expiry().map(|expiry| expiry.duration_since(SystemTime::now()));
        // Credentials without an end never end; STS's always have one.
        let left = left.map_or(Duration::from_secs(365 * 24 * 3600), Result::unwrap_or_default);
        Self { credentials, until: Instant::now() + left, margin: MARGIN.min(left / MARGIN_PART) }
    }

    fn renew_at(&self) -> Instant {
        self.until - self.margin
    }
}

impl Session {
    /// Begins the session, and renews it until it is dropped.
    pub async fn begin(assume: Assume, aside: Aside) -> Result<Self> {
        let held = Mutex::new(Held::new(assume().await?));
        let inner = Arc::new(Inner { assume, held, renewing: tokio::sync::Mutex::default(), aside });
        let renewer = JoinSet::from_iter([keep_renewing(inner.clone())]);
        Ok(Self { inner, _renewer: renewer })
    }
}

async fn keep_renewing(session: Arc<Inner>) {
    let mut failing = false;
    loop {
        sleep_until(session.held().renew_at()).await;
        let Err(error) = session.renew().await else {
            if std::mem::take(&mut failing) {
                session.aside.note("the AWS credentials are renewed");
            }
            continue;
        };
        let held = session.held();
        if !std::mem::replace(&mut failing, true) {
            let left = held.until.saturating_duration_since(Instant::now()).as_secs();
            session.aside.note(&format!(
                "the AWS credentials could not be renewed, and work for {left} s more; trying again: {error:#}"
            ));
        }
        sleep((held.margin / TRIES).max(Duration::from_millis(100))).await;
    }
}

impl Inner {
    fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets new credentials, unless another call has got some in the meantime.
    async fn renew(&self) -> Result<Held> {
        let _one = self.renewing.lock().await;
        let held = self.held();
        if Instant::now() < held.renew_at() {
            return Ok(held);
        }
        let held = Held::new((self.assume)().await?);
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held.clone();
        Ok(held)
    }

    async fn credentials(&self) -> provider::Result {
        let held = self.held();
        if Instant::now() < held.until {
            return Ok(held.credentials);
        }
        self.renew().await.map(|held| held.credentials).map_err(|error| {
            let doing = "the AWS credentials have expired and could not be renewed";
            CredentialsError::provider_error(Failure::from_error(&error).while_doing(doing))
        })
    }
}

impl ProvideCredentials for Session {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.inner.credentials())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
