//! A proxy as companies have them: it alone knows the names of the servers, it may want a password, and it looks into
//! TLS with a CA of its own.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// `ci:hunter2!`
const CREDENTIALS: &str = "Basic Y2k6aHVudGVyMiE=";

/// Ends when dropped.
pub struct Proxy {
    pub address: String,
    rules: Arc<Rules>,
    server: JoinHandle<()>,
    directory: TempDir,
}

struct Rules {
    /// Who is behind a name; any other name is refused.
    ways: HashMap<String, SocketAddr>,
    wants_credentials: bool,
    tls: TlsAcceptor,
    seen: Mutex<Vec<String>>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Proxy {
    /// Knows names, each with the `http://127.0.0.1:PORT` behind it.
    pub async fn start(ways: &[(&str, &str)], wants_credentials: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let names = ways.iter().map(|(name, _)| (*name).to_owned()).collect();
        let tls = certificates(names, directory.path().join("ca.crt"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let way = |(name, url): &(&str, &str)| {
            let authority = url.trim_start_matches("http://").split('/').next().expect("an address");
            ((*name).to_owned(), authority.parse().expect("an address"))
        };
        let ways = ways.iter().map(way).collect();
        let rules = Arc::new(Rules { ways, wants_credentials, tls, seen: Mutex::default() });
        let shared = Arc::clone(&rules);
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let rules = Arc::clone(&shared);
                // A client that goes away is no matter of the proxy's.
                tokio::spawn(async move { rules.serve(client).await.ok() });
            }
        });
        Self { address, rules, server, directory }
    }

    /// `CONNECT host:port` for a tunnel, `http://host` for what is forwarded, each once per connection.
    pub fn seen(&self) -> Vec<String> {
        self.rules.seen.lock().expect("not poisoned").clone()
    }

    /// The CA that signs whatever is behind the proxy.
    pub fn authority(&self) -> String {
        self.directory.path().join("ca.crt").display().to_string()
    }
}

impl Rules {
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let mut received = Vec::new();
        while !received.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            if client.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&received).into_owned();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_tunnel = method == "CONNECT";
        let authority = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let seen = if is_tunnel { format!("CONNECT {authority}") } else { format!("http://{authority}") };
        self.seen.lock().expect("not poisoned").push(seen);
        let credentials = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
        if self.wants_credentials && credentials.is_none_or(|(_, value)| value != CREDENTIALS) {
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n";
            return refuse(&mut client, answer).await;
        }
        let name = authority.split(':').next().unwrap_or_default();
        let Some(address) = self.ways.get(name) else {
            return refuse(&mut client, "HTTP/1.1 403 Forbidden\r\n").await;
        };
        let mut server = TcpStream::connect(address).await?;
        if is_tunnel {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            let mut client = self.tls.accept(client).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        } else {
            server.write_all(&received).await?;
            copy_bidirectional(&mut client, &mut server).await?;
        }
        Ok(())
    }
}

async fn refuse(client: &mut TcpStream, answer: &str) -> io::Result<()> {
    client.write_all(format!("{answer}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()).await
}

/// A CA at `authority`, and what it signed for `names`.
fn certificates(names: Vec<String>, authority: PathBuf) -> TlsAcceptor {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(authority, params.self_signed(&key).expect("a CA").pem()).expect("write the CA");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(names).expect("parameters");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a private key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a server");
    TlsAcceptor::from(Arc::new(config))
}
