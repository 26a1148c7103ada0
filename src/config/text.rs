//! Text with a shape: the pattern that the reader checks is the pattern that the schema publishes.

use std::borrow::Cow;

use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::database_name;

/// A string type that is read only when it matches, and says what it wants when it does not.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident, $pattern:literal, $wanted:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                // The patterns are constants; a test compiles each of them.
                let matches = Regex::new($pattern).is_ok_and(|pattern| pattern.is_match(&text));
                if matches { Ok(Self(text)) } else { Err(format!("{text:?} is not {}", $wanted)) }
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

text! {
    /// `90s`, `45m`, `1h 30m`: the common half of what the flags take.
    Duration,
    "^[1-9][0-9]*(h( ?[1-9][0-9]*m)?( ?[1-9][0-9]*s)?|m( ?[1-9][0-9]*s)?|s)$",
    "a duration: write 90s, 45m or 1h 30m"
}

text! {
    /// A part of something that others use as well.
    Share,
    "^[1-9][0-9]{0,3}%$",
    "a share: write 1% to 100%, and more where AWS has raised the account's rates"
}

text! {
    /// A subnet.
    Subnet,
    "^(subnet-.+|tag:[^=]+=.+)$",
    "a subnet: write an id that begins with subnet-, or tag:Name=pattern*"
}

text! {
    /// A security group.
    SecurityGroup,
    "^(sg-.+|tag:[^=]+=.+)$",
    "a security group: write an id that begins with sg-, or tag:Name=pattern*"
}

text! {
    /// An environment variable's name.
    Variable,
    "^[A-Za-z_][A-Za-z0-9_]*$",
    "a variable's name: letters, digits and _ are allowed, the first one no digit"
}

/// The name of a database or of a group of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// A member of a group: a database's name, or a pattern with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Member(String);

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Member {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match database_name::refused(&name) {
            Some(why) => Err(format!(
                "{name:?} is not a name: {why}; letters, digits and _ - . $ are allowed, at most 63 bytes"
            )),
            None => Ok(Self(name)),
        }
    }
}

impl TryFrom<String> for Member {
    type Error = String;

    fn try_from(member: String) -> Result<Self, String> {
        // With its wildcards taken for letters, a pattern is a name.
        Name::try_from(member.replace(['*', '?'], "x"))
            .map_err(|_| format!("{member:?} is neither a database's name nor a pattern with * and ?"))?;
        Ok(Self(member))
    }
}

impl JsonSchema for Name {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": database_name::MAX_BYTES,
            "pattern": r"^[\p{L}\p{N}_$][\p{L}\p{N}_.$-]*$",
            "not": {"enum": [database_name::ALL, crate::database_name::FLEET_PLACEHOLDER]},
        })
    }
}

impl JsonSchema for Member {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Member".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": database_name::MAX_BYTES,
            "pattern": r"^[\p{L}\p{N}_$*?][\p{L}\p{N}_.$*?-]*$",
            "not": {"enum": [database_name::ALL, crate::database_name::FLEET_PLACEHOLDER]},
        })
    }
}
