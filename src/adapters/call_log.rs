//! Logs each call, with `-v`: its name, its status, how long it took, which attempt it was, and the id that AWS knows
//! it by. Never a body, a header of the request, or an address: those may hold secrets.

use std::fmt;
use std::time::Instant;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

/// Characters of a request id that are shown: AWS's have 36, or 16.
const LONGEST_ID: usize = 64;

/// For every client of the SDK.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallLog;

#[derive(Debug)]
struct Began(Instant);

impl Storable for Began {
    type Storer = StoreReplace<Self>;
}

impl Intercept for CallLog {
    fn name(&self) -> &'static str {
        "CallLog"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        state.interceptor_state().store_put(Began(Instant::now()));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        state: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = state.load::<Metadata>().map(|call| format!("{} {}", call.service(), call.name()));
        let took = state.load::<Began>().map(|began| began.0.elapsed());
        let status = context.response().map(|response| response.status().as_u16());
        let id = context.response().and_then(|response| response.headers().get("x-amzn-requestid"));
        tracing::debug!(
            status = %status.map_or_else(|| "none".to_owned(), |status| status.to_string()),
            ms = took.map(|took| took.as_millis()),
            attempt = state.load::<RequestAttempts>().map(RequestAttempts::attempts),
            request_id = %id.map(shown).unwrap_or_default(),
            "AWS {}",
            name.unwrap_or_default()
        );
        Ok(())
    }
}

/// What came of an attempt at a call that is not the SDK's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Status(u16),
    /// With a status that the client keeps to itself.
    Somehow,
    Not,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => status.fmt(f),
            Self::Somehow => f.write_str("answered"),
            Self::Not => f.write_str("none"),
        }
    }
}

impl From<Option<u16>> for Answered {
    fn from(status: Option<u16>) -> Self {
        status.map_or(Self::Not, Self::Status)
    }
}

/// Tells of an attempt at a call that is not the SDK's.
pub(super) fn told(name: &str, status: impl Into<Answered>, began: tokio::time::Instant, attempt: u32) {
    let status = status.into();
    tracing::debug!(%status, ms = began.elapsed().as_millis(), attempt, "{name}");
}

/// Keeps the letters, digits and hyphens of an id, which comes from outside.
fn shown(id: &str) -> String {
    id.chars().filter(|one| one.is_ascii_alphanumeric() || *one == '-').take(LONGEST_ID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_id_only_its_letters_are_shown() {
        assert_eq!(shown("0b1c-22"), "0b1c-22");
        assert_eq!(shown("a\n::error::b\u{1b}[31m"), "aerrorb31m");
        assert_eq!(shown(&"x".repeat(1_000)).len(), LONGEST_ID);
    }
}
