//! Other ways in which a container is told its database than by the database variable: by name, never by value.
//!
//! A URL wins over separate settings in most frameworks (Rails, Prisma, node-pg-migrate), and libpq reads PGDATABASE
//! and PGSERVICE by itself. So a program that takes one of these may ignore the database variable, and nothing fails.

use serde_json::{Map, Value};

use super::TaskDefinition;

/// A way in which a container is told its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// A variable of `environment`, or of `--env`.
    Variable(String),
    /// A variable from a secret, whose value is not seen.
    Secret(String),
    /// Files of variables, which are not looked at: how many.
    Files(usize),
}

impl TaskDefinition {
    /// Lists the other ways in which a container is told a database than by the variables that the run sets (the last
    /// argument): variables, then secrets, in the order of the definition, then files.
    pub fn told_elsewhere(&self, container: &str, ours: &[&str]) -> Vec<Elsewhere> {
        let Some(own) = self.container(container) else { return Vec::new() };
        let list = |key: &str| {
            own.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
        };
        let text =
            |entry: &Map<String, Value>, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let is_other = |name: &String| !ours.contains(&name.as_str());
        let variables = list("environment").filter_map(|entry| {
            let name = text(entry, "name").filter(is_other)?;
            tells(&name, Some(&text(entry, "value")?)).then_some(Elsewhere::Variable(name))
        });
        let secrets = list("secrets").filter_map(|entry| text(entry, "name"));
        // A secret with the name of the run's own variable is refused where it would be set; elsewhere it is another
        // way.
        let secrets = secrets.filter(|name| tells(name, None)).map(Elsewhere::Secret);
        let files = list("environmentFiles").count();
        variables.chain(secrets).chain((files > 0).then_some(Elsewhere::Files(files))).collect()
    }
}

/// Tells whether a variable of this name tells a database, as far as its name and its value say. Without a value, its
/// name alone does.
pub fn tells(name: &str, value: Option<&str>) -> bool {
    match value {
        Some(value) => {
            names_database(value) || (is_database(name) && !value.is_empty() && !is_bare_url(value))
        }
        None => is_database(name) || is_url_of_database(name),
    }
}

/// Tells whether a word of a command tells a database: a URL, or an option for one.
pub fn word_tells(word: &str) -> bool {
    let option = word.split('=').next().unwrap_or_default().trim_start_matches('-').to_ascii_lowercase();
    let is_option = word.starts_with('-')
        && matches!(
            option.as_str(),
            "database" | "database-name" | "database-url" | "db" | "db-name" | "db-url" | "dbname" | "dsn"
        );
    is_option || names_database(word)
}

/// Schemes whose path is not a database's name.
const OTHER_SCHEMES: [&str; 24] = [
    "http", "https", "ws", "wss", "s3", "gs", "redis", "rediss", "amqp", "amqps", "smtp", "smtps", "file",
    "ftp", "sftp", "git", "ssh", "grpc", "tcp", "udp", "unix", "ldap", "ldaps", "otlp",
];

/// Keys of a connection string: libpq's `dbname=`, ADO's `Database=` and `Initial Catalog=`.
const KEYS: [&str; 3] = ["dbname=", "database=", "initial catalog="];

/// Tells whether a value names a database: a URL with a path, or a connection string.
fn names_database(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    if KEYS.iter().any(|key| lower.contains(key)) {
        return true;
    }
    urls(&lower).any(|(scheme, rest)| {
        let path = rest.split(['?', '#', ';']).next().unwrap_or_default().split_once('/');
        !OTHER_SCHEMES.contains(&scheme) && path.is_some_and(|(_, path)| !path.trim_matches('/').is_empty())
    })
}

/// Tells whether a value is a URL that names a server and no database.
fn is_bare_url(value: &str) -> bool {
    value.contains("://") && !names_database(value)
}

/// Returns the scheme of each URL in a text, and what follows it up to a blank or a quote.
fn urls(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.match_indices("://").map(|(at, mark)| {
        let is_scheme = |char: char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.');
        let begin = text[..at].rfind(|char: char| !is_scheme(char)).map_or(0, |before| before + 1);
        let rest = &text[at + mark.len()..];
        let end = rest
            .find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | ','))
            .unwrap_or(rest.len());
        (&text[begin..at], &rest[..end])
    })
}

