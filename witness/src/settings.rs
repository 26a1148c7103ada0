//! Where the database is, from the environment.

use crate::failure::{Exit, Failure};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// One database of one server, and how to reach it.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    pub name: String,
    /// A host name, an address, or the directory of a Unix socket.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    pub ssl_mode: SslMode,
    pub ssl_root_cert: Option<PathBuf>,
    /// What named all this, for hints.
    pub named: Named,
    /// For a connection: name, TCP, TLS and authentication together.
    pub connect_timeout: Duration,
    /// For the answer to a question that is not a migration.
    pub answer_timeout: Duration,
}

/// The variables that say where a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// DATABASE_HOST, DATABASE_USER and so on.
    Database,
    /// PGHOST, PGUSER and so on, as libpq has them.
    Libpq,
    /// One variable with a URL.
    Url(String),
}

impl Named {
    /// Returns `DATABASE_HOST (db.internal) and DATABASE_PORT (5432)`.
    pub fn address(&self, host: &str, port: u16) -> String {
        match self {
            Self::Database => format!("DATABASE_HOST ({host}) and DATABASE_PORT ({port})"),
            Self::Libpq => format!("PGHOST ({host}) and PGPORT ({port})"),
            Self::Url(variable) => format!("host and port in {variable} ({host}:{port})"),
        }
    }

    /// Returns what names the role and its password.
    pub fn login(&self) -> String {
        match self {
            Self::Database => {
                "DATABASE_USER and DATABASE_PASSWORD (or DATABASE_ADMIN_USER and DATABASE_ADMIN_PASSWORD)"
                    .to_owned()
            }
            Self::Libpq => "PGUSER and PGPASSWORD".to_owned(),
            Self::Url(variable) => format!("user and password in {variable}"),
        }
    }

    /// Returns what names libpq's sslmode.
    pub fn ssl_mode(&self) -> String {
        match self {
            Self::Database => "DATABASE_SSLMODE".to_owned(),
            Self::Libpq => "PGSSLMODE".to_owned(),
            Self::Url(variable) => format!("sslmode in {variable}"),
        }
    }

    /// Returns what names the file with the CA.
    pub fn ssl_root_cert(&self) -> String {
        match self {
            Self::Database => "DATABASE_SSLROOTCERT".to_owned(),
            Self::Libpq => "PGSSLROOTCERT".to_owned(),
            Self::Url(variable) => format!("sslrootcert in {variable}"),
        }
    }
}

/// A value that no log may show.
#[derive(Clone)]
pub struct Secret(pub(crate) String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// libpq's sslmode, without `allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    /// Encrypted when the server can; not verified.
    Prefer,
    /// Encrypted; not verified, unless a root certificate is given.
    Require,
    /// Encrypted, and the certificate's chain is verified.
    VerifyCa,
    /// Encrypted, and the chain and the host's name are verified.
    VerifyFull,
}

impl FromStr for SslMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            other => {
                return Err(format!("{other:?} is none of disable, prefer, require, verify-ca, verify-full"));
            }
        })
    }
}

impl DatabaseSettings {
    /// Reads the DATABASE_… variables of the process.
    pub fn from_env() -> Result<Self, Failure> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables. One that is set to nothing counts as absent: a template that found no value leaves it so.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let value = |name: &str| variable(name).filter(|value| !value.is_empty());
        let missing: Vec<&str> = ["DATABASE_NAME", "DATABASE_HOST", "DATABASE_USER"]
            .into_iter()
            .filter(|name| value(name).is_none())
            .collect();
        let (Some(name), Some(host), Some(user)) =
            (value("DATABASE_NAME"), value("DATABASE_HOST"), value("DATABASE_USER"))
        else {
            return Err(Failure::new(Exit::Usage, format!("{} not set", missing.join(", ")))
                .hint("set it in the task definition or in the RunTask override; there is no default"));
        };
        Ok(Self {
            name,
            host,
            user,
            port: parse("DATABASE_PORT", value("DATABASE_PORT"), 5432)?,
            password: value("DATABASE_PASSWORD").map(Secret),
            ssl_mode: parse("DATABASE_SSLMODE", value("DATABASE_SSLMODE"), SslMode::Prefer)?,
            ssl_root_cert: value("DATABASE_SSLROOTCERT").map(PathBuf::from),
            named: Named::Database,
            connect_timeout: timeout(
                "DATABASE_CONNECT_TIMEOUT",
                value("DATABASE_CONNECT_TIMEOUT"),
                CONNECT_TIMEOUT,
            )?,
            answer_timeout: timeout(
                "DATABASE_ANSWER_TIMEOUT",
                value("DATABASE_ANSWER_TIMEOUT"),
                ANSWER_TIMEOUT,
            )?,
        })
    }

    /// Returns `database startupwebapp_prod on db.internal:5432`, for messages.
    pub fn place(&self) -> String {
        format!("database {} on {}:{}", self.name, self.host, self.port)
    }
}

