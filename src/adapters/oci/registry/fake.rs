//! A registry that keeps what is pushed and misbehaves when told to, over plain HTTP/1.1.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// `AWS:pw`
const BASIC: &str = "Basic QVdTOnB3";

/// What happens instead of the right answer, once.
#[derive(Debug, Clone)]
pub enum Fault {
    Answer(u16, &'static str),
    HangUp,
    Silence,
}

#[derive(Default)]
struct State {
    blobs: HashMap<String, Vec<u8>>,
    manifests: HashMap<String, Vec<u8>>,
    requests: Vec<String>,
    faults: VecDeque<(&'static str, Fault)>,
    wrong_digest: bool,
}

/// Ends when dropped.
pub struct Registry {
    pub address: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Registry {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, server }
    }

    /// The next request that begins with `start`, such as `PUT /v2/app/manifests`, has this fault.
    pub fn fault(&self, start: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.push_back((start, fault));
    }

    pub fn answer_with_a_wrong_digest(&self) {
        self.state.lock().unwrap().wrong_digest = true;
    }

    pub fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().blobs.get(digest).cloned()
    }

    pub fn manifest(&self, tag: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().manifests.get(tag).cloned()
    }

    /// How many requests began so.
    pub fn count(&self, start: &str) -> usize {
        self.state.lock().unwrap().requests.iter().filter(|request| request.starts_with(start)).count()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some((request, headers)) = head(&mut stream).await {
        let header = |name: &str| headers.get(name).map_or("", String::as_str);
        let fault = {
            let mut state = state.lock().unwrap();
            state.requests.push(request.clone());
            let due = state.faults.iter().position(|(start, _)| request.starts_with(start));
            due.and_then(|due| state.faults.remove(due))
        };
        match fault {
            Some((_, Fault::HangUp)) => return,
            Some((_, Fault::Silence)) => std::future::pending::<()>().await,
            _ => {}
        }
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        let (status, extra, text) = match fault {
            Some((_, Fault::Answer(status, text))) => (status, String::new(), text.to_owned()),
            _ if header("authorization") != BASIC => {
                (401, "WWW-Authenticate: Basic realm=\"fake\"\r\n".to_owned(), "Not Authorized".into())
            }
            _ => answer(&mut state.lock().unwrap(), &request, body),
        };
        let length = if request.starts_with("HEAD") { 0 } else { text.len() };
        let text = &text[..length];
        let response = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{extra}\r\n{text}");
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// `METHOD /path`, and the headers by their lower-case names.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<(String, HashMap<String, String>)> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line).await {
            Ok(read) if read > 0 => {}
            _ => return None,
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line);
    }
    let (request, _version) = lines.first()?.rsplit_once(" HTTP/")?;
    let headers = lines[1..].iter().filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    Some((request.to_owned(), headers))
}

fn answer(state: &mut State, request: &str, body: Vec<u8>) -> (u16, String, String) {
    let (method, path) = request.split_once(' ').unwrap();
    let last = path.rsplit('/').next().unwrap().to_owned();
    if path == "/v2/" {
        return (200, String::new(), "{}".into());
    }
    if path.ends_with("/blobs/uploads/") {
        return (202, "Location: /v2/app/blobs/uploads/1?_state=signed\r\n".to_owned(), String::new());
    }
    if path.contains("/blobs/uploads/") {
        let digest = path.rsplit_once("digest=").unwrap().1.replace("%3A", ":");
        if digest != sha256(&body) {
            return (
                400,
                String::new(),
                r#"{"errors":[{"code":"DIGEST_INVALID","message":"differs"}]}"#.into(),
            );
        }
        state.blobs.insert(digest.clone(), body);
        return (201, format!("Location: /v2/app/blobs/{digest}\r\n"), String::new());
    }
    if path.contains("/blobs/") {
        return (if state.blobs.contains_key(&last) { 200 } else { 404 }, String::new(), String::new());
    }
    if method == "PUT" {
        state.manifests.insert(last, body);
        // As ECR does: no Location.
        return (201, String::new(), String::new());
    }
    let Some(manifest) = state.manifests.get(&last) else { return (404, String::new(), String::new()) };
    let digest = if state.wrong_digest { sha256(b"another") } else { sha256(manifest) };
    (200, format!("Docker-Content-Digest: {digest}\r\n"), String::from_utf8(manifest.clone()).unwrap())
}

fn sha256(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
