//! The configuration rows that a browser may see.

use super::Shop;
use super::error::ApiError;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

/// Answers `GET /configuration`; `client_events` is null when it has no row.
pub async fn show(State(shop): State<Shop>) -> Result<Json<Value>, ApiError> {
    let database = shop.database().await?;
    let rows = database.query("SELECT key, value FROM order_configuration ORDER BY key", &[]).await?;
    let order: Map<String, Value> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let events = database
        .query_opt("SELECT log_client_events, flush_interval_seconds FROM client_event_configuration", &[])
        .await?
        .map(
            |row| json!({ "enabled": row.get::<_, bool>(0), "flush_interval_seconds": row.get::<_, i32>(1) }),
        );
    Ok(Json(json!({ "order": order, "client_events": events })))
}
