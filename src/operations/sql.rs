//! The SQL of the migrations: found below the working directory, looked at for a plan, and annotated at its lines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use walkdir::{DirEntry, WalkDir};
use wildmatch::WildMatch;

use super::migrate::github_api;
use crate::adapters::ThisMachine;
use crate::adapters::github::{GitHub, place};
use crate::bounded_file;
use crate::choices::SqlLevel;
use crate::cli::SqlFlags;
use crate::failure::{ExitCode, Failure};
use crate::hex::is_commit;
use crate::ports::Machine as _;
use crate::ports::github::{ChangedFiles as _, PullRequest};
use crate::progress::Progress;
use crate::session::Session;
use crate::sql::{Asked, Found, LARGEST_FILE, Question, SeenSql};
use crate::untrusted::phrase;
use crate::values::{PostgresVersion, SqlRule};
use crate::words::counted;

mod output;
mod pending;

/// GitHub shows this many annotations of a level and a step (actions/runner, ExecutionContext.cs).
const ANNOTATIONS: usize = 10;
/// Bounds of the search for files, as those of the search for an annotation's place.
const DEPTH: usize = 16;
const ENTRIES: usize = 50_000;
const NO_SOURCES: [&str; 3] = [".git", "node_modules", "target"];
/// Files that are looked at: more than a project has that is not yet squashed.
const MOST_FILES: usize = 2_000;

/// Code that has to survive the SQL: what a service runs until the deploy is through, or what it goes back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code<'a> {
    pub service: &'a str,
    /// A tag of its image: the commit, where the image has one.
    pub tag: Option<&'a str>,
}

/// What is known of which SQL is new.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'a> {
    /// What services run.
    pub running: &'a [Code<'a>],
    /// The data of a check's report.
    pub checked: Option<&'a Value>,
}

/// Looks at the SQL that the flags name, and returns what it will do; none where nothing is to be looked at. What a person
/// should know is added to `notes`.
pub(super) async fn look<W, R>(
    flags: &SqlFlags,
    known: Known<'_>,
    notes: &mut Vec<String>,
    session: &Session<'_, W, R>,
) -> Option<SeenSql> {
    if flags.sql_level == SqlLevel::Off {
        return None;
    }
    let rules = |names: &[SqlRule]| names.iter().map(SqlRule::rule).collect();
    let asked = Asked {
        include: rules(&flags.sql_include),
        exclude: rules(&flags.sql_exclude),
        postgres: flags.sql_postgres.map(PostgresVersion::major),
        only: None,
    };
    let mut found = Found::default();
    let mut of = Vec::new();
    if let Some((files, which)) = chosen(&flags.files.migrations, known, notes, session).await {
        read(&mut found, &files, &asked);
        of.push(which);
    }
    if let Some(command) = &flags.sql_command {
        found.look_at("--sql-command", output::of(command, LARGEST_FILE).await, &asked);
        of.push("what --sql-command prints".to_owned());
    }
    let fails = flags.sql_level == SqlLevel::Fail;
    (!of.is_empty()).then(|| SeenSql { found, of: of.join(", and "), only: None, fails })
}

fn read(found: &mut Found, files: &[String], asked: &Asked) {
    for file in files {
        let text = bounded_file::read_text(Path::new(file), LARGEST_FILE);
        found.look_at(file, text.map_err(|error| error.to_string()), asked);
    }
}

/// Looks for what the code that a service goes back to may not survive, in the files that changed since its commit. Says why
/// where that is not known; `None` where no files are named.
pub(super) async fn look_since<W, R>(
    patterns: &[String],
    code: &Code<'_>,
    session: &Session<'_, W, R>,
) -> Option<Result<SeenSql, String>> {
    if patterns.is_empty() {
        return None;
    }
    let mut notes = Vec::new();
    let Some(mut files) = matching(&mut notes, patterns) else { return Some(Err(notes.remove(0))) };
    let since = match changed_since(std::slice::from_ref(code), session).await {
        Ok(since) => since,
        Err(why) => {
            return Some(Err(format!(
                "not known what SQL the code of service {} meets: {why}",
                code.service
            )));
        }
    };
    files.retain(|file| since.files.contains(file));
    let asked = Asked { only: Some(Question::Breaks), ..Asked::default() };
    let mut found = Found::default();
    read(&mut found, &files, &asked);
    let of = std::iter::once(since.which).chain(notes).collect::<Vec<_>>().join("; ");
    Some(Ok(SeenSql { found, of, only: asked.only, fails: false }))
}

