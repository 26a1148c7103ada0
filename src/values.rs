//! One grammar per value: the same for a flag, an input, a key of the configuration file and its schema.

use std::any::TypeId;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use regex_lite::Regex;
use serde::Deserialize;

use crate::failure::Failure;

/// Says of a text that it is not the value that was wanted, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Quotes the text, and goes on: `"soon" is not a duration`.
    pub what: String,
    pub hint: &'static str,
}

impl Wrong {
    /// Puts in front what the text was given as, such as a flag.
    pub fn about(&self, subject: &str) -> Failure {
        Failure::input(format!("{subject} {}", self.what)).hint(self.hint)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.hint)
    }
}

impl std::error::Error for Wrong {}

/// How the configuration file writes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// With a pattern for editors, which the schema publishes.
    Text(Option<&'static str>),
    /// One of the words that the flag names.
    Choice,
    Switch,
    Number {
        most: u32,
    },
    NumberOrAuto,
    /// A mapping of variables to their values.
    Pairs {
        need_value: bool,
    },
}

/// A grammar, found by the type of a flag.
pub struct Grammar {
    type_id: TypeId,
    /// Completes "… is not".
    pub name: &'static str,
    hint: &'static str,
    pub written: Written,
    pub check: fn(&str) -> Result<(), Wrong>,
}

/// Of what has none: clap checks a choice by its words, and any text is a text.
const fn loose(written: Written) -> Grammar {
    Grammar { type_id: TypeId::of::<String>(), name: "text", hint: "", written, check: |_| Ok(()) }
}

static CHOICE: Grammar = loose(Written::Choice);
static TEXT: Grammar = loose(Written::Text(None));
const SWITCH: Grammar = Grammar {
    type_id: TypeId::of::<bool>(),
    name: "true or false",
    check: |text| text.parse::<bool>().map(drop).map_err(|_| SWITCH.wrong(text)),
    ..loose(Written::Switch)
};

static GRAMMARS: [&Grammar; 14] = [
    &SWITCH,
    &Tag::GRAMMAR,
    &Variable::GRAMMAR,
    &RoleArn::GRAMMAR,
    &Period::GRAMMAR,
    &Share::GRAMMAR,
    &Parallel::GRAMMAR,
    &Failures::GRAMMAR,
    &Packing::GRAMMAR,
    &Subnet::GRAMMAR,
    &SecurityGroup::GRAMMAR,
    &Words::GRAMMAR,
    &Assignment::GRAMMAR,
    &BuildArg::GRAMMAR,
];

impl Grammar {
    /// Returns the grammar of a flag's value.
    pub fn of(arg: &clap::Arg) -> &'static Self {
        let id = arg.get_value_parser().type_id();
        let own = GRAMMARS.iter().copied().find(|grammar| id == grammar.type_id);
        own.unwrap_or(if arg.get_possible_values().is_empty() { &TEXT } else { &CHOICE })
    }

    fn wrong(&self, text: &str) -> Wrong {
        Wrong { what: format!("{text:?} is not {}", self.name), hint: self.hint }
    }
}

/// Gives a type its grammar, and reads it.
macro_rules! grammar {
    ($type:ident, $name:literal, $hint:expr, $written:expr, $read:expr) => {
        impl $type {
            pub(super) const GRAMMAR: Grammar = Grammar {
                type_id: TypeId::of::<Self>(),
                name: $name,
                hint: $hint,
                written: $written,
                check: |text| text.parse::<Self>().map(drop),
            };
        }

        impl FromStr for $type {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<Self, Wrong> {
                let read: fn(&str) -> Option<Self> = $read;
                read(text).ok_or_else(|| Self::GRAMMAR.wrong(text))
            }
        }
    };
}

