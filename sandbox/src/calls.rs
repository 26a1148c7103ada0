//! Every request that the sandbox answered, in order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Response};
use serde_json::{Map, Value, json};

use crate::figures::{CallFigures, Counter};

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

/// A call as it went over the wire.
#[derive(Debug)]
pub struct Wire<'a> {
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// None when no answer went out, or one that a fault had broken.
    pub answer: Option<&'a Response<String>>,
}

/// The calls so far, and the file to which request and answer pairs are appended, if any.
#[derive(Debug)]
pub struct Calls {
    keep: bool,
    calls: Mutex<Vec<Call>>,
    /// By `service:Operation`.
    counters: Mutex<BTreeMap<String, Counter>>,
    record: Option<Mutex<File>>,
}

impl Calls {
    /// Makes an empty list of calls. With `keep` false, calls are counted and recorded and not listed.
    ///
    /// # Errors
    /// The record file cannot be opened.
    pub fn new(keep: bool, record: Option<&Path>) -> anyhow::Result<Self> {
        let record = match record {
            None => None,
            Some(path) => {
                let file = File::options().create(true).append(true).open(path);
                Some(Mutex::new(file.with_context(|| format!("open record file {}", path.display()))?))
            }
        };
        Ok(Self { keep, calls: Mutex::default(), counters: Mutex::default(), record })
    }

    /// Counts, records and keeps a call. `at` is in milliseconds of AWS since the start.
    pub fn add(&self, call: Call, at: u64, wire: &Wire<'_>) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counters.entry(format!("{}:{}", call.service, call.operation)).or_default();
        counter.count(at, call.error_code.as_deref());
        drop(counters);
        if let Some(record) = &self.record {
            let pair = json!({
                "service": call.service,
                "operation": call.operation,
                "region": signed_region(wire.headers),
                "request": {
                    "headers": headers(wire.headers),
                    "body": String::from_utf8_lossy(wire.body),
                },
                "answer": wire.answer.map(|answer| json!({
                    "status": answer.status().as_u16(),
                    "headers": headers(answer.headers()),
                    "body": answer.body(),
                })),
            });
            append(record, &pair);
        }
        if self.keep {
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
    }

    /// Returns the figures of the calls by `service:Operation`.
    pub fn figures(&self) -> BTreeMap<String, CallFigures> {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.iter().map(|(operation, counter)| (operation.clone(), counter.figures())).collect()
    }

    /// Records a request of the registry's own protocol: what it asks for, not what it carries.
    pub fn note_registry(&self, method: &str, path: &str, wire_headers: &HeaderMap) {
        if let Some(record) = &self.record {
            let request = json!({"headers": headers(wire_headers), "path": path});
            append(
                record,
                &json!({"service": "registry", "operation": method, "request": request, "answer": null}),
            );
        }
    }

    pub fn all(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Appends a line in one write, since several sandboxes may append to one file. A record that cannot be written must
/// not change what the client sees.
fn append(record: &Mutex<File>, line: &Value) {
    let mut file = record.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = file.write_all(format!("{line}\n").as_bytes());
}

/// Returns the Region in the scope of a signature, `KEY/DATE/REGION/…`.
fn signed_region(headers: &HeaderMap) -> Option<&str> {
    let (_, scope) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once("Credential=")?;
    scope.split('/').nth(2)
}

/// Returns the headers by name, without those that prove who the client is.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    let public = headers.iter().filter(|(name, _)| *name != AUTHORIZATION && *name != "x-amz-security-token");
    public
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
        })
        .collect()
}
