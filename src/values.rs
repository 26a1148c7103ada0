//! One grammar per value: the same for a flag, an input, a key of the configuration file and its schema.

use std::any::TypeId;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use regex_lite::Regex;
use serde::Deserialize;

use crate::failure::Failure;
use crate::image_reference::{self, ImageReference};
use crate::sql::Rule;

/// Why a text is not the value that was wanted, and what to write.
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
pub(crate) enum Written {
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
pub(crate) struct Grammar {
    type_id: TypeId,
    /// Completes "… is not".
    pub name: &'static str,
    hint: &'static str,
    pub written: Written,
    pub check: fn(&str) -> Result<(), Wrong>,
}

/// Makes a grammar for what needs none: clap checks a choice by its words, and any text is a text.
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

/// Good answers in a row. The only flag that is held as a plain number.
const ANSWERS: Grammar = Grammar {
    type_id: TypeId::of::<u32>(),
    name: "a whole number from 1 to 100",
    hint: COUNT,
    written: Written::Number { most: 100 },
    check: |text| answers(text).map(drop),
};

static GRAMMARS: [&Grammar; 22] = [
    &SWITCH,
    &ANSWERS,
    &Tag::GRAMMAR,
    &ImageName::GRAMMAR,
    &RepositoryText::GRAMMAR,
    &Family::GRAMMAR,
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
    &BuildSecret::GRAMMAR,
    &TaskTag::GRAMMAR,
    &SqlRule::GRAMMAR,
    &PostgresVersion::GRAMMAR,
];

impl Grammar {
    /// Returns the grammar of a flag's value.
    pub(crate) fn of(arg: &clap::Arg) -> &'static Self {
        let id = arg.get_value_parser().type_id();
        let own = GRAMMARS.iter().copied().find(|grammar| id == grammar.type_id);
        own.unwrap_or(if arg.get_possible_values().is_empty() { &TEXT } else { &CHOICE })
    }

    fn wrong(&self, text: &str) -> Wrong {
        Wrong { what: format!("{text:?} is not {}", self.name), hint: self.hint }
    }
}

/// Gives a type its grammar; and reads it, where nothing but the grammar can be wrong.
macro_rules! grammar {
    ($type:ident, $name:literal, $hint:expr, $written:expr) => {
        impl $type {
            const GRAMMAR: Grammar = Grammar {
                type_id: TypeId::of::<Self>(),
                name: $name,
                hint: $hint,
                written: $written,
                check: |text| text.parse::<Self>().map(drop),
            };
        }
    };
    ($type:ident, $name:literal, $hint:expr, $written:expr, $read:expr) => {
        grammar!($type, $name, $hint, $written);

        impl FromStr for $type {
            type Err = Wrong;

            fn from_str(text: &str) -> Result<Self, Wrong> {
                let read: fn(&str) -> Option<Self> = $read;
                read(text).ok_or_else(|| Self::GRAMMAR.wrong(text))
            }
        }
    };
}

