//! The operations of the command line, a file each.

pub mod build;
pub mod iam;
pub mod migrate;
pub mod post;
pub mod workflow;
