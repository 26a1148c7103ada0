exports.up = (pgm) => {
  pgm.createTable("orders", {
    id: "id",
    email: { type: "text", notNull: true },
    placed_at: { type: "timestamptz", notNull: true, default: pgm.func("now()") },
  });
  pgm.createTable("order_lines", {
    id: "id",
    order_id: { type: "integer", notNull: true, references: "orders", onDelete: "cascade" },
    product_id: { type: "integer", notNull: true, references: "products" },
    quantity: { type: "integer", notNull: true },
  });
};
