//! Rollouts of services with seeded faults: the real pipeline on a simulated AWS in one process, on a paused clock.
//!
//! A seed draws services, an image's behaviour, databases, faults of calls, other people, kills and interrupts. An oracle
//! that shares no code with the product reads what the simulated ECS knows at the moment of every verdict, and says
//! whether the verdict is so. `ROLLOUT_SEEDS=1000` tries more seeds, `ROLLOUT_SEEDS=17..18` one of them.

#![expect(clippy::print_stdout, reason = "a simulation's figures are what it is for")]

/// Deploys.
mod deploys;
/// What a seed has drawn.
mod drawn;
/// What ECS knew at the moment of a verdict, and whether the verdict is so.
mod oracle;
/// Other people in the account.
mod others;
/// Rollbacks.
mod rollbacks;
/// What a run did with its calls.
mod sent;
/// Services, and what their new image does.
mod services;
/// A simulated account with services, and runs on it.
mod world;

use std::ops::Range;

/// The seeds to try: from ROLLOUT_SEEDS, as a count or a range, or so many.
fn seeds(count: u64) -> Range<u64> {
    let given = std::env::var("ROLLOUT_SEEDS").unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().ok();
    match given.split_once("..") {
        Some((from, to)) => number(from).zip(number(to)).map(|(from, to)| from..to).expect("FROM..TO"),
        None => 0..number(&given).unwrap_or(count),
    }
}
