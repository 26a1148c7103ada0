//! Keeps the report while a run goes on, and writes it out after each step: a killed run leaves what it had.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use crate::adapters::github::GitHub;
use crate::document::{Document, markdown};
use crate::failure::{ExitCode, Failure};
use crate::progress::Progress;
use crate::report::{Annotation, Outputs};
use crate::workflow_commands::SUMMARY_LIMIT;

mod save_pace;

use save_pace::SavePace;

/// What an operation has done so far, as a person, a workflow and a program read it.
pub trait Reported {
    /// Returns the report as a person reads it, whole at any time but for its data: a killed run leaves what it had.
    fn document(&self) -> Document;

    /// Returns the document's data, which a large fleet's summary is often written without.
    fn data(&self) -> Value;

    /// Writes all that the outputs may be too short for.
    ///
    /// # Errors
    /// It cannot be written.
    fn write_result(&self, out: &mut dyn Write) -> std::io::Result<()> {
        write!(out, "{}", self.data())
    }

    /// Returns the Action's outputs, all of them each time.
    fn outputs(&self) -> Outputs;

    fn exit_code(&self) -> ExitCode;

    /// Returns what the run's page on GitHub shows above everything else.
    fn annotations(&self) -> Vec<Annotation>;

    /// Returns the notes: things said once.
    fn notes(&mut self) -> &mut Vec<String>;

    /// Ends the report; `error` is what ended the run early.
    fn end(&mut self, error: Option<Failure>);
}

pub struct Recorder<'a, R> {
    report: RefCell<R>,
    progress: &'a Progress,
    github: Option<&'a GitHub>,
    summary_file: Option<PathBuf>,
    save_pace: SavePace,
}

impl<'a, R: Reported> Recorder<'a, R> {
    pub fn new(
        report: R,
        progress: &'a Progress,
        github: Option<&'a GitHub>,
        summary_file: Option<PathBuf>,
    ) -> Self {
        let save_pace = SavePace::default();
        Self { report: RefCell::new(report), progress, github, summary_file, save_pace }
    }

    /// Changes the report.
    ///
    /// `change` runs while the report is borrowed, so it must not call the recorder, to note something for instance.
    /// It cannot: a recorder is not `Sync`, so what refers to one is not `Send`.
    pub fn update<T>(&self, change: impl FnOnce(&mut R) -> T + Send) -> T {
        change(&mut self.report.borrow_mut())
    }

    /// Says something once, however many databases meet it.
    pub fn note(&self, text: String) {
        let new = self.update(|report| !report.notes().contains(&text));
        if new {
            self.progress.note(&text);
            self.update(|report| report.notes().push(text));
        }
    }

    /// Notes what could not be written: the run goes on without it.
    pub fn note_unwritten(&self, what: &str, written: anyhow::Result<()>) {
        if let Err(error) = written {
            self.note(format!("{what} not written: {error:#}"));
        }
    }

    /// Writes the summary, unless that was done a short while ago.
    pub fn save_if_due(&self) {
        if self.save_pace.is_due() {
            self.save();
        }
    }

    /// Writes the summary as it is now.
    pub fn save(&self) {
        if self.github.is_none() && self.summary_file.is_none() {
            return;
        }
        let began = Instant::now();
        let summary = markdown(&self.report.borrow().document(), SUMMARY_LIMIT);
        if let Some(github) = self.github {
            self.note_unwritten("the job summary was", github.write_summary(&summary));
        }
        if let Some(path) = &self.summary_file
            && let Err(error) = std::fs::write(path, &summary)
        {
            self.note(format!("the summary was not written to {}: {error}", path.display()));
        }
        self.save_pace.saved(began.elapsed());
    }

    /// Ends the report, and writes summary and outputs for the last time.
    pub fn close(self, error: Option<Failure>) -> R {
        self.update(|report| report.end(error));
        match self.github {
            Some(github) if github.takes_outputs() => self.close_with_outputs(github),
            _ => self.save(),
        }
        self.report.into_inner()
    }

    /// Writes the whole result to a file for the job's later steps first: outputs may be too short for it.
    fn close_with_outputs(&self, github: &GitHub) {
        let file = match github.keep("result.json", |out| self.report.borrow().write_result(out)) {
            Ok(file) => file,
            Err(error) => {
                self.note(format!("the result was not kept for later steps: {error:#}"));
                None
            }
        };
        let Outputs { mut values, shortened } = self.report.borrow().outputs();
        if !shortened.is_empty() {
            self.note(shortened_note(&shortened, file.as_deref()));
        }
        self.save();
        values.push(("result-file", file.unwrap_or_default()));
        self.note_unwritten("the outputs were", github.write_outputs(&values));
    }
}

fn shortened_note(outputs: &[&str], file: Option<&str>) -> String {
    let (names, verb) = (outputs.join(", "), if outputs.len() == 1 { "is" } else { "are" });
    let whole = match file {
        Some(file) => {
            format!("the whole result is in {file} below RUNNER_TEMP, as the output result-file says")
        }
        None => "--format json prints the whole result".to_owned(),
    };
    format!("{names} {verb} shortened, since a step takes 128 KiB as one variable: {whole}")
}

#[cfg(test)]
mod tests {
    use super::Recorder;
    use crate::report::Report;

    /// Is there once for a type that is not `Send`. For one that is, rustc refuses to choose.
    trait IsNotSend<Marker> {
        const HELD: bool = true;
    }
    struct OfEveryType;
    struct OfSend;
    impl<T: ?Sized> IsNotSend<OfEveryType> for T {}
    impl<T: ?Sized + Send> IsNotSend<OfSend> for T {}

    #[test]
    fn a_change_of_the_report_cannot_come_back_to_its_recorder() {
        const { assert!(<&Recorder<'static, Report> as IsNotSend<_>>::HELD) };
    }
}
