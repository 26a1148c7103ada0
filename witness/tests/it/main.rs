//! The witness in front of real commands, against a real PostgreSQL server.

#[path = "../../../tests/support/python.rs"]
mod python;
mod support;

/// What it passes on: output, signals, ends.
mod command;
/// Where the command was connected.
mod elsewhere;
/// Lists of databases.
mod pack;
/// What the report says.
mod report;
/// Real frameworks.
mod tools;
