//! The real binary against a real PostgreSQL server, with a database for each test.

#![expect(clippy::unwrap_used, reason = "what these tests cannot go on without has failed them")]

/// A server for this process, a database for each test, the binary and its report.
mod support;
/// What `app migrate` does to a database, and what it says.
mod migrate;
/// Packs: many databases in one run.
mod pack;
/// Migrations that fail, are cancelled, or contradict the database's history.
mod trouble;
/// One migration of a database at a time.
mod lock;
/// `app status`, the command line and its settings.
mod command_line;
/// `schema`: what changes it, and what does not.
mod listing;
/// `app status --report`.
mod status_report;
/// `app create-database`.
mod create_database;
/// Servers that take a connection and then say nothing.
mod silent;
/// sslmode as libpq means it, against a server with a certificate.
mod tls;
/// The HTTP API: the catalogue, a cart that becomes an order, client events.
mod shop;
/// Liveness, readiness, and how a server ends.
mod serve;
