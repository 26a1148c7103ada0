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
    Text,
    Number {
        most: u32,
    },
    NumberOrAuto,
    /// A mapping of variables to their values.
    Pairs {
        need_value: bool,
    },
}

/// What may be written for a value.
trait Grammar: FromStr<Err = Wrong> + 'static {
    /// Completes "… is not".
    const NAME: &'static str;
    const HINT: &'static str;
    /// For editors, by the schema.
    const PATTERN: Option<&'static str>;
    const WRITTEN: Written = Written::Text;

    fn wrong(text: &str) -> Wrong {
        Wrong { what: format!("{text:?} is not {}", Self::NAME), hint: Self::HINT }
    }
}

/// A grammar as a value, found by the type of a flag.
pub struct Shape {
    type_id: TypeId,
    pub name: &'static str,
    pub pattern: Option<&'static str>,
    pub written: Written,
    pub check: fn(&str) -> Result<(), Wrong>,
}

static SHAPES: [Shape; 13] = [
    shape::<Period>(),
    shape::<Share>(),
    shape::<Parallel>(),
    shape::<Failures>(),
    shape::<Tag>(),
    shape::<Variable>(),
    shape::<RoleArn>(),
    shape::<Subnet>(),
    shape::<SecurityGroup>(),
    shape::<Packing>(),
    shape::<Words>(),
    shape::<Assignment>(),
    shape::<BuildArg>(),
];

const fn shape<T: Grammar>() -> Shape {
    Shape {
        type_id: TypeId::of::<T>(),
        name: T::NAME,
        pattern: T::PATTERN,
        written: T::WRITTEN,
        check: |text| text.parse::<T>().map(drop),
    }
}

/// Returns the shape of a flag's value; none for plain text, switches and choices.
pub fn shape_of(arg: &clap::Arg) -> Option<&'static Shape> {
    SHAPES.iter().find(|shape| arg.get_value_parser().type_id() == shape.type_id)
}

/// What every system takes for an environment variable's name.
pub const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// Text that matches a pattern.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $type:ident, $name:literal, $pattern:expr, $hint:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $type(String);

        impl Grammar for $type {
            const NAME: &'static str = $name;
            const HINT: &'static str = $hint;
            const PATTERN: Option<&'static str> = Some($pattern);
        }

        impl FromStr for $type {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<Self, Wrong> {
                // The patterns are constants; a test compiles each of them.
                let matches = Regex::new($pattern).is_ok_and(|pattern| pattern.is_match(text));
                if matches { Ok(Self(text.to_owned())) } else { Err(Self::wrong(text)) }
            }
        }

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

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }
    };
}

text! {
    /// A tag as registries allow it; `a:b@c` would change which image is named.
    Tag,
    "an image tag",
    "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
    "letters, digits and _ . - are allowed, at most 128, the first one no . or -"
}

text! {
    /// An environment variable's name.
    Variable,
    "a variable's name",
    VARIABLE,
    "letters, digits and _ are allowed, the first one no digit"
}

text! {
    /// `arn:aws:iam::123456789012:role/path/name`.
    RoleArn,
    "a role's ARN",
    "^arn:aws[^:]*:iam::[0-9]{12}:role/.+$",
    "an ARN reads arn:aws:iam::123456789012:role/NAME"
}

/// `90s`, `45m`, `1h 30m`; more than nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(pub Duration);

impl Grammar for Period {
    const NAME: &'static str = "a duration";
    const HINT: &'static str = "write 90s, 45m or 1h 30m";
    /// The common half of what is taken.
    const PATTERN: Option<&'static str> =
        Some("^[1-9][0-9]*(h( ?[1-9][0-9]*m)?( ?[1-9][0-9]*s)?|m( ?[1-9][0-9]*s)?|s)$");
}

impl FromStr for Period {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let duration = text.parse::<jiff::SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
        duration.filter(|it| !it.is_zero()).map(Self).ok_or_else(|| Self::wrong(text))
    }
}

/// A part of something that others use as well: `50%`, or `50`, as 0.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share(pub f64);

impl Grammar for Share {
    const NAME: &'static str = "a share";
    const HINT: &'static str = "write 1% to 100%, and more where AWS has raised the account's rates";
    const PATTERN: Option<&'static str> = Some("^[1-9][0-9]{0,3}%?$");
}

impl FromStr for Share {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match text.trim().trim_end_matches('%').parse::<u16>() {
            Ok(percent @ 1..=9_999) => Ok(Self(f64::from(percent) / 100.0)),
            _ => Err(Self::wrong(text)),
        }
    }
}

