//! The AWS SDK's HTTP client. Its own way to read the environment takes no addresses that are never proxied, and its
//! own settings take one proxy: so there is a client for each way out, and each request takes one.

use aws_smithy_http_client::proxy::ProxyConfig;
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

/// One of something for each way out.
#[derive(Debug, Clone)]
struct Ways<T> {
    proxies: Proxies,
    direct: T,
    http: Option<T>,
    https: Option<T>,
}

impl Proxies {
    /// # Errors
    /// The SDK takes an address of a proxy for none.
    pub fn aws(&self) -> Result<SharedHttpClient, Failure> {
        let by = |proxy: &Option<Secret>| proxy.as_ref().map(by_proxy).transpose();
        let direct = Builder::new().tls_provider(TLS).build_https();
        Ok(match (by(&self.http)?, by(&self.https)?) {
            (None, None) => direct,
            (http, https) => SharedHttpClient::new(Ways { proxies: self.clone(), direct, http, https }),
        })
    }
}

fn by_proxy(proxy: &Secret) -> Result<SharedHttpClient, Failure> {
    let config = ProxyConfig::all(proxy.expose())
        .map_err(|_| Failure::input("the address of the proxy is none that the AWS SDK can use"))?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder().proxy_config(config.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.tls_provider(TLS).build()
    }))
}

impl HttpClient for Ways<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = |client: &SharedHttpClient| client.http_connector(settings, components);
        SharedHttpConnector::new(Ways {
            proxies: self.proxies.clone(),
            direct: connector(&self.direct),
            http: self.http.as_ref().map(connector),
            https: self.https.as_ref().map(connector),
        })
    }
}

impl HttpConnector for Ways<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Ok(target) = request.uri().parse::<Uri>() else { return self.direct.call(request) };
        let by = if target.scheme_str() == Some("https") { &self.https } else { &self.http };
        let (Some(by), Some(_)) = (by, self.proxies.matcher.intercept(&target)) else {
            return self.direct.call(request);
        };
        let (proxies, answer) = (self.proxies.clone(), by.call(request));
        HttpConnectorFuture::new(async move {
            answer.await.map_err(|error| match proxies.failure(&target, &error) {
                Some(failure) if error.is_timeout() => ConnectorError::timeout(failure.into()),
                Some(failure) if failure.transient => ConnectorError::io(failure.into()),
                // Nothing that the SDK would try again.
                Some(failure) => ConnectorError::other(failure.into(), None),
                None => error,
            })
        })
    }
}
