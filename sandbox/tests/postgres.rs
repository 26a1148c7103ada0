//! The sandbox's PostgreSQL: it answers, keeps what it is told to keep, and ends with its owner.

use std::net::TcpStream;

use sandbox::postgres::{Options, Postgres};

fn options() -> Options {
    Options { url: None, ..Options::default() }
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

#[tokio::test]
async fn databases_of_any_name_can_be_made_and_counted() {
    let postgres = Postgres::find_or_start(&options()).await.unwrap();
    for name in ["startupwebapp_prod", "we\"ird; drop database x; --", "Groß und lang"] {
        assert!(!postgres.has_database(name).await.unwrap());
        postgres.create_database(name).await.unwrap();
        assert!(postgres.has_database(name).await.unwrap(), "{name}");
        let client = postgres.connect(name).await.unwrap();
        client.batch_execute("create table a (); create schema s; create table s.b ()").await.unwrap();
        assert_eq!(postgres.count_tables(name).await.unwrap(), 2);
        let row = client.query_one("select current_database()", &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), name);
    }
    assert_eq!(postgres.count_tables(postgres.default_database()).await.unwrap(), 0);
    let again = postgres.create_database("startupwebapp_prod").await.unwrap_err();
    assert!(format!("{again:#}").starts_with("create database startupwebapp_prod: "), "{again:#}");
    postgres.drop_database("startupwebapp_prod").await.unwrap();
    assert!(!postgres.has_database("startupwebapp_prod").await.unwrap());
}

#[tokio::test]
async fn a_server_is_gone_when_it_is_stopped_and_only_its_password_opens_it() {
    let postgres = Postgres::find_or_start(&options()).await.unwrap();
    let port = postgres.port();
    let wrong = postgres.url("postgres").replace(postgres.password(), "wrong");
    let refused =
        Postgres::find_or_start(&Options { url: Some(wrong), ..Options::default() }).await.unwrap_err();
    assert!(format!("{refused:#}").contains("password authentication failed"), "{refused:#}");
    assert!(!format!("{postgres:?}").contains(postgres.password()));

    let url = postgres.url("postgres");
    let borrowed = Postgres::find_or_start(&Options { url: Some(url), ..Options::default() }).await.unwrap();
    assert_eq!((borrowed.port(), borrowed.is_ours()), (port, false));
    borrowed.stop();
    assert!(listens(port), "a server that somebody else runs was stopped");

    // An open transaction does not keep it alive.
    let client = postgres.connect("postgres").await.unwrap();
    client.batch_execute("begin; create table half_done ()").await.unwrap();
    postgres.stop();
    assert!(!listens(port));
}

#[tokio::test]
async fn a_directory_keeps_the_databases() {
    let state = tempfile::tempdir().unwrap();
    let kept = Options { directory: Some(state.path().join("postgres")), ..options() };
    let first = Postgres::find_or_start(&kept).await.unwrap();
    first.create_database("fintech_experiment").await.unwrap();
    let password = first.password().to_owned();
    first.stop();
    let second = Postgres::find_or_start(&kept).await.unwrap();
    assert!(second.has_database("fintech_experiment").await.unwrap());
    assert_eq!(second.password(), password);
    second.stop();
    Postgres::forget(&state.path().join("postgres")).unwrap();
    let third = Postgres::find_or_start(&kept).await.unwrap();
    assert!(!third.has_database("fintech_experiment").await.unwrap());
    third.stop();
    Postgres::forget(&state.path().join("postgres")).unwrap();
}
