//! Reads the file: keys that are flags, with their values as they are written, and those that are not: `databases`,
//! `groups`, `commands`, `rollout` and `rest`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Options, Spanned, with_deserializer_from_str_with_options};

use super::keys::{is_list, name, names};
use super::rollout::STAGE_KEYS;
use crate::database_name::DatabaseName;
use crate::values::{Grammar, Variable, Written};

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct File<'a> {
    /// Keys that are flags, but for those that are null or empty: they are absent, as empty inputs are.
    pub flags: Given<'a>,
    pub databases: Vec<Spanned<DatabaseName>>,
    pub groups: HashMap<Spanned<String>, Vec<Spanned<String>>>,
    pub commands: HashMap<Spanned<String>, Vec<Spanned<String>>>,
    pub rollout: Vec<Stage<'a>>,
    pub rest: Option<Spanned<String>>,
}

/// The keys of a stage, read as flags are.
#[derive(Debug, Default)]
pub(super) struct Stage<'a> {
    /// The line of its first key, also where that is null; absent for a stage without a key.
    pub line: Option<u64>,
    pub given: Given<'a>,
}

/// Keys that are flags, with what each is given.
pub(super) type Given<'a> = Vec<(Spanned<String>, Values<'a>)>;

/// What a mapping may have as keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a> {
    pub file: &'a Command,
    pub stage: &'a Command,
}

/// What a flag is given.
#[derive(Debug)]
pub(super) struct Values<'a> {
    arg: &'a Arg,
    /// With their lines.
    values: Vec<(u64, Value)>,
}

/// Reads the file from its text.
///
/// # Errors
/// The text is not YAML, has an unknown key, or a value of a kind that its flag does not take.
pub(super) fn read<'a>(
    text: &str,
    options: Options,
    keys: Keys<'a>,
) -> Result<File<'a>, serde_saphyr::Error> {
    with_deserializer_from_str_with_options(text, options, |deserializer| {
        deserializer.deserialize_map(FileVisitor(keys))
    })
}

struct FileVisitor<'a>(Keys<'a>);

impl<'de, 'a> Visitor<'de> for FileVisitor<'a> {
    type Value = File<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File<'a>, A::Error> {
        let mut file = File::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            match flag(self.0.file, &key.value) {
                Some(arg) => add(&mut map, key, arg, &mut file.flags)?,
                None if key.value == "databases" => {
                    file.databases = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                None if key.value == "groups" => {
                    file.groups = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                None if key.value == "commands" => {
                    file.commands = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                None if key.value == "rollout" => {
                    file.rollout = map.next_value_seed(StagesSeed(self.0.stage))?;
                }
                None if key.value == "rest" => file.rest = map.next_value()?,
                None => return Err(A::Error::unknown_field(&key.value, &[])),
            }
        }
        Ok(file)
    }
}

/// Finds the flag that a key is.
fn flag<'a>(keys: &'a Command, key: &str) -> Option<&'a Arg> {
    keys.get_arguments().find(|arg| names(arg).any(|name| name == key))
}

/// Reads the value of a key that is this flag; what is null or empty is absent.
fn add<'de, 'a, A: MapAccess<'de>>(
    map: &mut A,
    key: Spanned<String>,
    arg: &'a Arg,
    given: &mut Given<'a>,
) -> Result<(), A::Error> {
    let values = values(map, arg)?;
    if !values.is_empty() {
        given.push((key, Values { arg, values }));
    }
    Ok(())
}

/// Reads `rollout`: a list of stages.
struct StagesSeed<'a>(&'a Command);

impl<'de, 'a> DeserializeSeed<'de> for StagesSeed<'a> {
    type Value = Vec<Stage<'a>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, 'a> Visitor<'de> for StagesSeed<'a> {
    type Value = Vec<Stage<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut stages = Vec::new();
        while let Some(stage) = list.next_element_seed(StageSeed(self.0))? {
            stages.push(stage);
        }
        Ok(stages)
    }
}

struct StageSeed<'a>(&'a Command);

impl<'de, 'a> DeserializeSeed<'de> for StageSeed<'a> {
    type Value = Stage<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, 'a> Visitor<'de> for StageSeed<'a> {
    type Value = Stage<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut stage = Stage::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            stage.line.get_or_insert(key.referenced.line());
            let Some(arg) = flag(self.0, &key.value) else {
                return Err(A::Error::unknown_field(&key.value, STAGE_KEYS));
            };
            add(&mut map, key, arg, &mut stage.given)?;
        }
        Ok(stage)
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

/// Reads the values of a key that is this flag, with their lines.
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
            // An empty text is absent, unless there is a pattern that the schema tells as well.
            let is_absent = |value: &str| value.is_empty() && written == Written::Text(None);
            value.into_iter().filter(|value| !is_absent(&value.value)).map(text).collect()
        }
    })
}

impl Values<'_> {
    /// Returns the flag's own name, whichever the key has.
    pub(super) fn flag(&self) -> &str {
        name(self.arg)
    }

    /// Returns the values as the command line takes them.
    ///
    /// # Errors
    /// The line of a value that the flag does not take, and why.
    pub(super) fn texts(&self) -> Result<Vec<String>, (u64, String)> {
        self.values.iter().map(|(line, value)| self.text(value).map_err(|message| (*line, message))).collect()
    }

    /// Returns a value as the command line takes it. Switches and numbers are as every YAML 1.2 reader takes them:
    /// `'true'` and `'4'` are text.
    fn text(&self, value: &Value) -> Result<String, String> {
        let Grammar { written, name, check, .. } = Grammar::of(self.arg);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match written {
            Written::Switch | Written::Number { .. } | Written::NumberOrAuto => {
                let is_taken = (!value.is_string() || text == "auto") && check(&text).is_ok();
                let key = self.arg.get_long().unwrap_or_default();
                is_taken.then_some(text).ok_or_else(|| format!("{name} was expected for {key}, not {value}"))
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
