//! A shop: an HTTP API over PostgreSQL, and the migrations of its schema, in one binary.
//!
//! `app migrate` reads: settings → connect → look → lock → plan → apply → report. `app serve` never migrates.

pub mod cli;
pub mod settings;
pub mod databases;
pub mod tls;
pub mod database;
pub mod schema;
pub mod lock;
pub mod migrate;
pub mod report;
pub mod status;
pub mod serve;
mod connections;
pub mod api;
pub mod healthcheck;
pub mod signals;
pub mod output;
pub mod failure;
