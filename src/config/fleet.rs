//! The databases that there are, and the names for several of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde_saphyr::Spanned;
use wildmatch::WildMatch;

use super::error::at;
use super::file::File;
use super::text::Member;
use crate::failure::{Failure, listed, nearest};

/// What `--database` may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Each once, in the file's order. Empty when no file lists any: then every name is taken.
    pub databases: Vec<String>,
    /// By name, each with its databases in the fleet's order. `all` is not among them.
    pub groups: BTreeMap<String, Vec<String>>,
}

impl Fleet {
    /// # Errors
    /// A database is listed twice, or a group has no database, one that is not listed, or the name of one.
    pub(super) fn of(file: &File, text: &str, path: &Path) -> Result<Self, Failure> {
        let databases = databases(file, path)?;
        let known: HashSet<&str> = databases.iter().map(String::as_str).collect();
        let mut groups = BTreeMap::new();
        for (group, members) in file.groups.iter().flatten() {
            let group = group.as_str();
            let wrong = |message: &str| at(path, line_of(text, group), message);
            if known.contains(group) {
                return Err(
                    wrong(&format!("group {group} is named like a database")).hint("rename the group")
                );
            }
            if members.is_empty() {
                return Err(wrong(&format!("group {group} is empty")).hint("remove it, or add databases"));
            }
            let mut chosen = HashSet::new();
            for member in members {
                let name = member.value.as_str();
                let found: Vec<&str> = match known.get(name) {
                    Some(name) => vec![name],
                    None if is_pattern(name) => matching(&databases, name).collect(),
                    None => Vec::new(),
                };
                if found.is_empty() {
                    return Err(no_database(group, member, &databases, path));
                }
                chosen.extend(found);
            }
            let in_order = databases.iter().filter(|name| chosen.contains(name.as_str())).cloned().collect();
            groups.insert(group.to_owned(), in_order);
        }
        Ok(Self { databases, groups })
    }
}

/// The names that a pattern with `*` and `?` matches, in their order.
pub fn matching<'a>(names: &'a [String], pattern: &str) -> impl Iterator<Item = &'a str> {
    let pattern = WildMatch::new(pattern);
    names.iter().map(String::as_str).filter(move |name| pattern.matches(name))
}

/// Whether a text names databases by pattern. No database's name has such a character.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn databases(file: &File, path: &Path) -> Result<Vec<String>, Failure> {
    let mut lines: HashMap<&str, u64> = HashMap::new();
    for name in file.databases.iter().flatten() {
        let line = name.referenced.line();
        let name = name.value.as_str();
        if let Some(first) = lines.insert(name, line) {
            let message = format!("database {name} is listed twice, in line {first} as well");
            return Err(at(path, Some(line), &message).hint("list each database once"));
        }
    }
    Ok(file.databases.iter().flatten().map(|name| name.value.as_str().to_owned()).collect())
}

fn no_database(group: &str, member: &Spanned<Member>, databases: &[String], path: &Path) -> Failure {
    let line = Some(member.referenced.line());
    let member = member.value.as_str();
    if is_pattern(member) {
        return at(path, line, &format!("{member} in group {group} matches no database"))
            .hint(format!("databases: {}", listed(databases)));
    }
    let hint = match nearest(member, databases.iter().map(String::as_str)) {
        Some(name) => format!("did you mean {name}?"),
        None => format!("databases: {}", listed(databases)),
    };
    at(path, line, &format!("{member} in group {group} is not among the databases")).hint(hint)
}

/// The line, counted from 1, where a group's name stands as a key.
fn line_of(text: &str, group: &str) -> Option<u64> {
    let is_key = |line: &str| {
        line.split_once(':').is_some_and(|(key, _)| key.trim().trim_matches(['"', '\'']) == group)
    };
    (1..).zip(text.lines()).find(|(_, line)| line.starts_with(' ') && is_key(line)).map(|(number, _)| number)
}
