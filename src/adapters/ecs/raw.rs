//! Task definitions pass through the SDK as the JSON that they are.
//!
//! The SDK's types know the fields of the day they were generated; Describe → typed → Register would drop every newer
//! one without a word. Two interceptors keep the SDK's signing, retries and errors, and take its hands off the body.

use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};
use aws_sdk_ecs::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_ecs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ecs::error::BoxError;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// Copies a response's body.
#[derive(Debug, Clone, Default)]
pub struct Captured(Arc<Mutex<Option<Vec<u8>>>>);

impl Captured {
    /// # Errors
    /// The body was not there, or was no JSON.
    pub fn json(&self) -> Result<Value> {
        let bytes = self.0.lock().ok().and_then(|mut body| body.take()).context("the answer has no body")?;
        serde_json::from_slice(&bytes).context("the answer is no JSON")
    }
}

impl Intercept for Captured {
    fn name(&self) -> &'static str {
        "CapturedTaskDefinition"
    }

    /// At `read_before_deserialization` the body is still a stream without bytes.
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

/// Replaces a request's body before it is signed, on every attempt.
#[derive(Debug, Clone)]
pub struct Replaced(Vec<u8>);

impl Replaced {
    pub fn new(document: &Value) -> Result<Self> {
        Ok(Self(serde_json::to_vec(document).context("write the task definition as JSON")?))
    }
}

impl Intercept for Replaced {
    fn name(&self) -> &'static str {
        "ReplacedTaskDefinition"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.0.len().to_string());
        *request.body_mut() = SdkBody::from(self.0.clone());
        Ok(())
    }
}
