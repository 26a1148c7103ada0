exports.up = (knex) => knex.raw("create table orders (id int)");
exports.down = (knex) => knex.raw("drop table orders");
