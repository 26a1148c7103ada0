//! The extractors of axum, with the errors of this API.

use super::Shop;
use super::error::ApiError;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

/// A JSON body.
pub struct Body<T>(pub T);

/// A parameter of the path. One that cannot be an id names nothing: 404.
pub struct Id<T>(pub T);

/// The query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shop> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let whole = Bytes::from_request(Request::from_parts(parts.clone(), body), shop);
        let bytes = match timeout(shop.body_timeout, whole).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(ApiError::TooLarge);
            }
            Ok(Err(rejection)) => return Err(ApiError::BadRequest(rejection.body_text())),
            Err(_) => return Err(ApiError::TooSlow),
        };
        if let Some(place) = nul_in(&bytes) {
            return Err(ApiError::Unprocessable(format!(
                "{place} has a NUL character, which no text may have"
            )));
        }
        match axum::Json::from_request(Request::from_parts(parts, bytes.into()), shop).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::UnsupportedMediaType),
            Err(JsonRejection::JsonDataError(error)) => Err(ApiError::Unprocessable(error.body_text())),
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(id)) => Ok(Self(id)),
            Err(_) => Err(ApiError::NotFound("no such id".to_owned())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        if let Some(place) = parts.uri.query().and_then(nul_in_query) {
            return Err(ApiError::Unprocessable(format!(
                "{place} has a NUL character, which no text may have"
            )));
        }
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}

/// Finds a text with a NUL in a JSON document: the path to the first one, such as `shipping_address.city`.
///
/// PostgreSQL's text has no NUL (SQLSTATE 22021, and 22P05 in jsonb), so no field of any body may have one.
fn nul_in(json: &[u8]) -> Option<String> {
    // JSON has NUL as an escape alone; a document without one is not read twice.
    json.windows(6).any(|part| part == br"\u0000").then_some(())?;
    nul_below(&serde_json::from_slice(json).ok()?, String::new())
}

fn nul_below(value: &Value, place: String) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then_some(place),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| nul_below(item, format!("{place}[{index}]")))
        }
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let place = match place.is_empty() {
                true => name.replace('\0', "\u{fffd}"),
                false => format!("{place}.{}", name.replace('\0', "\u{fffd}")),
            };
            if name.contains('\0') { Some(place) } else { nul_below(value, place) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn nul_in_query(query: &str) -> Option<&str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .into_iter()
        .find_map(|(name, value)| [name, value].iter().any(|text| text.contains("%00")).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        for (body, place) in [
            (r#"{"currency":"\u0000"}"#, Some("currency")),
            (r#"{"a":{"b":["x",{"c":"a\u0000b"}]}}"#, Some("a.b[1].c")),
            (r#"["\u0000"]"#, Some("[0]")),
            (r#"{"a\u0000b":1}"#, Some("a\u{fffd}b")),
            (r#"{"a":"\\u0000"}"#, None),
            (r#"{"a":"\u0001","b":"\u00001"}"#, Some("b")),
            ("no JSON \\u0000", None),
        ] {
            assert_eq!(nul_in(body.as_bytes()).as_deref(), place, "{body}");
        }
        assert_eq!(nul_in_query("limit=1&after=%00"), Some("after"));
        assert_eq!(nul_in_query("a%00"), Some("a%00"));
        assert_eq!(nul_in_query("limit=100"), None);
    }
}
