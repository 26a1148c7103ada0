//! The SQL of the migrations: found below the working directory, looked at for a plan, and annotated at its lines.

use std::path::Path;

use walkdir::{DirEntry, WalkDir};
use wildmatch::WildMatch;

use super::Surroundings;
use super::migrate::github_api;
use crate::adapters::github::{GitHub, place};
use crate::bounded_file;
use crate::choices::SqlLevel;
use crate::cli::SqlFlags;
use crate::failure::{ExitCode, Failure};
use crate::plan::Plan;
use crate::ports::github::{ChangedFiles as _, PullRequest};
use crate::session::Session;
use crate::sql::{Asked, Found, LARGEST_FILE, SeenSql};
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

/// Looks at the SQL that the flags name, and puts what it will do into the plan.
pub(super) async fn look<W, R>(plan: &mut Plan, flags: &SqlFlags, session: &Session<'_, W, R>) {
    if flags.sql_level == SqlLevel::Off {
        return;
    }
    let rules = |names: &[SqlRule]| names.iter().map(SqlRule::rule).collect();
    let asked = Asked {
        include: rules(&flags.sql_include),
        exclude: rules(&flags.sql_exclude),
        postgres: flags.sql_postgres.map(PostgresVersion::major),
    };
    let mut found = Found::default();
    let mut of = Vec::new();
    if let Some((files, which)) = chosen(plan, &flags.migrations, session).await {
        for file in &files {
            let text = bounded_file::read_text(Path::new(file), LARGEST_FILE);
            found.look_at(file, text.map_err(|error| error.to_string()), &asked);
        }
        of.push(which);
    }
    if let Some(command) = &flags.sql_command {
        found.look_at("--sql-command", output::of(command, LARGEST_FILE).await, &asked);
        of.push("what --sql-command prints".to_owned());
    }
    if !of.is_empty() {
        let fails = flags.sql_level == SqlLevel::Fail;
        plan.sql = Some(Box::new(SeenSql { found, of: of.join(", and "), fails }));
    }
}

/// Chooses the files that are looked at, and says which ones these are: those that the pull request changes, else those
/// that a check has found to be pending, else all.
async fn chosen<W, R>(
    plan: &mut Plan,
    patterns: &[String],
    session: &Session<'_, W, R>,
) -> Option<(Vec<String>, String)> {
    if patterns.is_empty() {
        return None;
    }
    let (mut files, is_whole) = files(Path::new("."), patterns);
    if files.is_empty() {
        plan.notes.push(format!("--migrations: no file matches {}", patterns.join(", ")));
        return None;
    }
    if !is_whole {
        plan.notes
            .push(format!("--migrations: more than {MOST_FILES} files match, or the search was cut off"));
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
        plan.notes.push(format!(
            "all SQL files are looked at, because it is not known which ones the pull request changes: {why}"
        ));
        return Some((files, all));
    }
    if let Some(checked) = &plan.checked {
        match pending::files(&files, &checked.data) {
            Ok(pending) => return Some((pending, "those that --check found pending".to_owned())),
            Err(why) => plan.notes.push(format!("all SQL files are looked at: {why}")),
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
pub(super) fn annotated(sql: &SeenSql, surroundings: &Surroundings<'_>) -> ExitCode {
    let workspace = surroundings.github.and_then(|github| github.workspace.as_deref());
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
            true => surroundings.progress.annotate_error(found.as_ref(), &title, &message),
            false => surroundings.progress.annotate_warning(found.as_ref(), &title, &message),
        }
    }
    if sql.fails && !findings.is_empty() { ExitCode::MigrationFailed } else { ExitCode::Done }
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
