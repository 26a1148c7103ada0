//! Task definitions pass through the SDK as the JSON that they are.
//!
//! The SDK's types know the fields of the day they were generated; Describe → typed → Register would drop every newer
//! one without a word. With an interceptor the SDK's signing, retries and errors stay, and the body is copied as AWS
//! sent it.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use aws_sdk_ecs::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use serde_json::Value;

use crate::exact_json;

/// Copies a response's body.
#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Option<Vec<u8>>>>);

impl Captured {
    /// Takes the body as JSON.
    ///
    /// # Errors
    /// The body was not there, or was not JSON.
    pub(super) fn json(&self) -> Result<Value> {
        let bytes = self.0.lock().ok().and_then(|mut body| body.take()).context("the answer has no body")?;
        exact_json::parse(&bytes).context("the answer is not JSON")
    }
}

impl Intercept for Captured {
    fn name(&self) -> &'static str {
        "CapturedTaskDefinition"
    }

    /// Copies the body: at `read_before_deserialization` it is still a stream without bytes.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let bytes = context.response().body().bytes().map(<[u8]>::to_vec);
        *self.0.lock().map_err(|_| "the captured body is poisoned")? = bytes;
        Ok(())
    }
}
