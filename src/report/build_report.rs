//! What `fargate-migrate build` did, and how it reads.

use serde_json::json;

use super::document::image;
use super::{ImageUsed, OUTPUTS, Outputs, data};
use crate::document::{Block, Content, Document, Line, Mark, Reader, Section};
use crate::failure::{ExitCode, Failure};

/// The report of a build. Either the image or the error is there when the run is over.
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

    pub fn document(&self) -> Document {
        let (mark, title) = match &self.error {
            None => (Mark::Good, "The image is in the registry"),
            Some(_) => (Mark::Bad, "No image"),
        };
        let used = self.image.as_ref().map(|used| ("image", image(used)));
        let tag =
            self.tag.as_ref().filter(|_| used.is_some()).map(|tag| ("commit or tag", tag.clone().into()));
        let facts = Content::Facts(used.into_iter().chain(tag).collect());
        let conclusion =
            |used: &ImageUsed| Line::from(used.reference.clone()).and(" (").and(used.source.word()).and(")");
        Document {
            mark: Some(mark),
            title: title.into(),
            conclusion: self.image.as_ref().map(conclusion),
            error: self.error.clone(),
            sections: vec![Section::of([
                Block::from(facts).only(Reader::Page),
                Content::Notes(self.notes.clone()).into(),
            ])],
            data: json!({
                "version": data::VERSION,
                "exit_code": self.exit_code().number(),
                "image": self.image.as_ref().map(|used| data::image(used, self.tag.as_deref())),
                "error": self.error.as_ref().map(data::error),
                "notes": self.notes,
            }),
            ..Document::default()
        }
    }
}

/// Returns the outputs of the Action but `result-file`, those of the other operations empty: the runner keeps the
/// last value of each.
pub fn outputs(report: &BuildReport) -> Outputs {
    let image = report.image.as_ref();
    let value = |name: &str| match name {
        "image" => image.map(|image| image.reference.clone()).unwrap_or_default(),
        "image-digest" => image.and_then(|image| image.digest.clone()).unwrap_or_default(),
        "exit-code" => report.exit_code().number().to_string(),
        _ => String::new(),
    };
    let names = OUTPUTS.iter().filter(|name| **name != "result-file");
    Outputs { values: names.map(|name| (*name, value(name))).collect(), shortened: Vec::new() }
}
