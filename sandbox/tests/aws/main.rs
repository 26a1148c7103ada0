//! The sandbox as its clients see it: over HTTP, with AWS's shapes, limits and errors.

mod client;

/// Who is let in, and what happens to unknown requests and other Regions.
mod access;
/// The AWS CLI, when there is one.
mod aws_cli;
/// Containers as processes of this machine.
mod engine;
/// Faults on purpose.
mod faults;
/// Pages, tokens and limits of CloudWatch Logs.
mod logs;
/// Limits, idempotency and failures of RunTask.
mod run_task;
/// What may be registered, and that nothing of it is lost.
mod task_definitions;
/// From PROVISIONING to STOPPED.
mod tasks;
