-- The first products, so that a new shop is not empty.

INSERT INTO categories (slug, title) VALUES ('stationery', 'Stationery'), ('apparel', 'Apparel');

INSERT INTO products (slug, title, headline, description, published_at) VALUES
    ('paper-clips', 'Paper clips', 'They hold', 'Steel, 33 mm, a hundred in a box.', now()),
    ('left-sock', 'Left sock', 'The one that is missing', 'Merino wool. Fits the right foot, too.', now()),
    ('notebook', 'Notebook', 'Room for a year', 'A5, 192 dotted pages, lies flat.', now());

INSERT INTO product_categories (product_id, category_id)
    SELECT p.id, c.id FROM products p
    JOIN categories c ON c.slug = CASE p.slug WHEN 'left-sock' THEN 'apparel' ELSE 'stationery' END;

WITH catalogue (product_slug, code, title, weight_grams, usd, eur, on_hand) AS (VALUES
    ('paper-clips', 'CLIP-100', 'Box of 100', 55, 350, 320, 500),
    ('left-sock', 'SOCK-L-S', 'Small', 40, 1200, 1100, 40),
    ('left-sock', 'SOCK-L-M', 'Medium', 45, 1200, 1100, 60),
    ('notebook', 'NOTE-A5', 'A5, dotted', 320, 1850, 1700, 120)
), new_skus AS (
    INSERT INTO skus (product_id, sku_type, code, title, weight_grams)
        SELECT p.id, 'product', c.code, c.title, c.weight_grams
        FROM catalogue c JOIN products p ON p.slug = c.product_slug
        ORDER BY p.id, c.code DESC
    RETURNING id, code
), new_prices AS (
    INSERT INTO sku_prices (sku_id, currency_code, amount_minor)
        SELECT s.id, price.currency_code, price.amount_minor
        FROM new_skus s
        JOIN catalogue c USING (code)
        CROSS JOIN LATERAL (VALUES ('USD', c.usd), ('EUR', c.eur)) AS price (currency_code, amount_minor)
)
INSERT INTO inventory (sku_id, location_id, on_hand, reorder_at)
    SELECT s.id, l.id, c.on_hand, 10
    FROM new_skus s JOIN catalogue c USING (code) CROSS JOIN inventory_locations l WHERE l.code = 'main';

INSERT INTO inventory_movements (sku_id, location_id, quantity, reason, reference)
    SELECT sku_id, location_id, on_hand, 'received', 'opening stock' FROM inventory;

INSERT INTO sku_option_values (sku_id, option_code, value)
    SELECT id, 'size', CASE code WHEN 'SOCK-L-S' THEN 'small' ELSE 'medium' END FROM skus WHERE code LIKE 'SOCK-%';
