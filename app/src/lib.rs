//! A shop: an HTTP API over PostgreSQL, and the migrations of its schema, in one binary.
//!
//! `app migrate` reads: settings → connect → look → lock → plan → apply → report. `app serve` never migrates.

pub mod cli;
pub mod database;
pub mod schema;
pub mod migrate;
pub mod status;
pub mod create_database;
pub mod serve;
mod connections;
pub mod api;
pub mod healthcheck;

// What a program that migrates needs whatever it migrates: the witness has it for images of others.
pub use witness::{databases, failure, listing, lock, output, pack, report, session, settings, signals, tls};
