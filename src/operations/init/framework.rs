//! The framework of a repository, from the files that lie there, and what `init` knows of each.

use std::path::Path;

use regex_lite::Regex;
use serde_json::Value;

use crate::bounded_file;
use crate::choices::Framework;

/// Files that one framework alone has, relative to the directory of the Dockerfile.
const FILES: [(&str, Framework); 16] = [
    ("manage.py", Framework::Django),
    ("alembic.ini", Framework::Alembic),
    ("bin/rails", Framework::Rails),
    ("prisma/schema.prisma", Framework::Prisma),
    ("drizzle.config.ts", Framework::Drizzle),
    ("drizzle.config.js", Framework::Drizzle),
    ("knexfile.js", Framework::Knex),
    ("knexfile.cjs", Framework::Knex),
    ("knexfile.mjs", Framework::Knex),
    ("knexfile.ts", Framework::Knex),
    (".sequelizerc", Framework::Sequelize),
    ("flyway.conf", Framework::Flyway),
    ("flyway.toml", Framework::Flyway),
    ("src/main/resources/db/migration", Framework::Flyway),
    ("diesel.toml", Framework::Diesel),
    ("yoyo.ini", Framework::Yoyo),
];

/// Packages of npm that migrate.
const PACKAGES: [(&str, Framework); 5] = [
    ("node-pg-migrate", Framework::NodePgMigrate),
    ("knex", Framework::Knex),
    ("sequelize-cli", Framework::Sequelize),
    ("drizzle-kit", Framework::Drizzle),
    ("prisma", Framework::Prisma),
];

/// Crates that migrate.
const CRATES: [(&str, Framework); 3] =
    [("sqlx", Framework::Sqlx), ("refinery", Framework::Refinery), ("diesel", Framework::Diesel)];

/// Returns the frameworks that the files in a directory speak of, each once.
pub(super) fn found(directory: &Path) -> Vec<Framework> {
    let mut all: Vec<Framework> = Vec::new();
    let files = FILES.iter().filter(|(file, _)| directory.join(file).exists()).map(|(_, one)| *one);
    let packages = packages(directory);
    let packages = PACKAGES.iter().filter(|(name, _)| packages.iter().any(|one| one == name));
    let manifest = text(&directory.join("Cargo.toml"));
    let crates = CRATES.iter().filter(|(name, _)| names_crate(&manifest, name));
    for one in files.chain(packages.chain(crates).map(|(_, one)| *one)) {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// Reads the dependencies in `package.json`.
fn packages(directory: &Path) -> Vec<String> {
    let text = text(&directory.join("package.json"));
    // npm takes a byte order mark as well.
    let document: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default();
    let of = |key: &str| document[key].as_object().cloned().unwrap_or_default();
    of("dependencies").into_iter().chain(of("devDependencies")).map(|(name, _)| name).collect()
}

/// Tells whether a Cargo.toml has a line `name = …`, `name.… = …` or `[dependencies.name]`.
fn names_crate(manifest: &str, name: &str) -> bool {
    let pattern = format!(r"(?m)^\s*(\[(\w+-)*dependencies\.)?{name}\s*[.=\]]");
    Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(manifest))
}

/// Returns the command that applies what is pending; `None` where it depends on the application.
pub(super) fn command(framework: Framework) -> Option<&'static str> {
    Some(match framework {
        Framework::Django => "python manage.py migrate --noinput",
        Framework::Alembic => "alembic upgrade head",
        Framework::Rails => "bin/rails db:migrate",
        Framework::Flyway => "flyway migrate",
        Framework::NodePgMigrate => "npx --no node-pg-migrate up",
        Framework::Knex => "npx --no knex migrate:latest",
        Framework::Sequelize => "npx --no sequelize-cli db:migrate",
        Framework::Drizzle => "npx --no drizzle-kit migrate",
        Framework::Prisma => "npx --no prisma migrate deploy",
        Framework::Diesel => "diesel migration run",
        Framework::Dbmate => "dbmate --no-dump-schema migrate",
        Framework::Yoyo => "yoyo apply --batch",
        Framework::Sqlx | Framework::Refinery | Framework::GolangMigrate => return None,
    })
}

