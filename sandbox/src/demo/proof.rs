//! What makes the demo fail when it should: the databases themselves are asked.

use anyhow::{Context as _, bail};
use sandbox::postgres::Postgres;
use sandbox::seed::{DATABASES, SeedSystem};
use serde_json::Value;

use crate::console;

/// Checks that the plan started no task and changed nothing: every call is a read.
pub async fn nothing_changed(system: &SeedSystem) -> anyhow::Result<()> {
    let reads = ["Describe", "List", "Get", "Batch", "Filter"];
    let changes = system.sandbox.calls().into_iter().map(|call| call.operation);
    let changes: Vec<String> =
        changes.filter(|operation| !reads.iter().any(|read| operation.starts_with(read))).collect();
    if !changes.is_empty() {
        bail!("plan without changing anything: the plan called {}", changes.join(", "));
    }
    console::line(&format!("{} calls, all of them reads", system.sandbox.calls().len()));
    Ok(())
}

/// Checks that everything was there the second time: the image, the revision, and every migration.
pub fn nothing_was_left_to_do(result: &Value) -> anyhow::Result<()> {
    let image = &result["image"]["source"];
    if image != "reused" {
        bail!("go on from the last demo: the image was {image}, not reused");
    }
    if result["task_definition"]["registered"] != false {
        bail!("go on from the last demo: a revision was registered, though nothing has changed");
    }
    for database in DATABASES {
        let applied = &entry(result, database)?["migration_report"]["applied"];
        if applied.as_array().is_none_or(|applied| !applied.is_empty()) {
            bail!("go on from the last demo: migrations were applied to {database} again: {applied}");
        }
    }
    console::line("nothing was left to do: image reused, revision reused, no migration applied");
    Ok(())
}

/// Counts the tables of each database, as many as its report says, and of the one that was never to be touched: none.
pub async fn ask_the_databases(postgres: &Postgres, result: &Value) -> anyhow::Result<()> {
    let mut counts = Vec::new();
    for database in DATABASES {
        let tables = postgres.count_tables(database).await?;
        console::line(&format!("{database:<24} {tables:>3} tables"));
        let reported = entry(result, database)?["migration_report"]["tables"].as_i64();
        if reported != Some(tables) {
            bail!("prove the migration of {database}: it has {tables} tables, reported were {reported:?}");
        }
        counts.push(tables);
    }
    let default = postgres.default_database();
    let untouched = postgres.count_tables(default).await?;
    console::line(&format!("{default:<24} {untouched:>3} tables  (the default, which no task may touch)"));
    if untouched != 0 {
        bail!("prove that the default database {default} was not touched: it has {untouched} tables");
    }
    if counts.contains(&0) || counts.windows(2).any(|pair| pair[0] != pair[1]) {
        bail!("prove the migrations: the databases differ or are empty: {counts:?} tables");
    }
    Ok(())
}

/// Checks that every database is migrated, by a report that names it, with nothing pending.
pub fn check(result: &Value) -> anyhow::Result<()> {
    for database in DATABASES {
        let entry = entry(result, database)?;
        let report = &entry["migration_report"];
        if entry["verdict"] != "migrated" || report["database"] != database || report["pending"] != 0 {
            bail!("read the result of {database}: not migrated, or not itself, or not up to date: {entry}");
        }
    }
    Ok(())
}

fn entry<'a>(result: &'a Value, database: &str) -> anyhow::Result<&'a Value> {
    let mut entries = result["databases"].as_array().into_iter().flatten();
    entries
        .find(|entry| entry["database"] == database)
        .with_context(|| format!("read the result: it has no database {database}"))
}
