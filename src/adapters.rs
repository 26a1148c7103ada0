//! The outside world, and the only place that names an SDK's types.
//!
//! [`Aws`] makes the traits of [`crate::ports`] real, each in the file of its service. Each of its calls has a
//! deadline (`--call-timeout`, retries included), the SDK's standard retries for 5xx, this run's share of AWS's rate,
//! and an error that names the call's IAM action.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use anyhow::Result;
use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::Semaphore;

use self::call_log::CallLog;
use self::rates::Rates;
use crate::ports::Call;
use crate::progress::Aside;

mod addresses;
mod call_log;
pub mod aws_error;
mod ca_certificates;
pub mod docker;
mod ecr;
mod ecs;
mod git;
pub mod github;
pub mod identity;
mod logs;
mod machine;
mod networks;
pub mod oci;
pub mod proxy;
pub mod push_error;
pub mod rates;
pub mod registry_login;
pub mod secret;
mod throttling;

pub use machine::ThisMachine;

/// AWS as one set of credentials in one region sees it.
pub struct Aws {
    region: String,
    config: SdkConfig,
    ecs: aws_sdk_ecs::Client,
    /// A repository may be in another Region than the cluster.
    ecr: RefCell<HashMap<String, aws_sdk_ecr::Client>>,
    tagging: aws_sdk_resourcegroupstagging::Client,
    /// A container may log to another region than it runs in.
    logs: RefCell<HashMap<String, aws_sdk_cloudwatchlogs::Client>>,
    log_pages: Semaphore,
    rates: Rates,
}

impl Aws {
    /// Finds region and credentials; a role's session is renewed for as long as this lives.
    ///
    /// # Errors
    /// A [`crate::failure::Failure`] when there is no region, or there are no credentials.
    pub async fn connect(access: &identity::Access, aside: &Aside) -> Result<Self> {
        let rates = Rates::new(access.api_share, access.call_timeout);
        Ok(Self::with(identity::load(access, aside).await?, rates))
    }

    /// Makes the client from a configuration that was made elsewhere: one whose HTTP client is a simulation, for
    /// example.
    pub fn from_config(config: SdkConfig, call_timeout: Duration, api_share: f64) -> Self {
        let config = identity::with_our_patience(config, call_timeout);
        Self::with(config, Rates::new(api_share, call_timeout))
    }

    fn with(config: SdkConfig, rates: Rates) -> Self {
        Self {
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            ecs: ecs::client(&config),
            ecr: RefCell::default(),
            tagging: aws_sdk_resourcegroupstagging::Client::from_conf(
                aws_sdk_resourcegroupstagging::config::Builder::from(&config).interceptor(CallLog).build(),
            ),
            logs: RefCell::default(),
            log_pages: Semaphore::new(logs::LOG_PAGES),
            config,
            rates,
        }
    }

    /// Sends `call` when its rate allows it, and again while AWS throttles it; `doing` is what its error begins with.
    async fn call<T, E>(
        &self,
        call: Call,
        doing: &str,
        send: impl AsyncFn() -> Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        // Boxed: a call that waits for its turn takes none of the 30 KB that an SDK's future has.
        let send = async || Box::pin(send()).await.map_err(|error| aws_error::failed(call, doing, error));
        // Boxed: every future of a run holds some of these, deeper than the compiler looks by itself.
        Box::pin(self.rates.keep(call, send)).await
    }

    /// Sends `call` once and at once, after its turn has come ([`Rates::turn`]).
    async fn call_once<T, E>(
        &self,
        call: Call,
        doing: &str,
        send: impl AsyncFn() -> Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let send = async || send().await.map_err(|error| aws_error::failed(call, doing, error));
        Box::pin(self.rates.once(call, send)).await
    }
}
