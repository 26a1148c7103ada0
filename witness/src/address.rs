//! The databases that were asked for: their names from one variable, their server from others.

use crate::cli::{HistoryFlags, Template};
use crate::databases::{self, Databases};
use crate::failure::{Exit, Failure};
use crate::settings::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, DatabaseSettings, Named, Secret, SslMode, parse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;
use url::Url;

/// What RFC 3986 leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads the databases that were asked for from variables; one that is set to nothing counts as absent.
///
/// # Errors
/// [`Exit::Usage`]: nothing names the database or its server, or a value cannot be read.
pub fn databases(
    flags: &HistoryFlags,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Databases, Failure> {
    let value = |name: &str| variable(name).filter(|value| !value.is_empty());
    let one = &flags.database_variable;
    let list = format!("{one}S");
    let Some(names) = value(&list) else {
        let server = server(flags, &value)?;
        let name = value(one).or_else(|| Some(server.name.clone()).filter(|name| !name.is_empty()));
        let name = name.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("{one} is not set"))
                .hint("set it to the database's name; --database-variable names another variable")
        })?;
        return Ok(Databases::One(DatabaseSettings { name, ..server }));
    };
    if let Some(name) = value(one) {
        return Err(Failure::new(Exit::Usage, format!("{one} ({name}) and {list} are both set"))
            .hint("set one of them; the other one may be set to nothing"));
    }
    let names = databases::names(&list, &names)?;
    let server = server(flags, &value)?;
    Ok(Databases::Pack(names.into_iter().map(|name| DatabaseSettings { name, ..server.clone() }).collect()))
}

/// Reads the server; the name is that of the URL or of PGDATABASE, or empty.
fn server(
    flags: &HistoryFlags,
    value: &impl Fn(&str) -> Option<String>,
) -> Result<DatabaseSettings, Failure> {
    let from = match flags.database_from.as_deref() {
        Some("DATABASE") => Named::Database,
        Some("PG") => Named::Libpq,
        Some(variable) => Named::Url(variable.to_owned()),
        None if value("DATABASE_HOST").is_some() => Named::Database,
        None if value("PGHOST").is_some() => Named::Libpq,
        None if value("DATABASE_URL").is_some() => Named::Url("DATABASE_URL".to_owned()),
        None => {
            return Err(Failure::new(
                Exit::Usage,
                "nothing names the database's server: DATABASE_HOST, PGHOST and DATABASE_URL are not set",
            )
            .hint("set one of them as the migration command has it, or name a variable with a URL by --database-from"));
        }
    };
    match from {
        Named::Database => DatabaseSettings::read(|name| match name {
            // The database's own name comes from elsewhere.
            "DATABASE_NAME" => value(name).or_else(|| Some(flags.database_variable.clone())),
            other => value(other),
        })
        .map(|server| DatabaseSettings { name: String::new(), ..server }),
        Named::Libpq => libpq(value),
        Named::Url(variable) => {
            let text = value(&variable)
                .ok_or_else(|| Failure::new(Exit::Usage, format!("{variable} is not set")))?;
            url(&variable, &text)
        }
    }
}

fn libpq(value: &impl Fn(&str) -> Option<String>) -> Result<DatabaseSettings, Failure> {
    let needed =
        |name: &str| value(name).ok_or_else(|| Failure::new(Exit::Usage, format!("{name} is not set")));
    Ok(DatabaseSettings {
        name: value("PGDATABASE").unwrap_or_default(),
        host: needed("PGHOST")?,
        port: parse("PGPORT", value("PGPORT"), 5432)?,
        user: needed("PGUSER")?,
        password: value("PGPASSWORD").map(Secret),
        ssl_mode: parse("PGSSLMODE", value("PGSSLMODE"), SslMode::Prefer)?,
        ssl_root_cert: value("PGSSLROOTCERT").map(PathBuf::from),
        named: Named::Libpq,
        connect_timeout: CONNECT_TIMEOUT,
        answer_timeout: ANSWER_TIMEOUT,
    })
}

