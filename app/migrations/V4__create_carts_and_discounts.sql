-- What a visitor means to buy. A cart belongs to nobody until its owner signs in; its id is the secret.

CREATE TABLE discount_types (
    code        text PRIMARY KEY,
    title       text NOT NULL,
    description text NOT NULL
);

CREATE TABLE discounts (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code                text NOT NULL CHECK (code ~ '^[A-Z0-9]{3,32}$'),
    discount_type       text NOT NULL REFERENCES discount_types,
    percent             numeric(5, 2) CHECK (percent > 0 AND percent <= 100),
    amount_minor        bigint CHECK (amount_minor > 0),
    currency_code       text REFERENCES currencies,
    minimum_minor       bigint NOT NULL DEFAULT 0 CHECK (minimum_minor >= 0),
    combinable          boolean NOT NULL DEFAULT false,
    starts_at           timestamptz NOT NULL DEFAULT now(),
    ends_at             timestamptz CHECK (ends_at > starts_at),
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    UNIQUE (code),
    CHECK (num_nonnulls(percent, amount_minor) = 1),
    CHECK ((amount_minor IS NULL) = (currency_code IS NULL))
);
CREATE INDEX discounts_type_idx ON discounts (discount_type);
CREATE INDEX discounts_currency_idx ON discounts (currency_code);
CREATE TRIGGER discounts_updated_at BEFORE UPDATE ON discounts FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE discount_products (
    discount_id bigint NOT NULL REFERENCES discounts ON DELETE CASCADE,
    product_id  bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    PRIMARY KEY (discount_id, product_id)
);
CREATE INDEX discount_products_product_idx ON discount_products (product_id);

CREATE TABLE carts (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    member_id     bigint REFERENCES members ON DELETE CASCADE,
    currency_code text NOT NULL DEFAULT 'USD' REFERENCES currencies,
    ordered_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX carts_member_idx ON carts (member_id);
CREATE INDEX carts_currency_idx ON carts (currency_code);
CREATE INDEX carts_abandoned_idx ON carts (updated_at) WHERE ordered_at IS NULL;
CREATE TRIGGER carts_updated_at BEFORE UPDATE ON carts FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE cart_items (
    cart_id    uuid NOT NULL REFERENCES carts ON DELETE CASCADE,
    sku_id     bigint NOT NULL REFERENCES skus,
    quantity   integer NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    added_at   timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cart_id, sku_id)
);
CREATE INDEX cart_items_sku_idx ON cart_items (sku_id);
CREATE TRIGGER cart_items_updated_at BEFORE UPDATE ON cart_items FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE cart_discounts (
    cart_id     uuid NOT NULL REFERENCES carts ON DELETE CASCADE,
    discount_id bigint NOT NULL REFERENCES discounts ON DELETE CASCADE,
    added_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cart_id, discount_id)
);
CREATE INDEX cart_discounts_discount_idx ON cart_discounts (discount_id);

INSERT INTO discount_types (code, title, description) VALUES
    ('item', 'Item discount', 'Applies to each item of its products'),
    ('order', 'Order discount', 'Applies to the subtotal of the order'),
    ('shipping', 'Shipping discount', 'Applies to the cost of shipping');
