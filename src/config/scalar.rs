//! Switches and numbers, as every YAML 1.2 reader takes them: `'true'` and `'4'` are text.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch(bool);

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<const LEAST: u64, const MOST: u64>(u64);

/// How many databases share a task: a whole number from 1 on, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerTask {
    Most(u64),
    Auto,
}

impl<'de> Deserialize<'de> for PerTask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PerTaskVisitor)
    }
}

struct PerTaskVisitor;

impl Visitor<'_> for PerTaskVisitor {
    type Value = PerTask;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 1 on, or auto")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<PerTask, E> {
        if value == 0 {
            return Err(E::invalid_value(serde::de::Unexpected::Unsigned(value), &self));
        }
        Ok(PerTask::Most(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<PerTask, E> {
        self.visit_u64(value.try_into().unwrap_or_default())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<PerTask, E> {
        if value == "auto" {
            return Ok(PerTask::Auto);
        }
        Err(E::invalid_value(serde::de::Unexpected::Str(value), &self))
    }
}

impl Serialize for PerTask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Most(most) => serializer.serialize_u64(*most),
            Self::Auto => serializer.serialize_str("auto"),
        }
    }
}

impl JsonSchema for PerTask {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PerTask".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]})
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchVisitor)
    }
}

struct SwitchVisitor;

impl Visitor<'_> for SwitchVisitor {
    type Value = Switch;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Switch, E> {
        Ok(Switch(value))
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0)
    }
}

impl JsonSchema for Switch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "boolean"})
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Count<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Visitor<'_> for CountVisitor<LEAST, MOST> {
    type Value = Count<LEAST, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {LEAST} to {MOST}")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        if (LEAST..=MOST).contains(&number) {
            Ok(Count(number))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(number), &self)),
        }
    }
}

impl<const LEAST: u64, const MOST: u64> Serialize for Count<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<const LEAST: u64, const MOST: u64> JsonSchema for Count<LEAST, MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("CountFrom{LEAST}To{MOST}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": LEAST, "maximum": MOST})
    }
}