/// Finds the files that match, and notes what is to be known of them; `None` where none does.
fn matching(notes: &mut Vec<String>, patterns: &[String]) -> Option<Vec<String>> {
    let (files, is_whole) = files(Path::new("."), patterns);
    if files.is_empty() {
        notes.push(format!("--migrations: no file matches {}", patterns.join(", ")));
        return None;
    }
    if !is_whole {
        notes.push(format!("--migrations: more than {MOST_FILES} files match, or the search was cut off"));
    }
    Some(files)
}

/// Files that changed since the commits of some code.
struct Since {
    files: BTreeSet<String>,
    /// Which files these are, in words.
    which: String,
}

/// Lists the files that HEAD adds to any of these commits, or has changed since.
///
/// # Errors
/// Why they are not known.
async fn changed_since<W, R>(code: &[Code<'_>], session: &Session<'_, W, R>) -> Result<Since, String> {
    let mut commits = BTreeMap::new();
    for Code { service, tag } in code {
        let tag =
            tag.ok_or_else(|| format!("no tag of the image of service {} is known", phrase(service)))?;
        commits.entry(tag).or_insert(*service);
    }
    let mut files = BTreeSet::new();
    for commit in commits.keys() {
        files.extend(files_since(commit, session).await?);
    }
    let named: Vec<String> = commits
        .iter()
        .map(|(commit, service)| format!("{} (service {})", phrase(commit), phrase(service)))
        .collect();
    Ok(Since { files, which: format!("those that changed since {}", named.join(", ")) })
}

/// Lists the files that are new since a commit, by git, else by GitHub: the Action's image has no git, and a checkout often
/// no history.
///
/// # Errors
/// Why they are not known.
async fn files_since<W, R>(commit: &str, session: &Session<'_, W, R>) -> Result<Vec<String>, String> {
    // A tag such as `main` may be a branch at GitHub, which is not what the image was built from.
    if !is_commit(commit) {
        return Err(format!("image tag {} is no commit", phrase(commit)));
    }
    let here = Path::new(".");
    let by_git = ThisMachine.files_since(here, commit).await.map_err(|error| format!("{error:#}"))?;
    if let Some(files) = by_git {
        return Ok(files);
    }
    let unknown = format!(
        "git does not know {} here (it is missing, or the clone has no history), and",
        phrase(commit)
    );
    let head = ThisMachine.commit(here).await.ok().flatten();
    let head = head.ok_or_else(|| format!("{unknown} no commit is checked out"))?;
    let api = github_api(session.github, session.progress);
    let api =
        api.map_err(|error| format!("{unknown} GitHub: {}", Failure::from_error(&error.into()).sentence()))?;
    let since = api.files_since(commit, &head).await;
    let since = since.map_err(|failed| format!("{unknown} GitHub: {}", failed.failure.sentence()))?;
    since.ok_or_else(|| {
        format!("{unknown} GitHub says that it is not an ancestor of what is checked out, or that more files changed than it lists")
    })
}

/// Chooses the files that are looked at, and says which ones these are: those that changed since what services run, else
/// those that the pull request changes, else those that a check has found to be pending, else all.
async fn chosen<W, R>(
    patterns: &[String],
    Known { running, checked }: Known<'_>,
    notes: &mut Vec<String>,
    session: &Session<'_, W, R>,
) -> Option<(Vec<String>, String)> {
    if patterns.is_empty() {
        return None;
    }
    let mut files = matching(notes, patterns)?;
    if !running.is_empty() {
        match changed_since(running, session).await {
            Ok(since) => {
                files.retain(|file| since.files.contains(file));
                return Some((files, since.which));
            }
            Err(why) => notes.push(format!("not known which SQL is new to the code that runs: {why}")),
        }
    }
    let all = format!("all that {} matches", patterns.join(", "));
    if let Some(on) = pull_request(session.github) {
        let why = match changed(&on, session).await {
            Ok(changed) => {
                files.retain(|file| changed.iter().any(|one| one == file));
                return Some((files, format!("those that pull request {} changes", on.number)));
            }
            Err(why) => why,
        };
        notes.push(format!(
            "all SQL files are looked at, because it is not known which ones the pull request changes: {why}"
        ));
        return Some((files, all));
    }
    if let Some(checked) = checked {
        match pending::files(&files, checked) {
            Ok(pending) => return Some((pending, "those that a check found pending".to_owned())),
            Err(why) => notes.push(format!("all SQL files are looked at: {why}")),
        }
    }
    Some((files, all))
}

fn pull_request(github: Option<&GitHub>) -> Option<PullRequest> {
    github.and_then(|github| github.pull_request().ok().flatten())
}

/// Lists the files that a pull request adds or changes.
async fn changed<W, R>(on: &PullRequest, session: &Session<'_, W, R>) -> Result<Vec<String>, String> {
    let api = github_api(session.github, session.progress);
    let api = api.map_err(|error| Failure::from_error(&error.into()).sentence())?;
    let files = api.changed_files(on.number).await.map_err(|failed| failed.failure.sentence())?;
    files.ok_or_else(|| "it changes more files than GitHub lists".to_owned())
}

/// Finds the files below a directory whose path matches one of the patterns, sorted as a migrator would apply them, and
/// whether these are all. Symbolic links are not followed.
fn files(below: &Path, patterns: &[String]) -> (Vec<String>, bool) {
    let patterns: Vec<WildMatch> =
        patterns.iter().map(|pattern| WildMatch::new(pattern.trim_start_matches("./"))).collect();
    let sources = |entry: &DirEntry| {
        !(entry.file_type().is_dir() && NO_SOURCES.iter().any(|name| entry.file_name() == *name))
    };
    let entries = WalkDir::new(below).min_depth(1).max_depth(DEPTH).into_iter().filter_entry(sources);
    let mut seen = 0;
    let mut found: Vec<String> = entries
        .take(ENTRIES)
        .inspect(|_| seen += 1)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| Some(entry.path().strip_prefix(below).ok()?.to_str()?.to_owned()))
        .filter(|path| patterns.iter().any(|pattern| pattern.matches(path)))
        .collect();
    found.sort_by_cached_key(|path| by_number(path));
    let is_whole = seen < ENTRIES && found.len() <= MOST_FILES;
    found.truncate(MOST_FILES);
    (found, is_whole)
}

