//! Every request that the sandbox answered, in order.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use serde_json::{Value, json};

/// One answered request of an AWS API.
#[derive(Debug, Clone)]
pub struct Call {
    /// The IAM prefix of the service: `ecs`, `logs`, `ecr`, `secretsmanager`, `sts`, `tag`.
    pub service: String,
    pub operation: String,
    pub input: Value,
    /// The HTTP status; 0 when the connection was dropped without an answer.
    pub status: u16,
    /// The exception's name when the answer was an error.
    pub error_code: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
}

/// The calls so far, and the file to which request and answer pairs are appended, if any.
#[derive(Debug, Default)]
pub struct Calls {
    calls: Mutex<Vec<Call>>,
    record: Option<Mutex<File>>,
}

impl Calls {
    pub fn recording_to(path: Option<&Path>) -> anyhow::Result<Self> {
        let record = match path {
            None => None,
            Some(path) => {
                let file = File::options().create(true).append(true).open(path);
                Some(Mutex::new(file.with_context(|| format!("open record file {}", path.display()))?))
            }
        };
        Ok(Self { calls: Mutex::default(), record })
    }

    pub fn add(&self, call: Call, output: &Value) {
        if let Some(record) = &self.record {
            let pair = json!({
                "service": call.service, "operation": call.operation, "input": call.input,
                "status": call.status, "output": output,
            });
            let mut file = record.lock().unwrap_or_else(PoisonError::into_inner);
            // One write, since several sandboxes may append to one file. A record that cannot be written must not
            // change what the client sees.
            let _ = file.write_all(format!("{pair}\n").as_bytes());
        }
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    pub fn all(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
