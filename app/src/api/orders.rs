//! Orders: a cart that is bought, once.

use super::Shop;
use super::checkout::checkout;
use super::error::ApiError;
use super::extract::{Body, Id};
use super::line::Line;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use deadpool_postgres::GenericClient;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    pub cart_id: Uuid,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub shipping_method: String,
    pub shipping_address: Address,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub recipient: String,
    pub line1: String,
    pub line2: Option<String>,
    pub city: String,
    pub region: Option<String>,
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

#[derive(Serialize)]
pub struct Order {
    id: Uuid,
    number: i64,
    status: String,
    currency: String,
    /// Amounts in minor units.
    subtotal: i64,
    discount: i64,
    shipping: i64,
    tax: i64,
    total: i64,
    placed_at: jiff::Timestamp,
    lines: Vec<Line>,
}

/// Answers `POST /orders` with the header `Idempotency-Key`: the same key with the same body gets the same order
/// again (200 instead of 201); the same key with another body is refused (422).
pub async fn place(
    State(shop): State<Shop>,
    headers: HeaderMap,
    Body(order): Body<NewOrder>,
) -> Result<impl IntoResponse, ApiError> {
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|value| value.to_str().ok())
        .filter(|key| (1..=200).contains(&key.len()))
        .ok_or_else(|| {
            ApiError::BadRequest("send a header Idempotency-Key of 1 to 200 characters".to_owned())
        })?;
    if order.email.as_deref().is_none_or(str::is_empty) && order.phone.as_deref().is_none_or(str::is_empty) {
        return Err(ApiError::Unprocessable(
            "an order needs an e-mail address or a telephone number".to_owned(),
        ));
    }
    let fingerprint = serde_json::to_vec(&order).map_err(|error| ApiError::Internal(error.to_string()))?;
    let fingerprint = Sha256::digest(fingerprint).to_vec();

    let mut database = shop.database().await?;
    let transaction = database.transaction().await?;
    // Two requests with one key at once: the second waits here and then finds the first one's order.
    transaction.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&key]).await?;
    let earlier = transaction
        .query_opt("SELECT order_id, request_sha256 FROM order_idempotency_keys WHERE key = $1", &[&key])
        .await?;
    let (status, id) = match earlier {
        Some(row) if row.get::<_, Vec<u8>>(1) != fingerprint => {
            return Err(ApiError::Unprocessable(
                "this Idempotency-Key was used for another order".to_owned(),
            ));
        }
        Some(row) => (StatusCode::OK, row.get(0)),
        None => {
            let id = checkout(&transaction, &order).await?;
            transaction
                .execute(
                    "INSERT INTO order_idempotency_keys (key, request_sha256, order_id) VALUES ($1, $2, $3)",
                    &[&key, &fingerprint, &id],
                )
                .await?;
            (StatusCode::CREATED, id)
        }
    };
    let placed = read(&transaction, id).await?;
    transaction.commit().await?;
    Ok((status, [(header::LOCATION, format!("/orders/{id}"))], Json(placed)))
}

/// Answers `GET /orders/{id}`.
pub async fn show(State(shop): State<Shop>, Id(id): Id<Uuid>) -> Result<Json<Order>, ApiError> {
    Ok(Json(read(&shop.database().await?, id).await?))
}

async fn read(database: &impl GenericClient, id: Uuid) -> Result<Order, ApiError> {
    let row = database
        .query_opt(
            "SELECT number, status, currency_code, subtotal_minor, discount_minor, shipping_minor, tax_minor,
                    total_minor, placed_at
             FROM orders WHERE id = $1",
            &[&id],
        )
        .await?
        .ok_or_else(|| ApiError::NotFound(format!("no order {id}")))?;
    let lines = database
        .query(
            "SELECT sku_id, sku_code, title, quantity, unit_price_minor FROM order_lines
             WHERE order_id = $1 ORDER BY line",
            &[&id],
        )
        .await?;
    Ok(Order {
        id,
        number: row.get(0),
        status: row.get(1),
        currency: row.get(2),
        subtotal: row.get(3),
        discount: row.get(4),
        shipping: row.get(5),
        tax: row.get(6),
        total: row.get(7),
        placed_at: row.get(8),
        lines: lines.iter().map(Line::of).collect(),
    })
}
