use super::*;
use crate::cli::Cli;
use clap::Parser as _;

fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<Databases, Failure> {
    let cli = Cli::parse_from([&["witness"], flags].concat());
    databases(&cli.run.history, |name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

fn one(flags: &[&str], variables: &[(&str, &str)]) -> DatabaseSettings {
    match read(flags, variables) {
        Ok(Databases::One(settings)) => settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_name_is_what_was_asked_for_and_the_server_what_the_command_has() {
    let url =
        ("DATABASE_URL", "postgresql+psycopg2://shop:p%40ss%2F@db.internal:6000/default?sslmode=verify-full");
    let settings = one(&[], &[url, ("DATABASE_NAME", "shop_b")]);
    assert_eq!(settings.place(), "database shop_b on db.internal:6000");
    assert_eq!((settings.user.as_str(), settings.ssl_mode), ("shop", SslMode::VerifyFull));
    assert_eq!(settings.password.as_ref().unwrap().reveal(), "p@ss/");
    // Nothing else names one.
    assert_eq!(one(&[], &[url]).name, "default");
    let pg = [("PGHOST", "a"), ("PGUSER", "b"), ("PGDATABASE", "c")];
    assert_eq!(one(&[], &pg).place(), "database c on a:5432");
    assert_eq!(one(&["--database-variable=PGDATABASE"], &pg).name, "c");
    assert_eq!(one(&["--database-from=DATABASE_URL"], &[&pg[..], &[url]].concat()).host, "db.internal");
    let shop = [("DATABASE_HOST", "h"), ("DATABASE_USER", "u"), ("DATABASE_NAME", "n"), url];
    assert_eq!(one(&[], &shop).place(), "database n on h:5432");
    let jdbc = ("FLYWAY_URL", "jdbc:postgresql://db/x?user=me&password=secret");
    let settings = one(&["--database-from=FLYWAY_URL"], &[jdbc]);
    assert_eq!((settings.user.as_str(), settings.name.as_str()), ("me", "x"));
    let six = ("DATABASE_URL", "postgres://u:p@[::1]:6000/x?sslmode=no-verify");
    let settings = one(&[], &[six]);
    assert_eq!((settings.host.as_str(), settings.port, settings.ssl_mode), ("::1", 6000, SslMode::Require));
}

#[test]
fn what_cannot_be_read_is_refused_without_its_text() {
    for (variables, why) in [
        (vec![], "nothing names the database's server"),
        (vec![("DATABASE_URL", "postgres://u:hunter2@h")], "DATABASE_NAME is not set"),
        (
            vec![("DATABASE_URL", "mysql://u:hunter2@h/d")],
            "read DATABASE_URL: mysql is not a scheme of PostgreSQL",
        ),
        (
            vec![("DATABASE_URL", "hunter2:u@h/d")],
            "read DATABASE_URL: the beginning is not a scheme of PostgreSQL",
        ),
        (vec![("DATABASE_URL", "postgres://u:hunter2@h/d?sslmode=accept")], "read DATABASE_URL: sslmode: "),
        (vec![("DATABASE_URL", "postgres://h/d")], "read DATABASE_URL: it names no host or no user"),
        (vec![("PGHOST", "h")], "PGUSER is not set"),
    ] {
        let failure = read(&[], &variables).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.starts_with(why), "{}", failure.message);
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}

#[test]
fn a_list_is_a_pack_of_one_server() {
    let pg = [("PGHOST", "a"), ("PGUSER", "b"), ("PGDATABASES", r#"["x","y"]"#)];
    let Ok(Databases::Pack(pack)) = read(&["--database-variable=PGDATABASE"], &pg) else { panic!("no pack") };
    assert_eq!(pack.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    let both = [&pg[..], &[("PGDATABASE", "x")]].concat();
    let failure = read(&["--database-variable=PGDATABASE"], &both).unwrap_err();
    assert_eq!(failure.message, "PGDATABASE (x) and PGDATABASES are both set");
}

#[test]
fn a_template_is_filled_once_and_encoded_in_a_url() {
    let settings = one(&[], &[("DATABASE_URL", "postgres://u:%7Bhost%7D%2F%40@h:1/d")]);
    let flags = Cli::parse_from([
        "witness",
        "--set=URL=postgres://{user}:{password}@{host}:{port}/{database}",
        "--set=PASSWORD={password}",
    ]);
    let variables = variables(&flags.run.history, &flags.run.templates, &settings, true);
    assert_eq!(
        variables,
        [
            ("DATABASE_NAME", "d"),
            ("DATABASE_NAMES", ""),
            ("URL", "postgres://u:%7Bhost%7D%2F%40@h:1/d"),
            ("PASSWORD", "{host}/@"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}
