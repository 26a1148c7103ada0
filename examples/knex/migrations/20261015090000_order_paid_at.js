exports.up = (knex) => knex.schema.alterTable("orders", (table) => table.timestamp("paid_at"));

exports.down = (knex) => knex.schema.alterTable("orders", (table) => table.dropColumn("paid_at"));
