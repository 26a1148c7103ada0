//! Which databases a run is for: names, groups and patterns become names before anything else happens.

use std::collections::HashSet;
use std::path::Path;

use crate::bounded_file;
use crate::config::{Fleet, is_pattern, matching};
use crate::database_name::{ALL, DatabaseName};
use crate::failure::{Failure, did_you_mean, listed};
use crate::untrusted::{lines, shortened};
use crate::values::Wrong;

/// Selects the databases that are asked for: valid, each once, in the order given; those of a group or a pattern in
/// the fleet's order. `in_file` are those of `--databases-file`, which has names only, and neither groups nor
/// patterns.
///
/// # Errors
/// A name is wrong, unknown or given twice; a group or a pattern stands for nothing; or nothing is left.
pub(super) fn select(
    asked: &[String],
    in_file: &[DatabaseName],
    exclude: &[String],
    fleet: &Fleet,
) -> Result<Vec<DatabaseName>, Failure> {
    if asked.is_empty() && in_file.is_empty() {
        return Err(Failure::input("no database given").hint(match fleet.databases.as_slice() {
            [] => "pass --database NAME; repeat it for several".to_owned(),
            databases => format!("pass --database NAME, a group, or {ALL}; databases: {}", listed(databases)),
        }));
    }
    let universe = Universe::new(fleet, &fleet.databases);
    let mut given = HashSet::new();
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    let meant = asked.iter().map(|text| (text.trim(), true));
    for (text, may_be_several) in meant.chain(in_file.iter().map(|name| (&**name, false))) {
        if !given.insert(text) {
            return Err(Failure::input(format!("database {} is named twice", shortened(text, 255)))
                .hint("name each database once"));
        }
        let names = match may_be_several {
            true => universe.meant(text, "--database")?,
            false => vec![universe.named(text, "--databases-file", false)?],
        };
        chosen.extend(names.into_iter().filter(|name| seen.insert(name.clone())));
    }
    let out = meant_by(exclude, "--exclude", &chosen, fleet)?;
    if chosen.iter().all(|name| out.contains(name)) {
        let all = listed(&chosen);
        return Err(Failure::input(format!(
            "no database is left: --exclude takes away all that were named, {all}"
        ))
        .hint("name fewer with --exclude, or more with --database"));
    }
    chosen.retain(|name| !out.contains(name));
    Ok(chosen)
}

/// Returns the databases that a flag's names, groups and patterns stand for. Where the configuration file lists no
/// databases, they can only stand for those of this run.
///
/// # Errors
/// One of them stands for nothing.
pub(super) fn meant_by(
    texts: &[String],
    flag: &str,
    chosen: &[DatabaseName],
    fleet: &Fleet,
) -> Result<HashSet<DatabaseName>, Failure> {
    let universe = Universe::new(fleet, if fleet.databases.is_empty() { chosen } else { &fleet.databases });
    let mut meant = HashSet::new();
    for text in texts {
        meant.extend(universe.meant(text.trim(), flag)?);
    }
    Ok(meant)
}

/// Reads the names in a file, or on standard input for `-`: one a line, without empty lines and `#` comments.
///
/// # Errors
/// It cannot be read, is too large or has no end, names nothing, or has a line that is not a name.
pub(super) fn listed_in(path: &Path) -> Result<Vec<DatabaseName>, Failure> {
    let from_stdin = path == Path::new("-");
    let place = if from_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let cannot = |why: String| {
        Failure::input(format!("read the databases in {place}: {why}")).hint(
            "--databases-file takes a file with one name a line, or - for standard input, such as a pipe",
        )
    };
    let text = match from_stdin {
        true => bounded_file::read_stdin(bounded_file::TEXT),
        false => bounded_file::read_text(path, bounded_file::TEXT),
    };
    let text = text.map_err(|error| cannot(error.to_string()))?;
    let mut names = Vec::new();
    for (number, line) in (1..).zip(lines(text.trim_start_matches('\u{feff}'))) {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() {
            continue;
        }
        names.push(name.parse().map_err(|wrong| bad_name(&wrong, name, &format!("{place}:{number}: ")))?);
    }
    if names.is_empty() {
        return Err(cannot("it names no database".into()));
    }
    Ok(names)
}

/// The names that a text can stand for.
struct Universe<'a> {
    fleet: &'a Fleet,
    names: &'a [DatabaseName],
    set: HashSet<&'a str>,
}

impl<'a> Universe<'a> {
    fn new(fleet: &'a Fleet, names: &'a [DatabaseName]) -> Self {
        Self { fleet, names, set: names.iter().map(|name| &**name).collect() }
    }

    fn meant(&self, text: &str, flag: &str) -> Result<Vec<DatabaseName>, Failure> {
        if text == ALL || is_pattern(text) {
            let found: Vec<DatabaseName> = match text {
                ALL => self.names.to_vec(),
                pattern => matching(self.names, pattern).cloned().collect(),
            };
            return if found.is_empty() { Err(self.nothing(text, flag)) } else { Ok(found) };
        }
        if let Some(group) = self.fleet.groups.get(text) {
            return Ok(group.clone());
        }
        Ok(vec![self.named(text, flag, true)?])
    }

    /// Returns the one database that a text names. With `may_be_several`, the hint of an error offers groups too.
    ///
    /// # Errors
    /// It is not a name, or not one of the databases.
    fn named(&self, text: &str, flag: &str, may_be_several: bool) -> Result<DatabaseName, Failure> {
        let name: DatabaseName = text.parse().map_err(|wrong| bad_name(&wrong, text, ""))?;
        if self.names.is_empty() || self.set.contains(text) {
            return Ok(name);
        }
        let failure = Failure::input(match self.fleet.databases.is_empty() {
            true => format!("{flag} {name} is not among the databases that were named"),
            false => format!("{flag} {name} is not among the databases of the configuration file"),
        });
        let groups = self.fleet.groups.keys().filter(|_| may_be_several).map(String::as_str);
        let names = self.names.iter().map(|name| &**name).chain(groups);
        Err(failure.hint(did_you_mean(text, names, || format!("databases: {}", listed(self.names)))))
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

fn bad_name(wrong: &Wrong, text: &str, place: &str) -> Failure {
    let hint = match text {
        "" => "a comma separates two names: there is one too many, or a name is missing",
        _ => wrong.hint,
    };
    Failure::input(format!("{place}{}", wrong.what)).hint(format!("{hint}; nothing was changed"))
}

#[cfg(test)]
mod tests;