/// Returns what `DATABASE_URL` begins with for the framework.
pub(super) fn scheme(framework: Framework, directory: &Path) -> &'static str {
    match framework {
        Framework::Flyway => "jdbc:postgresql",
        Framework::Alembic => python_driver(directory),
        Framework::Prisma | Framework::Yoyo | Framework::Diesel => "postgresql",
        _ => "postgres",
    }
}

/// Returns the driver that is installed: SQLAlchemy takes psycopg2 where a URL names none.
fn python_driver(directory: &Path) -> &'static str {
    let names = ["requirements.txt", "pyproject.toml", "Pipfile", "setup.cfg"];
    let all: String = names.iter().map(|name| text(&directory.join(name))).collect();
    let has = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&all));
    match () {
        () if has(r"\bpsycopg2\b") => "postgresql",
        () if has(r"\bpsycopg\b") => "postgresql+psycopg",
        () if has(r"\basyncpg\b") => "postgresql+asyncpg",
        () => "postgresql",
    }
}

/// Reads a text; one that cannot be read says nothing.
fn text(path: &Path) -> String {
    bounded_file::read_text(path, bounded_file::TEXT).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("make it");
            fs::write(path, text).expect("write it");
        }
        directory
    }

    #[test]
    fn files_packages_and_crates_name_the_framework() {
        for (files, wanted) in [
            (&[("manage.py", "")][..], &[Framework::Django][..]),
            (&[("package.json", r#"{"devDependencies": {"knex": "3"}}"#)], &[Framework::Knex]),
            (
                &[("knexfile.js", ""), ("package.json", r#"{"dependencies": {"knex": "3"}}"#)],
                &[Framework::Knex],
            ),
            (&[("Cargo.toml", "[dependencies]\nsqlx = \"0.9\"\n")], &[Framework::Sqlx]),
            (&[("Cargo.toml", "[dependencies.refinery]\nversion = \"0.9\"\n")], &[Framework::Refinery]),
            (&[("Cargo.toml", "[dependencies]\nsqlx-like = \"1\"\n# sqlx = 1\n")], &[]),
            (&[("manage.py", ""), ("alembic.ini", "")], &[Framework::Django, Framework::Alembic]),
            (&[("package.json", "\u{feff}{\"dependencies\": {\"prisma\": \"7\"}}")], &[Framework::Prisma]),
            (&[("package.json", "not JSON")], &[]),
            (&[("package.json", "[1]")], &[]),
            (&[("README.md", "manage.py")], &[]),
        ] {
            assert_eq!(found(directory(files).path()), wanted, "{files:?}");
        }
    }

    /// Of the examples, whose images are built and migrated by the real tools.
    #[test]
    fn the_examples_are_recognised() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        for (name, wanted) in [
            ("django", Framework::Django),
            ("alembic", Framework::Alembic),
            ("rails", Framework::Rails),
            ("node-pg-migrate", Framework::NodePgMigrate),
            ("knex", Framework::Knex),
            ("sqlx", Framework::Sqlx),
        ] {
            assert_eq!(found(&examples.join(name)), [wanted], "{name}");
        }
        assert_eq!(scheme(Framework::Alembic, &examples.join("alembic")), "postgresql+psycopg");
    }

    #[test]
    fn a_url_names_the_driver_that_is_installed() {
        for (requirements, wanted) in [
            ("psycopg2-binary==2.9", "postgresql"),
            ("psycopg[binary]", "postgresql+psycopg"),
            ("asyncpg", "postgresql+asyncpg"),
            ("", "postgresql"),
        ] {
            let directory = directory(&[("requirements.txt", requirements)]);
            assert_eq!(scheme(Framework::Alembic, directory.path()), wanted, "{requirements}");
        }
    }
}
