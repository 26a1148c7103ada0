//! The databases that there are, and the names for several of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde_saphyr::Spanned;
use wildmatch::WildMatch;

use super::error::at;
use super::file::File;
use crate::database_name::{self, DatabaseName};
use crate::failure::{Failure, did_you_mean, listed};

/// What `--database` may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Each once, in the file's order. Empty when no file lists any: then every name is taken.
    pub databases: Vec<DatabaseName>,
    /// By name, each with its databases in the fleet's order. `all` is not among them.
    pub groups: BTreeMap<String, Vec<DatabaseName>>,
}

impl Fleet {
    /// Reads the databases and groups of the file.
    ///
    /// # Errors
    /// A database is listed twice; or a group has no database, one that is not listed, the name of one, or a name
    /// that is not valid.
    pub(super) fn of(file: &File<'_>, path: &Path) -> Result<Self, Failure> {
        let databases = databases(file, path)?;
        let known: HashMap<&str, &DatabaseName> = databases.iter().map(|name| (&**name, name)).collect();
        let mut groups = BTreeMap::new();
        let mut in_file: Vec<_> = file.groups.iter().collect();
        in_file.sort_unstable_by_key(|(group, _)| group.referenced.line());
        for (group, members) in in_file {
            let (line, group) = (group.referenced.line(), group.value.as_str());
            let wrong = |message: &str| at(path, Some(line), message);
            if let Some(why) = database_name::why_invalid(group) {
                return Err(wrong(&database_name::wrong(group, "a group's name", why).to_string()));
            }
            if known.contains_key(group) {
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
                // With its wildcards taken for letters, a pattern is a name.
                if let Some(why) = database_name::why_invalid(&name.replace(['*', '?'], "x")) {
                    let wrong = database_name::wrong(name, "a database name or a pattern of them", why);
                    return Err(at(path, Some(member.referenced.line()), &wrong.to_string()));
                }
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

    /// Says what could have been meant by a text that is neither a database nor a group.
    pub(super) fn hint_for(&self, text: &str) -> String {
        let names = self.databases.iter().map(|name| &**name).chain(self.groups.keys().map(String::as_str));
        did_you_mean(text, names, || format!("databases: {}", listed(&self.databases)))
    }
}

/// Returns the names that a pattern with `*` and `?` matches, in their order.
pub(crate) fn matching<'a>(
    names: &'a [DatabaseName],
    pattern: &str,
) -> impl Iterator<Item = &'a DatabaseName> {
    let pattern = WildMatch::new(pattern);
    names.iter().filter(move |name| pattern.matches(name))
}

/// Tells whether a text names databases by pattern. No database's name has such a character.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn databases(file: &File<'_>, path: &Path) -> Result<Vec<DatabaseName>, Failure> {
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

fn no_database(group: &str, member: &Spanned<String>, databases: &[DatabaseName], path: &Path) -> Failure {
    let line = Some(member.referenced.line());
    let member = member.value.as_str();
    if is_pattern(member) {
        return at(path, line, &format!("{member} in group {group} matches no database"))
            .hint(format!("databases: {}", listed(databases)));
    }
    let names = databases.iter().map(|name| &**name);
    let hint = did_you_mean(member, names, || format!("databases: {}", listed(databases)));
    at(path, line, &format!("{member} in group {group} is not among the databases")).hint(hint)
}
