//! Reads the file: keys that are flags, as the flags take them, and `databases` and `groups`.

use std::collections::BTreeMap;
use std::fmt;

use clap::Arg;
use clap::builder::PossibleValue;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde_saphyr::{Options, Spanned, with_deserializer_from_str_with_options};

use super::fleet::{GroupName, Member};
use super::keys::{Keys, Kind, is_list};
use crate::database_name::DatabaseName;
use crate::values::{Shape, Variable, Written};

/// What the file says.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// Keys that are flags, with the texts that the flags are given. What is null or empty is absent, as an empty input
    /// is.
    pub values: Vec<(String, Vec<String>)>,
    pub databases: Vec<Spanned<DatabaseName>>,
    pub groups: BTreeMap<GroupName, Vec<Spanned<Member>>>,
}

/// # Errors
/// The text is no YAML, has a key that is none, or a value that its flag does not take.
pub fn read(text: &str, options: Options, keys: &Keys) -> Result<File, serde_saphyr::Error> {
    with_deserializer_from_str_with_options(text, options, |deserializer| {
        deserializer.deserialize_map(FileVisitor(keys))
    })
}

struct FileVisitor<'a>(&'a Keys);

impl<'de> Visitor<'de> for FileVisitor<'_> {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
        let mut file = File::default();
        while let Some(key) = map.next_key_seed(KeySeed(self.0))? {
            match key {
                Key::Databases => file.databases = map.next_value::<Option<_>>()?.unwrap_or_default(),
                Key::Groups => file.groups = map.next_value::<Option<_>>()?.unwrap_or_default(),
                Key::Flag(name, arg) => {
                    let texts = map.next_value_seed(Texts(arg))?;
                    if !texts.is_empty() {
                        file.values.push((name, texts));
                    }
                }
            }
        }
        Ok(file)
    }
}

enum Key<'a> {
    Flag(String, &'a Arg),
    Databases,
    Groups,
}

struct KeySeed<'a>(&'a Keys);

impl<'de, 'a> DeserializeSeed<'de> for KeySeed<'a> {
    type Value = Key<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<'a>, D::Error> {
        let name = String::deserialize(deserializer)?;
        match (name.as_str(), self.0.arg(&name)) {
            ("databases", _) => Ok(Key::Databases),
            ("groups", _) => Ok(Key::Groups),
            (_, Some(arg)) => Ok(Key::Flag(name, arg)),
            (_, None) => Err(D::Error::unknown_field(&name, &[])),
        }
    }
}

/// The texts that the value of a key gives its flag.
struct Texts<'a>(&'a Arg);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E: Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        let kind = Kind::of(self.0);
        if let Kind::Shaped(Shape { written: Written::Pairs { need_value }, .. }) = kind {
            let pairs: BTreeMap<Variable, Option<String>> = if *need_value {
                let pairs = BTreeMap::<Variable, String>::deserialize(deserializer)?;
                pairs.into_iter().map(|(name, value)| (name, Some(value))).collect()
            } else {
                BTreeMap::deserialize(deserializer)?
            };
            return Ok(pairs.into_iter().map(|(name, value)| pair(&name, value)).collect());
        }
        if is_list(self.0) {
            return deserializer.deserialize_seq(List(&kind));
        }
        let text = One(&kind).deserialize(deserializer)?;
        Ok(Some(text).filter(|text| !text.is_empty()).into_iter().collect())
    }
}

fn pair(name: &str, value: Option<String>) -> String {
    value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"))
}

struct List<'a>(&'a Kind);

impl<'de> Visitor<'de> for List<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element_seed(One(self.0))? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// One value. Switches and numbers are as every YAML 1.2 reader takes them: `'true'` and `'4'` are text.
struct One<'a>(&'a Kind);

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        match self.0 {
            Kind::Switch => deserializer.deserialize_any(self),
            Kind::Shaped(shape) if shape.written != Written::Text => deserializer.deserialize_any(self),
            Kind::Shaped(shape) => {
                let text = String::deserialize(deserializer)?;
                (shape.check)(&text).map_err(D::Error::custom)?;
                Ok(text)
            }
            Kind::Choice(choices) => {
                let text = String::deserialize(deserializer)?;
                let choices: Vec<&str> = choices.iter().map(PossibleValue::get_name).collect();
                match choices.contains(&text.as_str()) {
                    true => Ok(text),
                    false => Err(D::Error::custom(format!("{text:?} is not one of {}", choices.join(", ")))),
                }
            }
            Kind::Text => String::deserialize(deserializer),
        }
    }
}

impl One<'_> {
    fn number<E: Error>(&self, number: &dyn fmt::Display, unexpected: Unexpected<'_>) -> Result<String, E> {
        let text = number.to_string();
        match self.0 {
            Kind::Shaped(shape) if (shape.check)(&text).is_ok() => Ok(text),
            Kind::Shaped(_) => Err(E::invalid_value(unexpected, self)),
            _ => Err(E::invalid_type(unexpected, self)),
        }
    }
}

impl Visitor<'_> for One<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Shaped(shape) => f.write_str(shape.name),
            _ => f.write_str("true or false"),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
        match self.0 {
            Kind::Switch => Ok(value.to_string()),
            _ => Err(E::invalid_type(Unexpected::Bool(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        self.number(&number, Unexpected::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        self.number(&number, Unexpected::Signed(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        match self.0 {
            // A number in quotes is none.
            Kind::Shaped(shape) if shape.written == Written::NumberOrAuto && text.parse::<u64>().is_err() => {
                self.number(&text, Unexpected::Str(text))
            }
            _ => Err(E::invalid_type(Unexpected::Str(text), &self)),
        }
    }
}
