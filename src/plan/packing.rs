//! Packing: which databases share a task. Pure, and the same for the same input.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value, json};

use crate::database_name::DatabaseName;
use crate::failure::Failure;
use crate::settings::Packing;

/// What a pack may hold.
pub(super) struct PackLimits<'a> {
    /// Characters of RunTask's overrides that a pack's list may add to those with an empty list.
    pub room: usize,
    /// Tasks that run at the same time.
    pub at_once: usize,
    /// How long a database's migration took the last time, where that is known.
    pub durations: &'a HashMap<String, Duration>,
}

/// Splits `databases` into lists, in the order in which their tasks start: each database is in one of them.
///
/// # Errors
/// A name does not fit even into an empty list.
pub(super) fn split(
    databases: &[DatabaseName],
    packing: Packing,
    limits: &PackLimits<'_>,
) -> Result<Vec<Vec<DatabaseName>>, Failure> {
    let most = match packing {
        Packing::One => return Ok(databases.iter().map(|name| vec![name.clone()]).collect()),
        Packing::AtMost(most) => most,
        Packing::Auto => databases.len(),
    };
    if let Some(name) = databases.iter().find(|name| length(name) > limits.room) {
        return Err(Failure::input(format!(
            "no task can be told to migrate {name}: RunTask's overrides have {} characters left for names",
            limits.room
        ))
        .hint("shorten --env and --command; large values belong into a secret or a file in S3"));
    }
    Ok(match packing {
        Packing::Auto if databases.iter().any(|name| limits.durations.contains_key(name.as_str())) => {
            by_duration(databases, limits)
        }
        Packing::Auto => evenly(databases, limits),
        _ => in_order(databases, most, limits.room),
    })
}

/// Counts the characters that a name takes in a list, which is JSON in a JSON text, with the comma after it.
fn length(name: &str) -> usize {
    let quoted = Value::from(json!(name).to_string()).to_string();
    quoted.chars().count() - 2 + 1
}

fn in_order(databases: &[DatabaseName], most: usize, room: usize) -> Vec<Vec<DatabaseName>> {
    let mut packs: Vec<Vec<DatabaseName>> = Vec::new();
    let mut used = 0;
    for name in databases {
        let length = length(name);
        match packs.last_mut() {
            Some(pack) if pack.len() < most && used + length <= room => {
                pack.push(name.clone());
                used += length;
            }
            _ => {
                packs.push(vec![name.clone()]);
                used = length;
            }
        }
    }
    packs
}

/// Returns how many packs to aim at: as many as run at once, or a multiple of that, so that every round is full.
fn aim(databases: &[DatabaseName], limits: &PackLimits<'_>) -> usize {
    let all: usize = databases.iter().map(|name| length(name)).sum();
    let at_once = limits.at_once.max(1);
    let rounds = all.div_ceil(limits.room.max(1) * at_once).max(1);
    (rounds * at_once).min(databases.len()).max(1)
}

/// Packs neighbours together. Packs differ by one database at most, unless long names fill one early.
fn evenly(databases: &[DatabaseName], limits: &PackLimits<'_>) -> Vec<Vec<DatabaseName>> {
    let packs = aim(databases, limits);
    let (each, longer) = (databases.len() / packs, databases.len() % packs);
    let (first, rest) = databases.split_at(longer * (each + 1));
    let of_length = |names: &[DatabaseName], most: usize| -> Vec<Vec<DatabaseName>> {
        names.chunks(most.max(1)).flat_map(|chunk| in_order(chunk, most, limits.room)).collect()
    };
    [of_length(first, each + 1), of_length(rest, each)].concat()
}

/// Gives the longest migration first, each to the pack with the least to do, so that no pack ends long after the
/// others.
fn by_duration(databases: &[DatabaseName], limits: &PackLimits<'_>) -> Vec<Vec<DatabaseName>> {
    let known: Vec<Duration> =
        databases.iter().filter_map(|name| limits.durations.get(name.as_str())).copied().collect();
    let usual = known.iter().sum::<Duration>() / u32::try_from(known.len().max(1)).unwrap_or(u32::MAX);
    // A migration with nothing to do takes a moment as well.
    let takes = |name: &DatabaseName| {
        limits.durations.get(name.as_str()).copied().unwrap_or(usual).max(Duration::from_millis(1))
    };
    let mut longest_first: Vec<&DatabaseName> = databases.iter().collect();
    longest_first.sort_by_key(|name| Reverse(takes(name)));

    let mut packs: Vec<(Vec<DatabaseName>, usize)> = vec![Default::default(); aim(databases, limits)];
    let mut by_load: BTreeSet<(Duration, usize)> =
        (0..packs.len()).map(|pack| (Duration::ZERO, pack)).collect();
    for name in longest_first {
        let length = length(name);
        let least = by_load.iter().find(|(_, pack)| packs[*pack].1 + length <= limits.room).copied();
        let (load, pack) = least.unwrap_or_else(|| {
            packs.push(Default::default());
            (Duration::ZERO, packs.len() - 1)
        });
        by_load.remove(&(load, pack));
        by_load.insert((load + takes(name), pack));
        packs[pack].0.push(name.clone());
        packs[pack].1 += length;
    }
    packs.into_iter().map(|(names, _)| names).filter(|names| !names.is_empty()).collect()
}

#[cfg(test)]
mod tests;
