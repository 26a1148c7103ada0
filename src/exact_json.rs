//! JSON whose numbers are written as they were read.
//!
//! A `serde_json::Value` holds 64 bits of a number: it turns 18446744073709551616 into 18446744073709552000, and
//! refuses 1e400. serde_json's own `arbitrary_precision` would change every `Value` of every crate in the build, and
//! breaks `#[serde(flatten)]` and untagged enums with numbers. So a number that would change is kept as a marked
//! string, and written as the number that it was.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use serde_json::Value;

/// The beginning of a string that stands for a number. It differs in each process, so that no document can hold it.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let random = || RandomState::new().hash_one("number");
    format!("\u{f8ff}number-{:016x}{:016x}:", random(), random())
});

/// Reads JSON. A number that a [`Value`] cannot hold becomes a marked string.
///
/// # Errors
/// It is not JSON.
pub(crate) fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    let Ok(text) = std::str::from_utf8(bytes) else { return serde_json::from_slice(bytes) };
    serde_json::from_str(&marked(text))
}

/// Writes JSON, each marked string as the number that it stands for.
pub(crate) fn text(value: &Value) -> String {
    let text = value.to_string();
    let quoted = format!("\"{}", *MARK);
    if !text.contains(&quoted) {
        return text;
    }
    let mut parts = text.split(&quoted);
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A number has no quotation mark.
        let (number, rest) = part.split_once('"').unwrap_or((part, ""));
        written += number;
        written += rest;
    }
    written
}

/// Returns the number that a marked string stands for, as a person is shown it; none for any other string.
pub(crate) fn number(text: &str) -> Option<&str> {
    text.strip_prefix(MARK.as_str())
}

/// Replaces each number of the text that a [`Value`] cannot hold by a marked string.
fn marked(text: &str) -> Cow<'_, str> {
    let mut marked = String::new();
    let mut copied = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let length = bytes[at..].iter().take_while(|byte| in_number(byte)).count();
                let number = &text[at..at + length];
                if is_number(number) && !survives(number) {
                    marked += &text[copied..at];
                    marked += &format!("\"{}{number}\"", *MARK);
                    copied = at + length;
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    if marked.is_empty() {
        return Cow::Borrowed(text);
    }
    marked += &text[copied..];
    Cow::Owned(marked)
}

/// Returns the place after the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Returns whether JSON's grammar has such a number; serde_json refuses any other.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && digits(fraction) && digits(exponent)
}

/// Returns whether serde_json writes the same number that it has read.
fn survives(number: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(number) else { return false };
    decimal(number).is_some_and(|exact| Some(exact) == decimal(&value.to_string()))
}

/// Returns whether the number is negative, its digits without zeros around them, and the power of ten of the last
/// digit; none for an exponent that no i64 holds.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent: i64 = exponent.parse().ok()?;
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
    let digits = kept.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Some((negative, digits, 0));
    }
    Some((negative, digits, exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_as_they_went_in() {
        for number in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "1e400",
            "-1E-400",
            "0.10000000000000000001",
            "3.141592653589793238462643383279",
            "1e99999999999999999999",
            "18446744073709551616.5",
        ] {
            for document in [number.to_owned(), format!(r#"{{"a":[{number},"{number}"],"b":{number}}}"#)] {
                let value = parse(document.as_bytes()).expect("JSON");
                assert_eq!(text(&value), document);
            }
        }
    }

    #[test]
    fn what_a_value_holds_stays_a_number() {
        for number in ["0", "-1", "18446744073709551615", "-9223372036854775808", "0.5", "1e-7", "1.0", "100"]
        {
            let value = parse(number.as_bytes()).expect("JSON");
            assert!(value.is_number(), "{number}");
            assert_eq!(value, serde_json::from_str::<Value>(number).expect("JSON"));
        }
        assert_eq!(parse(b"1E2").expect("JSON"), serde_json::json!(100.0));
    }

    #[test]
    fn strings_are_left_alone() {
        for document in [
            r#"{"18446744073709551616":"1e400","a":"\"18446744073709551616","b":"\\","c":"number-0:1"}"#,
            r#"["\u0000", "é18446744073709551616", ""]"#,
        ] {
            let value = parse(document.as_bytes()).expect("JSON");
            assert_eq!(value, serde_json::from_str::<Value>(document).expect("JSON"));
        }
    }

    #[test]
    fn what_is_not_json_is_refused_as_before() {
        for text in
            ["", "{", "01", "1.", "-", "1e", "[18446744073709551616", "\"", "\"\\", "1 2", "+1", ".5", "--1"]
        {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\xff").is_err());
    }
}
