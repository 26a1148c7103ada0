//! The Rust SDK, which the product itself uses, as a client of a sandbox.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use sandbox::Sandbox;
use sandbox::world::{ACCESS_KEY, SECRET_KEY};

pub fn config(sandbox: &Sandbox) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "sandbox");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(sandbox.region().to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(sandbox.endpoint())
        .build()
}
