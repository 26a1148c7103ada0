exports.up = (knex) =>
  knex.schema.createTable("products", (table) => {
    table.increments();
    table.text("sku").notNullable().unique();
    table.text("name").notNullable();
    table.decimal("price", 10, 2).notNullable();
  });

exports.down = (knex) => knex.schema.dropTable("products");
