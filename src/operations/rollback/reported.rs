//! How `rollback` is reported.

use std::io::Write;

use serde_json::Value;

use crate::document::Document;
use crate::failure::{ExitCode, Failure};
use crate::recorder::Reported;
use crate::report::back_report::BackReport;
use crate::report::{Annotation, Outputs};

impl Reported for BackReport {
    fn document(&self) -> Document {
        self.document()
    }

    fn data(&self) -> Value {
        self.data()
    }

    fn write_result(&self, out: &mut dyn Write) -> std::io::Result<()> {
        write!(out, "{}", self.data_without_logs())
    }

    fn outputs(&self) -> Outputs {
        self.outputs()
    }

    fn exit_code(&self) -> ExitCode {
        self.exit_code()
    }

    fn annotations(&self) -> Vec<Annotation> {
        self.annotations()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn end(&mut self, error: Option<Failure>) {
        self.end(error);
    }
}
