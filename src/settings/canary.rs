//! Which databases go first.

use std::collections::HashSet;

use super::selection;
use crate::config::Fleet;
use crate::database_name::DatabaseName;
use crate::failure::Failure;

/// The databases of the first wave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canary {
    Names(Vec<String>),
    /// This many, from the first one named on.
    Count(usize),
    /// 1 to 100: this share of all, rounded up.
    Percent(usize),
}

/// Returns the canary of this run; none without `--canary`, or where this run has none of its databases.
///
/// # Errors
/// It cannot be read, or names what is not a database.
pub(super) fn canary(
    flag: &[String],
    databases: &[DatabaseName],
    fleet: &Fleet,
) -> Result<Option<Canary>, Failure> {
    read(flag)?.map(|canary| canary.among(databases, fleet)).transpose().map(Option::flatten)
}

/// Reads the values of `--canary`.
///
/// # Errors
/// A number is out of range, or stands among names.
fn read(values: &[String]) -> Result<Option<Canary>, Failure> {
    let hint = "write names, one number such as 3, or one share such as 5%";
    let bad = |what: String| Err(Failure::input(what).hint(hint));
    let values: Vec<&str> = values.iter().map(|value| value.trim()).collect();
    let is_number = |value: &str| value.trim_end_matches('%').bytes().all(|b| b.is_ascii_digit());
    match values.as_slice() {
        [] => Ok(None),
        [one] if is_number(one) => {
            let number: Option<usize> = one.trim_end_matches('%').parse().ok();
            match (number, one.strip_suffix('%').is_some()) {
                (Some(percent @ 1..=100), true) => Ok(Some(Canary::Percent(percent))),
                (Some(count @ 1..), false) => Ok(Some(Canary::Count(count))),
                _ => bad(format!("invalid value {one:?} for --canary")),
            }
        }
        names if names.iter().any(|name| is_number(name)) => {
            bad(format!("--canary {:?} has a number beside others", names.join(",")))
        }
        names => Ok(Some(Canary::Names(names.iter().map(|&name| name.to_owned()).collect()))),
    }
}

impl Canary {
    /// Resolves names, groups and patterns to databases that this run migrates. The configuration file names canaries
    /// for every run, so one that this run leaves out is skipped. None when none is left.
    ///
    /// # Errors
    /// It names what is not a database.
    fn among(self, databases: &[DatabaseName], fleet: &Fleet) -> Result<Option<Self>, Failure> {
        let Self::Names(names) = self else { return Ok(Some(self)) };
        let canaries = selection::meant_by(&names, "--canary", databases, fleet)?;
        let here: Vec<String> =
            databases.iter().filter(|name| canaries.contains(*name)).map(ToString::to_string).collect();
        Ok((!here.is_empty()).then_some(Self::Names(here)))
    }

    /// Puts the canaries first in `all`, which otherwise keeps its order, and returns how many they are.
    pub fn first<T: AsRef<str>>(&self, all: Vec<T>) -> (Vec<T>, usize) {
        let length = all.len();
        match self {
            Self::Count(count) => (all, (*count).min(length)),
            Self::Percent(percent) => (all, (length * percent).div_ceil(100)),
            Self::Names(names) => {
                let names: HashSet<&str> = names.iter().map(String::as_str).collect();
                let (mut first, rest): (Vec<T>, Vec<T>) =
                    all.into_iter().partition(|one| names.contains(one.as_ref()));
                let canaries = first.len();
                first.extend(rest);
                (first, canaries)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(values: &[&str]) -> Result<Option<Canary>, Failure> {
        read(&values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_numbers_and_shares() {
        assert_eq!(parsed(&[]), Ok(None));
        assert_eq!(parsed(&["3"]), Ok(Some(Canary::Count(3))));
        assert_eq!(parsed(&["5%"]), Ok(Some(Canary::Percent(5))));
        assert_eq!(parsed(&["a", " b"]), Ok(Some(Canary::Names(vec!["a".into(), "b".into()]))));
        for wrong in [&["0"][..], &["0%"], &["101%"], &["99999999999999999999"], &["a", "3"], &[""], &["%"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn canaries_go_first_and_the_rest_keeps_its_order() {
        let all = || vec!["a", "b", "c", "d", "e"];
        let first = |canary: Canary| canary.first(all());
        assert_eq!(first(Canary::Names(vec!["d".into(), "b".into()])), (vec!["b", "d", "a", "c", "e"], 2));
        assert_eq!(first(Canary::Count(2)), (all(), 2));
        assert_eq!(first(Canary::Count(9)), (all(), 5));
        assert_eq!(first(Canary::Percent(1)), (all(), 1));
        assert_eq!(first(Canary::Percent(41)), (all(), 3));
    }

    #[test]
    fn canaries_are_those_of_this_run() {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let databases = |names: &[&str]| {
            names.iter().map(|name| name.parse().expect("valid")).collect::<Vec<DatabaseName>>()
        };
        let among = |canaries: &[&str], run: &[&str], fleet: &Fleet| {
            Canary::Names(owned(canaries)).among(&databases(run), fleet)
        };
        let fleet = Fleet {
            databases: databases(&["a", "b", "x1", "x2"]),
            groups: [("first".to_owned(), databases(&["b", "x2"]))].into(),
        };
        let names = |expected: &[&str]| Ok(Some(Canary::Names(owned(expected))));
        assert_eq!(among(&["first"], &["a", "b", "x2"], &fleet), names(&["b", "x2"]));
        assert_eq!(among(&["x*"], &["a", "x1"], &fleet), names(&["x1"]));
        assert_eq!(among(&["first"], &["a"], &fleet), Ok(None));
        assert!(among(&["nobody"], &["a"], &fleet).is_err());
        let none = Fleet::default();
        assert_eq!(among(&["b"], &["a", "b"], &none), names(&["b"]));
        let refused = among(&["c"], &["a", "b"], &none).expect_err("c is not named");
        assert_eq!(refused.message, "--canary c is not among the databases that were named");
    }
}
