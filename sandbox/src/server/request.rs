//! What a request asks, and who asks it.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use crate::answer::AwsError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// AWS JSON 1.1.
    Json,
    /// AWS Query: a form.
    Query,
}

/// One API request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub protocol: Protocol,
    /// The IAM prefix, such as `ecs`.
    pub service: String,
    pub operation: String,
    pub input: Value,
}

/// The X-Amz-Target prefixes, and the IAM prefixes of their services.
const TARGETS: [(&str, &str); 5] = [
    ("AmazonEC2ContainerServiceV20141113", "ecs"),
    ("Logs_20140328", "logs"),
    ("AmazonEC2ContainerRegistry_V20150921", "ecr"),
    ("secretsmanager", "secretsmanager"),
    ("ResourceGroupsTaggingAPI_20170126", "tag"),
];

impl Request {
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, AwsError> {
        match header(headers, "x-amz-target") {
            Some(target) => Self::read_json(target, body),
            None => Self::read_form(body),
        }
    }

    /// Returns `service:Operation`, as IAM writes it.
    pub fn action(&self) -> String {
        format!("{}:{}", self.service, self.operation)
    }

    fn read_json(target: &str, body: &[u8]) -> Result<Self, AwsError> {
        let (prefix, operation) = target.split_once('.').ok_or_else(AwsError::unknown_operation)?;
        let (_, service) =
            TARGETS.iter().find(|(known, _)| *known == prefix).ok_or_else(AwsError::unknown_operation)?;
        let input = match body {
            [] => Value::Object(Map::new()),
            body => serde_json::from_slice(body)
                .map_err(|error| AwsError::client("SerializationException", error.to_string()))?,
        };
        if !input.is_object() {
            return Err(AwsError::client("SerializationException", "expected an object"));
        }
        Ok(Self { protocol: Protocol::Json, service: (*service).into(), operation: operation.into(), input })
    }

    /// Reads a request of STS, which is the only Query service here.
    fn read_form(body: &[u8]) -> Result<Self, AwsError> {
        let form: Map<String, Value> = std::str::from_utf8(body)
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (decode(name), decode(value).into()))
            .collect();
        let operation = form.get("Action").and_then(Value::as_str).unwrap_or_default().to_owned();
        if operation.is_empty() {
            return Err(AwsError::unknown_operation());
        }
        Ok(Self { protocol: Protocol::Query, service: "sts".into(), operation, input: Value::Object(form) })
    }
}

/// What the signature says it is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub access_key: String,
    pub region: String,
    /// What proves that the access key is a session's.
    pub session_token: Option<String>,
}

impl Scope {
    pub fn read(headers: &HeaderMap) -> Result<Self, AwsError> {
        let authorization = header(headers, "authorization").ok_or_else(|| {
            AwsError::client("MissingAuthenticationTokenException", "Missing Authentication Token")
        })?;
        let incomplete = || {
            let message = "Authorization header requires 'Credential' parameter.";
            AwsError::client("IncompleteSignatureException", message)
        };
        let credential = authorization
            .strip_prefix("AWS4-HMAC-SHA256")
            .and_then(|rest| rest.split(',').find_map(|part| part.trim().strip_prefix("Credential=")))
            .ok_or_else(incomplete)?;
        // KEY/DATE/REGION/SERVICE/aws4_request
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        match parts[..] {
            ["aws4_request", _, region, _, access_key] => {
                let session_token = header(headers, "x-amz-security-token").map(ToOwned::to_owned);
                Ok(Self { access_key: access_key.into(), region: region.into(), session_token })
            }
            _ => Err(incomplete()),
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Decodes `application/x-www-form-urlencoded` text.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, after) = match (first, tail) {
            (b'+', _) => (b' ', tail),
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                match (digit(high), digit(low)) {
                    (Some(high), Some(low)) => (u8::try_from(high * 16 + low).unwrap_or(b'?'), after),
                    _ => (b'%', tail),
                }
            }
            (byte, _) => (*byte, tail),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_scope_of_a_signature() {
        let mut headers = HeaderMap::new();
        assert_eq!(Scope::read(&headers).unwrap_err().code, "MissingAuthenticationTokenException");
        let value = "AWS4-HMAC-SHA256 Credential=KEY/20261123/eu-west-1/ecs/aws4_request, SignedHeaders=host, Signature=00";
        headers.insert("authorization", value.parse().unwrap());
        assert_eq!(
            Scope::read(&headers).unwrap(),
            Scope { access_key: "KEY".into(), region: "eu-west-1".into(), session_token: None }
        );
        headers.insert("authorization", "Bearer x".parse().unwrap());
        assert_eq!(Scope::read(&headers).unwrap_err().code, "IncompleteSignatureException");
    }

    #[test]
    fn reads_a_form() {
        let request = Request::read(&HeaderMap::new(), b"Action=GetCallerIdentity&A=b%2Fc+d%").unwrap();
        assert_eq!(request.action(), "sts:GetCallerIdentity");
        assert_eq!(request.input["A"], "b/c d%");
    }
}
