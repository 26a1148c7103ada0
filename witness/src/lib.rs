//! Stands in front of a migration command and proves what it did: `witness [FLAGS] -- COMMAND…`.
//!
//! It reads: settings → connect → lock → history before → the command, watched → history after, on a new connection →
//! migration report. Nothing in the report is taken from what the command prints: all of it is asked of the server of the
//! database that was asked for, or compared with the migrations in the image.
//!
//! The modules from `databases` on are what any program needs that migrates PostgreSQL databases and reports on them; the
//! shop uses them as a library.

mod address;
mod child;
pub mod cli;
mod history;
mod known;
mod look;
mod one;
mod processes;
mod sessions;

pub mod databases;
pub mod failure;
pub mod listing;
pub mod lock;
pub mod output;
pub mod pack;
pub mod report;
pub mod session;
pub mod settings;
pub mod signals;
pub mod tls;

pub use one::run;
