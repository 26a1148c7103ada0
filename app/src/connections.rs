//! The connections of `app serve`. axum's own server has no deadline for a client that begins a request and goes
//! silent.

use axum::Router;
use axum::extract::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The pause between two looks at a connection after the server was told to stop. One that has no request at two
/// looks is closed.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Answers requests until `stopping` says so; then it finishes those under way, and closes the connections.
///
/// A client has `client_timeout` for the head of each request, counted from the answer to the one before.
pub async fn serve(
    mut listener: TcpListener,
    shop: Router,
    client_timeout: Duration,
    stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut told = pin!(stop(stopping.clone()));
    loop {
        tokio::select! {
            (stream, _) = Listener::accept(&mut listener) => {
                connections.spawn(connection(stream, shop.clone(), client_timeout, stopping.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = &mut told => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    shop: Router,
    client_timeout: Duration,
    stopping: watch::Receiver<bool>,
) {
    // One for the connection, and one for the request that is under way.
    let under_way = Arc::new(());
    let shop = TowerToHyperService::new(shop);
    let answer = service_fn(|request: Request<Incoming>| {
        let (answer, under_way) = (shop.call(request), Arc::clone(&under_way));
        async move {
            let answer = answer.await;
            drop(under_way);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(client_timeout)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    tokio::select! {
        // A client that went away, or was too slow, gets no message.
        _ = &mut connection => return,
        () = stop(stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    // A client in the middle of a request's head has no request under way, and may never have one.
    let mut was_idle = false;
    loop {
        tokio::select! {
            _ = &mut connection => return,
            () = sleep(LOOK_AGAIN) => {
                let is_idle = Arc::strong_count(&under_way) == 1;
                if is_idle && was_idle {
                    return;
                }
                was_idle = is_idle;
            }
        }
    }
}

async fn stop(mut stopping: watch::Receiver<bool>) {
    // The sender is dropped only with the server.
    let _ = stopping.wait_for(|stopped| *stopped).await;
}
