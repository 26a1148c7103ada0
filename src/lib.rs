//! `fargate-migrate`: from a commit to migrated databases on ECS Fargate.
//!
//! Read [`pipeline`] first.

pub mod ports;
pub mod task_definition;
pub mod migration_report;
pub mod verdict;
pub mod diagnosis;
pub mod progress;
pub mod failure;
pub mod adapters;
