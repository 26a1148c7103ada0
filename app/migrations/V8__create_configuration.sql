-- Rows instead of constants: what a shop's owner changes without a release.

CREATE TABLE order_configuration (
    key         text PRIMARY KEY,
    value       jsonb NOT NULL,
    description text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER order_configuration_updated_at BEFORE UPDATE ON order_configuration FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- One row: what the browser is to send. A second row could only contradict the first.
CREATE TABLE client_event_configuration (
    id                     boolean PRIMARY KEY DEFAULT true CHECK (id),
    log_client_events      boolean NOT NULL,
    flush_interval_seconds integer NOT NULL CHECK (flush_interval_seconds BETWEEN 1 AND 3600),
    updated_at             timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER client_event_configuration_updated_at BEFORE UPDATE ON client_event_configuration FOR EACH ROW EXECUTE FUNCTION set_updated_at();

INSERT INTO order_configuration (key, value, description) VALUES
    ('default_currency', '"USD"', 'Currency of a cart whose visitor chose none'),
    ('default_shipping_method', '"standard"', 'Preselected at checkout'),
    ('maximum_item_quantity', '99', 'Of one SKU in one cart'),
    ('guest_checkout', 'true', 'Whether an order needs a member');
INSERT INTO client_event_configuration (log_client_events, flush_interval_seconds) VALUES (true, 30);
