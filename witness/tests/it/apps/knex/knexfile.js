module.exports = { client: "pg", connection: { database: process.env.PGDATABASE } };
