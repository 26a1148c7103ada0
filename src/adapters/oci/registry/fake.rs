//! The sandbox's registry, which misbehaves when told to.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use sandbox::RepositorySettings;
use sandbox::registry::{ImageKey, RegistrySettings, router};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What happens instead of the right answer, once.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Answer(u16, &'static str),
    WrongDigest,
    HangUp,
    Silence,
}

#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    faults: VecDeque<(&'static str, Fault)>,
}

/// Ends when dropped.
pub(super) struct Registry {
    pub address: String,
    pub password: String,
    images: sandbox::registry::Registry,
    seen: Arc<Mutex<Seen>>,
    server: JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Registry {
    /// Starts with the empty repository `app`.
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let settings = RegistrySettings::new("123456789012", "us-east-1", &address);
        let images = sandbox::registry::Registry::new(settings).unwrap();
        images.create_repository("app", RepositorySettings::default()).unwrap();
        let password = images.issue_password().unwrap().secret;
        let seen = Arc::<Mutex<Seen>>::default();
        let routes = router(images.clone()).layer(from_fn_with_state(Arc::clone(&seen), disturb));
        let server = tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self { address, password, images, seen, server }
    }

    /// Gives the next request that begins with `start`, such as `PUT /v2/app/manifests`, this fault.
    pub(super) fn fault(&self, start: &'static str, fault: Fault) {
        self.seen.lock().unwrap().faults.push_back((start, fault));
    }

    pub(super) async fn blob(&self, digest: &str) -> Bytes {
        let url = format!("http://{}/v2/app/blobs/{digest}", self.address);
        let request = reqwest::Client::new().get(url).basic_auth("AWS", Some(&self.password));
        request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap()
    }

    pub(super) fn manifest(&self, tag: &str) -> Vec<u8> {
        self.images.manifest("app", &ImageKey::tag(tag).unwrap()).unwrap().bytes
    }

    /// Counts the requests that began so.
    pub(super) fn count(&self, start: &str) -> usize {
        self.seen.lock().unwrap().requests.iter().filter(|request| request.starts_with(start)).count()
    }
}

async fn disturb(State(seen): State<Arc<Mutex<Seen>>>, request: Request, next: Next) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let fault = {
        let mut seen = seen.lock().unwrap();
        let due = seen.faults.iter().position(|(start, _)| line.starts_with(start));
        seen.requests.push(line);
        due.and_then(|due| seen.faults.remove(due))
    };
    let fault = fault.map(|(_, fault)| fault);
    match fault {
        // The connection's task ends, and the connection with it.
        Some(Fault::HangUp) => resume_unwind(Box::new("hung up")),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Answer(status, text)) => {
            to_bytes(request.into_body(), usize::MAX).await.unwrap();
            (StatusCode::from_u16(status).unwrap(), text).into_response()
        }
        None | Some(Fault::WrongDigest) => {
            let is_manifest = request.uri().path().contains("/manifests/");
            let mut response = next.run(request).await;
            let headers = response.headers_mut();
            if is_manifest {
                // As ECR does: no Location.
                headers.remove("location");
            }
            if fault.is_some() {
                let digest = HeaderValue::from_str(&format!("sha256:{}", "0".repeat(64))).unwrap();
                headers.insert("docker-content-digest", digest);
            }
            response
        }
    }
}
