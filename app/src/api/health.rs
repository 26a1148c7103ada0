//! Liveness and readiness. A container that is not live is restarted; one that is not ready gets no requests.

use super::Shop;
use crate::schema::{self, Version};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

/// Answers `GET /health` without asking the database: restarting the shop does not mend it.
pub async fn health() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

#[derive(Serialize)]
pub struct Readiness {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The schema's version; null when it could not be read or has none.
    current: Option<Version>,
    /// The version that this binary was built for.
    expected: Option<Version>,
    /// Versions that this binary needs and the database does not have.
    missing: Vec<Version>,
}

/// Answers `GET /ready`: 200 when the database answers and has every migration that this binary knows, otherwise 503.
/// A database that is ahead is fine: during a deployment the old binary serves on the new schema.
pub async fn ready(State(shop): State<Shop>) -> (StatusCode, Json<Readiness>) {
    let mut readiness = Readiness {
        ready: false,
        reason: None,
        current: None,
        expected: shop.known.latest(),
        missing: Vec::new(),
    };
    readiness.reason = match look(&shop, &mut readiness).await {
        Ok(()) if readiness.missing.is_empty() => None,
        Ok(()) => {
            let missing: Vec<String> = readiness.missing.iter().map(ToString::to_string).collect();
            Some(format!("the schema is behind: version {} missing, run app migrate", missing.join(", ")))
        }
        Err(why) => {
            tracing::warn!("not ready: {why}");
            Some("the database is not reachable".to_owned())
        }
    };
    readiness.ready = readiness.reason.is_none();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

async fn look(shop: &Shop, readiness: &mut Readiness) -> Result<(), String> {
    let mut connection = shop.pool.get().await.map_err(|error| crate::failure::chain(&error))?;
    let applied = schema::applied(&mut connection).await.map_err(|failure| failure.message)?;
    readiness.current = applied.last().map(refinery::Migration::version);
    readiness.missing =
        schema::lacking(&shop.known.migrations, &applied).map(refinery::Migration::version).collect();
    Ok(())
}
