//! `app create-database`: a database for a new tenant, without a bastion.

use crate::cli::CreateDatabaseOptions;
use crate::failure::{Exit, Failure, describe};
use crate::output::{self, Log};
use crate::session::Session;
use crate::settings::DatabaseSettings;
use crate::tls;
use futures::TryFutureExt as _;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

/// PostgreSQL cuts a longer identifier without a word.
const LONGEST_NAME: usize = 63;

/// What the server says of a database that is there.
struct Existing {
    owner: String,
    /// It is not a template, takes connections, and was not left behind by a DROP DATABASE that was cut off.
    is_usable: bool,
}

/// Makes sure that there is a database of this name, and says whether it is new and whose it is.
///
/// # Errors
/// [`Exit::Failed`]: the server refuses, or has a database of this name that cannot be migrated or has another owner.
pub async fn run(options: &CreateDatabaseOptions) -> Result<(), Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let settings = administrator(&options.maintenance_database, variable)?;
    // The role that migrates, unless that is the administrator, who owns a new database anyway.
    let owner =
        options.owner.clone().or_else(|| variable("DATABASE_USER").filter(|user| *user != settings.user));
    let tls = tls::connector(&settings)?;
    let session = Session::connect(&settings, &tls, "app create-database", &Log::default()).await?;
    let name = options.name.as_str();
    if let Some(existing) = find(&session, name).await? {
        return exists_already(name, options.owner.as_deref(), &existing);
    }
    let is_new = create(&session, name, owner.as_deref()).await?;
    match find(&session, name).await? {
        None => Err(Failure::new(
            Exit::Failed,
            format!("database {name} was created, and another session has dropped it"),
        )),
        Some(existing) if is_new => {
            output::line(format_args!("created database {name}, owned by {}", existing.owner.escape_debug()));
            Ok(())
        }
        Some(existing) => exists_already(name, options.owner.as_deref(), &existing),
    }
}

/// Parses the name of a database by the rules of fargate-migrate, which hands it to migrations later on.
pub fn name(text: &str) -> Result<String, String> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > LONGEST_NAME {
        "PostgreSQL would cut it after 63 bytes"
    } else if text == "__set-by-fargate-migrate__" || text == "all" {
        "it has another meaning for fargate-migrate"
    } else if text.starts_with(['-', '.']) {
        "it begins with - or ."
    } else if !text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$')) {
        "it has a character that is not allowed"
    } else {
        return Ok(text.to_owned());
    };
    Err(format!("{why}; letters, digits and _ - . $ are allowed, at most 63 bytes"))
}

