//! What browsers report, a batch at a time.

use super::Shop;
use super::error::ApiError;
use super::extract::Body;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use deadpool_postgres::{GenericClient, Transaction};
use serde::{Deserialize, Serialize};
use tokio_postgres::error::SqlState;
use uuid::Uuid;

const LARGEST_BATCH: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// As answered to the first batch of a visit; absent in that one.
    visit_id: Option<Uuid>,
    #[serde(default)]
    user_agent: String,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    PageView { url: String, width: Option<i32>, height: Option<i32> },
    ButtonClick { url: String, button: String },
    LinkFollowed { url: String, target_url: String },
    RequestError { url: String, status: Option<i32>, message: String },
}

#[derive(Serialize)]
pub struct Recorded {
    visit_id: Uuid,
    recorded: usize,
}

/// Answers `POST /client-events`: stores all events of a batch, or none.
pub async fn record(
    State(shop): State<Shop>,
    Body(batch): Body<Batch>,
) -> Result<(StatusCode, Json<Recorded>), ApiError> {
    if batch.events.len() > LARGEST_BATCH {
        return Err(ApiError::Unprocessable(format!("a batch has at most {LARGEST_BATCH} events")));
    }
    let mut database = shop.database().await?;
    let transaction = database.transaction().await?;
    let visit_id = visit(&transaction, &batch).await.map_err(readable)?;
    for event in &batch.events {
        insert(&transaction, visit_id, event).await.map_err(readable)?;
    }
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, Json(Recorded { visit_id, recorded: batch.events.len() })))
}

/// Returns the visit that the browser names, or makes a new one: also for an unknown id, since old visits are
/// deleted.
async fn visit(transaction: &Transaction<'_>, batch: &Batch) -> Result<Uuid, tokio_postgres::Error> {
    if let Some(id) = batch.visit_id
        && transaction.query_opt("SELECT 1 FROM client_visits WHERE id = $1", &[&id]).await?.is_some()
    {
        return Ok(id);
    }
    let row = transaction
        .query_one("INSERT INTO client_visits (user_agent) VALUES ($1) RETURNING id", &[&batch.user_agent])
        .await?;
    Ok(row.get(0))
}

async fn insert(
    transaction: &Transaction<'_>,
    visit_id: Uuid,
    event: &Event,
) -> Result<u64, tokio_postgres::Error> {
    match event {
        Event::PageView { url, width, height } => {
            let sql = "INSERT INTO page_views (visit_id, url, width, height) VALUES ($1, $2, $3, $4)";
            transaction.execute(sql, &[&visit_id, url, width, height]).await
        }
        Event::ButtonClick { url, button } => {
            let sql = "INSERT INTO button_clicks (visit_id, url, button) VALUES ($1, $2, $3)";
            transaction.execute(sql, &[&visit_id, url, button]).await
        }
        Event::LinkFollowed { url, target_url } => {
            let sql = "INSERT INTO link_events (visit_id, url, target_url) VALUES ($1, $2, $3)";
            transaction.execute(sql, &[&visit_id, url, target_url]).await
        }
        Event::RequestError { url, status, message } => {
            let sql = "INSERT INTO request_errors (visit_id, url, status, message) VALUES ($1, $2, $3, $4)";
            transaction.execute(sql, &[&visit_id, url, status, message]).await
        }
    }
}

/// Answers 422 to a value that a check of the schema refuses: the checks are the limits on lengths and sizes.
fn readable(error: tokio_postgres::Error) -> ApiError {
    match error.as_db_error() {
        Some(server) if server.code() == &SqlState::CHECK_VIOLATION => ApiError::Unprocessable(format!(
            "an event is out of bounds: {}",
            server.constraint().unwrap_or("unknown")
        )),
        _ => error.into(),
    }
}
