//! GET, as far as the demo needs it: one request, one answer, one connection.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The shop answers within ten seconds, or says that it cannot.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an answer that are read.
const LARGEST: u64 = 1 << 20;

/// Gets the JSON that a server answers with 200; another status is an error.
pub async fn get(address: &str, path: &str) -> anyhow::Result<Value> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LARGEST).read_to_end(&mut answer).await?;
        anyhow::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let doing = || format!("GET http://{address}{path}");
    let answer = tokio::time::timeout(TIMEOUT, asked).await.with_context(doing)?.with_context(doing)?;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(doing)?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        bail!("{}: {status}: {body}", doing());
    }
    serde_json::from_str(body).with_context(doing)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers the first request with these bytes, over and over where `endless`; nothing at all ends it otherwise.
    async fn server(answer: &'static str, endless: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            while stream.write_all(answer.as_bytes()).await.is_ok() && endless {}
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
        });
        address
    }

    #[tokio::test]
    async fn json_of_200_is_an_answer_and_nothing_else() {
        let address = server("HTTP/1.0 200 OK\r\n\r\n{\"ready\": true}", false).await;
        assert_eq!(get(&address, "/ready").await.expect("JSON")["ready"], true);
        let address = server("HTTP/1.0 503 Unavailable\r\n\r\n{\"ready\": false}", false).await;
        let error = get(&address, "/ready").await.expect_err("not ready");
        assert!(error.to_string().contains("503 Unavailable"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_has_a_bound_and_a_deadline() {
        let address = server("HTTP/1.0 200 OK\r\n\r\nx", true).await;
        let error = get(&address, "/products").await.expect_err("no JSON");
        assert!(format!("{error:#}").contains("/products"), "{error:#}");

        let address = server("", false).await;
        tokio::time::pause();
        let error = get(&address, "/ready").await.expect_err("no answer");
        assert!(error.to_string().contains("/ready"), "{error}");
    }
}
