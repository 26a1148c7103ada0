//! The AWS SDK's HTTP client. Its own way to read the environment takes no addresses that are never proxied, and its
//! own settings take a proxy for one scheme: so there is a client for each.

use aws_smithy_http_client::proxy::{ProxyConfig, ProxyError};
use aws_smithy_http_client::{Builder, Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Uri;

use super::Proxies;
use crate::adapters::secret::Secret;
use crate::failure::Failure;

const TLS: tls::Provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);

/// One of something for each scheme.
#[derive(Debug, Clone)]
struct Ways<T> {
    proxies: Proxies,
    http: T,
    https: T,
}

impl Proxies {
    /// Makes the SDK's HTTP client, which reaches each address by its proxy.
    ///
    /// # Errors
    /// The SDK cannot use the address of a proxy.
    pub fn aws(&self) -> Result<SharedHttpClient, Failure> {
        if self.http.is_none() && self.https.is_none() {
            return Ok(Builder::new().tls_provider(TLS).build_https());
        }
        let by = |proxy: &Option<Secret>, config: fn(String) -> Result<ProxyConfig, ProxyError>| {
            let Some(proxy) = proxy else { return Ok(client(ProxyConfig::disabled())) };
            let config = config(proxy.expose().to_owned())
                .map_err(|_| Failure::input("the address of the proxy is none that the AWS SDK can use"))?;
            Ok(client(config.no_proxy(&self.never)))
        };
        let (http, https) = (by(&self.http, ProxyConfig::http)?, by(&self.https, ProxyConfig::https)?);
        Ok(SharedHttpClient::new(Ways { proxies: self.clone(), http, https }))
    }
}

fn client(proxy: ProxyConfig) -> SharedHttpClient {
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(TLS).build()
    })
}

impl HttpClient for Ways<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Ways {
            proxies: self.proxies.clone(),
            http: self.http.http_connector(settings, components),
            https: self.https.http_connector(settings, components),
        })
    }
}

impl HttpConnector for Ways<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Ok(target) = request.uri().parse::<Uri>() else { return self.https.call(request) };
        let way = if target.scheme_str() == Some("https") { &self.https } else { &self.http };
        let (proxies, answer) = (self.proxies.clone(), way.call(request));
        HttpConnectorFuture::new(async move {
            answer.await.map_err(|error| match proxies.failure(&target, &error) {
                Some(failure) if error.is_timeout() => ConnectorError::timeout(failure.into()),
                Some(failure) if failure.is_transient() => ConnectorError::io(failure.into()),
                // Nothing that the SDK would try again.
                Some(failure) => ConnectorError::other(failure.into(), None),
                None => error,
            })
        })
    }
}