/// A whole number from 1 on.
macro_rules! count {
    ($(#[doc = $doc:literal])+ $type:ident, $most:expr, $name:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $type(pub u32);

        impl Grammar for $type {
            const NAME: &'static str = $name;
            const HINT: &'static str = "write a number such as 3";
            const PATTERN: Option<&'static str> = None;
            const WRITTEN: Written = Written::Number { most: $most };
        }

        impl FromStr for $type {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<Self, Wrong> {
                let number = text.parse().ok().filter(|number| (1..=$most).contains(number));
                number.map(Self).ok_or_else(|| Self::wrong(text))
            }
        }
    };
}

count! {
    /// Tasks at the same time.
    Parallel, 1000, "a whole number from 1 to 1000"
}

count! {
    /// Failures that are too many.
    Failures, u32::MAX, "a whole number from 1 to 4294967295"
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

impl Grammar for Packing {
    const NAME: &'static str = "a whole number from 1 on, or auto";
    const HINT: &'static str =
        "write 1, or a number such as 50, or auto; more than one needs an image that takes lists";
    const PATTERN: Option<&'static str> = Some("^auto$");
    const WRITTEN: Written = Written::NumberOrAuto;
}

impl FromStr for Packing {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match (text.trim(), text.trim().parse::<usize>()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(1)) => Ok(Self::One),
            (_, Ok(most @ 2..)) => Ok(Self::AtMost(most)),
            _ => Err(Self::wrong(text)),
        }
    }
}

/// One or several subnets or security groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    Id(String),
    Tag { key: String, pattern: String },
}

impl Selector {
    fn read(text: &str, prefix: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((key, pattern)) = text.strip_prefix("tag:").and_then(|tag| tag.split_once('=')) {
            let is_whole = !key.is_empty() && !pattern.is_empty();
            return is_whole.then(|| Self::Tag { key: key.into(), pattern: pattern.into() });
        }
        text.strip_prefix(prefix).filter(|id| !id.is_empty()).map(|_| Self::Id(text.into()))
    }
}

/// A kind of [`Selector`], by what its ids begin with.
macro_rules! selector {
    ($type:ident, $name:literal, $prefix:literal) => {
        #[doc = concat!("Selects ", $name, ", or several by a tag.")]
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $type(pub Selector);

        impl Grammar for $type {
            const NAME: &'static str = $name;
            const HINT: &'static str =
                concat!("write an id that begins with ", $prefix, ", or tag:Name=pattern*");
            const PATTERN: Option<&'static str> = Some(concat!("^(", $prefix, ".+|tag:[^=]+=.+)$"));
        }

        impl FromStr for $type {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<Self, Wrong> {
                Selector::read(text, $prefix).map(Self).ok_or_else(|| Self::wrong(text))
            }
        }
    };
}

selector!(Subnet, "a subnet", "subnet-");
selector!(SecurityGroup, "a security group", "sg-");

/// A command, split into words as a shell does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl Grammar for Words {
    const NAME: &'static str = "a command";
    const HINT: &'static str = "quote it as for a shell; no shell runs it";
    const PATTERN: Option<&'static str> = None;
}

impl FromStr for Words {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        match shell_words::split(text) {
            Ok(words) if !words.is_empty() => Ok(Self(words)),
            Ok(_) => Err(Self::wrong(text)),
            Err(_) => Err(Wrong { what: format!("{text:?} has a quote without its end"), hint: Self::HINT }),
        }
    }
}

/// `NAME=value`. The value may be secret after all: an error names the variable only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub name: Variable,
    pub value: String,
}

impl Grammar for Assignment {
    const NAME: &'static str = "an assignment";
    const HINT: &'static str = "write NAME=value";
    const PATTERN: Option<&'static str> = None;
    const WRITTEN: Written = Written::Pairs { need_value: true };
}

impl FromStr for Assignment {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let without = || Wrong { what: "is given without =".to_owned(), hint: Self::HINT };
        let (name, value) = text.split_once('=').ok_or_else(without)?;
        Ok(Self { name: name.parse()?, value: value.to_owned() })
    }
}

/// `NAME=value`, or `NAME` for the environment's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildArg(pub String);

impl Grammar for BuildArg {
    const NAME: &'static str = "a build argument";
    const HINT: &'static str = "write NAME=value, or NAME";
    const PATTERN: Option<&'static str> = None;
    const WRITTEN: Written = Written::Pairs { need_value: false };
}

impl FromStr for BuildArg {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
