//! The HTTP API: JSON in, JSON out, errors as `{"error": {"code", "message"}}`.

pub mod error;
mod extract;
mod health;
mod line;
mod products;
mod carts;
mod orders;
mod checkout;
mod client_events;
mod configuration;

use crate::schema::Known;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use deadpool_postgres::{Object, Pool};
use error::ApiError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, Span};

/// No request of a shop is larger: a cart line is a hundred bytes, a batch of events a few thousand.
const BODY_LIMIT: usize = 64 * 1024;
/// Longer than a statement may run (see `database::pool`), so that the better error wins.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct Shop {
    pool: Pool,
    known: Arc<Known>,
    body_timeout: Duration,
}

impl Shop {
    /// Takes a connection from the pool; the error is 503.
    async fn database(&self) -> Result<Object, ApiError> {
        self.pool.get().await.map_err(ApiError::from)
    }
}

/// Builds the routes of the shop. `body_timeout` is how long a client may take to send a body.
pub fn router(pool: Pool, known: Known, body_timeout: Duration) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_response(DefaultOnResponse::new().level(Level::INFO));
    Router::new()
        .route("/products", get(products::list))
        .route("/products/{id}", get(products::show))
        .route("/carts", post(carts::create))
        .route("/carts/{id}", get(carts::show))
        .route("/carts/{id}/items", post(carts::add_item))
        .route("/orders", post(orders::place))
        .route("/orders/{id}", get(orders::show))
        .route("/client-events", post(client_events::record))
        .route("/configuration", get(configuration::show))
        .layer(trace)
        // Outside the trace: a load balancer asks every few seconds.
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .fallback(async || ApiError::NotFound("no such path".to_owned()))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(from_fn(in_time))
        .with_state(Shop { pool, known: Arc::new(known), body_timeout })
}

async fn in_time(request: Request, next: Next) -> Response {
    let late = |_| ApiError::Unavailable(format!("no answer within {REQUEST_TIMEOUT:?}")).into_response();
    timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(late)
}

/// Makes a span that names the route, not the path: whoever knows a cart's id can order it.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}
