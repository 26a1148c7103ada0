//! Region and credentials, found as every AWS tool finds them: environment, profile, web identity, container, instance.

use std::time::Duration;

use anyhow::Result;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::tls;

use super::aws_error;
use crate::failure::Failure;
use crate::ports::{Call, Caller};

/// Attempts for one call: throttling and 5xx are tried again with the SDK's jittered back-off.
const MAX_ATTEMPTS: u32 = 6;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

/// Loads the configuration and proves that there are credentials, so that their absence is the first thing said.
pub async fn load(region: Option<&str>, call_timeout: Duration) -> Result<SdkConfig> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT.min(call_timeout))
        .operation_attempt_timeout(ATTEMPT_TIMEOUT.min(call_timeout))
        .operation_timeout(call_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS));
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(Failure::input("no AWS region given").hint("pass --region, or set AWS_REGION").into());
    }
    let Some(credentials) = config.credentials_provider() else {
        return Err(aws_error::credentials_failure("no provider is configured").into());
    };
    credentials
        .provide_credentials()
        .await
        .map_err(|error| aws_error::credentials_failure(&aws_error::innermost(&error)))?;
    Ok(config)
}

/// Whether the environment names a source of credentials: without one, looking for some means asking the network.
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

/// STS GetCallerIdentity: which account these credentials belong to.
pub async fn caller(config: &SdkConfig) -> Result<Caller> {
    let doing = "ask STS who we are";
    let answer = aws_sdk_sts::Client::new(config)
        .get_caller_identity()
        .send()
        .await
        .map_err(|error| aws_error::failed(Call::GET_CALLER_IDENTITY, doing, error))?;
    let missing = |what| aws_error::incomplete(Call::GET_CALLER_IDENTITY, doing, what);
    Ok(Caller {
        account: answer.account.ok_or_else(|| missing("Account"))?,
        arn: answer.arn.ok_or_else(|| missing("Arn"))?,
    })
}