pub(crate) fn parse<T: FromStr>(name: &str, value: Option<String>, default: T) -> Result<T, Failure>
where
    T::Err: fmt::Display,
{
    value.map_or(Ok(default), |text| {
        text.parse().map_err(|error| Failure::new(Exit::Usage, format!("read {name}: {error}")))
    })
}

pub(crate) fn timeout(name: &str, value: Option<String>, default: Duration) -> Result<Duration, Failure> {
    let refuse = |why: String| Failure::new(Exit::Usage, format!("read {name}: {why}"));
    match value.map_or(Ok(default), |text| duration(&text)) {
        Ok(Duration::ZERO) => Err(refuse("a timeout is longer than 0s".to_owned())),
        Ok(duration) => Ok(duration),
        Err(why) => Err(refuse(why)),
    }
}

/// Reads `90s`, `5m`, `1h 30m` or a plain number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let parsed: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(parsed).map_err(|_| "a duration cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<DatabaseSettings, Failure> {
        DatabaseSettings::read(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    const MINIMAL: [(&str, &str); 3] = [
        ("DATABASE_NAME", "fintech_experiment"),
        ("DATABASE_HOST", "db.internal"),
        ("DATABASE_USER", "migrator"),
    ];

    #[test]
    fn defaults_cover_all_but_the_database() {
        let settings = read(&MINIMAL).unwrap();
        assert_eq!((settings.port, settings.ssl_mode), (5432, SslMode::Prefer));
        assert_eq!(settings.place(), "database fintech_experiment on db.internal:5432");
    }

    #[test]
    fn durations() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        assert!(duration("-5s").is_err());
        assert!(duration("soon").is_err());
    }

    #[test]
    fn no_default_database() {
        for empty in [None, Some(("DATABASE_NAME", ""))] {
            let mut variables = MINIMAL[1..].to_vec();
            variables.extend(empty);
            let failure = read(&variables).unwrap_err();
            assert_eq!((failure.exit, failure.message.as_str()), (Exit::Usage, "DATABASE_NAME not set"));
        }
        assert_eq!(read(&[]).unwrap_err().message, "DATABASE_NAME, DATABASE_HOST, DATABASE_USER not set");
    }

    #[test]
    fn bad_values_name_their_variable() {
        for (name, value) in [
            ("DATABASE_PORT", "54321x"),
            ("DATABASE_PORT", "70000"),
            ("DATABASE_SSLMODE", "on"),
            ("DATABASE_SSLMODE", "allow"),
            ("DATABASE_CONNECT_TIMEOUT", "soon"),
            ("DATABASE_ANSWER_TIMEOUT", "0s"),
        ] {
            let failure = read(&[&MINIMAL[..], &[(name, value)]].concat()).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.starts_with(&format!("read {name}: ")), "{}", failure.message);
        }
    }

    #[test]
    fn the_password_is_not_printable() {
        let settings = read(&[&MINIMAL[..], &[("DATABASE_PASSWORD", "hunter2")]].concat()).unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert_eq!(settings.password.unwrap().reveal(), "hunter2");
    }
}
