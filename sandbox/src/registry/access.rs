//! Who may push and pull: the passwords of GetAuthorizationToken, and signed layer downloads.

use std::collections::HashMap;
use std::{fmt, io};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::{Digest, Registry};

/// GetAuthorizationToken: "The authorization token is valid for 12 hours".
const PASSWORD_LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// About the size of a real one, so that whatever cannot take a long password shows it.
const PASSWORD_BYTES: usize = 1_500;
/// GetDownloadUrlForLayer answers with an address that works for an hour.
const DOWNLOAD_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// The user name of every ECR login.
pub(super) const USER: &str = "AWS";

/// A password for user `AWS`.
#[derive(Clone)]
pub struct Password {
    pub secret: String,
    pub expires_at: Timestamp,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

pub(super) struct Access {
    issued: HashMap<String, Timestamp>,
    signing_key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    Granted,
    /// No credentials at all, or not for basic authentication.
    Anonymous,
    Unknown,
    Expired,
}

impl Access {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { issued: HashMap::new(), signing_key: random(32)? })
    }
}

impl Registry {
    /// Issues a password for `docker login --username AWS`, valid for 12 hours of the registry's clock.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn issue_password(&self) -> io::Result<Password> {
        let password =
            Password { secret: random(PASSWORD_BYTES)?, expires_at: self.now() + PASSWORD_LIFETIME };
        self.access().issued.insert(password.secret.clone(), password.expires_at);
        Ok(password)
    }

    /// Judges the value of an `Authorization` header.
    pub(super) fn permission(&self, authorization: Option<&str>) -> Permission {
        let Some(encoded) = authorization.and_then(|value| value.strip_prefix("Basic ")) else {
            return Permission::Anonymous;
        };
        let Some(secret) = password_of(encoded) else { return Permission::Unknown };
        match self.access().issued.get(&secret) {
            None => Permission::Unknown,
            Some(expires_at) if *expires_at <= self.now() => Permission::Expired,
            Some(_) => Permission::Granted,
        }
    }

    /// Returns path and query of a layer that can be fetched without a login until the signature expires, in an hour.
    pub fn signed_layer_path(&self, repository: &str, digest: &Digest) -> String {
        let expires = (self.now() + DOWNLOAD_LIFETIME).as_second();
        let signature = self.signature(repository, digest, expires);
        format!("/v2/{repository}/blobs/{digest}?X-Amz-Expires={expires}&X-Amz-Signature={signature}")
    }

    pub(super) fn is_signed(&self, repository: &str, digest: &Digest, expires: i64, signature: &str) -> bool {
        expires > self.now().as_second() && signature == self.signature(repository, digest, expires)
    }

    fn signature(&self, repository: &str, digest: &Digest, expires: i64) -> String {
        let text = format!("{}\n{repository}\n{digest}\n{expires}", self.access().signing_key);
        Digest::of(text.as_bytes()).hex().to_owned()
    }

    fn access(&self) -> std::sync::MutexGuard<'_, Access> {
        self.0.access.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn password_of(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    (user == USER).then(|| password.to_owned())
}

fn random(bytes: usize) -> io::Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(io::Error::other)?;
    Ok(BASE64_STANDARD.encode(buffer))
}
