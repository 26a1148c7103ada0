//! Which databases a plan means: a line that stays short, and below it every name, wave by wave and pack by pack.

use super::{Pack, Plan, names};
use crate::database_name::DatabaseName;
use crate::untrusted::one_line;
use crate::words::counted;

/// As many names fit into a line.
const FEW: usize = 10;
/// Names of more, at their beginning.
const FIRST: usize = 3;
/// Columns of a list.
const WIDTH: usize = 100;

/// All names, or the first and the last of many.
pub(super) fn brief(names: &[&str]) -> String {
    match names {
        [first @ .., last] if names.len() > FEW => {
            format!("{}: {}, … {last} (all of them below)", names.len(), first[..FIRST].join(", "))
        }
        few => few.join(", "),
    }
}

/// Whether the plan's databases are too many for a line.
pub(super) fn is_long(plan: &Plan) -> bool {
    plan.databases().nth(FEW).is_some() || plan.proved.len() > FEW
}

/// Every database in the order of the plan, in lines without anything but names in them that is from outside; none
/// for as few as [`brief`] names. The packs are counted from 1 on.
pub(super) fn listing(plan: &Plan) -> Vec<String> {
    if !is_long(plan) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for (wave, packs) in plan.waves().enumerate() {
        let when = match (wave, plan.canaries) {
            (_, 0) => "",
            (0, _) => "first ",
            _ => "then ",
        };
        let databases = counted(names(packs).count(), "database");
        if plan.packed {
            let word = if packs.len() == 1 { "pack" } else { "packs" };
            lines.push(format!("{when}{databases} in {} {word}", packs.len()));
            for pack in packs {
                wrapped(
                    &number(pack).to_string(),
                    pack.databases.iter().map(DatabaseName::as_str),
                    &mut lines,
                );
            }
        } else {
            lines.push(format!("{when}{databases}"));
            wrapped("", names(packs), &mut lines);
        }
    }
    if !plan.proved.is_empty() {
        lines.push(format!(
            "skipped, {} proved migrated by an earlier run",
            counted(plan.proved.len(), "database")
        ));
        wrapped("", plan.proved.iter().map(|proved| proved.database.as_str()), &mut lines);
    }
    lines
}

/// What the listing calls a pack.
pub(super) fn number(pack: &Pack) -> usize {
    pack.place + 1
}

/// Names with commas, below `label` in lines of at most [`WIDTH`] columns; a name is never broken.
fn wrapped<'a>(label: &str, names: impl Iterator<Item = &'a str>, lines: &mut Vec<String>) {
    let mut line = format!("{label:>6}  ");
    let mut width = line.len();
    let indent = width;
    let mut names = names.peekable();
    while let Some(name) = names.next() {
        let name = one_line(name);
        let comma = if names.peek().is_some() { "," } else { "" };
        let more = name.chars().count() + comma.len();
        if width > indent && width + 1 + more > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            width = indent;
        }
        let blank = if width > indent { " " } else { "" };
        line.push_str(&format!("{blank}{name}{comma}"));
        width += blank.len() + more;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests;
