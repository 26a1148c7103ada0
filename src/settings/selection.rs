//! Which databases a run is for: names, groups and patterns become names before anything else happens.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::config::{Fleet, is_pattern, matching};
use crate::database_name::{self, ALL};
use crate::failure::{Failure, listed, nearest};
use crate::untrusted::{lines, shortened};

/// Bytes of `--databases-file`: a hundred thousand of the longest names.
const MAX_FILE_SIZE: u64 = 8 << 20;

/// What the flags say about databases.
#[derive(Debug, Default)]
pub struct Asked {
    /// `--database`: names, groups and patterns.
    pub databases: Vec<String>,
    /// `--databases-file`: names, for whoever makes a list means databases by it.
    pub listed: Vec<String>,
    /// `--exclude`: names, groups and patterns.
    pub exclude: Vec<String>,
}

/// The databases asked for: valid, each once, in the order given; those of a group or a pattern in the fleet's order.
///
/// # Errors
/// A name is wrong, unknown or given twice; a group or a pattern stands for nothing; or nothing is left.
pub fn select(asked: &Asked, fleet: &Fleet) -> Result<Vec<String>, Failure> {
    if asked.databases.is_empty() && asked.listed.is_empty() {
        return Err(Failure::input("no database given").hint(match fleet.databases.as_slice() {
            [] => "pass --database NAME; repeat it for several".to_owned(),
            databases => format!("pass --database NAME, a group, or {ALL}; databases: {}", listed(databases)),
        }));
    }
    let universe = Universe { fleet, names: &fleet.databases, set: set(&fleet.databases) };
    let mut given = HashSet::new();
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    let meant = asked.databases.iter().map(|text| (text.trim(), true));
    for (text, may_be_several) in meant.chain(asked.listed.iter().map(|name| (name.as_str(), false))) {
        if !given.insert(text) {
            return Err(Failure::input(format!("database {} is named twice", shortened(text, 255)))
                .hint("name each database once"));
        }
        let names = match may_be_several {
            true => universe.meant(text, "--database")?,
            false => vec![universe.named(text, "--databases-file", [].iter())?],
        };
        chosen.extend(names.into_iter().filter(|name| seen.insert(*name)).map(str::to_owned));
    }
    let out = meant_by(&asked.exclude, "--exclude", &chosen, fleet)?;
    let left: Vec<String> = chosen.iter().filter(|name| !out.contains(name.as_str())).cloned().collect();
    if left.is_empty() {
        return Err(Failure::input("no database is left: --exclude takes away all that were named"));
    }
    Ok(left)
}

/// The databases that a flag's names, groups and patterns stand for. Without a file that lists databases, only what the
/// run was asked for can be meant.
///
/// # Errors
/// One of them stands for nothing.
pub fn meant_by<'a>(
    texts: &'a [String],
    flag: &str,
    chosen: &'a [String],
    fleet: &'a Fleet,
) -> Result<HashSet<&'a str>, Failure> {
    let names = if fleet.databases.is_empty() { chosen } else { &fleet.databases };
    let universe = Universe { fleet, names, set: set(names) };
    let mut meant = HashSet::new();
    for text in texts {
        meant.extend(universe.meant(text.trim(), flag)?);
    }
    Ok(meant)
}

/// The names in a file, or on standard input for `-`: one a line, without empty lines and `#` comments.
///
/// # Errors
/// It can not be read, is too large, names nothing, or has a line that is no name.
pub fn listed_in(path: &Path) -> Result<Vec<String>, Failure> {
    let from_stdin = path == Path::new("-");
    let place = if from_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let cannot = |why: String| {
        Failure::input(format!("read the databases in {place}: {why}"))
            .hint("--databases-file takes a file with one name a line, or - for standard input")
    };
    let read = |source: &mut dyn Read| {
        let mut text = String::new();
        source.take(MAX_FILE_SIZE + 1).read_to_string(&mut text).map(|_| text)
    };
    let text = if from_stdin {
        read(&mut std::io::stdin())
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    let text = text.map_err(|error| cannot(error.to_string()))?;
    if text.len() as u64 > MAX_FILE_SIZE {
        return Err(cannot(format!("it is larger than {} MiB", MAX_FILE_SIZE >> 20)));
    }
    let mut names = Vec::new();
    for (number, line) in (1..).zip(lines(text.trim_start_matches('\u{feff}'))) {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() {
            continue;
        }
        if let Some(why) = database_name::refused(name) {
            return Err(bad_name(name, why, &format!("{place}:{number}: ")));
        }
        names.push(name.to_owned());
    }
    if names.is_empty() {
        return Err(cannot("there is no name in it".into()));
    }
    Ok(names)
}

/// The names that a text can mean.
struct Universe<'a> {
    fleet: &'a Fleet,
    names: &'a [String],
    set: HashSet<&'a str>,
}

impl<'a> Universe<'a> {
    fn meant(&self, text: &'a str, flag: &str) -> Result<Vec<&'a str>, Failure> {
        if text == ALL || is_pattern(text) {
            let found: Vec<&str> = match text {
                ALL => self.names.iter().map(String::as_str).collect(),
                pattern => matching(self.names, pattern).collect(),
            };
            return if found.is_empty() { Err(self.nothing(text, flag)) } else { Ok(found) };
        }
        if let Some(group) = self.fleet.groups.get(text) {
            return Ok(group.iter().map(String::as_str).collect());
        }
        Ok(vec![self.named(text, flag, self.fleet.groups.keys())?])
    }

    /// One database. `groups` could have been meant as well.
    fn named(
        &self,
        name: &'a str,
        flag: &str,
        groups: impl Iterator<Item = &'a String>,
    ) -> Result<&'a str, Failure> {
        if let Some(why) = database_name::refused(name) {
            return Err(bad_name(name, why, ""));
        }
        if self.names.is_empty() || self.set.contains(name) {
            return Ok(name);
        }
        let failure = Failure::input(match self.fleet.databases.is_empty() {
            true => format!("{flag} {name} is not among the databases that were named"),
            false => format!("{flag} {name} is not among the databases of the configuration file"),
        });
        let names = self.names.iter().chain(groups).map(String::as_str);
        Err(failure.hint(match nearest(name, names) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("databases: {}", listed(self.names)),
        }))
    }

    fn nothing(&self, text: &str, flag: &str) -> Failure {
        let text = shortened(text, 255);
        if self.names.is_empty() {
            return Failure::input(format!("{flag} {text} needs a list of the databases that there are"))
                .hint("list them under databases in the configuration file");
        }
        Failure::input(format!("{flag} {text} matches no database"))
            .hint(format!("databases: {}", listed(self.names)))
    }
}

fn set(names: &[String]) -> HashSet<&str> {
    names.iter().map(String::as_str).collect()
}

fn bad_name(name: &str, why: &str, place: &str) -> Failure {
    Failure::input(format!("{place}{:?} is no database name: {why}", shortened(name, 255))).hint(match name {
        "" => "a comma separates two names: there is one too many, or a name is missing; nothing was changed",
        _ => "letters, digits and _ - . $ are allowed, at most 63 bytes; nothing was changed",
    })
}

#[cfg(test)]
mod tests;
