-- What was bought. An order keeps its own copy of prices, titles and addresses: the catalogue moves on.

CREATE TABLE order_statuses (
    code     text PRIMARY KEY,
    title    text NOT NULL,
    is_final boolean NOT NULL
);

CREATE SEQUENCE order_numbers START 100001;

CREATE TABLE orders (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number          bigint NOT NULL UNIQUE DEFAULT nextval('order_numbers'),
    cart_id         uuid UNIQUE REFERENCES carts ON DELETE SET NULL,
    member_id       bigint REFERENCES members ON DELETE SET NULL,
    status          text NOT NULL DEFAULT 'placed' REFERENCES order_statuses,
    -- An e-mail address or a telephone number.
    contact         text NOT NULL,
    currency_code   text NOT NULL REFERENCES currencies,
    shipping_method text NOT NULL REFERENCES shipping_methods,
    subtotal_minor  bigint NOT NULL CHECK (subtotal_minor >= 0),
    discount_minor  bigint NOT NULL DEFAULT 0 CHECK (discount_minor BETWEEN 0 AND subtotal_minor),
    shipping_minor  bigint NOT NULL DEFAULT 0 CHECK (shipping_minor >= 0),
    tax_minor       bigint NOT NULL DEFAULT 0 CHECK (tax_minor >= 0),
    total_minor     bigint NOT NULL
        GENERATED ALWAYS AS (subtotal_minor - discount_minor + shipping_minor + tax_minor) STORED,
    placed_at       timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);
ALTER SEQUENCE order_numbers OWNED BY orders.number;
CREATE INDEX orders_member_idx ON orders (member_id, placed_at DESC);
CREATE INDEX orders_status_idx ON orders (status, placed_at);
CREATE INDEX orders_currency_idx ON orders (currency_code);
CREATE INDEX orders_shipping_method_idx ON orders (shipping_method);
CREATE TRIGGER orders_updated_at BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE order_lines (
    order_id         uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    line             integer NOT NULL CHECK (line > 0),
    sku_id           bigint NOT NULL REFERENCES skus,
    sku_code         text NOT NULL,
    title            text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity > 0),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    PRIMARY KEY (order_id, line)
);
CREATE INDEX order_lines_sku_idx ON order_lines (sku_id);

CREATE TABLE order_addresses (
    order_id     uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('shipping', 'billing')),
    recipient    text NOT NULL,
    line1        text NOT NULL,
    line2        text,
    city         text NOT NULL,
    region       text,
    postal_code  text NOT NULL,
    country_code text NOT NULL REFERENCES countries,
    PRIMARY KEY (order_id, kind)
);
CREATE INDEX order_addresses_country_idx ON order_addresses (country_code);

CREATE TABLE order_discounts (
    order_id     uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    discount_id  bigint NOT NULL REFERENCES discounts,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    PRIMARY KEY (order_id, discount_id)
);
CREATE INDEX order_discounts_discount_idx ON order_discounts (discount_id);

CREATE TABLE order_status_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id   uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    status     text NOT NULL REFERENCES order_statuses,
    note       text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX order_status_changes_order_idx ON order_status_changes (order_id, changed_at);
CREATE INDEX order_status_changes_status_idx ON order_status_changes (status);

CREATE TABLE payments (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id      uuid NOT NULL REFERENCES orders,
    provider      text NOT NULL,
    provider_id   text NOT NULL,
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    status        text NOT NULL CHECK (status IN ('authorized', 'captured', 'failed', 'voided')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, provider_id)
);
CREATE INDEX payments_order_idx ON payments (order_id);
CREATE TRIGGER payments_updated_at BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE refunds (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id   bigint NOT NULL REFERENCES payments,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refunds_payment_idx ON refunds (payment_id);

CREATE TABLE shipments (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id        uuid NOT NULL REFERENCES orders,
    shipping_method text NOT NULL REFERENCES shipping_methods,
    tracking_number text,
    shipped_at      timestamptz,
    delivered_at    timestamptz CHECK (delivered_at >= shipped_at)
);
CREATE INDEX shipments_order_idx ON shipments (order_id);
CREATE INDEX shipments_method_idx ON shipments (shipping_method);

CREATE TABLE shipment_lines (
    shipment_id bigint NOT NULL REFERENCES shipments ON DELETE CASCADE,
    order_id    uuid NOT NULL,
    line        integer NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (shipment_id, order_id, line),
    FOREIGN KEY (order_id, line) REFERENCES order_lines
);
CREATE INDEX shipment_lines_order_line_idx ON shipment_lines (order_id, line);

-- One row per Idempotency-Key header: a repeated request gets the first one's order, not a second order.
CREATE TABLE order_idempotency_keys (
    key            text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 200),
    request_sha256 bytea NOT NULL,
    order_id       uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX order_idempotency_keys_order_idx ON order_idempotency_keys (order_id);

INSERT INTO order_statuses (code, title, is_final) VALUES
    ('placed', 'Placed', false), ('paid', 'Paid', false), ('packed', 'Packed', false), ('shipped', 'Shipped', false),
    ('delivered', 'Delivered', true), ('cancelled', 'Cancelled', true), ('refunded', 'Refunded', true);
