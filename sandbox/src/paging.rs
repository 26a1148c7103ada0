//! Pages of a list, with opaque tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, AwsError};

/// Answers a page of `items` under `member`, with `nextToken` when there are more.
pub fn paged<T: Serialize>(items: Vec<T>, member: &str, input: &Value, size: usize) -> Answer {
    let (items, next) = page(items, input["nextToken"].as_str(), size)?;
    let mut answer = json!({ member: items });
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}

/// Returns the page of `items` that starts where `token` says, and the token of the next page.
pub fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), AwsError> {
    let start = match token {
        None => 0,
        Some(token) => {
            decode(token).ok_or_else(|| AwsError::client("InvalidParameterException", "Invalid token"))?
        }
    };
    let total = items.len();
    let page: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let end = start + page.len();
    Ok((page, (end < total).then(|| URL_SAFE_NO_PAD.encode(format!("page:{end}")))))
}

fn decode(token: &str) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix("page:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_once() {
        let (first, token) = page(vec![1, 2, 3], None, 2).unwrap();
        assert_eq!(first, [1, 2]);
        let (second, end) = page(vec![1, 2, 3], token.as_deref(), 2).unwrap();
        assert_eq!((second, end), (vec![3], None));
        assert_eq!(page(vec![1], Some("nonsense"), 2).unwrap_err().code, "InvalidParameterException");
    }
}
