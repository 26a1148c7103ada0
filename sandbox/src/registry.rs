//! The image registry of the sandbox: ECR repositories, kept on disk, behind the OCI distribution API.
//!
//! [`Registry`] is the state that both faces share: [`router`] serves `/v2/` to `docker push`, `docker pull` and
//! OCI clients, and [`crate::ecr`] answers the ECR API. Manifest bytes are kept exactly, so digests agree everywhere.

mod access;
mod content;
mod digest;
mod expiry;
mod failure;
mod images;
mod layers;
mod mutability;
mod reference;
mod repositories;
mod routes;
mod uploads;
mod unpack;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub use access::Password;
pub use digest::Digest;
pub use failure::RegistryError;
pub use images::{Image, ImageKey, Put, StoredManifest};
pub use mutability::RepositorySettings;
pub use reference::Reference;
pub use repositories::Repository;
pub(crate) use routes::immutable_tag;
pub use routes::router;

pub use uploads::UploadId;

/// The time that the registry lives in: token expiry and push times come from here.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Which registry this is and where it keeps its images.
#[derive(Clone)]
pub struct RegistrySettings {
    /// AWS account id, twelve digits; the registry id of every answer.
    pub account: String,
    pub region: String,
    /// `host:port` under which [`router`] is served; the registry part of every repository URI.
    pub host: String,
    /// Where repositories and blobs are kept, and found again; a temporary directory when absent.
    pub directory: Option<PathBuf>,
    pub clock: Clock,
}

impl RegistrySettings {
    /// Makes settings with images in a temporary directory, and real time.
    pub fn new(account: impl Into<String>, region: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
            host: host.into(),
            directory: None,
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// ECR's registry of one account and region; clones share their state.
#[derive(Clone)]
pub struct Registry(Arc<State>);

struct State {
    settings: RegistrySettings,
    content: content::Content,
    repositories: Mutex<repositories::Repositories>,
    uploads: Mutex<HashMap<UploadId, uploads::Upload>>,
    access: Mutex<access::Access>,
    /// Upstream registries by the prefix of the repositories that cache them.
    pull_through: Mutex<BTreeMap<String, String>>,
    /// Repository, and tag or digest, of images that are gone.
    expired: Mutex<BTreeSet<(String, String)>>,
}

impl Registry {
    /// Opens the registry in its directory, with what a former one left there.
    ///
    /// # Errors
    /// The directory cannot be created, or its index cannot be read.
    pub fn new(settings: RegistrySettings) -> std::io::Result<Self> {
        let content = content::Content::open(settings.directory.as_deref())?;
        let repositories = Mutex::new(content.read_index()?);
        let access = Mutex::new(access::Access::new()?);
        Ok(Self(Arc::new(State {
            settings,
            content,
            repositories,
            uploads: Mutex::default(),
            access,
            pull_through: Mutex::default(),
            expired: Mutex::default(),
        })))
    }

    /// Returns the AWS account id, which is ECR's registry id.
    pub fn account(&self) -> &str {
        &self.0.settings.account
    }

    pub fn region(&self) -> &str {
        &self.0.settings.region
    }

    /// Returns `host:port` of the distribution API.
    pub fn host(&self) -> &str {
        &self.0.settings.host
    }

    /// Returns what a task definition names: `127.0.0.1:PORT/REPOSITORY`.
    pub fn repository_uri(&self, repository: &str) -> String {
        format!("{}/{repository}", self.host())
    }

    /// Adds a rule; returns false where there is one with this prefix.
    pub fn add_pull_through_rule(&self, prefix: &str, upstream: &str) -> bool {
        let mut rules = self.0.pull_through.lock().unwrap_or_else(PoisonError::into_inner);
        if rules.contains_key(prefix) {
            return false;
        }
        rules.insert(prefix.to_owned(), upstream.to_owned());
        true
    }

    /// Returns the upstream registries by prefix.
    pub fn pull_through_rules(&self) -> BTreeMap<String, String> {
        self.0.pull_through.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn now(&self) -> Timestamp {
        (self.0.settings.clock)()
    }

    fn repositories_mut(&self) -> MutexGuard<'_, repositories::Repositories> {
        // A panic elsewhere leaves the map as it was: every change is one insertion.
        self.0.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("host", &self.host()).finish_non_exhaustive()
    }
}
