-- What is sold: a product is a page in the shop, a SKU is the thing that is packed.

CREATE TABLE categories (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES categories CHECK (parent_id <> id),
    slug      text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title     text NOT NULL
);
CREATE INDEX categories_parent_idx ON categories (parent_id);

CREATE TABLE products (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug          text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title         text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    headline      text NOT NULL DEFAULT '',
    description   text NOT NULL DEFAULT '',
    published_at  timestamptz,
    retired_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (retired_at IS NULL OR published_at IS NOT NULL)
);
CREATE INDEX products_on_sale_idx ON products (id) WHERE published_at IS NOT NULL AND retired_at IS NULL;
CREATE TRIGGER products_updated_at BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE product_categories (
    product_id  bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    category_id bigint NOT NULL REFERENCES categories ON DELETE CASCADE,
    position    integer NOT NULL DEFAULT 0,
    PRIMARY KEY (product_id, category_id)
);
CREATE INDEX product_categories_category_idx ON product_categories (category_id, position);

CREATE TABLE product_images (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES products ON DELETE CASCADE,
    url        text NOT NULL CHECK (url ~ '^(https://|/)'),
    caption    text NOT NULL DEFAULT '',
    is_main    boolean NOT NULL DEFAULT false,
    position   integer NOT NULL DEFAULT 0
);
CREATE INDEX product_images_product_idx ON product_images (product_id, position);
CREATE UNIQUE INDEX product_images_one_main ON product_images (product_id) WHERE is_main;

CREATE TABLE sku_types (
    code     text PRIMARY KEY,
    title    text NOT NULL,
    shippable boolean NOT NULL
);

CREATE TABLE skus (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id   bigint NOT NULL REFERENCES products,
    sku_type     text NOT NULL REFERENCES sku_types,
    code         text NOT NULL UNIQUE CHECK (code ~ '^[A-Z0-9]+(-[A-Z0-9]+)*$'),
    title        text NOT NULL,
    weight_grams integer CHECK (weight_grams > 0),
    is_active    boolean NOT NULL DEFAULT true,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX skus_product_idx ON skus (product_id);
CREATE INDEX skus_type_idx ON skus (sku_type);
CREATE TRIGGER skus_updated_at BEFORE UPDATE ON skus FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TABLE sku_options (
    code  text PRIMARY KEY,
    title text NOT NULL
);

CREATE TABLE sku_option_values (
    sku_id      bigint NOT NULL REFERENCES skus ON DELETE CASCADE,
    option_code text NOT NULL REFERENCES sku_options,
    value       text NOT NULL,
    PRIMARY KEY (sku_id, option_code)
);
CREATE INDEX sku_option_values_option_idx ON sku_option_values (option_code, value);

INSERT INTO sku_types (code, title, shippable) VALUES
    ('product', 'Product', true), ('gift_card', 'Gift card', false), ('service', 'Service', false);
INSERT INTO sku_options (code, title) VALUES ('color', 'Color'), ('size', 'Size'), ('material', 'Material');
