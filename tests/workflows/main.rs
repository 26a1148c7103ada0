//! The workflows, as programs that we did not write judge and run them.

/// A virtual environment with pinned versions, made once.
#[path = "../support/python.rs"]
mod environment;
/// The workflows and action.yml as text: which there are, and what is in them.
mod files;
/// zizmor and GitHub's schemas have nothing to say.
mod judges;
/// What no judge knows: the workflows use our Action as it is.
mod contract;
/// A release's action.yml runs the published image, and differs in nothing else.
mod release;
/// The image of our Dockerfile.
#[path = "../action/image.rs"]
#[expect(dead_code, reason = "the Action's own tests need more of it")]
mod image;
/// act runs migrate.yml against the sandbox.
mod act;
