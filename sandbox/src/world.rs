//! What all services of one sandbox share.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::alarms::Alarms;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::ecs::Spawner;
use crate::engine::{Login, Programs, Runtime};
use crate::faults::Faults;
use crate::github_oidc::Issuer;
use crate::ids::Ids;
use crate::options::Options;
use crate::quotas::Meter;
use crate::region::Region;
use crate::registry::{Registry, RegistrySettings};
use crate::sessions::{ROLE, Sessions};

/// The access key that the sandbox accepts; any secret key goes with it.
pub const ACCESS_KEY: &str = "SANDBOXACCESSKEY0000";
pub const SECRET_KEY: &str = "sandbox";

pub struct World {
    pub options: Options,
    /// `127.0.0.1:PORT`.
    pub host: String,
    pub clock: Arc<Clock>,
    pub ids: Ids,
    pub calls: Calls,
    pub faults: Faults,
    pub(crate) alarms: Alarms,
    pub quotas: Meter,
    pub programs: Programs,
    pub runtime: Runtime,
    pub registry: Registry,
    pub issuer: Issuer,
    pub sessions: Sessions,
    pub spawner: Spawner,
    regions: Mutex<BTreeMap<String, Arc<Region>>>,
    lives: Mutex<JoinSet<()>>,
}

impl World {
    pub fn new(options: Options, host: String, spawner: Spawner) -> anyhow::Result<Arc<Self>> {
        let registry_host = options.registry_host.clone().unwrap_or_else(|| host.clone());
        let mut settings = RegistrySettings::new(&options.account, &options.region, registry_host);
        settings.directory = options.images.clone();
        let registry = Registry::new(settings).context("open image registry")?;
        let clock = Arc::new(Clock::start(options.pace));
        let issuer = registry.clone();
        let login = Login {
            registry: host.clone(),
            password: Arc::new(move || {
                Ok(issuer.issue_password().context("issue registry password")?.secret)
            }),
        };
        let runtime = Runtime::new(&options, clock.clone(), Arc::new(registry.clone()), login)?;
        Ok(Arc::new(Self {
            issuer: Issuer::new(format!("sandbox-bearer-{}", Ids::seeded(options.seed ^ 0x01DC).hex(32))),
            sessions: Sessions::default(),
            ids: Ids::seeded(options.seed),
            calls: Calls::new(options.keep_calls, options.record.as_deref())?,
            faults: Faults::seeded(options.seed),
            alarms: Alarms::default(),
            quotas: Meter::new(options.quotas).with_vcpus(options.vcpus).with_scale(clock.scale()),
            programs: Programs::default(),
            regions: Mutex::default(),
            lives: Mutex::default(),
            options,
            host,
            clock,
            runtime,
            spawner,
            registry,
        }))
    }

    /// Returns who the sandbox's own access key is: the role of a workflow.
    pub fn principal(&self) -> String {
        self.assumed_role(&format!("{ROLE}/GitHubActions"))
    }

    /// Returns `ROLE/SESSION` as an ARN.
    pub fn assumed_role(&self, session: &str) -> String {
        format!("arn:aws:sts::{}:assumed-role/{session}", self.options.account)
    }

    /// Returns the sandbox's own Region.
    pub fn home(&self) -> anyhow::Result<Arc<Region>> {
        self.region(&self.options.region)
    }

    /// Returns a Region; all but the sandbox's own begin empty.
    pub fn region(&self, name: &str) -> anyhow::Result<Arc<Region>> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = regions.get(name) {
            return Ok(region.clone());
        }
        let registry = if name == self.options.region {
            self.registry.clone()
        } else {
            let settings = RegistrySettings::new(&self.options.account, name, &self.host);
            Registry::new(settings).with_context(|| format!("open image registry of region {name}"))?
        };
        let region = Region::new(name, &self.options.account, registry);
        regions.insert(name.into(), region.clone());
        Ok(region)
    }

    /// Runs until it is done or the sandbox stops.
    pub fn spawn(&self, life: impl Future<Output = ()> + Send + 'static) {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        while lives.try_join_next().is_some() {}
        lives.spawn(life);
    }

    /// Ends every task's life, and waits until none is left.
    pub async fn end_lives(&self) {
        let mut lives = std::mem::take(&mut *self.lives.lock().unwrap_or_else(PoisonError::into_inner));
        lives.shutdown().await;
    }

    /// Ends every task and kills whatever they run.
    pub fn shut_down(&self) {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
        self.runtime.kill_all();
    }
}
