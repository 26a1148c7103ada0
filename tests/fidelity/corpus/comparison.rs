//! Two JSON documents, compared without the product's own code: every difference, as a JSON pointer.

use std::fmt;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    Added(String),
    Changed(String),
    Removed(String),
}

/// `+ /pointer`, `~ /pointer` or `- /pointer`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(pointer) => write!(f, "+ {pointer}"),
            Self::Changed(pointer) => write!(f, "~ {pointer}"),
            Self::Removed(pointer) => write!(f, "- {pointer}"),
        }
    }
}

/// What turns `before` into `after`. The order of members does not count, the order of a list does; null is a value,
/// and `1` is not `1.0`.
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(before, after, "", &mut found);
    found.sort();
    found
}

fn compare(before: &Value, after: &Value, at: &str, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let pointer = below(at, key);
                match new.get(key) {
                    Some(other) => compare(value, other, &pointer, found),
                    None => found.push(Difference::Removed(pointer)),
                }
            }
            let added = new.keys().filter(|key| !old.contains_key(*key));
            found.extend(added.map(|key| Difference::Added(below(at, key))));
        }
        (Value::Array(old), Value::Array(new)) => {
            for (index, (value, other)) in old.iter().zip(new).enumerate() {
                compare(value, other, &below(at, &index.to_string()), found);
            }
            for index in new.len()..old.len() {
                found.push(Difference::Removed(below(at, &index.to_string())));
            }
            for index in old.len()..new.len() {
                found.push(Difference::Added(below(at, &index.to_string())));
            }
        }
        _ if before == after => {}
        _ => found.push(Difference::Changed(at.to_owned())),
    }
}

/// RFC 6901: `~` and `/` of a key are written `~0` and `~1`.
fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[test]
fn every_difference_is_listed() {
    let before = serde_json::json!({
        "same": [1, {"a": null}], "number": 1, "gone": null, "list": [1, 2, 3], "grown": [], "text": "é",
        "a/b~c": {"d": ""}, "empty": [], "false": false,
    });
    let after = serde_json::json!({
        "false": null, "same": [1, {"a": null}], "number": 1.0, "list": [1, 3], "grown": [{}], "text": "e\u{301}",
        "a/b~c": {"d": "", "e": 0}, "empty": {}, "new": null,
    });
    let found: Vec<String> = differences(&before, &after).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "+ /a~1b~0c/e",
            "+ /grown/0",
            "+ /new",
            "~ /empty",
            "~ /false",
            "~ /list/1",
            "~ /number",
            "~ /text",
            "- /gone",
            "- /list/2",
        ]
    );
    assert!(differences(&before, &before).is_empty());
}
