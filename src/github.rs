//! What a run tells GitHub besides its job summary: Deployments and a comment, both opt-in.

pub mod comment;
pub mod deployments;
