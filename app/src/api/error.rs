//! Every way in which a request can fail, and its status.

use crate::failure::{chain, describe};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use deadpool_postgres::PoolError;
use serde_json::{Value, json};
use tokio_postgres::error::SqlState;

#[derive(Debug)]
pub enum ApiError {
    /// The request cannot be read: not JSON, a path that is not an id, a header that is missing.
    BadRequest(String),
    NotFound(String),
    MethodNotAllowed,
    /// The request is fine, but not in the present state of the shop. The details go into the answer.
    Conflict(&'static str, String, Value),
    /// The request is readable and asks for what cannot be.
    Unprocessable(String),
    TooLarge,
    /// The rest of the body did not come in time.
    TooSlow,
    UnsupportedMediaType,
    /// The database cannot be reached, or did not answer in time.
    Unavailable(String),
    /// A fault of the shop itself: the answer has no detail, the log has it.
    Internal(String),
}

impl From<PoolError> for ApiError {
    /// Makes every failure to get a connection [`ApiError::Unavailable`]: the database may be starting, gone, full,
    /// or closed to connections (SQLSTATE 55000).
    fn from(error: PoolError) -> Self {
        Self::Unavailable(match error {
            PoolError::Backend(error) => describe(&error),
            other => chain(&other),
        })
    }
}

impl From<tokio_postgres::Error> for ApiError {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = describe(&error);
        match error.code() {
            None => Self::Unavailable(text),
            Some(state) if is_unavailable(state) => Self::Unavailable(text),
            // A text or a number that PostgreSQL cannot store.
            Some(
                &(SqlState::CHARACTER_NOT_IN_REPERTOIRE
                | SqlState::UNTRANSLATABLE_CHARACTER
                | SqlState::NUMERIC_VALUE_OUT_OF_RANGE),
            ) => Self::Unprocessable("a value in the request cannot be stored".to_owned()),
            Some(_) => Self::Internal(text),
        }
    }
}

/// Returns whether the server says that it cannot do now what it could do at another time.
fn is_unavailable(state: &SqlState) -> bool {
    // Connection, resources, operator intervention, system error, no such database, authorization, and a transaction
    // that lost to another one.
    const CLASSES: [&str; 7] = ["08", "53", "57", "58", "3D", "28", "40"];
    let states = [
        SqlState::LOCK_NOT_AVAILABLE,
        // A replica, or the former primary after a failover.
        SqlState::READ_ONLY_SQL_TRANSACTION,
        // A schema that is behind: /ready says so as well.
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::INVALID_SCHEMA_NAME,
    ];
    states.contains(state) || state.code().get(..2).is_some_and(|class| CLASSES.contains(&class))
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message, details) = match self {
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, "bad_request", message, Value::Null),
            Self::NotFound(message) => (StatusCode::NOT_FOUND, "not_found", message, Value::Null),
            Self::MethodNotAllowed => {
                let message = "this path does not take this method".to_owned();
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message, Value::Null)
            }
            Self::Conflict(code, message, details) => (StatusCode::CONFLICT, code, message, details),
            Self::Unprocessable(message) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable", message, Value::Null)
            }
            Self::TooLarge => {
                let message = format!("a body may have {} bytes", super::BODY_LIMIT);
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, Value::Null)
            }
            Self::TooSlow => {
                let message = "the body did not come in time".to_owned();
                (StatusCode::REQUEST_TIMEOUT, "too_slow", message, Value::Null)
            }
            Self::UnsupportedMediaType => {
                let message = "send Content-Type: application/json".to_owned();
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message, Value::Null)
            }
            Self::Unavailable(why) => {
                tracing::warn!("database unavailable: {why}");
                let message = "the database is not available, try again".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", message, Value::Null)
            }
            Self::Internal(why) => {
                tracing::error!("request failed: {why}");
                let message = "something went wrong in the shop".to_owned();
                (StatusCode::INTERNAL_SERVER_ERROR, "internal", message, Value::Null)
            }
        };
        let mut error = json!({ "code": code, "message": message });
        if !details.is_null() {
            error["details"] = details;
        }
        (status, Json(json!({ "error": error }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_cannot_do_now_is_unavailable() {
        for code in [
            "57P03", "53300", "57P01", "57P02", "57014", "3D000", "28P01", "08006", "25006", "40001",
            "40P01", "42P01", "55P03", "58030",
        ] {
            assert!(is_unavailable(&SqlState::from_code(code)), "{code}");
        }
        for code in ["23505", "42601", "22012", "XX000", "P0001", "55000"] {
            assert!(!is_unavailable(&SqlState::from_code(code)), "{code}");
        }
    }
}
