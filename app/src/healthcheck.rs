//! `app healthcheck`: GET /health of the server in the same container.

use crate::cli::HealthcheckOptions;
use crate::failure::{Exit, Failure};
use crate::output;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(2);

pub async fn run(options: &HealthcheckOptions) -> Result<(), Failure> {
    let address = reachable(options.bind);
    let unhealthy = |why: &str| Failure::new(Exit::Failed, format!("check http://{address}/health: {why}"));
    let status = match tokio::time::timeout(TIMEOUT, status_line(address)).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(unhealthy(&error.to_string())),
        Err(_) => return Err(unhealthy("no answer in time")),
    };
    if status.split(' ').nth(1) != Some("200") {
        return Err(unhealthy(&status));
    }
    output::line("healthy");
    Ok(())
}

/// Returns the address to ask: the loopback one for a server that listens on every address.
fn reachable(bind: SocketAddr) -> SocketAddr {
    let ip = match bind.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bind.port())
}

async fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}
