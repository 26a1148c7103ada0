//! One file per verb: a thin effectful part over pure functions.

pub(crate) mod observe;
pub(crate) mod image;
pub(crate) mod revision;
pub(crate) mod task;
