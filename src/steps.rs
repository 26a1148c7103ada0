//! One file per verb: a thin effectful part over pure functions.

pub mod observe;
pub mod image;
pub mod revision;
pub mod task;
