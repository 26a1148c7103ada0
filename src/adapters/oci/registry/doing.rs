//! What a session with a registry is for, and what its failures say of it.

use oci_client::RegistryOperation;

use crate::adapters::push_error;
use crate::failure::Failure;
use crate::ports::ImageTag;

/// What a session is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Doing<'a> {
    Push(&'a ImageTag),
    /// `repository@sha256:…`
    Read(&'a str),
}

impl Doing<'_> {
    /// Reads a registry's refusal, in docker's form.
    pub(super) fn refused(self, text: &str) -> Failure {
        match self {
            Self::Push(to) => push_error::read(text, to),
            Self::Read(image) => push_error::read_refused(text, image),
        }
    }

    /// Makes the failure of the network, or of the registry itself.
    pub(super) fn unreachable(self) -> Failure {
        match self {
            Self::Push(to) => push_error::unreachable(to),
            Self::Read(image) => push_error::unreadable(image),
        }
    }

    pub(super) fn operation(self) -> RegistryOperation {
        match self {
            Self::Push(_) => RegistryOperation::Push,
            Self::Read(_) => RegistryOperation::Pull,
        }
    }
}

impl std::fmt::Display for Doing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Push(to) => write!(f, "push {}", to.reference()),
            Self::Read(image) => write!(f, "read {image}"),
        }
    }
}
