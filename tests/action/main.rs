//! The Action as GitHub's runner uses it.

/// The seed's AWS, and how the runner reads a command file.
#[path = "../support/world.rs"]
#[expect(dead_code, reason = "the stories need more of it")]
mod support;

/// GitHub's runner, replayed.
mod runner;
/// Workflow commands as the runner finds them.
mod commands;
/// The image of our Dockerfile.
mod image;

/// action.yml, the command line and the README name the same inputs, defaults and outputs.
mod agreement;
/// The image as the runner runs it: migrate, cancel, kill, post stage.
mod container;
