//! `fargate-migrate`: from a commit to migrated databases on ECS Fargate.
//!
//! Read [`operations`] first.

// What nothing outside can reach is not public, so that rustc sees what nothing uses.
#![warn(unreachable_pub)]

pub mod cli;
mod choices;
mod config;
pub mod database_name;
mod values;
pub mod settings;
pub mod operations;
mod state;
mod steps;
mod migration;
mod errand;
mod plan;
mod ecr_registry;
mod image_reference;
pub mod task_definition;
mod migration_report;
pub mod verdict;
mod diagnosis;
mod sql;
pub mod report;
mod document;
pub mod progress;
mod backoff;
mod container_exit;
mod ending;
mod untrusted;
mod words;
mod witness;
mod workflow_commands;
mod session;
mod recorder;
mod github;
mod arn;
mod aws_console;
mod hex;
mod bounded_file;
mod exact_json;
pub mod interrupt;
mod failure;
pub mod ports;
pub mod adapters;

#[cfg(test)]
mod layers;
#[cfg(test)]
mod plain_words;
