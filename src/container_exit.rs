//! Exit codes of containers that a signal ended: 128 and the signal's number, as a shell and Docker write it.

/// SIGKILL: what ECS sends when `stopTimeout` is over, and the kernel to a process without memory.
pub(crate) const SIGKILL: i32 = 137;
/// SIGTERM: what ECS sends first to the containers of a task that it stops.
pub(crate) const SIGTERM: i32 = 143;

/// Tells whether a signal ended the container. Linux has the standard signals 1 to 31; a higher code is a program's
/// own, such as 255 for -1.
pub(crate) fn is_signal(exit_code: i32) -> bool {
    (129..=159).contains(&exit_code)
}
