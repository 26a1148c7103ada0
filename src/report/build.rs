//! What `fargate-migrate build` did, and how it reads: job summary, outputs, JSON, closing text.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{ImageUsed, OUTPUTS, json, markdown};
use crate::failure::{ExitCode, Failure};
use crate::untrusted::{markdown_text, one_line};

/// Either the image or the error is there when the run is over.
#[derive(Debug, Clone, Default)]
pub struct BuildReport {
    /// The commit or tag that names the image.
    pub tag: Option<String>,
    pub image: Option<ImageUsed>,
    pub error: Option<Failure>,
    pub notes: Vec<String>,
}

impl BuildReport {
    pub fn exit_code(&self) -> ExitCode {
        self.error.as_ref().map_or(ExitCode::Done, |error| error.exit_code)
    }
}

pub fn text(report: &BuildReport) -> String {
    let mut out = String::new();
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", one_line(note));
    }
    if let Some(image) = &report.image {
        let _ = writeln!(out, "{} ({})", one_line(&image.reference), image.source.word());
    }
    out
}

pub fn summary(report: &BuildReport) -> String {
    let mut out = match &report.error {
        None => "## ✅ The image is in the registry\n\n".to_owned(),
        Some(error) => format!("## ❌ No image\n\n{}", markdown::failure(error)),
    };
    if let Some(image) = &report.image {
        let _ = write!(out, "| | |\n|---|---|\n| image | {} |\n", markdown::image(image));
        if let Some(tag) = &report.tag {
            let _ = writeln!(out, "| commit or tag | {} |", markdown_text(tag));
        }
    }
    for note in &report.notes {
        let _ = writeln!(out, "\n> [!NOTE]\n> {}", markdown_text(note));
    }
    out
}

/// All outputs of the Action, the other operation's empty: the runner keeps the last value of each.
pub fn outputs(report: &BuildReport) -> Vec<(&'static str, String)> {
    let image = report.image.as_ref();
    let value = |name: &str| match name {
        "image" => image.map(|image| image.reference.clone()).unwrap_or_default(),
        "image-digest" => image.and_then(|image| image.digest.clone()).unwrap_or_default(),
        "exit-code" => (report.exit_code() as u8).to_string(),
        _ => String::new(),
    };
    OUTPUTS.iter().map(|name| (*name, value(name))).collect()
}

pub fn result(report: &BuildReport) -> Value {
    json!({
        "version": json::VERSION,
        "exit_code": report.exit_code() as u8,
        "image": report.image.as_ref().map(|image| json!({
            "reference": image.reference,
            "digest": image.digest,
            "tag": report.tag,
            "source": image.source.word(),
        })),
        "error": report.error.as_ref().map(json::error),
        "notes": report.notes,
    })
}
