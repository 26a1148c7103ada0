//! From a cart to an order, inside the caller's transaction: all of it happens, or none.

use super::error::ApiError;
use super::line::{Line, subtotal};
use super::orders::NewOrder;
use deadpool_postgres::{GenericClient, Transaction};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Orders the cart's items at today's prices, and takes them from the stock.
pub async fn checkout(transaction: &Transaction<'_>, order: &NewOrder) -> Result<Uuid, ApiError> {
    let currency = lock_cart(transaction, order.cart_id).await?;
    let lines = price(transaction, order.cart_id, &currency).await?;
    let subtotal = subtotal(&lines);
    let stock = lock_stock(transaction, &lines).await?;
    let shipping = shipping(transaction, order, &currency, subtotal).await?;
    let tax = tax(transaction, order, subtotal).await?;
    let (id, number) = insert_order(transaction, order, &currency, [subtotal, shipping, tax]).await?;
    insert_lines(transaction, id, &lines).await?;
    take(transaction, number, &lines, stock).await?;
    Ok(id)
}

async fn lock_cart(transaction: &Transaction<'_>, id: Uuid) -> Result<String, ApiError> {
    let cart = transaction
        .query_opt("SELECT currency_code, ordered_at IS NOT NULL FROM carts WHERE id = $1 FOR UPDATE", &[&id])
        .await?
        .ok_or_else(|| ApiError::Unprocessable(format!("no cart {id}")))?;
    if cart.get(1) {
        return Err(ApiError::Conflict("cart_ordered", format!("cart {id} has been ordered"), Value::Null));
    }
    Ok(cart.get(0))
}

async fn price(transaction: &Transaction<'_>, cart_id: Uuid, currency: &str) -> Result<Vec<Line>, ApiError> {
    let rows = transaction
        .query(
            "SELECT s.id, s.code, p.title || ': ' || s.title, i.quantity, price.amount_minor,
                    s.is_active AND p.published_at <= now() AND p.retired_at IS NULL
             FROM cart_items i
             JOIN skus s ON s.id = i.sku_id
             JOIN products p ON p.id = s.product_id
             LEFT JOIN LATERAL (
                 SELECT amount_minor FROM sku_prices
                 WHERE sku_id = s.id AND currency_code = $2 AND valid_from <= now()
                 ORDER BY valid_from DESC LIMIT 1
             ) price ON true
             WHERE i.cart_id = $1 ORDER BY i.added_at, s.id",
            &[&cart_id, &currency],
        )
        .await?;
    if rows.is_empty() {
        return Err(ApiError::Unprocessable(format!("cart {cart_id} is empty")));
    }
    let mut lines = Vec::new();
    let mut gone = Vec::new();
    for row in &rows {
        match (row.get::<_, Option<i64>>(4), row.get::<_, Option<bool>>(5)) {
            (Some(_), Some(true)) => lines.push(Line::of(row)),
            _ => gone.push(row.get::<_, String>(1)),
        }
    }
    if gone.is_empty() {
        Ok(lines)
    } else {
        let message = format!("no longer for sale: {}", gone.join(", "));
        Err(ApiError::Conflict("not_for_sale", message, json!({ "skus": gone })))
    }
}

/// Stock of one SKU at one location.
struct Shelf {
    location_id: i64,
    on_hand: i32,
}

/// Locks the stock rows of all lines, in one order for all buyers so that two of them cannot deadlock, and
/// checks that there is enough.
async fn lock_stock(
    transaction: &Transaction<'_>,
    lines: &[Line],
) -> Result<HashMap<i64, Vec<Shelf>>, ApiError> {
    let skus: Vec<i64> = lines.iter().map(|line| line.sku_id).collect();
    let rows = transaction
        .query(
            "SELECT sku_id, location_id, on_hand FROM inventory WHERE sku_id = ANY ($1)
             ORDER BY sku_id, location_id FOR UPDATE",
            &[&skus],
        )
        .await?;
    let mut stock: HashMap<i64, Vec<Shelf>> = HashMap::new();
    for row in rows {
        stock.entry(row.get(0)).or_default().push(Shelf { location_id: row.get(1), on_hand: row.get(2) });
    }
    let available =
        |sku_id| -> i64 { stock.get(&sku_id).into_iter().flatten().map(|s| i64::from(s.on_hand)).sum() };
    let short: Vec<Value> = lines
        .iter()
        .filter(|line| available(line.sku_id) < i64::from(line.quantity))
        .map(|line| {
            json!({ "sku_id": line.sku_id, "code": line.code, "wanted": line.quantity, "in_stock": available(line.sku_id) })
        })
        .collect();
    if short.is_empty() {
        Ok(stock)
    } else {
        Err(ApiError::Conflict(
            "out_of_stock",
            "there are not as many left".to_owned(),
            json!({ "items": short }),
        ))
    }
}

