//! Reads the file: keys that are flags, as the flags take them, and `databases` and `groups`.

use std::collections::BTreeMap;
use std::fmt;

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Options, Spanned, with_deserializer_from_str_with_options};

use super::fleet::{GroupName, Member};
use super::keys::{Kind, is_list, name};
use crate::database_name::DatabaseName;
use crate::values::{Grammar, Variable, Written};

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
pub fn read(text: &str, options: Options, keys: &Command) -> Result<File, serde_saphyr::Error> {
    with_deserializer_from_str_with_options(text, options, |deserializer| {
        deserializer.deserialize_map(FileVisitor(keys))
    })
}

struct FileVisitor<'a>(&'a Command);

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

struct KeySeed<'a>(&'a Command);

impl<'de, 'a> DeserializeSeed<'de> for KeySeed<'a> {
    type Value = Key<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key<'a>, D::Error> {
        let key = String::deserialize(deserializer)?;
        match (key.as_str(), self.0.get_arguments().find(|arg| name(arg) == key)) {
            ("databases", _) => Ok(Key::Databases),
            ("groups", _) => Ok(Key::Groups),
            (_, Some(arg)) => Ok(Key::Flag(key, arg)),
            (_, None) => Err(D::Error::unknown_field(&key, &[])),
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
        f.write_str("a list")
    }

    fn visit_none<E: Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        let kind = Kind::of(self.0);
        if let Kind::Value(Grammar { written: Written::Pairs { need_value }, .. }) = kind {
            return if *need_value {
                let pairs = BTreeMap::<Variable, String>::deserialize(deserializer)?;
                Ok(pairs.iter().map(|(name, value)| format!("{}={value}", &**name)).collect())
            } else {
                let pairs = BTreeMap::<Variable, Option<String>>::deserialize(deserializer)?;
                let with =
                    |value: &Option<String>| value.as_ref().map_or_else(String::new, |it| format!("={it}"));
                Ok(pairs.iter().map(|(name, value)| format!("{}{}", &**name, with(value))).collect())
            };
        }
        if is_list(self.0) {
            return deserializer.deserialize_seq(self);
        }
        let text = One(&kind).deserialize(deserializer)?;
        Ok(Some(text).filter(|text| !text.is_empty()).into_iter().collect())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let kind = Kind::of(self.0);
        let mut texts = Vec::new();
        while let Some(text) = items.next_element_seed(One(&kind))? {
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
        let expected =
            |what: &str, value: &Value| D::Error::custom(format!("{what} was expected, not {value}"));
        match self.0 {
            Kind::Switch => match Value::deserialize(deserializer)? {
                Value::Bool(is_on) => Ok(is_on.to_string()),
                other => Err(expected("true or false", &other)),
            },
            Kind::Value(Grammar {
                written: Written::Number { .. } | Written::NumberOrAuto,
                name,
                check,
                ..
            }) => match Value::deserialize(deserializer)? {
                Value::Number(number) if check(&number.to_string()).is_ok() => Ok(number.to_string()),
                Value::String(word) if word == "auto" && check(&word).is_ok() => Ok(word),
                other => Err(expected(name, &other)),
            },
            Kind::Value(Grammar { written, check, .. }) => {
                let text = String::deserialize(deserializer)?;
                // What is empty is absent, unless there is a pattern that the schema tells as well.
                if !(text.is_empty() && *written == Written::Text(None)) {
                    check(&text).map_err(D::Error::custom)?;
                }
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
