use crate::support::{Database, Server};
use serde_json::{Value, json};

fn order(cart: &Value) -> Value {
    json!({
        "cart_id": cart["id"], "email": "ada@shop.example", "shipping_method": "standard",
        "shipping_address": {
            "recipient": "Ada", "line1": "1 Main Street", "city": "Springfield", "region": "OR",
            "postal_code": "97477", "country": "US"
        }
    })
}

/// The SKU `code`, as its product's page shows it.
async fn sku(server: &Server, code: &str) -> Value {
    let products = server.get("/products?limit=100").await.expect(200);
    for product in products["products"].as_array().unwrap() {
        let product = server.get(&format!("/products/{}", product["id"])).await.expect(200);
        if let Some(sku) = product["skus"].as_array().unwrap().iter().find(|sku| sku["code"] == code) {
            return sku.clone();
        }
    }
    panic!("no SKU {code}")
}

async fn cart_with(server: &Server, code: &str, quantity: i64) -> Value {
    let sku = sku(server, code).await;
    let cart = server.post("/carts", json!({})).await.expect(201);
    let path = format!("/carts/{}/items", cart["id"].as_str().unwrap());
    server.post(&path, json!({ "sku_id": sku["id"], "quantity": quantity })).await.expect(201)
}

async fn stock(database: &Database, code: &str) -> i64 {
    database
        .value("SELECT sum(on_hand) FROM inventory JOIN skus ON id = sku_id WHERE code = $1", &[&code])
        .await
}

#[tokio::test]
async fn products_come_in_pages() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let mut path = "/products?limit=1".to_owned();
    let mut slugs = Vec::new();
    loop {
        let page = server.get(&path).await.expect(200);
        slugs.extend(
            page["products"]
                .as_array()
                .unwrap()
                .iter()
                .map(|product| product["slug"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_i64() else { break };
        path = format!("/products?limit=1&after={next}");
    }
    assert_eq!(slugs, ["paper-clips", "left-sock", "notebook"]);
    assert_eq!(sku(&server, "NOTE-A5").await["prices"], json!({ "EUR": 1700, "USD": 1850 }));
}

#[tokio::test]
async fn a_cart_becomes_an_order() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let before = stock(&database, "NOTE-A5").await;
    let cart = cart_with(&server, "NOTE-A5", 2).await;
    assert_eq!(cart["subtotal"], 3700);

    let placed = server.post_order("first", order(&cart)).await.expect(201);
    assert_eq!(
        (&placed["subtotal"], &placed["shipping"], &placed["total"]),
        (&json!(3700), &json!(595), &json!(4295))
    );
    assert_eq!(placed["lines"][0]["quantity"], 2);
    assert_eq!(stock(&database, "NOTE-A5").await, before - 2);

    // The order keeps its prices, whatever the catalogue says tomorrow.
    let raise = "INSERT INTO sku_prices (sku_id, currency_code, amount_minor) SELECT id, 'USD', 9900 FROM skus WHERE code = 'NOTE-A5'";
    database.connect().await.execute(raise, &[]).await.unwrap();
    let id = placed["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/orders/{id}")).await.expect(200), placed);
    assert_eq!(cart_with(&server, "NOTE-A5", 1).await["subtotal"], 9900);

    // Every piece that left is accounted for.
    let moved: i64 = database
        .value("SELECT sum(quantity) FROM inventory_movements JOIN skus ON skus.id = sku_id WHERE code = 'NOTE-A5'", &[])
        .await;
    assert_eq!(moved, stock(&database, "NOTE-A5").await);
}

#[tokio::test]
async fn a_repeated_order_is_the_same_order() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let before = stock(&database, "CLIP-100").await;
    let cart = cart_with(&server, "CLIP-100", 3).await;
    // At once, as an impatient browser would.
    let (first, second) =
        tokio::join!(server.post_order("same", order(&cart)), server.post_order("same", order(&cart)));
    let mut statuses = [first.status, second.status];
    statuses.sort();
    assert_eq!((statuses, &first.body), ([200, 201], &second.body));
    assert_eq!(stock(&database, "CLIP-100").await, before - 3);

    let other = cart_with(&server, "CLIP-100", 1).await;
    server.post_order("same", order(&other)).await.expect(422);
    let again = server.post_order("another", order(&cart)).await.expect(409);
    assert_eq!(again["error"]["code"], "cart_ordered");
}

#[tokio::test]
async fn the_last_piece_is_sold_once() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let one_left =
        "UPDATE inventory SET on_hand = 1 WHERE sku_id = (SELECT id FROM skus WHERE code = 'SOCK-L-S')";
    database.connect().await.execute(one_left, &[]).await.unwrap();
    let (a, b) = (cart_with(&server, "SOCK-L-S", 1).await, cart_with(&server, "SOCK-L-S", 1).await);
    let (a, b) = tokio::join!(server.post_order("a", order(&a)), server.post_order("b", order(&b)));
    let (sold, refused) = if a.status == 201 { (a, b) } else { (b, a) };
    sold.expect(201);
    let refused = refused.expect(409);
    assert_eq!(refused["error"]["code"], "out_of_stock");
    assert_eq!(refused["error"]["details"]["items"][0]["in_stock"], 0);
    assert_eq!(stock(&database, "SOCK-L-S").await, 0);
    assert_eq!(database.value::<i64>("SELECT count(*) FROM orders", &[]).await, 1);
}