/// Returns the shipping cost in minor units. The country's own rate comes before the one for everywhere.
async fn shipping(
    transaction: &Transaction<'_>,
    order: &NewOrder,
    currency: &str,
    subtotal: i64,
) -> Result<i64, ApiError> {
    let country = &order.shipping_address.country;
    transaction
        .query_opt(
            "SELECT CASE WHEN $4 >= r.free_from_minor THEN 0 ELSE r.amount_minor END
             FROM shipping_rates r
             JOIN shipping_methods m ON m.code = r.shipping_method
             JOIN countries c ON c.code = $2
             WHERE r.shipping_method = $1 AND m.is_active AND r.currency_code = $3
               AND (r.country_code = $2 OR r.country_code IS NULL)
             ORDER BY r.country_code NULLS LAST LIMIT 1",
            &[&order.shipping_method, country, &currency, &subtotal],
        )
        .await?
        .map(|row| row.get(0))
        .ok_or_else(|| {
            ApiError::Unprocessable(format!(
                "no shipping by {} to {country} in {currency}",
                order.shipping_method
            ))
        })
}

/// Returns the tax on `subtotal` in minor units, by the newest rate of each tax of the country and of its region.
async fn tax(transaction: &Transaction<'_>, order: &NewOrder, subtotal: i64) -> Result<i64, ApiError> {
    let row = transaction
        .query_one(
            "SELECT coalesce(round($3::bigint * sum(percent) / 100), 0)::bigint FROM (
                 SELECT DISTINCT ON (region, title) percent FROM tax_rates
                 WHERE country_code = $1 AND (region IS NULL OR region = $2) AND valid_from <= current_date
                 ORDER BY region, title, valid_from DESC
             ) rates",
            &[&order.shipping_address.country, &order.shipping_address.region, &subtotal],
        )
        .await?;
    Ok(row.get(0))
}

async fn insert_order(
    transaction: &Transaction<'_>,
    order: &NewOrder,
    currency: &str,
    [subtotal, shipping, tax]: [i64; 3],
) -> Result<(Uuid, i64), ApiError> {
    let row = transaction
        .query_one(
            "INSERT INTO orders (cart_id, member_id, customer_email, customer_phone, currency_code, shipping_method,
                                 subtotal_minor, shipping_minor, tax_minor)
             SELECT id, member_id, nullif($2, ''), nullif($3, ''), $4, $5, $6, $7, $8 FROM carts WHERE id = $1
             RETURNING id, number",
            &[
                &order.cart_id,
                &order.email,
                &order.phone,
                &currency,
                &order.shipping_method,
                &subtotal,
                &shipping,
                &tax,
            ],
        )
        .await?;
    let id: Uuid = row.get(0);
    let address = &order.shipping_address;
    transaction
        .execute(
            "INSERT INTO order_addresses
                 (order_id, kind, recipient, line1, line2, city, region, postal_code, country_code)
             VALUES ($1, 'shipping', $2, $3, $4, $5, $6, $7, $8)",
            &[
                &id,
                &address.recipient,
                &address.line1,
                &address.line2,
                &address.city,
                &address.region,
                &address.postal_code,
                &address.country,
            ],
        )
        .await?;
    transaction
        .execute("INSERT INTO order_status_changes (order_id, status) VALUES ($1, 'placed')", &[&id])
        .await?;
    transaction.execute("UPDATE carts SET ordered_at = now() WHERE id = $1", &[&order.cart_id]).await?;
    Ok((id, row.get(1)))
}

async fn insert_lines(transaction: &Transaction<'_>, order_id: Uuid, lines: &[Line]) -> Result<(), ApiError> {
    let insert = transaction
        .prepare_cached(
            "INSERT INTO order_lines (order_id, line, sku_id, sku_code, title, quantity, unit_price_minor)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .await?;
    for (number, line) in (1i32..).zip(lines) {
        transaction
            .execute(
                &insert,
                &[
                    &order_id,
                    &number,
                    &line.sku_id,
                    &line.code,
                    &line.title,
                    &line.quantity,
                    &line.unit_price,
                ],
            )
            .await?;
    }
    Ok(())
}

/// Takes every line from the shelves, the fullest first, with a movement for each.
async fn take(
    transaction: &Transaction<'_>,
    order_number: i64,
    lines: &[Line],
    mut stock: HashMap<i64, Vec<Shelf>>,
) -> Result<(), ApiError> {
    for line in lines {
        let mut shelves = stock.remove(&line.sku_id).unwrap_or_default();
        shelves.sort_by_key(|shelf| std::cmp::Reverse(shelf.on_hand));
        let mut wanted = line.quantity;
        for shelf in shelves {
            let taken = wanted.min(shelf.on_hand);
            if taken == 0 {
                break;
            }
            wanted -= taken;
            transaction
                .execute(
                    "WITH taken AS (
                         UPDATE inventory SET on_hand = on_hand - $3 WHERE sku_id = $1 AND location_id = $2
                         RETURNING sku_id, location_id
                     )
                     INSERT INTO inventory_movements (sku_id, location_id, quantity, reason, reference)
                     SELECT sku_id, location_id, -$3, 'sold', 'order ' || $4::bigint FROM taken",
                    &[&line.sku_id, &shelf.location_id, &taken, &order_number],
                )
                .await?;
        }
    }
    Ok(())
}
