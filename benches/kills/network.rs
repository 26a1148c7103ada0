//! A network that loses what is sent over it: each piece that comes from one side is passed on, delayed, or the last one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use fastrand::Rng;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request of the AWS SDK fits into one.
const PIECE: usize = 64 * 1024;

/// How often something happens to a piece, from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub lost_request: f64,
    pub lost_answer: f64,
    pub half_answer: f64,
    pub slow: f64,
}

impl Weather {
    pub fn is_good(&self) -> bool {
        [self.lost_request, self.lost_answer, self.half_answer, self.slow] == [0.0; 4]
    }

    pub fn drawn(dice: &mut Rng) -> Self {
        // Every third round has a good network.
        if dice.u8(0..3) == 0 {
            return Self::default();
        }
        let mut share = || if dice.bool() { dice.f64() * 0.2 } else { 0.0 };
        Self { lost_request: share(), lost_answer: share(), half_answer: share(), slow: share() }
    }
}

/// How often each has happened, in pieces.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Losses {
    /// All that came from the program.
    pub requests: u64,
    pub lost_requests: u64,
    pub lost_answers: u64,
    pub half_answers: u64,
    pub slow: u64,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    lost_requests: AtomicU64,
    lost_answers: AtomicU64,
    half_answers: AtomicU64,
    slow: AtomicU64,
}

/// A port of 127.0.0.1 before another one. It ends when dropped.
pub struct Network {
    pub address: SocketAddr,
    counts: Arc<Counts>,
    server: JoinHandle<()>,
}

impl Drop for Network {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Network {
    /// Listens on a port of its own, and hands each connection on to `target`.
    ///
    /// # Errors
    /// No port of the loopback address is free.
    pub async fn before(target: SocketAddr, weather: Weather, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen for the program")?;
        let address = listener.local_addr().context("read an address")?;
        let counts = Arc::new(Counts::default());
        let dice = Arc::new(Mutex::new(Rng::with_seed(seed)));
        let shared = counts.clone();
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (counts, dice) = (shared.clone(), dice.clone());
                tokio::spawn(async move {
                    let draw = || dice.lock().unwrap_or_else(PoisonError::into_inner).f64();
                    // Whoever is cut off sees the end of its connection.
                    let _ = passed_on(client, target, weather, &draw, &counts).await;
                });
            }
        });
        Ok(Self { address, counts, server })
    }

    pub fn losses(&self) -> Losses {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Losses {
            requests: of(&self.counts.requests),
            lost_requests: of(&self.counts.lost_requests),
            lost_answers: of(&self.counts.lost_answers),
            half_answers: of(&self.counts.half_answers),
            slow: of(&self.counts.slow),
        }
    }
}

async fn passed_on(
    mut client: TcpStream,
    target: SocketAddr,
    weather: Weather,
    draw: &(dyn Fn() -> f64 + Send + Sync),
    counts: &Counts,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    let (mut asked, mut answered) = (vec![0; PIECE], vec![0; PIECE]);
    let strikes = |share: f64, count: &AtomicU64| {
        let strikes = share > 0.0 && draw() < share;
        count.fetch_add(strikes.into(), Ordering::Relaxed);
        strikes
    };
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                counts.requests.fetch_add(1, Ordering::Relaxed);
                if strikes(weather.lost_request, &counts.lost_requests) {
                    return Ok(());
                }
                server.write_all(&asked[..read]).await?;
            }
            read = server.read(&mut answered) => {
                let read = read?;
                if read == 0 || strikes(weather.lost_answer, &counts.lost_answers) {
                    return Ok(());
                }
                if strikes(weather.half_answer, &counts.half_answers) {
                    return client.write_all(&answered[..read / 2]).await;
                }
                if strikes(weather.slow, &counts.slow) {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                client.write_all(&answered[..read]).await?;
            }
        }
    }
}