#[tokio::test]
async fn what_cannot_be_ordered_is_refused() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let empty = server.post("/carts", json!({})).await.expect(201);
    server.post_order("empty", order(&empty)).await.expect(422);
    let cart = cart_with(&server, "CLIP-100", 1).await;
    let with = |key: &str, value: Value| {
        let mut order = order(&cart);
        order[key] = value;
        order
    };
    server.post_order("k", with("email", json!(null))).await.expect(422);
    server.post_order("k", with("shipping_method", json!("pigeon"))).await.expect(422);
    server.post_order("k", with("cart_id", json!("00000000-0000-0000-0000-000000000000"))).await.expect(422);
    server.post_order("k", with("surprise", json!(1))).await.expect(422);
    server.post("/orders", order(&cart)).await.expect(400);
    database
        .connect()
        .await
        .execute("UPDATE skus SET is_active = false WHERE code = 'CLIP-100'", &[])
        .await
        .unwrap();
    assert_eq!(server.post_order("k", order(&cart)).await.expect(409)["error"]["code"], "not_for_sale");
    // Nothing of a refused order stays, so its key can be used again.
    database
        .connect()
        .await
        .execute("UPDATE skus SET is_active = true WHERE code = 'CLIP-100'", &[])
        .await
        .unwrap();
    server.post_order("k", order(&cart)).await.expect(201);
}

#[tokio::test]
async fn carts_have_limits() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    server.post("/carts", json!({ "currency": "XXX" })).await.expect(422);
    let cart = cart_with(&server, "CLIP-100", 90).await;
    let items = format!("/carts/{}/items", cart["id"].as_str().unwrap());
    let clips = cart["items"][0]["sku_id"].clone();
    server.post(&items, json!({ "sku_id": clips, "quantity": 10 })).await.expect(422);
    server.post(&items, json!({ "sku_id": clips, "quantity": 0 })).await.expect(422);
    server.post(&items, json!({ "sku_id": 999_999, "quantity": 1 })).await.expect(422);
    let full = server.post(&items, json!({ "sku_id": clips, "quantity": 9 })).await.expect(201);
    assert_eq!(full["items"][0]["quantity"], 99);
    server.get("/carts/00000000-0000-0000-0000-000000000000").await.expect(404);
}

#[tokio::test]
async fn client_events_are_kept_by_visit() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let first = json!({ "user_agent": "test", "events": [
        { "type": "page_view", "url": "/", "width": 800 },
        { "type": "button_click", "url": "/", "button": "buy" },
    ]});
    let visit = server.post("/client-events", first).await.expect(202)["visit_id"].clone();
    let second = json!({ "visit_id": visit, "events": [
        { "type": "link_followed", "url": "/", "target_url": "/products/1" },
        { "type": "request_error", "url": "/", "status": 500, "message": "oh" },
    ]});
    assert_eq!(server.post("/client-events", second).await.expect(202)["visit_id"], visit);
    for table in ["client_visits", "page_views", "button_clicks", "link_events", "request_errors"] {
        assert_eq!(database.value::<i64>(&format!("SELECT count(*) FROM {table}"), &[]).await, 1, "{table}");
    }
    let long = json!({ "events": [{ "type": "page_view", "url": "x".repeat(3000) }] });
    server.post("/client-events", long).await.expect(422);
    assert_eq!(server.get("/configuration").await.expect(200)["client_events"]["enabled"], true);
}

#[tokio::test]
async fn errors_are_json() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    assert_eq!(server.get("/nowhere").await.expect(404)["error"]["code"], "not_found");
    assert_eq!(server.get("/orders").await.expect(405)["error"]["code"], "method_not_allowed");
    assert_eq!(server.get("/products?limit=0").await.expect(400)["error"]["code"], "bad_request");
    server.get("/products/sock").await.expect(404);
    let large = json!({ "events": [{ "type": "page_view", "url": "x".repeat(70_000) }] });
    assert_eq!(server.post("/client-events", large).await.expect(413)["error"]["code"], "too_large");
}

#[tokio::test]
async fn no_text_may_have_a_nul() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let cart = cart_with(&server, "NOTE-A5", 1).await;
    let refuse = |answer: crate::support::Answer, place: &str| {
        let message = answer.expect(422)["error"]["message"].clone();
        assert_eq!(message, format!("{place} has a NUL character, which no text may have"));
    };
    refuse(server.post("/carts", json!({ "currency": "\0" })).await, "currency");
    for pointer in ["/email", "/shipping_method", "/shipping_address/line1", "/shipping_address/country"] {
        let mut body = order(&cart);
        *body.pointer_mut(pointer).unwrap() = json!("a\0b");
        let place = pointer.trim_start_matches('/').replace('/', ".");
        refuse(server.post_order("nul", body).await, &place);
    }
    let events = json!([{ "payload": { "deep": ["\0"] } }]);
    refuse(server.post("/client-events", events).await, "[0].payload.deep[0]");
    refuse(server.get("/products?after=%00").await, "after");
    server.get("/products/%00").await.expect(404);
    server.get("/orders/%00").await.expect(404);
    server.post_order("kept", order(&cart)).await.expect(201);
}
