-- Contract: nothing reads or writes orders.contact since the release after V10.

DROP TRIGGER orders_sync_contact ON orders;
DROP FUNCTION sync_order_contact();
ALTER TABLE orders VALIDATE CONSTRAINT orders_reachable;
ALTER TABLE orders DROP COLUMN contact;
