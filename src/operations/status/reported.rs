//! How `status` is reported.

use serde_json::{Value, json};

use crate::document::{Document, printed};
use crate::failure::{ExitCode, Failure};
use crate::plan::status::{Status, data, document};
use crate::recorder::Reported;
use crate::report::{Annotation, OUTPUT_LIMIT, OUTPUTS, Outputs};

/// What was read, or why it was not.
#[derive(Debug, Clone, Default)]
pub struct StatusReport {
    pub(super) status: Option<Status>,
    error: Option<Failure>,
    notes: Vec<String>,
}

impl Reported for StatusReport {
    fn document(&self) -> Document {
        document(self.status.as_ref(), self.error.as_ref(), &self.notes)
    }

    fn data(&self) -> Value {
        let mut value =
            self.status.as_ref().map_or_else(|| json!({"version": 1, "operation": "status"}), data);
        value["exit_code"] = json!(self.exit_code().number());
        value["error"] = json!(self.error.as_ref().map(|error| &error.message));
        value
    }

    /// Returns the outputs; those of migrations and deployments are empty.
    fn outputs(&self) -> Outputs {
        let result = printed(&self.data());
        let is_whole = result.len() <= OUTPUT_LIMIT;
        let short = || printed(&json!({"version": 1, "exit_code": self.exit_code().number()}));
        let result = if is_whole { result } else { short() };
        let value = |name: &str| match name {
            "exit-code" => self.exit_code().number().to_string(),
            "result" => result.clone(),
            _ => String::new(),
        };
        let names = OUTPUTS.iter().filter(|name| **name != "result-file");
        Outputs {
            values: names.map(|name| (*name, value(name))).collect(),
            shortened: if is_whole { Vec::new() } else { vec!["result"] },
        }
    }

    fn exit_code(&self) -> ExitCode {
        let differs =
            |status: &Status| status.check.iter().flatten().any(|compared| !compared.reasons.is_empty());
        match (&self.error, &self.status) {
            (Some(error), _) => error.exit_code,
            (None, Some(status)) if differs(status) => ExitCode::MigrationFailed,
            (None, Some(_)) => ExitCode::Done,
            (None, None) => ExitCode::Service,
        }
    }

    fn annotations(&self) -> Vec<Annotation> {
        let error = self.error.iter().map(|error| Annotation {
            title: "fargate-migrate status".into(),
            message: error.message.clone(),
            file: None,
            line: None,
        });
        error.collect()
    }

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn end(&mut self, error: Option<Failure>) {
        self.error = error;
    }
}
