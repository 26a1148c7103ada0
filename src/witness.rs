//! The witness in front of an image's own command: as one more layer of the image, and as the first words that a
//! container starts. The program itself is the package `witness`.
//!
//! - [`layer`]: the executable as a layer, the same bytes for the same file.
//! - [`image`]: an image as its registry has it, and the same image with that layer.

pub(crate) mod image;
pub(crate) mod layer;

/// Where the executable is in an image.
pub(crate) const PATH: &str = "/fargate-migrate/witness";

/// The variable by which a task is told to do something else than to migrate, in a revision that has the witness in
/// front.
pub(crate) const OPERATION: &str = "WITNESS_OPERATION";
/// Reports what the database has, and runs nothing.
pub(crate) const CHECK: &str = "check";
/// Becomes the command, with nothing in front.
pub(crate) const EXEC: &str = "exec";

/// What an image starts, unless its container says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageProcess {
    /// `ENTRYPOINT`
    pub entry_point: Vec<String>,
    /// `CMD`
    pub command: Vec<String>,
}

impl ImageProcess {
    /// Makes what stands for the words of an image that is not there yet.
    pub(crate) fn unknown() -> Self {
        Self {
            entry_point: vec!["<ENTRYPOINT of the image>".to_owned()],
            command: vec!["<CMD of the image>".to_owned()],
        }
    }
}
