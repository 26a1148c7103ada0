use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::RegistryError;

/// A content digest, `sha256:` and 64 lower-case hex digits; the only algorithm that ECR takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hash(&sha2::Sha256::digest(bytes))
    }

    pub(super) fn from_hash(hash: &[u8]) -> Self {
        Self(format!("sha256:{}", hex::encode(hash)))
    }

    /// Parses a digest.
    ///
    /// # Errors
    /// [`RegistryError::InvalidDigest`] for anything else than a SHA-256 digest.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let is_digest = text.strip_prefix("sha256:").is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if is_digest {
            Ok(Self(text.to_owned()))
        } else {
            Err(RegistryError::InvalidDigest { digest: text.to_owned() })
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the 64 hex digits: a safe file name.
    pub(super) fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Digest {
    type Error = RegistryError;

    fn try_from(text: String) -> Result<Self, RegistryError> {
        Self::parse(&text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}
