//! What a run tells GitHub besides its job summary: Deployments and a comment, both opt-in.

pub(crate) mod comment;
pub(crate) mod deployments;
