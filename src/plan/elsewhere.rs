//! Other ways than the database variable in which the migration container is told a database.

use crate::cli::TaskFlags;
use crate::database_name::list_variable;
use crate::task_definition::{Elsewhere, TaskDefinition, tells, word_tells};
use crate::untrusted::printable;
use crate::words::counted;

/// Returns them by name, as in `DATABASE_URL`, `DB_DSN (a secret)` and `1 environment file, which is not looked at`;
/// never by value.
pub(super) fn told_elsewhere(base: &TaskDefinition, container: &str, task: &TaskFlags) -> Vec<String> {
    let one = task.common.database_variable.as_str();
    let list = list_variable(one);
    // What --env sets takes the place of what the definition says.
    let set: Vec<&str> = task.common.env.iter().map(|pair| pair.name.as_str()).collect();
    let in_definition = base.told_elsewhere(container, &[one, &list]).into_iter();
    let in_definition = in_definition.filter(|way| match way {
        Elsewhere::Variable(name) => !set.contains(&name.as_str()),
        _ => true,
    });
    let in_env = task.common.env.iter().filter(|pair| tells(&pair.name, Some(&pair.value)));
    let in_env = in_env.map(|pair| format!("{} (by --env)", pair.name.as_str()));
    let (words, of) = match &task.command {
        Some(words) => (words.to_vec(), "a word of --command"),
        None => (base.command(container).unwrap_or_default(), "a word of its command"),
    };
    let words = base.entry_point(container).unwrap_or_default().into_iter().chain(words);
    let in_command = words.flat_map(|word| shell_words::split(&word).unwrap_or_else(|_| vec![word]));
    let in_command = in_command.into_iter().any(|word| word_tells(&word)).then(|| of.to_owned());
    in_definition.map(|way| shown(&way)).chain(in_env).chain(in_command).collect()
}

fn shown(way: &Elsewhere) -> String {
    match way {
        Elsewhere::Variable(name) => printable(name, 100),
        Elsewhere::Secret(name) => format!("{} (a secret)", printable(name, 100)),
        Elsewhere::Files(count) => {
            format!("{}, which {} not looked at", counted(*count, "environment file"), are(*count))
        }
    }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Returns a note for before the run; none where there is no other way.
pub(super) fn note(ways: &[String], container: &str, variable: &str) -> Option<String> {
    let joined = match ways {
        [] => return None,
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    Some(format!(
        "container {container} may be told a database in another way as well, by {joined}: a program that takes that one \
         ignores {variable}"
    ))
}
