//! What the `schema` of a migration report costs: the shop's listing of a database, on connections that have read
//! nothing of it before.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use sandbox::postgres::{self, Postgres};

use crate::data::{Rounds, Schema};
use crate::programs;

const LISTING: &str = include_str!("../../witness/src/listing.sql");
const DATABASE: &str = "listed";

pub fn measure(quick: bool) -> Result<Schema> {
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    runtime.block_on(of_the_shop(if quick { 10 } else { 100 }))
}

async fn of_the_shop(rounds: usize) -> Result<Schema> {
    let postgres = Postgres::find_or_start(&postgres::Options::default()).await?;
    postgres.drop_database(DATABASE).await?;
    postgres.create_database(DATABASE).await?;
    for migration in migrations()? {
        // The settings of one are not those of the next.
        postgres.connect(DATABASE).await?.batch_execute(&migration).await.context("migrate the shop")?;
    }
    let (mut listing, mut objects) = (Vec::new(), 0);
    for _ in 0..rounds {
        let client = postgres.connect(DATABASE).await?;
        // As witness/src/listing.rs has it.
        client.batch_execute("SET search_path = ''; SET jit = off").await.context("set search_path")?;
        let began = Instant::now();
        objects = client.query_typed(LISTING, &[]).await.context("list the schema")?.len();
        listing.push(began.elapsed().as_secs_f64());
    }
    let tables = postgres.count_tables(DATABASE).await?;
    let server = postgres.origin().split(" from ").next().unwrap_or_default().to_owned();
    postgres.drop_database(DATABASE).await?;
    postgres.stop();
    Ok(Schema { server, tables, objects, listing: Rounds(listing) })
}

/// The shop's, in the order of their versions.
fn migrations() -> Result<Vec<String>> {
    let directory = Path::new(programs::CHECKOUT).join("app/migrations");
    let files = std::fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?;
    let mut migrations = Vec::new();
    for file in files {
        let path = file.context("read the migrations")?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let version = name.strip_prefix('V').and_then(|rest| rest.split("__").next()?.parse::<u32>().ok());
        if let Some(version) = version {
            let sql = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            migrations.push((version, sql));
        }
    }
    migrations.sort();
    Ok(migrations.into_iter().map(|(_, sql)| sql).collect())
}
