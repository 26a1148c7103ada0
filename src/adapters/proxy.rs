//! HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, for every client that leaves this machine.
//!
//! The libraries would each read them in a way of their own, or not at all. Lower case comes first, as with curl, the
//! AWS CLI and GitHub's runner; an empty variable is one that is not set; a proxy without a scheme is `http://`.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

use super::aws_error::{chain, innermost};
use super::secret::Secret;
use crate::failure::Failure;
use crate::untrusted::phrase;

mod aws;

/// This machine, the instance's metadata, and the credentials of ECS tasks and EKS pods, by IPv4 and IPv6: no proxy
/// can reach what they stand for (AWS SDKs and Tools Reference Guide, "IMDS credential provider" and "Container
/// credential provider").
const NEVER: &str =
    "localhost,127.0.0.0/8,::1,169.254.169.254,fd00:ec2::254,169.254.170.2,169.254.170.23,fd00:ec2::23";

const USER_AGENT: &str = concat!("fargate-migrate/", env!("CARGO_PKG_VERSION"));

/// The result of CONNECT; hyper-util exports the type as this alone, and the SDK and reqwest both go by it.
type TunnelError = <Tunnel<HttpConnector> as tower_service::Service<Uri>>::Error;

/// By which proxy each address is reached.
#[derive(Debug, Clone)]
pub struct Proxies {
    http: Option<Secret>,
    https: Option<Secret>,
    /// [`NEVER`] and NO_PROXY.
    never: String,
    matcher: Arc<Matcher>,
}

impl Proxies {
    /// Reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.
    ///
    /// # Errors
    /// A variable does not hold the address of a proxy; it is not quoted, since it may hold a password.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let of = |name: &str| -> Result<Option<Secret>, Failure> {
            let found = set(variable, name).or_else(|| set(variable, "ALL_PROXY"));
            found.map(|(name, value)| address(&name, &value)).transpose()
        };
        let (http, https) = (of("HTTP_PROXY")?, of("HTTPS_PROXY")?);
        let never = match set(variable, "NO_PROXY") {
            Some((_, theirs)) => format!("{NEVER},{theirs}"),
            None => NEVER.to_owned(),
        };
        let (to_http, to_https) = (exposed(&http).unwrap_or_default(), exposed(&https).unwrap_or_default());
        let matcher = Matcher::builder().http(to_http).https(to_https).no(never.clone()).build();
        Ok(Self { http, https, never, matcher: Arc::new(matcher) })
    }

    /// Reads the same variables from this process's environment.
    ///
    /// # Errors
    /// As [`Proxies::from_environment`].
    pub fn of_this_process() -> Result<Self, Failure> {
        Self::from_environment(&|name| std::env::var(name).ok())
    }

    /// Makes the builder of clients for the OIDC endpoint, GitHub's API and the address of a service.
    pub fn reqwest(&self) -> reqwest::Result<ClientBuilder> {
        install_tls();
        // Else reqwest would read the environment itself.
        let mut builder = reqwest::Client::builder().no_proxy().user_agent(USER_AGENT);
        let never = || NoProxy::from_string(&self.never);
        if let Some(proxy) = &self.http {
            builder = builder.proxy(Proxy::http(proxy.expose())?.no_proxy(never()));
        }
        if let Some(proxy) = &self.https {
            builder = builder.proxy(Proxy::https(proxy.expose())?.no_proxy(never()));
        }
        Ok(builder)
    }

    /// Makes the settings of the registry's client. Without any proxy it reads the environment, which then has none.
    pub fn registry(&self) -> oci_client::client::ClientConfig {
        install_tls();
        oci_client::client::ClientConfig {
            http_proxy: exposed(&self.http),
            https_proxy: exposed(&self.https),
            no_proxy: Some(self.never.clone()),
            user_agent: USER_AGENT,
            ..Default::default()
        }
    }

    /// Says what kept a request of reqwest's from its server; `None` when there was a connection, or no proxy.
    pub fn failure_of(&self, error: &(dyn Error + 'static)) -> Option<Failure> {
        let error = chain(error).find_map(|cause| cause.downcast_ref::<reqwest::Error>())?;
        let target = error.url()?.as_str().parse().ok()?;
        if error.is_connect() { self.failure(&target, error) } else { None }
    }

    /// Says why there is no connection to `target`; `None` when it is reached without a proxy.
    fn failure(&self, target: &Uri, error: &(dyn Error + 'static)) -> Option<Failure> {
        let intercept = self.matcher.intercept(target)?;
        let (proxy, host) = (intercept.uri().authority()?, target.host()?);
        let unreachable =
            |why: String| Failure::service(format!("{host} cannot be reached{why}")).transient();
        Some(match chain(error).find_map(|cause| cause.downcast_ref::<TunnelError>()) {
            Some(TunnelError::ProxyAuthRequired) => Failure::input(format!(
                "{host} cannot be reached: the proxy {proxy} requires valid credentials (407)"
            ))
            .hint(
                "set them in the proxy's variable, as in HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT, with \
                 percent-encoding",
            ),
            // The library does not hand the answer on: it may be a 403 as well as a 502, which passes.
            Some(TunnelError::TunnelUnsuccessful) => {
                unreachable(format!(": the proxy {proxy} refuses to connect to it"))
                    .hint(format!("allow {host} in the proxy, or name it in NO_PROXY if it is reached without one"))
            }
            Some(TunnelError::ConnectFailed(why)) => {
                unreachable(format!(": the proxy {proxy} does not answer: {}", phrase(&innermost(&**why))))
                    .hint("check HTTPS_PROXY and HTTP_PROXY, and the way to the proxy")
            }
            _ => unreachable(format!(" by the proxy {proxy}: {}", phrase(&innermost(error)))).hint(
                "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY; a proxy that opens TLS needs its own CA certificate among \
                 those of SSL_CERT_FILE",
            ),
        })
    }
}

/// Lists what nobody may see in the proxies' variables: passwords, and a user that stands alone, as tokens do.
pub fn secrets(variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let names = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].map(|name| [name.to_lowercase(), name.to_owned()]);
    let mut secrets = BTreeSet::new();
    for value in names.as_flattened().iter().filter_map(|name| variable(name)) {
        let Some((before, _)) = value.rsplit_once('@') else { continue };
        let user = before.split_once("://").map_or(before, |(_, user)| user);
        let password = user.split_once(':').map_or(user, |(_, password)| password);
        let decoded = percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned();
        secrets.extend([user.to_owned(), password.to_owned(), decoded]);
    }
    secrets.into_iter().filter(|secret| !secret.is_empty()).collect()
}

fn exposed(proxy: &Option<Secret>) -> Option<String> {
    proxy.as_ref().map(|proxy| proxy.expose().to_owned())
}

/// Installs the TLS library's provider, of which it has none in this build; a second call finds the first one's.
fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns the first of a variable's two spellings that is not empty: its name and its value.
fn set(variable: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<(String, String)> {
    [name.to_lowercase(), name.to_owned()].into_iter().find_map(|name| {
        let value = variable(&name)?.trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    })
}

fn address(name: &str, value: &str) -> Result<Secret, Failure> {
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let address =
        Url::parse(&whole).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // What the libraries read is the URL standard's spelling of it.
    address.map(Secret::new).ok_or_else(|| {
        Failure::input(format!("{name} is not the address of an HTTP proxy")).hint(format!(
            "set it as in {name}=http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with percent-encoding; leave it \
             empty to go without a proxy"
        ))
    })
}

#[cfg(test)]
mod tests;
