//! Which databases a plan means: in a short line, and below it every name, wave by wave and pack by pack.

use super::{Pack, Plan, names};
use crate::database_name::DatabaseName;
use crate::settings::StageName;
use crate::untrusted::one_line;
use crate::words::counted;

/// Names that fit into a line.
const FEW: usize = 10;
/// Names of a longer list that the line begins with.
const FIRST: usize = 3;
/// Columns of a line of the listing.
const WIDTH: usize = 100;

/// Writes all names, or the first and the last of more than ten.
pub(super) fn brief(names: &[&str]) -> String {
    match names {
        [first @ .., last] if names.len() > FEW => {
            format!("{}: {}, … {last} (all of them below)", names.len(), first[..FIRST].join(", "))
        }
        few => few.join(", "),
    }
}

/// Returns whether the plan's databases are too many for a line.
pub(super) fn is_long(plan: &Plan) -> bool {
    plan.databases().nth(FEW).is_some() || plan.proved.len() > FEW
}

/// Lists every database in the order of the plan, and nothing where [`brief`] names them all. Packs are counted from
/// 1 on. Only the names in the lines are from outside.
pub(super) fn listing(plan: &Plan) -> Vec<String> {
    if !is_long(plan) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for (planned, packs) in plan.stages().filter(|(_, packs)| !packs.is_empty()) {
        let when = match &planned.stage.name {
            StageName::Only => String::new(),
            StageName::Canary => "first ".to_owned(),
            StageName::AfterCanary if planned.packs.start == 0 => String::new(),
            StageName::AfterCanary => "then ".to_owned(),
            StageName::Rest => "the rest: ".to_owned(),
            StageName::Named(name) => format!("stage {name}: "),
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

/// Returns the number by which the listing calls a pack.
pub(super) fn number(pack: &Pack) -> usize {
    pack.place + 1
}

/// Writes names with commas, behind `label`, in lines of at most [`WIDTH`] columns. A name is never broken.
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
