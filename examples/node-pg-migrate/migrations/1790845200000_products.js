exports.up = (pgm) => {
  pgm.createTable("products", {
    id: "id",
    sku: { type: "text", notNull: true, unique: true },
    name: { type: "text", notNull: true },
    price: { type: "numeric(10, 2)", notNull: true },
  });
};
