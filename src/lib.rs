//! `fargate-migrate`: from a commit to migrated databases on ECS Fargate.
//!
//! Read [`operations`] first.

pub mod cli;
pub mod choices;
pub mod config;
pub mod database_name;
pub mod values;
pub mod settings;
pub mod operations;
pub mod state;
pub mod steps;
pub mod migration;
pub mod plan;
pub mod image_reference;
pub mod task_definition;
pub mod migration_report;
pub mod verdict;
pub mod diagnosis;
pub mod report;
pub mod document;
pub mod progress;
pub mod backoff;
pub mod container_exit;
pub mod untrusted;
pub mod words;
pub mod workflow_commands;
pub mod session;
pub mod recorder;
pub mod github;
pub mod arn;
pub mod aws_console;
pub mod hex;
pub mod interrupt;
pub mod failure;
pub mod ports;
pub mod adapters;

#[cfg(test)]
mod layers;
