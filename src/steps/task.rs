//! One-off tasks: from RunTask to the end of a task and of its log.

pub mod capacity;
pub mod follow;
pub mod following;
pub mod launch;
pub mod log;
pub mod watch;
