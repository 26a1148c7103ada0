//! Where task engines get container images from: the one thing they need to know about a registry.

use std::path::Path;

/// A registry that task engines pull from.
pub trait Images: Send + Sync + 'static {
    /// Returns the digest (`sha256:…`) that an image reference resolves to.
    ///
    /// `reference` is what a task definition says, such as
    /// `123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:…`.
    fn resolve(&self, reference: &str) -> Result<String, PullError>;

    /// Unpacks the layers of an image into the empty directory `into`. Blocking.
    fn unpack(&self, reference: &str, into: &Path) -> Result<ImageConfig, PullError>;
}

/// What an image's configuration says about starting it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub env: Vec<(String, String)>,
    pub working_dir: String,
    pub user: String,
}

/// Why an image could not be pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullError {
    /// The repository, tag or digest does not exist.
    NotFound(String),
    /// A layer, manifest or configuration could not be read or unpacked.
    Broken(String),
}

impl std::fmt::Display for PullError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(what) => write!(f, "{what}: not found"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for PullError {}
