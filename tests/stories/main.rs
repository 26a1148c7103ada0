//! The real binary against the sandbox, as GitHub runs it: one story per test.

/// The binary, its environment, and what it left behind.
#[path = "../support/world.rs"]
mod support;

/// `--plan`: everything is said, nothing is changed.
mod plan;
/// One database, from RunTask to its verdict.
mod migrate;
/// The configuration file: what it says, what overrides it, and which databases are chosen.
mod config;
/// Several databases: order, failures, concurrency.
mod fleet;
/// Many databases in a task.
mod packs;
/// A large fleet: what it costs the machine that it is run from.
mod memory;
/// What the bash pipeline did wrong, done right.
mod seed_mistakes;
/// The image: packaged, pushed, reused, refused.
mod image;
/// `build`: the image alone, for another job.
mod build;
/// The image by app/Dockerfile and a real Docker Engine, run as a task.
mod docker;
/// What a person can fix: message, hint, exit code.
mod errors;
/// Files that cannot be written, and files that never end.
mod files;
/// Logs: complete, in order, each line once, whatever is in them.
mod logs;
/// Texts from outside that try to be commands, markup or outputs.
mod hostile;
/// Interrupts, timeouts, and second runs.
mod lifecycle;
/// GitHub's OIDC token for a role, renewed while the run goes on.
mod credentials;
/// HTTPS_PROXY and its kin: every client by a proxy, and what it refuses.
mod proxy;
/// GitHub's API: deployments, and the plan as a comment.
mod github;
/// The policies of a run, without and with AWS.
mod iam;
/// The state file: runs that go on with others.
mod resume;