/// Words of a name that say "database".
const ABOUT: [&str; 21] = [
    "DATABASE",
    "DATABASES",
    "DB",
    "DBS",
    "PG",
    "POSTGRES",
    "POSTGRESQL",
    "PSQL",
    "MYSQL",
    "MARIADB",
    "MSSQL",
    "SQLSERVER",
    "SQL",
    "SQLALCHEMY",
    "DATASOURCE",
    "JDBC",
    "R2DBC",
    "RDS",
    "AURORA",
    "FLYWAY",
    "LIQUIBASE",
];
/// Words that say that it is another kind of store, or no database at all.
const OF_OTHERS: [&str; 6] = ["REDIS", "VALKEY", "SENTRY", "MEMCACHED", "RABBITMQ", "ELASTICSEARCH"];
/// Names that a driver, a framework or a database's image reads.
const EXACT: [&str; 8] =
    ["PGDATABASE", "PGSERVICE", "PGSERVICEFILE", "DBNAME", "DATABASENAME", "DSN", "DBSTRING", "DATABASE"];

/// Tells whether a variable of this name holds the name of a database, or a URL of one.
fn is_database(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.iter().any(|word| OF_OTHERS.contains(word)) {
        return false;
    }
    match words.as_slice() {
        [only] if EXACT.contains(only) => true,
        [.., "DSN" | "DBNAME" | "DBSTRING" | "CONNSTR"] => true,
        [.., "DATABASE" | "DB", "NAME" | "NAMES"] => true,
        [.., "CONNECTION", "STRING"] | [.., "CONNECTIONSTRING"] => true,
        ["CONNECTION", "STRINGS", ..] | ["CONNECTIONSTRINGS", ..] => true,
        [_, .., "DATABASE" | "DATABASES" | "DB"] => true,
        _ => is_url_of_database(name),
    }
}

fn is_url_of_database(name: &str) -> bool {
    let words = words(name);
    let is_url = words.last().is_some_and(|last| matches!(last.as_str(), "URL" | "URI" | "URLS"));
    let is_about = words.iter().any(|word| ABOUT.contains(&word.as_str()));
    is_url && is_about && !words.iter().any(|word| OF_OTHERS.contains(&word.as_str()))
}

