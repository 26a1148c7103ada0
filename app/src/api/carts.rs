//! Carts: made without signing in, known by an id that nobody can guess.

use super::Shop;
use super::error::ApiError;
use super::extract::{Body, Id};
use super::line::{Line, subtotal};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use deadpool_postgres::GenericClient;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCart {
    /// ISO 4217. Absent: the shop's default.
    currency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewItem {
    sku_id: i64,
    quantity: i32,
}

#[derive(Serialize)]
pub struct Cart {
    id: Uuid,
    currency: String,
    ordered: bool,
    items: Vec<Line>,
    /// In minor units, at today's prices.
    subtotal: i64,
}

/// Answers `POST /carts` with a new cart (201).
pub async fn create(
    State(shop): State<Shop>,
    Body(cart): Body<NewCart>,
) -> Result<impl IntoResponse, ApiError> {
    let database = shop.database().await?;
    let row = database
        .query_one(
            "INSERT INTO carts (currency_code)
             VALUES (coalesce($1, (SELECT value #>> '{}' FROM order_configuration WHERE key = 'default_currency')))
             RETURNING id",
            &[&cart.currency],
        )
        .await
        .map_err(|error| match error.code() {
            Some(&SqlState::FOREIGN_KEY_VIOLATION) => ApiError::Unprocessable("unknown currency".to_owned()),
            _ => error.into(),
        })?;
    let id: Uuid = row.get(0);
    let cart = read(&database, id).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/carts/{id}"))], Json(cart)))
}

/// Answers `GET /carts/{id}`.
pub async fn show(State(shop): State<Shop>, Id(id): Id<Uuid>) -> Result<Json<Cart>, ApiError> {
    Ok(Json(read(&shop.database().await?, id).await?))
}

/// Answers `POST /carts/{id}/items`: adds to what is in the cart.
pub async fn add_item(
    State(shop): State<Shop>,
    Id(id): Id<Uuid>,
    Body(item): Body<NewItem>,
) -> Result<impl IntoResponse, ApiError> {
    if item.quantity < 1 {
        return Err(ApiError::Unprocessable("quantity is at least 1".to_owned()));
    }
    let mut database = shop.database().await?;
    let transaction = database.transaction().await?;
    // Locks the cart, so that it cannot become an order without this item in between.
    let cart = transaction
        .query_opt("SELECT ordered_at IS NOT NULL, currency_code FROM carts WHERE id = $1 FOR UPDATE", &[&id])
        .await?
        .ok_or_else(|| ApiError::NotFound(format!("no cart {id}")))?;
    if cart.get(0) {
        return Err(ApiError::Conflict("cart_ordered", format!("cart {id} has been ordered"), json!(null)));
    }
    let currency: String = cart.get(1);
    let for_sale = transaction
        .query_opt(
            "SELECT 1 FROM skus s JOIN products p ON p.id = s.product_id
             WHERE s.id = $1 AND s.is_active AND p.published_at <= now() AND p.retired_at IS NULL
               AND EXISTS (SELECT 1 FROM sku_prices
                           WHERE sku_id = s.id AND currency_code = $2 AND valid_from <= now())",
            &[&item.sku_id, &currency],
        )
        .await?;
    if for_sale.is_none() {
        return Err(ApiError::Unprocessable(format!("SKU {} is not for sale in {currency}", item.sku_id)));
    }
    let added = transaction
        .execute(
            "INSERT INTO cart_items AS i (cart_id, sku_id, quantity)
             SELECT $1, $2, $3 WHERE $3 <= (SELECT value::int FROM order_configuration WHERE key = 'maximum_item_quantity')
             ON CONFLICT (cart_id, sku_id) DO UPDATE SET quantity = i.quantity + excluded.quantity
             WHERE i.quantity + excluded.quantity
                   <= (SELECT value::int FROM order_configuration WHERE key = 'maximum_item_quantity')",
            &[&id, &item.sku_id, &item.quantity],
        )
        .await?;
    if added == 0 {
        return Err(ApiError::Unprocessable(format!(
            "that many of SKU {} do not fit into a cart",
            item.sku_id
        )));
    }
    let cart = read(&transaction, id).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(cart)))
}

async fn read(database: &impl GenericClient, id: Uuid) -> Result<Cart, ApiError> {
    let cart = database
        .query_opt("SELECT currency_code, ordered_at IS NOT NULL FROM carts WHERE id = $1", &[&id])
        .await?
        .ok_or_else(|| ApiError::NotFound(format!("no cart {id}")))?;
    let currency: String = cart.get(0);
    let rows = database
        .query(
            "SELECT s.id, s.code, p.title || ': ' || s.title, i.quantity, price.amount_minor
             FROM cart_items i
             JOIN skus s ON s.id = i.sku_id
             JOIN products p ON p.id = s.product_id
             JOIN LATERAL (
                 SELECT amount_minor FROM sku_prices
                 WHERE sku_id = s.id AND currency_code = $2 AND valid_from <= now()
                 ORDER BY valid_from DESC LIMIT 1
             ) price ON true
             WHERE i.cart_id = $1 ORDER BY i.added_at, s.id",
            &[&id, &currency],
        )
        .await?;
    let items: Vec<Line> = rows.iter().map(Line::of).collect();
    Ok(Cart { id, currency, ordered: cart.get(1), subtotal: subtotal(&items), items })
}
