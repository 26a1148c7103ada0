//! Days on which anything may go wrong, drawn by seeds: the real pipeline on a simulated AWS in one process, on a paused
//! clock.
//!
//! A seed draws a fleet, what its image does with each database, and a list of events: faults of calls, tasks and logs,
//! and what people do. An oracle that shares no code with the product looks at what the containers did, and says whether
//! the runs may claim what they claim. `FAULT_SEEDS=1000` tries more seeds, `FAULT_SEEDS=17..18` one of them. A seed that
//! fails is told in sentences, with the fewest events that still do; with `FAULT_FIRST=1` the first one ends it all.
//! `cargo bench -- faults` lives through as many as it is told, for docs/reliability.md.

/// A simulated account on a day, and runs on it.
mod account;
/// What happened in the simulated databases.
mod databases;
/// What a seed draws.
mod day;
/// What the image does.
mod image;
/// Whether a day went as it must.
mod oracle;
/// What docs/reliability.md says.
mod page;
/// What people do meanwhile.
mod people;
/// The fewest events.
mod shrink;
/// Many days on all cores, and their figures.
mod sum;
/// A day in sentences.
mod told;
/// A day from its beginning to its end.
mod trial;

use std::ops::Range;

/// In about a minute of two cores.
const SEEDS: u64 = 300;
/// For each day that is lived at the same time, in MiB: several times what one takes, so that a loop that keeps what it
/// reads does not pass.
const MOST_MIB: f64 = 64.0;

/// The seeds to try: from FAULT_SEEDS, as a count or a range.
fn seeds() -> Range<u64> {
    let given = std::env::var("FAULT_SEEDS").unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().ok();
    match given.split_once("..") {
        Some((from, to)) => number(from).zip(number(to)).map(|(from, to)| from..to).expect("FROM..TO"),
        None => 0..number(&given).unwrap_or(SEEDS),
    }
}

#[test]
fn no_day_makes_a_run_claim_what_is_not_so() {
    let only_first = std::env::var_os("FAULT_FIRST").is_some();
    let sum = sum::all(seeds(), if only_first { 1 } else { sum::ENOUGH });
    println!("{sum}");
    if let (true, Some(first)) = (only_first, sum.violations.first()) {
        println!("first: {}\t{}", first.seed, first.what.first().map_or("", String::as_str));
        panic!("seed {} went wrong", first.seed);
    }
    assert!(sum.violations.is_empty(), "{}", sum::told(&sum));
    let most = MOST_MIB * sum.threads as f64;
    assert!(sum.peak_mib.is_none_or(|peak| peak < most), "{:?} MiB of {most}", sum.peak_mib);
}
