//! docs/performance.md, made from docs/performance/*.json: what stands between its markers.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::data::{Everything, Measured};
use crate::goals::goals;
use crate::tables::{check, deploy, fleet, image, logs, one, packed, schema, start_up, told, witness};

pub const PAGE: &str = "docs/performance.md";

/// Writes the page.
pub fn write(checkout: &Path) -> Result<()> {
    fs::write(checkout.join(PAGE), made(checkout)?).with_context(|| format!("write {PAGE}"))
}

/// The page as the figures make it.
pub fn made(checkout: &Path) -> Result<String> {
    let page = fs::read_to_string(checkout.join(PAGE)).with_context(|| format!("read {PAGE}"))?;
    let blocks = blocks(&Everything::read(checkout)?);
    blocks.iter().try_fold(page, |page, (name, block)| with_block(&page, name, block))
}

fn with_block(page: &str, name: &str, block: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- begin: {name} -->"), format!("<!-- end: {name} -->"));
    let missing = || format!("find {begin} and {end} in {PAGE}");
    let (head, rest) = page.split_once(&begin).with_context(missing)?;
    let (_, tail) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{head}{begin}\n\n{}\n\n{end}{tail}", block.trim_end()))
}

fn blocks(everything: &Everything) -> Vec<(&'static str, String)> {
    vec![
        ("goals", goals(everything)),
        ("one", table_of(everything.one.as_ref(), one)),
        ("fleet", table_of(everything.fleet.as_ref(), fleet)),
        ("deploy", table_of(everything.deploy.as_ref(), deploy)),
        ("packed", table_of(everything.packed.as_ref(), packed)),
        ("check", table_of(everything.check.as_ref(), check)),
        ("logs", table_of(everything.logs.as_ref(), logs)),
        ("start-up", table_of(everything.start_up.as_ref(), start_up)),
        ("image", table_of(everything.image.as_ref(), image)),
        ("schema", table_of(everything.schema.as_ref(), schema)),
        ("witness", table_of(everything.witness.as_ref(), witness)),
    ]
}

fn table_of<T>(measured: Option<&Measured<T>>, tables: impl Fn(&T) -> String) -> String {
    measured.map_or_else(|| "Not measured.".to_owned(), |measured| told(measured, tables))
}
