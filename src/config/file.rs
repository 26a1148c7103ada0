//! Reads the file: keys that are flags, with their values as they are written, and `databases` and `groups`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Options, Spanned, with_deserializer_from_str_with_options};

use super::keys::{is_list, name};
use crate::database_name::DatabaseName;
use crate::values::{Grammar, Variable, Written};

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct File<'a> {
    /// Keys that are flags, but for those that are null or empty: they are absent, as empty inputs are.
    pub flags: Vec<(Spanned<String>, Values<'a>)>,
    pub databases: Vec<Spanned<DatabaseName>>,
    pub groups: HashMap<Spanned<String>, Vec<Spanned<String>>>,
}

/// What a flag is given.
#[derive(Debug)]
pub(super) struct Values<'a> {
    arg: &'a Arg,
    /// With their lines.
    values: Vec<(u64, Value)>,
}

/// # Errors
/// The text is no YAML, has a key that is none, or a value of a kind that its flag does not take.
pub(super) fn read<'a>(
    text: &str,
    options: Options,
    keys: &'a Command,
) -> Result<File<'a>, serde_saphyr::Error> {
    with_deserializer_from_str_with_options(text, options, |deserializer| {
        deserializer.deserialize_map(FileVisitor(keys))
    })
}

struct FileVisitor<'a>(&'a Command);

impl<'de, 'a> Visitor<'de> for FileVisitor<'a> {
    type Value = File<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File<'a>, A::Error> {
        let mut file = File::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            match self.0.get_arguments().find(|arg| name(arg) == key.value) {
                Some(arg) => {
                    let values = values(&mut map, arg)?;
                    if !values.is_empty() {
                        file.flags.push((key, Values { arg, values }));
                    }
                }
                None if key.value == "databases" => {
                    file.databases = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                None if key.value == "groups" => {
                    file.groups = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                None => return Err(A::Error::unknown_field(&key.value, &[])),
            }
        }
        Ok(file)
    }
}

/// The value of a variable, which no error quotes: it may be secret after all.
struct PairValue(Option<String>);

impl<'de> Deserialize<'de> for PairValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::<String>::deserialize(deserializer);
        value.map(Self).map_err(|_| D::Error::custom("the value of a variable is not text as it stands"))
    }
}

/// The values of a key that is this flag, with their lines.
fn values<'de, A: MapAccess<'de>>(map: &mut A, arg: &Arg) -> Result<Vec<(u64, Value)>, A::Error> {
    let text = |text: Spanned<String>| (text.referenced.line(), Value::String(text.value));
    let written = Grammar::of(arg).written;
    Ok(match written {
        Written::Pairs { .. } => {
            let pairs: Option<BTreeMap<Variable, Spanned<PairValue>>> = map.next_value()?;
            let pair = |(name, Spanned { value, referenced, .. }): (Variable, Spanned<PairValue>)| {
                let value = value.0.map_or_else(String::new, |value| format!("={value}"));
                (referenced.line(), Value::String(format!("{}{value}", &*name)))
            };
            pairs.into_iter().flatten().map(pair).collect()
        }
        Written::Switch | Written::Number { .. } | Written::NumberOrAuto => {
            let value: Option<Spanned<Value>> = map.next_value()?;
            value.into_iter().map(|value| (value.referenced.line(), value.value)).collect()
        }
        Written::Text(_) | Written::Choice if is_list(arg) => {
            map.next_value::<Option<Vec<_>>>()?.into_iter().flatten().map(text).collect()
        }
        Written::Text(_) | Written::Choice => {
            let value: Option<Spanned<String>> = map.next_value()?;
            // What is empty is absent, unless there is a pattern that the schema tells as well.
            let is_absent = |value: &str| value.is_empty() && written == Written::Text(None);
            value.into_iter().filter(|value| !is_absent(&value.value)).map(text).collect()
        }
    })
}

impl Values<'_> {
    /// # Errors
    /// In this line is a value that the flag does not take.
    pub(super) fn texts(&self) -> Result<Vec<String>, (u64, String)> {
        self.values.iter().map(|(line, value)| self.text(value).map_err(|message| (*line, message))).collect()
    }

    /// Switches and numbers are as every YAML 1.2 reader takes them: `'true'` and `'4'` are text.
    fn text(&self, value: &Value) -> Result<String, String> {
        let Grammar { written, name, check, .. } = Grammar::of(self.arg);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match written {
            Written::Switch | Written::Number { .. } | Written::NumberOrAuto => {
                let is_taken = (!value.is_string() || text == "auto") && check(&text).is_ok();
                is_taken.then_some(text).ok_or_else(|| format!("{name} was expected, not {value}"))
            }
            Written::Choice => {
                let choices = self.arg.get_possible_values();
                let choices: Vec<&str> = choices.iter().map(PossibleValue::get_name).collect();
                let is_taken = choices.contains(&text.as_str());
                is_taken
                    .then_some(())
                    .ok_or_else(|| format!("{text:?} is not one of {}", choices.join(", ")))?;
                Ok(text)
            }
            Written::Text(_) | Written::Pairs { .. } => {
                check(&text).map(|()| text).map_err(|wrong| wrong.to_string())
            }
        }
    }
}