/// Reads the settings of the server of DATABASE_HOST, with the role that may create databases there.
fn administrator(
    maintenance_database: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<DatabaseSettings, Failure> {
    let value = |name: &str| variable(name).filter(|value| !value.is_empty());
    let is_named = value("DATABASE_ADMIN_USER").is_some();
    if !is_named && value("DATABASE_ADMIN_PASSWORD").is_some() {
        return Err(Failure::new(
            Exit::Usage,
            "DATABASE_ADMIN_PASSWORD is set, and DATABASE_ADMIN_USER is not",
        )
        .hint("set both, or neither where DATABASE_USER may create databases"));
    }
    DatabaseSettings::read(|name| match name {
        "DATABASE_NAME" => Some(maintenance_database.to_owned()),
        "DATABASE_USER" if is_named => value("DATABASE_ADMIN_USER"),
        // One role's password is never tried for another.
        "DATABASE_PASSWORD" if is_named => value("DATABASE_ADMIN_PASSWORD"),
        other => value(other),
    })
}

async fn find(session: &Session, name: &str) -> Result<Option<Existing>, Failure> {
    let parameters: [&(dyn ToSql + Sync); 1] = [&name];
    let query = session
        .client
        .query_opt(
            "SELECT pg_get_userbyid(datdba)::text, NOT datistemplate AND datallowconn AND datconnlimit <> -2
             FROM pg_database WHERE datname = $1",
            &parameters,
        )
        .map_err(|error| {
            Failure::new(Exit::Failed, format!("look for database {name}: {}", describe(&error)))
        });
    let row = session.patience.wait("look for the database", query).await?;
    Ok(row.map(|row| Existing { owner: row.get(0), is_usable: row.get(1) }))
}

/// Creates the database. Returns false when another session created it meanwhile.
async fn create(session: &Session, name: &str, owner: Option<&str>) -> Result<bool, Failure> {
    let owner = owner.map(|role| format!(" OWNER {}", quoted(role))).unwrap_or_default();
    let statement = format!("CREATE DATABASE {}{owner}", quoted(name));
    let created = async {
        match session.client.batch_execute(&statement).await {
            Ok(()) => Ok(true),
            // The second code: both sessions were past the server's own look at the names.
            Err(error)
                if matches!(
                    error.code(),
                    Some(&SqlState::DUPLICATE_DATABASE | &SqlState::UNIQUE_VIOLATION)
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(refused(name, &error)),
        }
    };
    session.patience.wait("create the database", created).await
}

fn refused(name: &str, error: &tokio_postgres::Error) -> Failure {
    let failure = Failure::new(Exit::Failed, format!("create database {name}: {}", describe(error)));
    match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => failure.hint(
            "set DATABASE_ADMIN_USER and DATABASE_ADMIN_PASSWORD to a role with CREATEDB that is a member of the owner: \
             GRANT owner TO administrator",
        ),
        Some(&SqlState::UNDEFINED_OBJECT) => failure.hint("create the role first, or correct --owner"),
        _ => failure,
    }
}

fn exists_already(name: &str, owner: Option<&str>, existing: &Existing) -> Result<(), Failure> {
    let has = existing.owner.escape_debug();
    if !existing.is_usable {
        let message =
            format!("database {name} exists already, and is a template, takes no connections or is invalid");
        return Err(Failure::new(Exit::Failed, message).hint("take another name, or drop it first"));
    }
    if let Some(wanted) = owner.filter(|wanted| *wanted != existing.owner) {
        let message =
            format!("database {name} exists already, owned by {has} and not by {}", wanted.escape_debug());
        return Err(Failure::new(Exit::Failed, message)
            .hint("take another name, or change its owner with ALTER DATABASE … OWNER TO …"));
    }
    output::line(format_args!("database {name} exists already, owned by {has}"));
    Ok(())
}

/// Quotes an identifier of SQL.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_fargate_migrate() {
        for good in ["shop", "Shop_2.a-b$", "größe", &"a".repeat(63), "_all", "1"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for bad in [
            "",
            "all",
            "__set-by-fargate-migrate__",
            "-a",
            ".a",
            "a b",
            "a\"b",
            "a;b",
            "a\nb",
            "a/b",
            "é\u{301}",
        ] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert!(name(&"é".repeat(32)).unwrap_err().starts_with("PostgreSQL would cut it"));
    }

    #[test]
    fn an_identifier_ends_where_it_should() {
        assert_eq!(quoted(r#"a"; DROP DATABASE b; --"#), r#""a""; DROP DATABASE b; --""#);
    }

    #[test]
    fn the_administrator_has_a_password_of_his_own() {
        let read = |variables: &[(&str, &str)]| {
            let server =
                [("DATABASE_HOST", "db"), ("DATABASE_USER", "shop"), ("DATABASE_PASSWORD", "of shop")];
            let all: Vec<(&str, &str)> = server.iter().chain(variables).copied().collect();
            administrator("postgres", move |name| {
                all.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let password =
            |settings: &DatabaseSettings| settings.password.as_ref().map(|secret| secret.reveal().to_owned());
        let own = read(&[]).unwrap();
        assert_eq!((own.user.as_str(), password(&own).as_deref()), ("shop", Some("of shop")));
        assert_eq!(own.place(), "database postgres on db:5432");
        let none = read(&[("DATABASE_ADMIN_USER", "root"), ("DATABASE_NAME", "shop_a")]).unwrap();
        assert_eq!((none.user.as_str(), password(&none)), ("root", None));
        assert_eq!(none.name, "postgres");
        let half = read(&[("DATABASE_ADMIN_PASSWORD", "of root")]).unwrap_err();
        assert_eq!(half.exit, Exit::Usage);
    }
}
