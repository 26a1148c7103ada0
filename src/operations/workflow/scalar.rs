//! A database's name as a YAML scalar.

/// Words that a reader of YAML 1.1 or 1.2 takes for a boolean, null or a number, in any case.
const WORDS: [&str; 13] =
    ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity", "none"];

/// Quotes a name that a reader could take for anything but text: more often than needed, never too seldom.
pub(in crate::operations) fn plain_or_quoted(name: &str) -> String {
    // Dates, hexadecimal numbers and 1_000 begin with a digit; `_1` is a number to some readers.
    let is_number_like = name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_digit())
        || name.trim_matches('_').is_empty();
    if is_number_like || WORDS.contains(&name.to_lowercase().as_str()) {
        format!("'{name}'")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::database_name;

    fn read(name: &str) -> Value {
        serde_saphyr::from_str(&plain_or_quoted(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    #[test]
    fn what_is_no_text_to_yaml_is_quoted() {
        for name in ["2024", "2024-01-01", "0x1f", "1e3", "1_000", "yes", "No", "NULL", "_1", "on", "y"] {
            assert_eq!(plain_or_quoted(name), format!("'{name}'"));
        }
        for name in ["prod", "a-b.c$1", "nobody", "_x", "Übung"] {
            assert_eq!(plain_or_quoted(name), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_is_read_back_as_the_same_text(name in "[a-zA-Z0-9_$é][a-zA-Z0-9_.$é-]{0,10}|[0-9_.eExX+-]{1,8}|[yYnNoOfFtTrRuUeElLsSaA]{1,5}") {
            prop_assume!(database_name::why_invalid(&name).is_none());
            prop_assert_eq!(read(&name), Value::String(name.clone()));
        }
    }
}
