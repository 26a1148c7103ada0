//! The Action as GitHub's runner uses it, and the pages that describe the program.

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

/// action.yml, the command line and the Action's page name the same inputs, defaults and outputs.
mod agreement;
/// The page of the command line is what the command line says.
mod reference;
/// Every link of our pages leads to a file and a heading that exist, and the README is short.
mod pages;
/// The image as the runner runs it: migrate, cancel, kill, post stage.
mod container;
