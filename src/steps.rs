//! One file per verb: a thin effectful part over pure functions.

pub(crate) mod observe;
pub(crate) mod image;
pub(crate) mod stored_image;
pub(crate) mod revision;
pub(crate) mod service;
pub(crate) mod service_revisions;
pub(crate) mod settled;
pub(crate) mod service_history;
pub(crate) mod task;
