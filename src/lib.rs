//! `fargate-migrate`: from a commit to migrated databases on ECS Fargate.
//!
//! Read [`pipeline`] first.

pub mod cli;
pub mod config;
pub mod database_name;
pub mod settings;
pub mod pipeline;
pub mod state;
pub mod steps;
pub mod plan;
pub mod image_reference;
pub mod task_definition;
pub mod migration_report;
pub mod verdict;
pub mod diagnosis;
pub mod report;
pub mod progress;
pub mod backoff;
pub mod throttled;
pub mod untrusted;
pub mod recorder;
pub mod deployments;
pub mod console;
pub mod workflow;
pub mod iam;
pub mod interrupt;
pub mod post;
pub mod failure;
pub mod ports;
pub mod adapters;