/// Makes a type of values that are held as another: only its grammar makes one.
macro_rules! value {
    ($(#[$about:meta])+ $type:ident($held:ty), $name:literal, $hint:expr, $written:expr, $read:expr) => {
        $(#[$about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $type($held);

        grammar!($type, $name, $hint, $written, |text| {
            let read: fn(&str) -> Option<$held> = $read;
            read(text).map(Self)
        });

        impl Deref for $type {
            type Target = $held;

            fn deref(&self) -> &$held {
                &self.0
            }
        }
    };
}

value! {
    /// A tag as registries allow it; `a:b@c` would change which image is named.
    Tag(String), "an image tag",
    "letters, digits and _ . - are allowed, at most 128, the first one no . or -", Written::Text(None),
    |text| matching(image_reference::TAG, text)
}

value! {
    /// An image, as `docker pull` and a container definition name it.
    ImageName(String), "an image reference",
    "write [registry/]repository[:tag][@sha256:digest], the repository in lower case", Written::Text(None),
    |text| ImageReference::parse(text).is_well_formed().then(|| text.to_owned())
}

value! {
    /// A repository by its name or its URI; a tag or digest would have to be ignored.
    RepositoryText(String), "an ECR repository",
    "write its name or its URI, without a tag: shop/app, or ACCOUNT.dkr.ecr.REGION.amazonaws.com/shop/app",
    Written::Text(None),
    |text| {
        let parsed = ImageReference::parse(text);
        let is_one = parsed.tag.is_none() && parsed.digest.is_none() && parsed.is_well_formed();
        is_one.then(|| text.to_owned())
    }
}

value! {
    /// A task definition's family (RegisterTaskDefinition).
    Family(String), "a family", "letters, digits, - and _ are allowed, at most 255", Written::Text(Some(FAMILY)),
    |text| matching(FAMILY, text)
}

const FAMILY: &str = "^[A-Za-z0-9_-]{1,255}$";

value! {
    /// An environment variable's name.
    #[derive(Eq, PartialOrd, Ord, Hash, Deserialize)]
    #[serde(try_from = "String")]
    Variable(String), "a variable's name",
    "letters, digits and _ are allowed, the first one no digit", Written::Text(Some(VARIABLE)),
    |text| matching(VARIABLE, text)
}

pub(crate) const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

impl TryFrom<String> for Variable {
    type Error = Wrong;

    fn try_from(text: String) -> Result<Self, Wrong> {
        text.parse()
    }
}

value! {
    /// `arn:aws:iam::123456789012:role/path/name`.
    RoleArn(String), "a role's ARN", "an ARN reads arn:aws:iam::123456789012:role/NAME", Written::Text(None),
    |text| matching("^arn:aws[^:]*:iam::[0-9]{12}:role/.+$", text)
}

/// Returns the text where it matches the pattern. The patterns are constants; a test reads a value with each of them.
fn matching(pattern: &str, text: &str) -> Option<String> {
    Regex::new(pattern).ok()?.is_match(text).then(|| text.to_owned())
}

value! {
    /// `90s`, `45m`, `1h 30m`; more than nothing.
    Period(Duration), "a duration", "write 90s, 45m or 1h 30m", Written::Text(Some(PERIOD)),
    |text| {
        let duration = Duration::try_from(text.parse::<jiff::SignedDuration>().ok()?).ok()?;
        (!duration.is_zero()).then_some(duration)
    }
}

/// The common forms of what is taken, for editors.
const PERIOD: &str = "^[1-9][0-9]*(h( ?[1-9][0-9]*m)?( ?[1-9][0-9]*s)?|m( ?[1-9][0-9]*s)?|s)$";

value! {
    /// A part of something that others use as well: `50%`, or `50`, as 0.5.
    Share(f64), "a share", "write 1% to 100%, and more where AWS has raised the account's rates",
    Written::Text(Some("^[1-9][0-9]{0,3}%?$")),
    |text| count(text.trim().trim_end_matches('%'), 9_999).map(|percent| f64::from(percent) / 100.0)
}

value! {
    /// Tasks at the same time.
    Parallel(usize), "a whole number from 1 to 1000", COUNT, Written::Number { most: 1000 },
    |text| count(text, 1000).map(|number| number as usize)
}

value! {
    /// The number of failed databases after which no more are started.
    Failures(u32), "a whole number from 1 to 4294967295", COUNT, Written::Number { most: u32::MAX },
    |text| count(text, u32::MAX)
}

/// Reads a number of answers from 1 to 100.
///
/// # Errors
/// It is not a whole number, or not in this range.
pub(crate) fn answers(text: &str) -> Result<u32, Wrong> {
    count(text, 100).ok_or_else(|| ANSWERS.wrong(text))
}

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

/// The name of a rule about SQL.
#[derive(Debug, Clone, Copy)]
pub struct SqlRule(&'static Rule);

grammar!(SqlRule, "a rule about SQL", "docs/sql.md lists the rules", Written::Text(None), |text| {
    Rule::named(text.trim()).map(Self)
});

impl SqlRule {
    pub(crate) fn rule(&self) -> &'static Rule {
        self.0
    }
}

/// The major version of a PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresVersion(u32);

grammar!(
    PostgresVersion,
    "a major version of PostgreSQL",
    "write its number, such as 16",
    Written::Text(Some("^[0-9]{1,2}$")),
    |text| text.parse().ok().filter(|major| (9..100).contains(major)).map(Self)
);

impl PostgresVersion {
    pub(crate) fn major(self) -> u32 {
        self.0
    }
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
pub struct Words {
    /// Not empty.
    words: Vec<String>,
    /// As it was written.
    text: String,
}

grammar!(
    Words,
    "a command: it is empty, or has a quote without its end",
    "write the program and its arguments, as in --command 'app migrate', quoted as for a shell",
    Written::Text(None),
    |text| {
        let words = shell_words::split(text).ok().filter(|words| !words.is_empty())?;
        Some(Self { words, text: text.trim().to_owned() })
    }
);

impl Words {
    /// Returns the command as it was written, with its quotes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the same command as one word, which a shell splits.
    pub fn as_script(&self) -> Self {
        Self { words: vec![self.text.clone()], text: self.text.clone() }
    }
}

impl Deref for Words {
    type Target = Vec<String>;

    fn deref(&self) -> &Vec<String> {
        &self.words
    }
}

/// `NAME=value`. The value may be secret after all, so an error names the variable only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    pub name: Variable,
    pub value: String,
}

grammar!(Assignment, "an assignment", "write NAME=value", Written::Pairs { need_value: true });

impl FromStr for Assignment {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let without = || Wrong { what: "has no =".to_owned(), hint: Self::GRAMMAR.hint };
        let (name, value) = text.split_once('=').ok_or_else(without)?;
        Ok(Self { name: name.parse()?, value: value.to_owned() })
    }
}

value! {
    /// `NAME=value`, or `NAME` for the environment's.
    BuildArg(String), "a build argument", "write NAME=value, or NAME", Written::Pairs { need_value: false },
    |text| Some(text.to_owned())
}

/// A secret of a build, as `docker build --secret` takes it: a file, or a variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSecret(String);

grammar!(
    BuildSecret,
    "a secret of a build",
    "write id=NAME,src=PATH or id=NAME,env=VARIABLE",
    Written::Text(None),
    |text| {
        let parts: Vec<(&str, &str)> =
            text.split(',').map(|part| part.split_once('=')).collect::<Option<_>>()?;
        let given = |names: &[&str]| {
            parts.iter().filter(|(name, value)| names.contains(name) && !value.is_empty()).count()
        };
        let known = parts.iter().all(|(name, _)| ["type", "id", "src", "source", "env"].contains(name));
        (known && given(&["id"]) == 1 && given(&["src", "source", "env"]) == 1).then(|| Self(text.to_owned()))
    }
);

impl Deref for BuildSecret {
    type Target = String;

    fn deref(&self) -> &String {
        &self.0
    }
}

/// Characters of a tag's key and value (RunTask, `tags`).
const MAX_TAG_KEY: usize = 128;
const MAX_TAG_VALUE: usize = 256;

/// A tag of a task, `KEY=VALUE`, as RunTask takes it: letters, digits, spaces and some punctuation, without AWS's own
/// keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskTag {
    pub key: String,
    pub value: String,
}

