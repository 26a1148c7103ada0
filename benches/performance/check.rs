//! `check`: every database of a real PostgreSQL is asked how far it is, many a task.

use anyhow::{Context as _, Result};

use crate::data::Real;
use crate::packed::{Operation, with_postgres};

const CHECK: &Operation = &["check", "--check-command=app status --report"];

pub fn measure(quick: bool, databases: Option<usize>) -> Result<Real> {
    let databases = databases.unwrap_or(if quick { 48 } else { 1_000 });
    let runtime = tokio::runtime::Runtime::new().context("start a runtime")?;
    runtime.block_on(with_postgres(databases, CHECK))
}
