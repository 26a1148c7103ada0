//! Region and credentials: a role by GitHub's OIDC token, or what every AWS tool finds in environment, profile, web
//! identity, container and instance.

use std::time::Duration;

use anyhow::Result;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::call_log::CallLog;
use super::proxy::Proxies;
use super::{Aws, aws_error, ca_certificates};
use crate::failure::Failure;
use crate::ports::{Call, Caller, IdentityReads};
use crate::progress::Aside;
use crate::settings::Common;

mod oidc;
pub mod role;
mod session;
mod tried;

use role::Role;

/// Attempts for one call: throttling and 5xx are tried again with the SDK's jittered back-off.
const MAX_ATTEMPTS: u32 = 6;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// How to reach AWS.
#[derive(Debug, Clone)]
pub struct Access {
    pub region: Option<String>,
    /// Bounds each call with its retries.
    pub call_timeout: Duration,
    /// The share of AWS's documented rates that this run may use.
    pub api_share: f64,
    /// The role to assume with GitHub's OIDC token; without one, the credentials are those of the environment.
    pub role: Option<Role>,
}

impl Access {
    /// Returns what `common` says, with the whole of AWS's rates.
    pub fn of(common: &Common) -> Self {
        Self {
            region: common.aws.region.clone(),
            call_timeout: *common.aws.call_timeout,
            api_share: 1.0,
            role: Role::of(common.credentials.role_to_assume.as_deref(), &common.run),
        }
    }
}

/// Loads the configuration and proves that there are credentials, so that their absence is the first thing said.
pub async fn load(access: &Access, aside: &Aside) -> Result<SdkConfig> {
    ca_certificates::check()?;
    let call_timeout = access.call_timeout;
    let proxies = Proxies::of_this_process()?;
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(proxies.aws()?)
        .timeout_config(timeouts(call_timeout))
        .retry_config(retries());
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if access.role.is_some() {
        loader = loader.no_credentials();
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Failure::input("no AWS region given")
            .hint("pass --region, set AWS_REGION, or write region: in the configuration file")
            .into());
    }
    if let Some(role) = &access.role {
        let session = role::assume(role, &config, call_timeout, aside).await?;
        return Ok(config.to_builder().credentials_provider(SharedCredentialsProvider::new(session)).build());
    }
    let Some(credentials) = config.credentials_provider() else {
        return Err(aws_error::credentials_failure(["no provider is configured".into()]).into());
    };
    credentials.provide_credentials().await.map_err(|error| {
        if let Some(failure) = aws_error::said(&error) {
            return failure.clone().while_doing("look for AWS credentials");
        }
        let tried = tried::sources(&|name| std::env::var(name).ok(), &aws_error::innermost(&error));
        aws_error::credentials_failure(tried)
    })?;
    Ok(config)
}

/// Gives a configuration that was made elsewhere the deadlines and retries of every other one.
pub fn with_our_patience(config: SdkConfig, call_timeout: Duration) -> SdkConfig {
    let config = config.into_builder().behavior_version(BehaviorVersion::v2026_01_12());
    config.timeout_config(timeouts(call_timeout)).retry_config(retries()).build()
}

fn timeouts(call_timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(call_timeout))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT.min(call_timeout))
        .operation_timeout(call_timeout)
        .build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS)
}

/// Tells whether the environment names a source of credentials: without one, looking for some means asking the
/// network.
pub fn is_configured(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ]
    .iter()
    .any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

fn sts(config: &SdkConfig) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(config).interceptor(CallLog);
    aws_sdk_sts::Client::from_conf(config.build())
}

impl IdentityReads for Aws {
    fn region(&self) -> &str {
        &self.region
    }

    async fn caller(&self) -> Result<Caller> {
        let (call, doing) = (Call::GET_CALLER_IDENTITY, "ask STS who calls");
        let sts = sts(&self.config);
        let answer = self.call(call, doing, async || sts.get_caller_identity().send().await).await?;
        let missing = |what| aws_error::incomplete(call, doing, what);
        Ok(Caller {
            account: answer.account.ok_or_else(|| missing("Account"))?,
            arn: answer.arn.ok_or_else(|| missing("Arn"))?,
        })
    }
}
