//! The sandbox as the HTTP client of AWS SDKs: a request is answered where it is made, without a socket.
//!
//! A runtime whose time is paused moves its clock on when there is nothing else to do, and it cannot know that of
//! sockets. So hours of AWS take as long as their computing does, and a seed repeats them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use aws_types::region::Region;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::sleep;

use crate::server::{self, Reply};
use crate::world::{ACCESS_KEY, SECRET_KEY, World};

/// To AWS or back: between these two.
const ONE_WAY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(20));

pub(crate) fn sdk_config(world: &Arc<World>) -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "sandbox");
    SdkConfig::builder()
        .region(Region::new(world.options.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(InProcess { world: world.clone() })
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(WorldTime { world: world.clone() })
        .build()
}

/// Signatures and the SDK's caches go by the sandbox's clock.
struct WorldTime {
    world: Arc<World>,
}

impl TimeSource for WorldTime {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.world.clock.now()).unwrap_or_default())
    }
}

impl fmt::Debug for WorldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WorldTime")
    }
}

#[derive(Clone)]
struct InProcess {
    world: Arc<World>,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpClient for InProcess {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for InProcess {
    /// Answers a request. When it is given up on the way back, the call has had its effect, as it would with a
    /// socket.
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let world = self.world.clone();
        HttpConnectorFuture::new(async move {
            sleep(one_way(&world)).await;
            let body = request
                .body()
                .bytes()
                .ok_or_else(|| ConnectorError::other("the sandbox reads no streams".into(), None))?;
            let reply = server::reply(&world, &headers(&request), body);
            sleep(one_way(&world)).await;
            match reply {
                Reply::Answer(answer) => response(answer),
                Reply::Dropped => {
                    Err(ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()))
                }
                Reply::Silence => std::future::pending().await,
            }
        })
    }
}

fn one_way(world: &World) -> Duration {
    let (least, most) = ONE_WAY;
    (least + (most - least).mul_f64(world.ids.fraction())).div_f64(world.clock.scale())
}

fn headers(request: &HttpRequest) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in request.headers() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            map.append(name, value);
        }
    }
    map
}

fn response(answer: axum::http::Response<String>) -> Result<HttpResponse, ConnectorError> {
    let (parts, body) = answer.into_parts();
    let status = parts
        .status
        .as_u16()
        .try_into()
        .map_err(|_| ConnectorError::other(format!("no HTTP status: {}", parts.status).into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
        }
    }
    Ok(response)
}
