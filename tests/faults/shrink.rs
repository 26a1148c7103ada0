//! The fewest events with which a day still goes wrong.

use crate::day::Day;
use crate::image::Behaviour;
use crate::trial::trial;

/// Days that are tried, at most.
const TRIES: usize = 400;

/// Leaves out of the day whatever can be left out. What is due at the same instant has no order that a seed repeats,
/// so a day that goes well is tried twice.
pub fn shrink(day: &Day) -> Day {
    let mut tries = 0;
    let mut fails = |day: &Day| {
        (0..2).any(|_| {
            tries += 1;
            tries <= TRIES && !trial(day).violations.is_empty()
        })
    };
    let mut least = day.clone();
    loop {
        let before = least.clone();
        for smaller in halves(&least) {
            if fails(&smaller) {
                least = smaller;
                break;
            }
        }
        for index in (0..least.events.len()).rev() {
            let mut smaller = least.clone();
            smaller.events.remove(index);
            if fails(&smaller) {
                least = smaller;
            }
        }
        for smaller in plainer(&least) {
            if smaller != least && fails(&smaller) {
                least = smaller;
            }
        }
        for index in (0..least.databases.len()).rev() {
            let mut smaller = least.clone();
            smaller.databases.remove(index);
            if !smaller.databases.is_empty() && fails(&smaller) {
                least = smaller;
                continue;
            }
            let mut smaller = least.clone();
            smaller.databases[index].first = Behaviour::Migrates;
            smaller.databases[index].later = Behaviour::Migrates;
            if smaller != least && fails(&smaller) {
                least = smaller;
            }
        }
        if least == before {
            return least;
        }
    }
}

/// With the first or the second half of its databases.
fn halves(day: &Day) -> Vec<Day> {
    let middle = day.databases.len() / 2;
    if middle == 0 {
        return Vec::new();
    }
    let with = |databases: &[_]| Day { databases: databases.to_vec(), ..day.clone() };
    vec![with(&day.databases[..middle]), with(&day.databases[middle..])]
}

/// With one thing less that it is asked for, each.
fn plainer(day: &Day) -> Vec<Day> {
    let mut days = vec![day.clone(); 5];
    days[0].how.packing = None;
    days[1].how.canary = 0;
    days[2].how.stages = 0;
    days[3].how.has_state = false;
    days[4].how.lanes = 1;
    days
}
