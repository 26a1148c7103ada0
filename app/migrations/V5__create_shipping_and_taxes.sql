-- How an order reaches its buyer, and what the state adds.

CREATE TABLE countries (
    code  text PRIMARY KEY CHECK (code ~ '^[A-Z]{2}$'),
    title text NOT NULL
);

CREATE TABLE shipping_methods (
    code            text PRIMARY KEY CHECK (code ~ '^[a-z_]+$'),
    title           text NOT NULL,
    carrier         text NOT NULL,
    tracking_url    text,
    is_active       boolean NOT NULL DEFAULT true
);

CREATE TABLE shipping_rates (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shipping_method text NOT NULL REFERENCES shipping_methods ON DELETE CASCADE,
    -- NULL: every country without a rate of its own.
    country_code    text REFERENCES countries,
    currency_code   text NOT NULL REFERENCES currencies,
    amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
    free_from_minor bigint CHECK (free_from_minor > 0)
);
CREATE UNIQUE INDEX shipping_rates_key
    ON shipping_rates (shipping_method, coalesce(country_code, ''), currency_code);
CREATE INDEX shipping_rates_country_idx ON shipping_rates (country_code);
CREATE INDEX shipping_rates_currency_idx ON shipping_rates (currency_code);

CREATE TABLE tax_rates (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_code text NOT NULL REFERENCES countries,
    region       text,
    title        text NOT NULL,
    percent      numeric(6, 3) NOT NULL CHECK (percent >= 0 AND percent < 100),
    valid_from   date NOT NULL
);
CREATE UNIQUE INDEX tax_rates_key ON tax_rates (country_code, coalesce(region, ''), title, valid_from);

INSERT INTO countries (code, title) VALUES
    ('US', 'United States'), ('CA', 'Canada'), ('GB', 'United Kingdom'), ('DE', 'Germany'),
    ('FR', 'France'), ('JP', 'Japan');
ALTER TABLE member_addresses ADD CONSTRAINT member_addresses_country_fkey
    FOREIGN KEY (country_code) REFERENCES countries;
CREATE INDEX member_addresses_country_idx ON member_addresses (country_code);

INSERT INTO shipping_methods (code, title, carrier, tracking_url) VALUES
    ('standard', 'Standard, 3 to 5 days', 'USPS', 'https://tools.usps.com/go/TrackConfirmAction?tLabels='),
    ('express', 'Express, next day', 'FedEx', 'https://www.fedex.com/fedextrack/?trknbr='),
    ('none', 'Nothing to ship', 'none', NULL);
INSERT INTO shipping_rates (shipping_method, country_code, currency_code, amount_minor, free_from_minor) VALUES
    ('standard', NULL, 'USD', 1495, NULL), ('standard', 'US', 'USD', 595, 5000), ('express', 'US', 'USD', 1995, NULL),
    ('standard', NULL, 'EUR', 1295, NULL), ('standard', 'DE', 'EUR', 495, 5000),
    ('none', NULL, 'USD', 0, NULL), ('none', NULL, 'EUR', 0, NULL);
