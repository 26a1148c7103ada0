exports.up = async (knex) => {
  await knex.schema.createTable("orders", (table) => {
    table.increments();
    table.text("email").notNullable();
    table.timestamp("placed_at").notNullable().defaultTo(knex.fn.now());
  });
  await knex.schema.createTable("order_lines", (table) => {
    table.increments();
    table.integer("order_id").notNullable().references("orders.id").onDelete("cascade");
    table.integer("product_id").notNullable().references("products.id");
    table.integer("quantity").notNullable();
  });
};

exports.down = async (knex) => {
  await knex.schema.dropTable("order_lines");
  await knex.schema.dropTable("orders");
};
