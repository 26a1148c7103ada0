//! Fleets: the real pipeline on a simulated AWS in one process, on a clock that is paused. Hours take seconds.

#![expect(clippy::print_stdout, reason = "a simulation's figures are what it is for")]

/// Verdicts at the exits of containers.
mod exits;
/// The floor of a run: what a launcher that knew everything would take.
mod floor;
/// Two runs that meet.
mod met;
/// Hundreds of databases, one task each, within the account's quotas.
mod one_task_each;
/// Hundreds of databases, many in each task.
mod packed;
/// Runs that are killed at any instant, and others that go on after them.
mod resumed;
/// A simulated account with a fleet of databases, and runs on it.
mod world;
