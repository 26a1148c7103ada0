//! The databases that there are, and the names for several of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_saphyr::Spanned;
use wildmatch::WildMatch;

use super::error::at;
use super::file::File;
use crate::database_name::{self, DatabaseName};
use crate::failure::{Failure, listed, nearest};
use crate::values::Wrong;

/// The name of a group: what may be a database's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct GroupName(String);

/// A member of a group: a database's name, or a pattern with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Member(String);

impl TryFrom<String> for GroupName {
    type Error = Wrong;

    fn try_from(name: String) -> Result<Self, Wrong> {
        match database_name::why_invalid(&name) {
            Some(why) => Err(database_name::wrong(&name, "a group's name", why)),
            None => Ok(Self(name)),
        }
    }
}

impl TryFrom<String> for Member {
    type Error = Wrong;

    fn try_from(member: String) -> Result<Self, Wrong> {
        // With its wildcards taken for letters, a pattern is a name.
        match database_name::why_invalid(&member.replace(['*', '?'], "x")) {
            Some(why) => Err(database_name::wrong(&member, "a database name or a pattern of them", why)),
            None => Ok(Self(member)),
        }
    }
}

/// What `--database` may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Each once, in the file's order. Empty when no file lists any: then every name is taken.
    pub databases: Vec<DatabaseName>,
    /// By name, each with its databases in the fleet's order. `all` is not among them.
    pub groups: BTreeMap<String, Vec<DatabaseName>>,
}

impl Fleet {
    /// # Errors
    /// A database is listed twice, or a group has no database, one that is not listed, or the name of one.
    pub(super) fn of(file: &File, text: &str, path: &Path) -> Result<Self, Failure> {
        let databases = databases(file, path)?;
        let known: HashMap<&str, &DatabaseName> = databases.iter().map(|name| (&**name, name)).collect();
        let mut groups = BTreeMap::new();
        for (GroupName(group), members) in &file.groups {
            let wrong = |message: &str| at(path, line_of(text, group), message);
            if known.contains_key(group.as_str()) {
                return Err(
                    wrong(&format!("group {group} is named like a database")).hint("rename the group")
                );
            }
            if members.is_empty() {
                return Err(wrong(&format!("group {group} is empty")).hint("remove it, or add databases"));
            }
            let mut chosen = HashSet::new();
            for member in members {
                let name = member.value.0.as_str();
                let found: Vec<&DatabaseName> = match known.get(name) {
                    Some(name) => vec![*name],
                    None if is_pattern(name) => matching(&databases, name).collect(),
                    None => Vec::new(),
                };
                if found.is_empty() {
                    return Err(no_database(group, member, &databases, path));
                }
                chosen.extend(found);
            }
            let in_order = databases.iter().filter(|name| chosen.contains(name)).cloned().collect();
            groups.insert(group.to_owned(), in_order);
        }
        Ok(Self { databases, groups })
    }
}

/// The names that a pattern with `*` and `?` matches, in their order.
pub fn matching<'a>(names: &'a [DatabaseName], pattern: &str) -> impl Iterator<Item = &'a DatabaseName> {
    let pattern = WildMatch::new(pattern);
    names.iter().filter(move |name| pattern.matches(name))
}

/// Whether a text names databases by pattern. No database's name has such a character.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn databases(file: &File, path: &Path) -> Result<Vec<DatabaseName>, Failure> {
    let mut lines: HashMap<&str, u64> = HashMap::new();
    for name in &file.databases {
        let line = name.referenced.line();
        let name: &str = &name.value;
        if let Some(first) = lines.insert(name, line) {
            let message = format!("database {name} is listed twice, in line {first} as well");
            return Err(at(path, Some(line), &message).hint("list each database once"));
        }
    }
    Ok(file.databases.iter().map(|name| name.value.clone()).collect())
}

fn no_database(group: &str, member: &Spanned<Member>, databases: &[DatabaseName], path: &Path) -> Failure {
    let line = Some(member.referenced.line());
    let member = member.value.0.as_str();
    if is_pattern(member) {
        return at(path, line, &format!("{member} in group {group} matches no database"))
            .hint(format!("databases: {}", listed(databases)));
    }
    let hint = match nearest(member, databases.iter().map(|name| &**name)) {
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
