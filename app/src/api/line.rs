//! A line of a cart or an order: so many of one SKU, at a price.

use serde::Serialize;
use tokio_postgres::Row;

#[derive(Serialize)]
pub struct Line {
    pub sku_id: i64,
    pub code: String,
    pub title: String,
    pub quantity: i32,
    /// In minor units.
    pub unit_price: i64,
}

impl Line {
    /// Reads a row that begins with these columns in this order.
    pub fn of(row: &Row) -> Self {
        Self {
            sku_id: row.get(0),
            code: row.get(1),
            title: row.get(2),
            quantity: row.get(3),
            unit_price: row.get(4),
        }
    }
}

pub fn subtotal(lines: &[Line]) -> i64 {
    lines.iter().map(|line| i64::from(line.quantity) * line.unit_price).sum()
}