/// Reads a URL of any framework: `postgres://`, `postgresql+psycopg2://`, `jdbc:postgresql://`. Parameters that only a
/// framework knows do not matter here.
fn url(variable: &str, text: &str) -> Result<DatabaseSettings, Failure> {
    // The text itself may hold a password, so an error does not repeat it.
    let refuse = |why: &str| Failure::new(Exit::Usage, format!("read {variable}: {why}"));
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    let url = Url::parse(text).map_err(|error| refuse(&format!("it is not a URL: {error}")))?;
    let kind = url.scheme().split('+').next().unwrap_or_default();
    if !matches!(kind, "postgres" | "postgresql" | "psql" | "pgsql") {
        // Where no :// follows, it may be any word of a text that is not a URL.
        let kind = if text.contains("://") { kind } else { "the beginning" };
        return Err(refuse(&format!("{kind} is not a scheme of PostgreSQL")));
    }
    let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(|text| text.into_owned());
    let decode =
        |what: &str, part: &str| decoded(part).map_err(|_| refuse(&format!("its {what} is not UTF-8")));
    let parameter = |name: &str| {
        url.query_pairs()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    };
    let host = match parameter("host") {
        Some(host) => host,
        None => {
            let host = decode("host", url.host_str().unwrap_or_default())?;
            host.trim_start_matches('[').trim_end_matches(']').to_owned()
        }
    };
    let user = match parameter("user") {
        Some(user) => user,
        None => decode("user", url.username())?,
    };
    if host.is_empty() || user.is_empty() {
        return Err(refuse("it names no host or no user"));
    }
    let password = match url.password() {
        Some(password) => Some(decode("password", password)?),
        None => parameter("password"),
    };
    let ssl_mode = match parameter("sslmode").as_deref() {
        // Of libpq and of node-postgres; the nearest ones that this program has.
        None | Some("allow") => SslMode::Prefer,
        Some("no-verify") => SslMode::Require,
        Some(mode) => SslMode::from_str(mode).map_err(|error| refuse(&format!("sslmode: {error}")))?,
    };
    Ok(DatabaseSettings {
        name: decode("database", url.path().trim_start_matches('/'))?,
        host,
        port: url.port().unwrap_or(5432),
        user,
        password: password.map(Secret),
        ssl_mode,
        ssl_root_cert: parameter("sslrootcert").map(PathBuf::from),
        named: Named::Url(variable.to_owned()),
        connect_timeout: parameter("connect_timeout")
            .and_then(|text| text.parse().ok())
            .filter(|seconds| *seconds > 0)
            .map_or(CONNECT_TIMEOUT, Duration::from_secs),
        answer_timeout: ANSWER_TIMEOUT,
    })
}

/// Returns the variables that the command gets for a database: those of the templates, and in a pack its name.
pub fn variables(
    flags: &HistoryFlags,
    templates: &[Template],
    settings: &DatabaseSettings,
    is_of_pack: bool,
) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    if is_of_pack {
        variables.push((flags.database_variable.clone(), settings.name.clone()));
        variables.push((format!("{}S", flags.database_variable), String::new()));
    }
    variables.extend(templates.iter().map(|Template { name, value }| {
        let is_url = value.contains("://");
        let port = settings.port.to_string();
        let parts = [
            ("{user}", settings.user.as_str()),
            ("{password}", settings.password.as_ref().map_or("", Secret::reveal)),
            ("{host}", settings.host.as_str()),
            ("{port}", port.as_str()),
            ("{database}", settings.name.as_str()),
        ];
        (name.clone(), filled(value, &parts, is_url))
    }));
    variables
}

/// Fills in the parts in one pass: what a part holds is not looked at for further ones.
fn filled(template: &str, parts: &[(&str, &str)], is_url: bool) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match parts.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) if is_url => {
                out.extend(utf8_percent_encode(value, ENCODED));
                rest = &rest[name.len()..];
            }
            Some((name, value)) => {
                out.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests;
