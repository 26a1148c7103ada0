//! Where frameworks have their migrations, and which migration a file is.

use super::{Known, alembic};
use crate::history::{Entry, Tool, dotted, numbered};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most bytes of a file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// Returns the usual places, relative to the working directory; none where files alone do not say what is there.
pub(super) fn usual(tool: Tool) -> &'static [&'static str] {
    match tool {
        // Its graph needs the settings, and is in installed packages as well: only its own command lists it.
        Tool::Auto | Tool::Django => &[],
        Tool::Alembic => &["alembic/versions/*.py", "migrations/versions/*.py"],
        Tool::Rails => &["db/migrate/*.rb"],
        Tool::Flyway => {
            &["sql/*.sql", "db/migration/*.sql", "migrations/*.sql", "src/main/resources/db/migration/*.sql"]
        }
        Tool::NodePgMigrate | Tool::Knex | Tool::Sequelize | Tool::Sqlx | Tool::Refinery | Tool::Yoyo => {
            &["migrations/*"]
        }
        Tool::Drizzle => &["drizzle/meta/_journal.json"],
        Tool::Prisma => &["prisma/migrations/*/migration.sql"],
        Tool::Diesel => &["migrations/*/up.sql"],
        Tool::GolangMigrate => &["migrations/*.up.*"],
        Tool::Dbmate => &["db/migrations/*.sql"],
    }
}

/// Reads the migrations that these files are.
///
/// # Errors
/// Why it cannot be known: a file cannot be read, or none of them is a migration.
pub(super) fn read(tool: Tool, files: &[PathBuf]) -> Result<Known, String> {
    if tool == Tool::Alembic {
        return alembic::Graph::read(files).map(Known::Graph);
    }
    // By what the framework sorts them by.
    let mut found = BTreeMap::new();
    for path in files {
        if tool == Tool::Drizzle {
            for entry in journal(path)? {
                found.insert(sorted_by(&entry), entry);
            }
            continue;
        }
        let Some(entry) = migration(tool, path)? else { continue };
        found.insert(sorted_by(&entry), entry);
    }
    if found.is_empty() {
        return Err(format!("none of {} files is a migration of {}", files.len(), tool.name()));
    }
    Ok(Known::List(found.into_values().collect()))
}

/// Numbers by their value, anything else by its text.
fn sorted_by(entry: &Entry) -> (Vec<u128>, String) {
    let parts = entry.id.split('.').map_while(|part| part.parse().ok());
    (parts.collect(), entry.id.clone())
}

/// Returns the migration that a file is, or none: it is something else, such as the way back.
fn migration(tool: Tool, path: &Path) -> Result<Option<Entry>, String> {
    let name_of = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let file = name_of(path).ok_or_else(|| format!("the name of {} is not UTF-8", path.display()))?;
    let folder = || path.parent().and_then(name_of).unwrap_or_default();
    if file.starts_with('.') || file.ends_with('~') {
        return Ok(None);
    }
    let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, ""));
    // `12_add` and `12__add`: digits, then a name.
    let split = |text: &str, by: &str| -> Option<(String, String)> {
        let (version, name) = text.split_once(by)?;
        let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| (version.to_owned(), name.to_owned()))
    };
    Ok(match tool {
        Tool::Rails if extension == "rb" => split(stem, "_").map(|(version, name)| numbered(&version, &name)),
        Tool::Dbmate if extension == "sql" => {
            split(stem, "_").map(|(version, name)| Entry { id: version.clone(), version, name })
        }
        Tool::Sqlx if extension == "sql" => {
            let stem = stem.strip_suffix(".up").unwrap_or(stem);
            if stem.ends_with(".down") {
                return Ok(None);
            }
            split(stem, "_").map(|(version, name)| numbered(&version, &name.replace('_', " ")))
        }
        Tool::GolangMigrate => {
            let stem = stem.strip_suffix(".up");
            stem.and_then(|stem| split(stem, "_")).map(|(version, name)| numbered(&version, &name))
        }
        Tool::Refinery if matches!(extension, "sql" | "rs") => {
            let numbered_stem = stem.strip_prefix(['V', 'U']);
            numbered_stem.and_then(|stem| split(stem, "__")).map(|(version, name)| numbered(&version, &name))
        }
        Tool::Flyway if extension == "sql" => return flyway(stem),
        Tool::Diesel => {
            let folder = folder();
            let (version, name) = folder.split_once('_').unwrap_or((&folder, ""));
            Some(Entry {
                id: version.replace('-', ""),
                version: version.replace('-', ""),
                name: name.to_owned(),
            })
        }
        Tool::Prisma => Some(Entry::of(folder())),
        Tool::NodePgMigrate if !extension.is_empty() && !is_declaration(&file) => Some(Entry::of(stem)),
        // Of Knex and Sequelize the extension is part of the name: a compiled file is another migration.
        Tool::Knex if is_script(extension) && !is_declaration(&file) => Some(Entry::of(file)),
        Tool::Sequelize if is_script(extension) && !is_declaration(&file) => Some(Entry::of(file)),
        Tool::Yoyo if matches!(extension, "py" | "sql") && !stem.ends_with(".rollback") => {
            Some(Entry::of(stem))
        }
        _ => None,
    })
}

fn is_script(extension: &str) -> bool {
    matches!(extension, "js" | "cjs" | "mjs" | "ts" | "cts" | "mts" | "coffee" | "ls")
}

/// Types of TypeScript, which no framework runs.
fn is_declaration(file: &str) -> bool {
    [".d.ts", ".d.cts", ".d.mts", ".map"].iter().any(|end| file.ends_with(end))
}

fn flyway(stem: &str) -> Result<Option<Entry>, String> {
    if let Some(rest) = stem.strip_prefix('V') {
        let named = rest.split_once("__").map(|(version, name)| Entry {
            id: dotted(version),
            version: version.replace('_', "."),
            name: name.replace('_', " "),
        });
        return Ok(named);
    }
    if stem.starts_with("R__") {
        return Err(format!(
            "{stem} is a repeatable migration, and whether its content has changed since it was applied is in no file"
        ));
    }
    Ok(None)
}

fn journal(path: &Path) -> Result<Vec<Entry>, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("{} cannot be read: {why}", path.display());
    let text = text(path)?;
    let journal: serde_json::Value = serde_json::from_str(&text).map_err(|error| cannot(&error))?;
    let entries = journal["entries"].as_array().ok_or_else(|| cannot(&"it has no entries"))?;
    entries
        .iter()
        .map(|entry| {
            let (when, tag) = (entry["when"].as_i64(), entry["tag"].as_str());
            let (when, tag) = when.zip(tag).ok_or_else(|| cannot(&"an entry has no when or no tag"))?;
            // A row has the time alone; it is what Drizzle compares.
            Ok(Entry { id: when.to_string(), version: tag.to_owned(), name: String::new() })
        })
        .collect()
}

/// Reads a file of text.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("{} cannot be read: {why}", path.display());
    let size = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
    if size > MAX_BYTES {
        return Err(cannot(&format!("it has {size} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| cannot(&error))
}