grammar!(
    TaskTag,
    "a tag",
    "write KEY=VALUE: at most 128 and 256 letters, digits, spaces and + - = . _ : / @; keys that begin with aws: are \
     AWS's own",
    Written::Text(Some("^[^=]+=")),
    |text| {
        let (key, value) = text.split_once('=')?;
        let allowed =
            |c: char| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c);
        let reserved = key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:"));
        let fits = (1..=MAX_TAG_KEY).contains(&key.chars().count()) && value.chars().count() <= MAX_TAG_VALUE;
        (fits && !reserved && text.chars().all(allowed))
            .then(|| Self { key: key.to_owned(), value: value.to_owned() })
    }
);

/// Selects subnets or security groups: one, or several by a tag.
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

value! {
    /// `subnet-…`, or a tag.
    Subnet(Selector), "a subnet", "write an id that begins with subnet-, or tag:Name=pattern*",
    Written::Text(Some("^(subnet-.+|tag:[^=]+=.+)$")), |text| Selector::read(text, "subnet-")
}

value! {
    /// `sg-…`, or a tag.
    SecurityGroup(Selector), "a security group", "write an id that begins with sg-, or tag:Name=pattern*",
    Written::Text(Some("^(sg-.+|tag:[^=]+=.+)$")), |text| Selector::read(text, "sg-")
}

#[cfg(test)]
mod tests;
