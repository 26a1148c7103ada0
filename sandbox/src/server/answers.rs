//! Answers on the wire.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use crate::answer::{Answer, AwsError};
use crate::sts;

const JSON: &str = "application/x-amz-json-1.1";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Makes an answer of an AWS JSON 1.1 service.
pub(super) fn json(answer: Answer, request_id: &str) -> Response<String> {
    match answer {
        Ok(output) => response(200, JSON, output.to_string(), request_id),
        Err(error) => {
            let mut response = response(error.status, JSON, error_document(&error).to_string(), request_id);
            if let Ok(code) = HeaderValue::from_str(&error.code) {
                response.headers_mut().insert("x-amzn-errortype", code);
            }
            response
        }
    }
}

/// Makes an answer of a Query service; `output` is its XML.
pub(super) fn query(answer: Answer, request_id: &str) -> Response<String> {
    match answer {
        Ok(output) => response(200, "text/xml", output.as_str().unwrap_or_default().into(), request_id),
        Err(error) => response(error.status, "text/xml", sts::error(&error, request_id), request_id),
    }
}

/// Makes an answer with half of what should have come.
pub(super) fn malformed(output: &Value, request_id: &str) -> Response<String> {
    let mut text = output.to_string();
    text.truncate(text.floor_char_boundary(text.len() / 2));
    response(200, JSON, text, request_id)
}

/// Makes a document of `__type`, `message` and the exception's own members.
pub(super) fn error_document(error: &AwsError) -> Value {
    let mut document = Map::new();
    document.insert("__type".into(), error.code.clone().into());
    if !error.message.is_empty() {
        document.insert("message".into(), error.message.clone().into());
    }
    document.extend(*error.members.clone());
    Value::Object(document)
}

fn response(status: u16, content_type: &'static str, body: String, request_id: &str) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
