-- Expand: orders.contact, which held an e-mail address or a telephone number, becomes two columns.
-- Old binaries still read and write contact, new ones the two columns: the trigger keeps both true until
-- V12 contracts.

ALTER TABLE orders ADD COLUMN customer_email text, ADD COLUMN customer_phone text;
ALTER TABLE orders ALTER COLUMN contact DROP NOT NULL;

CREATE FUNCTION sync_order_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.customer_email IS NULL AND NEW.customer_phone IS NULL THEN
        IF NEW.contact LIKE '_%@_%' THEN
            NEW.customer_email := NEW.contact;
        ELSE
            NEW.customer_phone := NEW.contact;
        END IF;
    ELSE
        NEW.contact := coalesce(NEW.customer_email, NEW.customer_phone);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER orders_sync_contact BEFORE INSERT OR UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION sync_order_contact();

UPDATE orders
SET customer_email = CASE WHEN contact LIKE '_%@_%' THEN contact END,
    customer_phone = CASE WHEN contact NOT LIKE '_%@_%' THEN contact END;

ALTER TABLE orders ADD CONSTRAINT orders_reachable
    CHECK (num_nonnulls(customer_email, customer_phone) > 0) NOT VALID;
