//! The real binary against the sandbox, as GitHub runs it: one story per test.

/// The binary, its environment, and what it left behind.
#[path = "../support/world.rs"]
mod support;

/// Runs whose standard input is a terminal.
mod terminal;
/// `init`: from a repository to its files, and the next commands.
mod init;
/// `--plan`: everything is said, nothing is changed.
mod plan;
/// One database, from RunTask to its verdict.
mod migrate;
/// The configuration file: what it says, what overrides it, and which databases are chosen.
mod config;
/// The dropdowns of a workflow: printed, checked, written.
mod workflow;
/// Several databases: order, failures, concurrency.
mod fleet;
/// Many databases in a task.
mod packs;
/// The stages of a rollout, and the pauses between them.
mod stages;
/// A large fleet: what it costs the machine that it is run from.
mod memory;
/// Migrations, and then the services.
mod deploy;
/// The post stage of a run that was cut off while it deployed.
mod post;
/// What the bash pipeline did wrong, done right.
mod seed_mistakes;
/// The witness in front of an image's own command.
mod witness;
/// The image: packaged, pushed, reused, refused.
mod image;
/// `build`: the image alone, for another job.
mod build;
/// The image by app/Dockerfile and a real Docker Engine, run as a task.
mod docker;
/// What a person can fix: message, hint, exit code.
mod errors;
/// Each error that a page names, as it is printed.
mod troubleshooting;
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
/// `-v`: what is told of calls.
mod verbose;
/// What the SQL of the migrations will do, in a plan.
mod sql;
/// Completions and man pages.
mod shell;
/// The policies of a run, without and with AWS.
mod iam;
/// The state file: runs that go on with others.
mod resume;
/// Services go back to what ran before.
mod rollback;
/// Blue/green and its kin, and pauses.
mod strategies;
/// `check`: every database is asked how far it is, and nothing is changed in it.
mod check;
/// `run`: a command of the user's in a one-off task.
mod run;
/// What is proved, and what runs: read, and never changed.
mod status;
