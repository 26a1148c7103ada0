//! Refuses a run that would write over what it reads, or write two things to one file.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::adapters::github::GitHub;
use crate::cli::{BaseFlags, Command, ConfigFile, ImageSourceFlags, MigrateFlags, OutputFlags};
use crate::config::DEFAULT_PATH;
use crate::failure::Failure;
use crate::settings::TaskDefinitionSource;
use crate::steps::task::log::files::is_log;

/// Files of `--log-dir` that are looked at: more than a run leaves there.
const LOGS: usize = 1_000_000;

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    /// Read and written, over more than one run.
    Kept,
    Written,
    /// The job summary, and `--summary-file`, which has the same text.
    Summary,
    /// Standard output, which the shell may have opened on the file of another output.
    Stream,
}

#[derive(Debug, Clone)]
struct Named {
    what: &'static str,
    path: PathBuf,
    used: Use,
}

/// What a file is, by whatever name: an inode, or the place of one that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Inode(u64, u64),
    Place(PathBuf),
}

/// Checks that no file is put to two uses that exclude each other.
///
/// # Errors
/// Two flags, or a flag and a file of the runner's, name one file that does not serve both.
pub(super) fn check(command: &Command, github: Option<&GitHub>) -> Result<(), Failure> {
    let (mut files, logs) = named(command);
    let is_text = matches!(
        command,
        Command::Workflow(_) | Command::Init(_) | Command::Completions(_) | Command::Man(_)
    );
    if is_text || matches!(command, Command::Iam(_)) {
        return Ok(());
    }
    for (what, path, is_summary) in github.into_iter().flat_map(GitHub::files_written) {
        let used = if is_summary { Use::Summary } else { Use::Written };
        files.push(Named { what, path: path.to_owned(), used });
    }
    if let Some(event) = github.and_then(GitHub::file_read) {
        files.push(Named { what: "GITHUB_EVENT_PATH", path: event.to_owned(), used: Use::Read });
    }
    files.push(Named { what: "standard output", path: "/dev/stdout".into(), used: Use::Stream });
    let mut seen: HashMap<Identity, Vec<Named>> = HashMap::new();
    for file in files {
        if let Some(identity) = identity(&file.path) {
            seen.entry(identity).or_default().push(file);
        }
    }
    for same in seen.values() {
        for (index, one) in same.iter().enumerate() {
            if let Some(other) = same[index + 1..].iter().find(|other| collide(one.used, other.used)) {
                return Err(refused(one.what, other.what, &other.path));
            }
        }
    }
    let Some(directory) = logs else { return Ok(()) };
    for path in logs_in(&directory) {
        if let Some(other) = identity(&path).and_then(|identity| seen.get(&identity)?.first()) {
            return Err(refused("a log of --log-dir", other.what, &other.path));
        }
    }
    // A log that is not there yet.
    let directory = directory.canonicalize().unwrap_or(directory);
    for (identity, named) in &seen {
        if let Identity::Place(path) = identity
            && path.parent() == Some(&directory)
            && path.file_name().is_some_and(|name| is_log(&name.to_string_lossy()))
            && let Some(other) = named.first()
        {
            return Err(refused("a log of --log-dir", other.what, &other.path));
        }
    }
    Ok(())
}

fn refused(one: &str, other: &str, path: &Path) -> Failure {
    Failure::input(format!("{one} and {other} are the same file, {}", path.display()))
        .hint("give each a file of its own; nothing was changed")
}

fn collide(one: Use, other: Use) -> bool {
    let harmless = match one {
        Use::Read => &[Use::Read][..],
        Use::Kept => &[],
        Use::Summary => &[Use::Summary, Use::Stream],
        Use::Written => &[Use::Stream],
        Use::Stream => &[Use::Written, Use::Summary, Use::Stream],
    };
    !harmless.contains(&other)
}

/// Lists the files that the flags name, and returns `--log-dir`.
fn named(command: &Command) -> (Vec<Named>, Option<PathBuf>) {
    let mut files = Vec::new();
    let mut add = |what, path: Option<&Path>, used| {
        files.extend(path.map(|path| Named { what, path: path.to_owned(), used }));
    };
    let migrate = match command {
        Command::Migrate(flags) => Some(flags),
        Command::Deploy(flags) => Some(&flags.migrate),
        _ => None,
    };
    if let Some(MigrateFlags { selection, resume, .. }) = migrate {
        add("--databases-file", selection.databases_file.as_deref(), Use::Read);
        add("--state", resume.state.as_deref(), Use::Kept);
    }
    let of_migrate =
        migrate.map(|flags| (&flags.config, Some((&flags.image.source, &flags.target.base)), &flags.output));
    let (config, made, output): (&ConfigFile, Option<(&ImageSourceFlags, &BaseFlags)>, &OutputFlags) =
        match (command, of_migrate) {
            (_, Some(of_migrate)) => of_migrate,
            (Command::Build(flags), _) => (&flags.config, Some((&flags.image, &flags.base)), &flags.output),
            (Command::Rollback(flags), _) => {
                add("--state", flags.state.as_deref(), Use::Read);
                (&flags.config, None, &flags.output)
            }
            (Command::Check(flags), _) => {
                add("--databases-file", flags.selection.databases_file.as_deref(), Use::Read);
                (&flags.config, Some((&flags.image.source, &flags.target.base)), &flags.output)
            }
            (Command::Run(flags), _) => {
                add("--databases-file", flags.selection.databases_file.as_deref(), Use::Read);
                (&flags.config, Some((&flags.image.source, &flags.target.base)), &flags.output)
            }
            (Command::Status(flags), _) => {
                add("--state", flags.state.as_deref(), Use::Read);
                (&flags.config, None, &flags.output)
            }
            _ => return (files, None),
        };
    add("the configuration file", config.config.as_deref().or(Some(Path::new(DEFAULT_PATH))), Use::Read);
    if let Some((image, base)) = made {
        add("--binary", image.binary.as_deref(), Use::Read);
        add("--dockerfile", image.dockerfile.as_deref(), Use::Read);
        if let Some(TaskDefinitionSource::File(path)) =
            base.task_definition.clone().map(TaskDefinitionSource::from)
        {
            add("--task-definition", Some(&path), Use::Read);
        }
    }
    add("--summary-file", output.summary_file.as_deref(), Use::Summary);
    (files, output.log_dir.clone())
}

/// Returns what the file at `path` is; `None` for what is not a regular file, such as `/dev/null`, and for a place
/// that is nowhere.
fn identity(path: &Path) -> Option<Identity> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Some(Identity::Inode(found.dev(), found.ino())),
        Ok(_) => None,
        Err(_) => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
            Some(Identity::Place(parent.join(path.file_name()?)))
        }
    }
}

/// Lists the files in a directory that have the name of one of the program's logs.
fn logs_in(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().take(LOGS).flatten();
    entries.filter(|entry| is_log(&entry.file_name().to_string_lossy())).map(|entry| entry.path())
}
