//! What an AWS operation answers: a JSON document, or an error with AWS's own exception name.

use serde_json::{Map, Value};

/// The result of one operation of an AWS JSON 1.1 service.
pub type Answer = Result<Value, AwsError>;

/// An error as AWS JSON 1.1 services send it: HTTP status, `__type`, `message` and the exception's own members.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsError {
    pub status: u16,
    /// The modelled exception name, such as `ClusterNotFoundException`.
    pub code: String,
    pub message: String,
    /// Further members of the exception, such as `resourceIds` of ConflictException.
    pub members: Box<Map<String, Value>>,
}

impl AwsError {
    /// Makes a client error (HTTP 400), as almost every modelled exception is.
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.into(), message: message.into(), members: Box::default() }
    }

    /// Makes a server error (HTTP 500).
    pub fn server(message: impl Into<String>) -> Self {
        Self { status: 500, code: "ServerException".into(), message: message.into(), members: Box::default() }
    }

    /// Makes the error of a service that does not have the operation.
    pub fn unknown_operation() -> Self {
        Self::client("UnknownOperationException", "")
    }

    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.into(), value);
        self
    }
}
