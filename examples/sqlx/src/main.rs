use std::env;
use std::error::Error;

use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

static MIGRATIONS: Migrator = sqlx::migrate!();

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1).as_deref() {
        Some("migrate") => migrate().await,
        _ => Err("usage: shop migrate".into()),
    }
}

async fn migrate() -> Result<(), Box<dyn Error>> {
    let mut connection = PgConnection::connect(&env::var("DATABASE_URL")?).await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(())
}
