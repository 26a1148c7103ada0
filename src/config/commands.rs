//! The commands that `--named` may name.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::at;
use super::file::File;
use crate::database_name;
use crate::failure::Failure;

/// The words of each command, by its name. Empty when no file has any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands(pub BTreeMap<String, Vec<String>>);

impl Commands {
    /// Reads the commands of the file.
    ///
    /// # Errors
    /// A name is not valid, a command has no first word, or a word cannot be one of a process.
    pub(super) fn of(file: &File<'_>, path: &Path) -> Result<Self, Failure> {
        let mut commands = BTreeMap::new();
        let mut in_file: Vec<_> = file.commands.iter().collect();
        in_file.sort_unstable_by_key(|(name, _)| name.referenced.line());
        for (name, words) in in_file {
            let (line, name) = (name.referenced.line(), name.value.as_str());
            if let Some(why) = database_name::why_invalid(name) {
                let wrong = database_name::wrong(name, "a command's name", why);
                return Err(at(path, Some(line), &wrong.to_string()));
            }
            if words.first().is_none_or(|first| first.value.is_empty()) {
                return Err(at(path, Some(line), &format!("command {name} has no first word"))
                    .hint("write its words as a list: [python, manage.py, clearsessions]"));
            }
            if let Some(word) = words.iter().find(|word| word.value.contains('\0')) {
                let what = format!("a word of command {name} has a NUL character");
                return Err(
                    at(path, Some(word.referenced.line()), &what).hint("no program takes such a word")
                );
            }
            commands.insert(name.to_owned(), words.iter().map(|word| word.value.clone()).collect());
        }
        Ok(Self(commands))
    }
}
