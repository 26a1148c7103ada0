-- What a SKU costs and how many there are. Money is an integer number of the currency's minor unit.

CREATE TABLE currencies (
    code          text PRIMARY KEY CHECK (code ~ '^[A-Z]{3}$'),
    title         text NOT NULL,
    minor_digits  smallint NOT NULL CHECK (minor_digits BETWEEN 0 AND 4)
);

CREATE TABLE sku_prices (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku_id        bigint NOT NULL REFERENCES skus ON DELETE CASCADE,
    currency_code text NOT NULL REFERENCES currencies,
    amount_minor  bigint NOT NULL CHECK (amount_minor >= 0),
    -- The price in force is the one with the latest valid_from that is not in the future.
    valid_from    timestamptz NOT NULL DEFAULT now(),
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (sku_id, currency_code, valid_from)
);
CREATE INDEX sku_prices_currency_idx ON sku_prices (currency_code);

CREATE TABLE inventory_locations (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code  text NOT NULL UNIQUE,
    title text NOT NULL
);

CREATE TABLE inventory (
    sku_id      bigint NOT NULL REFERENCES skus ON DELETE CASCADE,
    location_id bigint NOT NULL REFERENCES inventory_locations,
    on_hand     integer NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    reorder_at  integer CHECK (reorder_at >= 0),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sku_id, location_id)
);
CREATE INDEX inventory_location_idx ON inventory (location_id);
CREATE TRIGGER inventory_updated_at BEFORE UPDATE ON inventory FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE inventory_movements (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku_id      bigint NOT NULL,
    location_id bigint NOT NULL,
    quantity    integer NOT NULL CHECK (quantity <> 0),
    reason      text NOT NULL CHECK (reason IN ('received', 'sold', 'returned', 'corrected', 'lost')),
    -- An order number, a delivery note, a name: what explains the movement to a person.
    reference   text,
    moved_at    timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (sku_id, location_id) REFERENCES inventory ON DELETE CASCADE
);
CREATE INDEX inventory_movements_inventory_idx ON inventory_movements (sku_id, location_id, moved_at);

INSERT INTO currencies (code, title, minor_digits) VALUES
    ('USD', 'US dollar', 2), ('EUR', 'Euro', 2), ('GBP', 'Pound sterling', 2), ('JPY', 'Yen', 0);
INSERT INTO inventory_locations (code, title) VALUES ('main', 'Main warehouse');
