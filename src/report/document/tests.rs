use super::*;
use crate::document::{self, Colour};
use crate::report::samples;
use crate::report::{LogTail, PackLog};

mod hostile;
mod limit;
mod page;
mod terminal;

pub(in crate::report) use hostile::is_text;

fn summary(report: &Report) -> String {
    document::markdown(&report.document(), SUMMARY_LIMIT)
}

fn closing(report: &Report, colour: Colour) -> String {
    document::text(&report.document(), colour)
}