/// Makes a type of text that matches a pattern.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $type:ident, $name:literal, $pattern:expr, $written:expr, $hint:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $type(String);

        // The patterns are constants; a test compiles each of them.
        grammar!($type, $name, $hint, $written, |text| {
            Regex::new($pattern).ok()?.is_match(text).then(|| Self(text.to_owned()))
        });

        impl TryFrom<String> for $type {
            type Error = Wrong;

            fn try_from(text: String) -> Result<Self, Wrong> {
                text.parse()
            }
        }

        impl Deref for $type {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

text! {
    /// A tag as registries allow it; `a:b@c` would change which image is named.
    Tag, "an image tag", "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", Written::Text(None),
    "letters, digits and _ . - are allowed, at most 128, the first one no . or -"
}

text! {
    /// An environment variable's name.
    Variable, "a variable's name", VARIABLE, Written::Text(Some(VARIABLE)),
    "letters, digits and _ are allowed, the first one no digit"
}

pub const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

text! {
    /// `arn:aws:iam::123456789012:role/path/name`.
    RoleArn, "a role's ARN", "^arn:aws[^:]*:iam::[0-9]{12}:role/.+$", Written::Text(None),
    "an ARN reads arn:aws:iam::123456789012:role/NAME"
}

/// `90s`, `45m`, `1h 30m`; more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

/// The common half of what is taken.
const PERIOD: &str = "^[1-9][0-9]*(h( ?[1-9][0-9]*m)?( ?[1-9][0-9]*s)?|m( ?[1-9][0-9]*s)?|s)$";

grammar!(Period, "a duration", "write 90s, 45m or 1h 30m", Written::Text(Some(PERIOD)), |text| {
    let duration = Duration::try_from(text.parse::<jiff::SignedDuration>().ok()?).ok()?;
    (!duration.is_zero()).then_some(Self(duration))
});

/// A part of something that others use as well: `50%`, or `50`, as 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

grammar!(
    Share,
    "a share",
    "write 1% to 100%, and more where AWS has raised the account's rates",
    Written::Text(Some("^[1-9][0-9]{0,3}%?$")),
    |text| count(text.trim().trim_end_matches('%'), 9_999).map(|percent| Self(f64::from(percent) / 100.0))
);

/// Tasks at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parallel(pub u32);

grammar!(Parallel, "a whole number from 1 to 1000", COUNT, Written::Number { most: 1000 }, |text| {
    count(text, 1000).map(Self)
});

/// Failures that are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures(pub u32);

grammar!(
    Failures,
    "a whole number from 1 to 4294967295",
    COUNT,
    Written::Number { most: u32::MAX },
    |text| count(text, u32::MAX).map(Self)
);

const COUNT: &str = "write a number such as 3";

fn count(text: &str, most: u32) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=most).contains(number))
}

/// How many databases share a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Each has a task of its own, which is told that one.
    One,
    /// A task is told a list of so many at most.
    AtMost(usize),
    /// A task is told a list: as many tasks as run at once, with about as much to do each.
    Auto,
}

grammar!(
    Packing,
    "a whole number from 1 on, or auto",
    "write 1, or a number such as 50, or auto; more than one needs an image that takes lists",
    Written::NumberOrAuto,
    |text| match (text.trim(), text.trim().parse()) {
        ("auto", _) => Some(Self::Auto),
        (_, Ok(1)) => Some(Self::One),
        (_, Ok(most @ 2..)) => Some(Self::AtMost(most)),
        _ => None,
    }
);

/// A command, split into words as a shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

grammar!(
    Words,
    "a command: it is empty, or has a quote without its end",
    "quote it as for a shell; no shell runs it",
    Written::Text(None),
    |text| shell_words::split(text).ok().filter(|words| !words.is_empty()).map(Self)
);

/// `NAME=value`. The value may be secret after all, so an error names the variable only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub name: Variable,
    pub value: String,
}

impl Assignment {
    const GRAMMAR: Grammar = Grammar {
        type_id: TypeId::of::<Self>(),
        name: "an assignment",
        hint: "write NAME=value",
        written: Written::Pairs { need_value: true },
        check: |text| text.parse::<Self>().map(drop),
    };
}

impl FromStr for Assignment {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let without = || Wrong { what: "has no =".to_owned(), hint: Self::GRAMMAR.hint };
        let (name, value) = text.split_once('=').ok_or_else(without)?;
        Ok(Self { name: name.parse()?, value: value.to_owned() })
    }
}

/// `NAME=value`, or `NAME` for the environment's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildArg(pub String);

grammar!(
    BuildArg,
    "a build argument",
    "write NAME=value, or NAME",
    Written::Pairs { need_value: false },
    |text| Some(Self(text.to_owned()))
);

mod selector;

pub use selector::{SecurityGroup, Selector, Subnet};

#[cfg(test)]
mod tests;
