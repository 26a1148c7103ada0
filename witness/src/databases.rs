//! Which databases to migrate: the one of DATABASE_NAME, or the pack of DATABASE_NAMES.

use crate::failure::{Exit, Failure};
use crate::settings::DatabaseSettings;
use std::collections::HashSet;

#[derive(Clone, Debug)]
pub enum Databases {
    One(DatabaseSettings),
    /// Not empty, each name once.
    Pack(Vec<DatabaseSettings>),
}

impl Databases {
    /// Reads the DATABASE_… variables of the process.
    pub fn from_env() -> Result<Self, Failure> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the databases from variables; one that is set to nothing counts as absent.
    ///
    /// # Errors
    /// [`Exit::Usage`]: both variables are set, or DATABASE_NAMES is not a list of different names.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let Some(list) = value("DATABASE_NAMES") else {
            return DatabaseSettings::read(variable).map(Self::One);
        };
        if let Some(name) = value("DATABASE_NAME") {
            // The program does not guess which of the two was meant.
            return Err(Failure::new(
                Exit::Usage,
                format!("DATABASE_NAME ({name}) and DATABASE_NAMES are both set"),
            )
            .hint("set one of them; the other one may be set to nothing"));
        }
        let names = names("DATABASE_NAMES", &list)?;
        let with_name = |name: &str| match name {
            "DATABASE_NAME" => names.first().cloned(),
            other => variable(other),
        };
        let first = DatabaseSettings::read(with_name)?;
        Ok(Self::Pack(names.into_iter().map(|name| DatabaseSettings { name, ..first.clone() }).collect()))
    }

    /// Returns the settings of the first database. All of them have the same server.
    pub fn first(&self) -> &DatabaseSettings {
        match self {
            Self::One(settings) => settings,
            Self::Pack(pack) => &pack[0],
        }
    }
}

/// Reads the list in a variable: different names, at least one.
///
/// # Errors
/// [`Exit::Usage`] when it is anything else.
pub fn names(variable: &str, list: &str) -> Result<Vec<String>, Failure> {
    let refuse = |why: String| {
        Failure::new(Exit::Usage, format!("read {variable}: {why}"))
            .hint(r#"it is a JSON list of names, such as ["shop_a","shop_b"]"#)
    };
    let names: Vec<String> = serde_json::from_str(list).map_err(|error| refuse(error.to_string()))?;
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(refuse("a name is missing".to_owned()));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(refuse(format!("{twice} is named twice"))),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Databases, Failure> {
        let server = [("DATABASE_HOST", "db.internal"), ("DATABASE_USER", "migrator")];
        Databases::read(|name| {
            let all = variables.iter().chain(&server);
            all.clone().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_pack_has_one_server() {
        let variables =
            [("DATABASE_NAME", ""), ("DATABASE_NAMES", r#"["b","a"]"#), ("DATABASE_PORT", "6000")];
        let Databases::Pack(pack) = read(&variables).unwrap() else { panic!("no pack") };
        let places: Vec<String> = pack.iter().map(DatabaseSettings::place).collect();
        assert_eq!(places, ["database b on db.internal:6000", "database a on db.internal:6000"]);
    }

    #[test]
    fn one_name_is_no_pack() {
        let both = [("DATABASE_NAME", "a"), ("DATABASE_NAMES", "")];
        assert!(matches!(read(&both).unwrap(), Databases::One(settings) if settings.name == "a"));
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for (list, why) in [
            ("a,b", "read DATABASE_NAMES: expected value"),
            ("[]", "read DATABASE_NAMES: a name is missing"),
            (r#"["a",""]"#, "read DATABASE_NAMES: a name is missing"),
            (r#"["a","b","a"]"#, "read DATABASE_NAMES: a is named twice"),
            (r#"["a",1]"#, "read DATABASE_NAMES: invalid type"),
        ] {
            let failure = read(&[("DATABASE_NAMES", list)]).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.starts_with(why), "{}", failure.message);
        }
        let both = read(&[("DATABASE_NAME", "a"), ("DATABASE_NAMES", r#"["b"]"#)]).unwrap_err();
        assert_eq!(both.message, "DATABASE_NAME (a) and DATABASE_NAMES are both set");
    }
}
