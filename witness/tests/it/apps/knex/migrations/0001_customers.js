exports.up = (knex) => knex.raw("create table customers (id int)");
exports.down = (knex) => knex.raw("drop table customers");
