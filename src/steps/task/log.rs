//! The log of a task.

pub mod files;
pub mod fleet;
pub mod reading;
pub mod stream;
