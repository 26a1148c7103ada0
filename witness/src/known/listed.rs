//! What a command of the image lists: one migration on a line.

use super::django;
use crate::history::{Entry, Tool, numbered};
use crate::processes;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

/// How long the command may take, and most bytes of what it prints.
const LISTING: Duration = Duration::from_secs(120);
const LISTED: u64 = 4 << 20;

pub(super) const NONE: &str = "the command that lists them has printed none";

/// Returns the command that lists a framework's migrations, made from the one that migrates; none where nobody knows one.
///
/// `python manage.py migrate …` becomes `python manage.py shell -c …`, which prints the migrations of every installed app.
pub fn list_command(tool: Tool, migrating: &[OsString]) -> Option<Vec<OsString>> {
    if tool != Tool::Django {
        return None;
    }
    let at = migrating.iter().position(|word| word == "migrate")?;
    let program = migrating[..at].last()?;
    let names = ["manage.py", "django-admin", "django"].map(OsStr::new);
    let is_django = names.iter().any(|name| Path::new(program).file_name() == Some(name));
    let listing = ["shell", "--verbosity=0", "-c", django::SCRIPT].map(OsString::from);
    is_django.then(|| migrating[..at].iter().cloned().chain(listing).collect())
}

/// Returns what a command prints on its standard output. Its standard error goes where this program's goes.
///
/// # Errors
/// Why there is none, as the end of a sentence.
pub async fn printed(command: &[OsString], variables: &[(String, String)]) -> Result<String, String> {
    let [program, arguments @ ..] = command else {
        return Err("the command that lists them is empty".to_owned());
    };
    let name = program.to_string_lossy();
    let failed = |why: String| format!("{name}, which lists them, {why}");
    let mut starting = Command::new(program);
    starting.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
    starting.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let printing = async {
        let (mut process, _own) = processes::start(&mut starting)?;
        let mut printed = Vec::new();
        if let Some(stdout) = process.stdout.take() {
            stdout.take(LISTED + 1).read_to_end(&mut printed).await?;
        }
        // It may wait until more is read, which nobody does.
        let is_too_long = printed.len() as u64 > LISTED;
        let status = if is_too_long { None } else { Some(process.wait().await?) };
        Ok::<_, std::io::Error>((printed, status))
    };
    let ended = timeout(LISTING, printing).await;
    let ended = ended.map_err(|_| failed(format!("did not end within {LISTING:?}")))?;
    let (printed, status) = ended.map_err(|error| failed(format!("cannot be run: {error}")))?;
    match status {
        None => Err(failed(format!("printed more than {LISTED} bytes"))),
        Some(status) if !status.success() => Err(failed(format!("ended with {status}"))),
        Some(_) => String::from_utf8(printed).map_err(|_| failed("did not print text".to_owned())),
    }
}

/// Reads the migrations that a command has printed.
///
/// # Errors
/// The output has no migration.
pub(super) fn read(tool: Tool, output: &str) -> Result<Vec<Entry>, String> {
    let is_numbered = matches!(tool, Tool::Rails | Tool::Sqlx | Tool::Refinery | Tool::GolangMigrate);
    let entry = |name: &str| if is_numbered { numbered(name, "") } else { Entry::of(name) };
    let names = output.lines().map(str::trim).filter(|name| !name.is_empty());
    let entries: Vec<Entry> = names.map(entry).collect();
    if entries.is_empty() { Err(NONE.to_owned()) } else { Ok(entries) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn django_lists_what_it_would_migrate() {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let listing =
            list_command(Tool::Django, &words(&["python", "/app/manage.py", "migrate", "--noinput"]));
        let expected = words(&["python", "/app/manage.py", "shell", "--verbosity=0", "-c", django::SCRIPT]);
        assert_eq!(listing, Some(expected));
        assert_eq!(list_command(Tool::Django, &words(&["./start.sh", "migrate"])), None);
        assert_eq!(list_command(Tool::Knex, &words(&["python", "manage.py", "migrate"])), None);
    }

    #[test]
    fn a_line_is_a_migration() {
        let ids =
            |tool| read(tool, "0001\n\n 2\n").unwrap().into_iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!(
            (ids(Tool::Sqlx), ids(Tool::Dbmate)),
            (vec!["1".into(), "2".into()], vec!["0001".into(), "2".into()])
        );
        assert!(read(Tool::Knex, " \n").is_err());
    }
}