/// Splits a name into words, in capitals: `spring.datasource.url`, `databaseUrl` and `DATABASE_URL` are alike.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for char in name.chars() {
        if !char.is_alphanumeric() || (was_small && char.is_uppercase()) {
            words.push(String::new());
        }
        was_small = char.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| char.is_alphanumeric()) {
            word.extend(char.to_uppercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_tell_a_database_are_known() {
        for name in [
            "DATABASE_URL",
            "DATABASE_URI",
            "DB_URL",
            "TENANT_DATABASE_URL",
            "POSTGRES_URL",
            "POSTGRES_PRISMA_URL",
            "JDBC_DATABASE_URL",
            "SPRING_DATASOURCE_URL",
            "spring.datasource.url",
            "SPRING_R2DBC_URL",
            "QUARKUS_DATASOURCE_JDBC_URL",
            "FLYWAY_URL",
            "SQLALCHEMY_DATABASE_URI",
            "HASURA_GRAPHQL_DATABASE_URL",
            "databaseUrl",
            "LIQUIBASE_COMMAND_URL",
            "DB_DSN",
            "MYSQL_DSN",
            "DSN",
            "PGDATABASE",
            "PGSERVICE",
            "PGSERVICEFILE",
            "DB_NAME",
            "DBNAME",
            "DB_DATABASE",
            "MYSQL_DATABASE",
            "POSTGRES_DB",
            "POSTGRES_DATABASE",
            "TYPEORM_DATABASE",
            "DATABASE",
            "DATABASE_NAME",
            "DATABASE_NAMES",
            "DJANGO_DB_NAME",
            "RDS_DB_NAME",
            "GOOSE_DBSTRING",
            "ConnectionStrings__Default",
            "CONNECTION_STRING",
            "AZURE_SQL_CONNECTIONSTRING",
            "dbName",
        ] {
            assert!(tells(name, None), "{name}");
            assert!(tells(name, Some("central")), "{name}");
            assert!(!tells(name, Some("")), "{name}");
        }
        for name in [
            "DB_HOST",
            "DB_USER",
            "DB_PASSWORD",
            "PGHOST",
            "PGUSER",
            "PGPASSWORD",
            "DB_SECRET_NAME",
            "DB_PORT",
            "DATABASE_POOL",
            "REDIS_DB",
            "REDIS_URL",
            "SENTRY_DSN",
            "API_URL",
            "AWS_REGION",
            "SERVICE_NAME",
            "LOG_LEVEL",
            "URL",
            "APP_NAME",
            "DB",
            "QUEUE_URL",
            "NODE_ENV",
        ] {
            assert!(!tells(name, None), "{name}");
            assert!(!tells(name, Some("x")), "{name}");
        }
    }

    #[test]
    fn values_that_name_a_database_are_seen_whatever_the_variable() {
        for value in [
            "postgresql://app@db.example.internal:5432/central",
            "postgres://u:p%40@h/db?sslmode=require",
            "mysql2://h/central",
            "postgresql+psycopg2://h/central",
            "jdbc:postgresql://h:5432/central?user=x",
            "sqlserver://h:1433;Database=central",
            "jdbc:sqlserver://h;databaseName=x;database=central",
            "mongodb+srv://h/central",
            "host=h dbname=central",
            "Server=h;Initial Catalog=central",
            r#"{"spring":{"datasource":{"url":"jdbc:mysql://h/central"}}}"#,
        ] {
            assert!(tells("X", Some(value)), "{value}");
        }
        for value in [
            "https://api.example.com/v1",
            "s3://bucket/key",
            "redis://h:6379/0",
            "postgresql://h:5432",
            "postgresql://h:5432/",
            "postgresql://h/?sslmode=require",
            "central",
            "",
        ] {
            assert!(!tells("X", Some(value)), "{value}");
        }
        assert!(!tells("DATABASE_URL", Some("postgresql://h:5432/")), "a server, and no database");
    }

    #[test]
    fn words_of_a_command_tell_a_database_as_well() {
        for word in [
            "postgresql://h/central",
            "--database=central",
            "--database",
            "--dbname",
            "-url=jdbc:mysql://h/x",
            "dbname=x",
        ] {
            assert!(word_tells(word), "{word}");
        }
        for word in ["migrate", "--verbose", "database", "-d", "db:migrate", "https://x/y"] {
            assert!(!word_tells(word), "{word}");
        }
    }

    #[test]
    fn a_container_is_looked_at_as_a_whole() {
        let container = json!({
            "name": "m",
            "environment": [
                {"name": "DATABASE_NAME", "value": "a"},
                {"name": "DATABASE_URL", "value": "postgresql://h/central"},
                {"name": "LOG", "value": "x"},
                {"name": "DB_NAME", "value": ""},
            ],
            "secrets": [{"name": "PG_URL", "valueFrom": "arn:x"}, {"name": "DB_PASSWORD", "valueFrom": "arn:y"}],
            "environmentFiles": [{"value": "arn:aws:s3:::b/x.env", "type": "s3"}],
        });
        let document = json!({"family": "f", "containerDefinitions": [container, {"name": "other"}]});
        let base = TaskDefinition::from_json(document, "test").unwrap();
        assert_eq!(
            base.told_elsewhere("m", &["DATABASE_NAME", "DATABASE_NAMES"]),
            [
                Elsewhere::Variable("DATABASE_URL".into()),
                Elsewhere::Secret("PG_URL".into()),
                Elsewhere::Files(1)
            ]
        );
        assert_eq!(
            base.told_elsewhere("m", &["PGDATABASE", "PGDATABASES"])[0],
            Elsewhere::Variable("DATABASE_NAME".into())
        );
        assert_eq!(base.told_elsewhere("other", &[]), []);
    }
}
