//! The catalogue: products on sale, with their SKUs, prices and stock.

use super::Shop;
use super::error::ApiError;
use super::extract::{Id, Query};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio_postgres::Row;

const PAGE: i64 = 20;
const LARGEST_PAGE: i64 = 100;

#[derive(Deserialize)]
pub struct Page {
    /// The `next` of the page before.
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

#[derive(Serialize)]
pub struct Products {
    products: Vec<Summary>,
    /// Value of `after` for the next page; null on the last.
    next: Option<i64>,
}

#[derive(Serialize)]
struct Summary {
    id: i64,
    slug: String,
    title: String,
    headline: String,
}

#[derive(Serialize)]
pub struct Product {
    #[serde(flatten)]
    summary: Summary,
    description: String,
    skus: Vec<Sku>,
}

#[derive(Serialize)]
struct Sku {
    id: i64,
    code: String,
    title: String,
    in_stock: i64,
    /// Amounts in minor units, by currency.
    prices: BTreeMap<String, i64>,
}

/// Answers `GET /products` with a page of products on sale, in the order of ids.
pub async fn list(State(shop): State<Shop>, Query(page): Query<Page>) -> Result<Json<Products>, ApiError> {
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(ApiError::BadRequest(format!("limit is 1 to {LARGEST_PAGE}")));
    }
    let rows = shop
        .database()
        .await?
        .query(
            "SELECT id, slug, title, headline FROM products
             WHERE published_at <= now() AND retired_at IS NULL AND id > $1 ORDER BY id LIMIT $2",
            // One more than asked for tells whether there is a next page.
            &[&page.after, &(limit + 1)],
        )
        .await?;
    let mut products: Vec<Summary> = rows.iter().map(summary).collect();
    let more = products.len() as i64 > limit;
    products.truncate(limit as usize);
    let next = products.last().filter(|_| more).map(|last| last.id);
    Ok(Json(Products { products, next }))
}

/// Answers `GET /products/{id}`: 404 unless it is on sale.
pub async fn show(State(shop): State<Shop>, Id(id): Id<i64>) -> Result<Json<Product>, ApiError> {
    let database = shop.database().await?;
    let row = database
        .query_opt(
            "SELECT id, slug, title, headline, description FROM products
             WHERE id = $1 AND published_at <= now() AND retired_at IS NULL",
            &[&id],
        )
        .await?
        .ok_or_else(|| ApiError::NotFound(format!("no product {id}")))?;
    let skus = database
        .query(
            "SELECT s.id, s.code, s.title,
                    (SELECT coalesce(sum(on_hand), 0) FROM inventory WHERE sku_id = s.id),
                    p.currency_code, p.amount_minor
             FROM skus s
             LEFT JOIN LATERAL (
                 SELECT DISTINCT ON (currency_code) currency_code, amount_minor FROM sku_prices
                 WHERE sku_id = s.id AND valid_from <= now() ORDER BY currency_code, valid_from DESC
             ) p ON true
             WHERE s.product_id = $1 AND s.is_active ORDER BY s.id",
            &[&id],
        )
        .await?;
    Ok(Json(Product { summary: summary(&row), description: row.get("description"), skus: gather(&skus) }))
}

fn summary(row: &Row) -> Summary {
    Summary {
        id: row.get("id"),
        slug: row.get("slug"),
        title: row.get("title"),
        headline: row.get("headline"),
    }
}

/// Collects SKUs from rows. The rows of one SKU follow each other, one per currency.
fn gather(rows: &[Row]) -> Vec<Sku> {
    let mut skus: Vec<Sku> = Vec::new();
    for row in rows {
        let id = row.get(0);
        if skus.last().is_none_or(|sku| sku.id != id) {
            skus.push(Sku {
                id,
                code: row.get(1),
                title: row.get(2),
                in_stock: row.get(3),
                prices: BTreeMap::new(),
            });
        }
        if let (Some(sku), Some(currency)) = (skus.last_mut(), row.get::<_, Option<String>>(4)) {
            sku.prices.insert(currency, row.get(5));
        }
    }
    skus
}