/// Returns a key that puts V2 before V10: each run of digits counts by its value, and is the end of a part.
fn by_number(path: &str) -> Vec<(String, u64)> {
    let (mut parts, mut text, mut number) = (Vec::new(), String::new(), 0_u64);
    for char in path.chars() {
        match char.to_digit(10) {
            Some(digit) => number = number.saturating_mul(10).saturating_add(digit.into()),
            None => {
                if number > 0 {
                    parts.push((std::mem::take(&mut text), std::mem::take(&mut number)));
                }
                text.push(char);
            }
        }
    }
    parts.push((text, number));
    parts
}

/// Annotates the lines of the findings, and returns the exit code of the plan.
pub(super) fn annotated(sql: &SeenSql, progress: &Progress, github: Option<&GitHub>) -> ExitCode {
    let workspace = github.and_then(|github| github.workspace.as_deref());
    let findings = &sql.found.findings;
    let more = findings.len().saturating_sub(ANNOTATIONS) + sql.found.more;
    for (number, finding) in findings.iter().take(ANNOTATIONS).enumerate() {
        let found = workspace.and_then(|workspace| place(workspace, &finding.file, Some(finding.line)));
        let title = format!("{}: {}", finding.rule.question.word(), finding.rule.name);
        let mut message =
            format!("{}: {}\nThe safer way: {}", finding.statement, finding.rule.says, finding.rule.safer);
        if more > 0 && number + 1 == ANNOTATIONS {
            message.push_str(&format!("\n\nAnd {}: the plan has them.", counted(more, "more finding")));
        }
        match sql.fails {
            true => progress.annotate_error(found.as_ref(), &title, &message),
            false => progress.annotate_warning(found.as_ref(), &title, &message),
        }
    }
    sql.exit_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_pattern_in_the_order_of_their_numbers() {
        let directory = tempfile::tempdir().unwrap();
        for file in ["m/V2__b.sql", "m/V10__c.sql", "m/V1__a.sql", "m/README.md", "target/m/V3__d.sql"] {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("m/V4__link.sql")).unwrap();
        let (found, is_whole) = files(directory.path(), &["./m/*.sql".to_owned()]);
        assert_eq!(found, ["m/V1__a.sql", "m/V2__b.sql", "m/V10__c.sql"]);
        assert!(is_whole);
    }
}
