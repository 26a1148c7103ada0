//! The sandbox as its clients see it: over HTTP, with AWS's shapes, limits and errors.

#![expect(clippy::unwrap_used, reason = "in a test, an absent value is a failure with its place")]

mod client;
/// Images of a few files.
mod image;

/// Who is let in, and what happens to unknown requests and other Regions.
mod access;
/// The AWS CLI, when there is one.
mod aws_cli;
/// Containers in Docker.
mod docker;
/// Containers as processes of this machine.
mod engine;
/// Faults on purpose.
mod faults;
/// Pages, tokens and limits of CloudWatch Logs.
mod logs;
/// Clusters, services, secrets, tags, log groups: what is set up and read back.
mod resources;
/// Containers as processes in their images' own roots.
mod own_root;
/// Limits, idempotency and failures of RunTask.
mod run_task;
/// Services, over HTTP: what is lost on the way, and who may know what.
mod services;
/// What may be registered, and that nothing of it is lost.
mod task_definitions;
/// From PROVISIONING to STOPPED.
mod tasks;
