use crate::support::cluster::{self, WithTls};
use crate::support::{Database, Program, Run};
use std::io::Write;
use tempfile::NamedTempFile;

/// A database on a server with a certificate for `localhost`, and that server's authorities.
async fn with_tls() -> Option<(Database, &'static WithTls)> {
    let tls = cluster::with_tls().await?;
    Some((Database::create_on(&tls.server).await, tls))
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn to(database: &Database, host: &str, mode: &str) -> Program {
    database.app(["status"]).env("DATABASE_HOST", host).env("DATABASE_SSLMODE", mode)
}

async fn status(database: &Database, host: &str, mode: &str, root: &str) -> Run {
    let root = file(root);
    to(database, host, mode).env("DATABASE_SSLROOTCERT", root.path()).run().await
}

#[tokio::test]
async fn the_connection_is_encrypted_when_asked_for() {
    for (mode, encrypted) in [("disable", false), ("prefer", true), ("require", true)] {
        let Some((database, _)) = with_tls().await else { return };
        // While it waits for the migration lock, it can be looked at; it does when there is something to apply.
        let held = database.connect().await;
        held.batch_execute("SELECT pg_advisory_lock(x'6d696772'::int, x'61746f72'::int)").await.unwrap();
        let mut running = database.app(["migrate"]).env("DATABASE_SSLMODE", mode).start();
        running.line("waiting up to").await;
        let ssl: bool = database
            .value(
                "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                 WHERE datname = current_database() AND application_name = 'app migrate'",
                &[],
            )
            .await;
        assert_eq!(ssl, encrypted, "sslmode={mode}");
        drop(held);
        running.end().await.expect_exit(0);
    }
}

#[tokio::test]
async fn require_encrypts_without_verifying() {
    let Some((database, _)) = with_tls().await else { return };
    to(&database, "127.0.0.1", "require").run().await.expect_exit(0);
}

#[tokio::test]
async fn require_with_a_root_certificate_verifies_the_chain() {
    let Some((database, tls)) = with_tls().await else { return };
    status(&database, "127.0.0.1", "require", &tls.authority).await.expect_exit(0);
    status(&database, "127.0.0.1", "require", &tls.stranger).await.expect_exit(3);
}

#[tokio::test]
async fn verify_ca_verifies_the_chain_and_not_the_name() {
    let Some((database, tls)) = with_tls().await else { return };
    status(&database, "127.0.0.1", "verify-ca", &tls.authority).await.expect_exit(0);
    let run = status(&database, "127.0.0.1", "verify-ca", &tls.stranger).await.expect_exit(3);
    run.expect_error(&["UnknownIssuer", "hint: set DATABASE_SSLROOTCERT"]);
}

#[tokio::test]
async fn verify_full_verifies_the_chain_and_the_name() {
    let Some((database, tls)) = with_tls().await else { return };
    status(&database, "localhost", "verify-full", &tls.authority).await.expect_exit(0);
    // By address: a name may have a second one, whose error would be the last word.
    let stranger = status(&database, "127.0.0.1", "verify-full", &tls.stranger).await.expect_exit(3);
    stranger.expect_error(&["UnknownIssuer", "hint: set DATABASE_SSLROOTCERT"]);
    let other_name = status(&database, "127.0.0.1", "verify-full", &tls.authority).await.expect_exit(3);
    other_name.expect_error(&["not valid for name"]);
    // The system's authorities did not sign it either.
    let run = to(&database, "localhost", "verify-full").run().await;
    assert!(matches!(run.exit, Some(2 | 3)), "{run:#?}");
}

#[tokio::test]
async fn require_refuses_a_server_without_tls() {
    let Some(database) = Database::create().await.filter(|database| database.server.is_ours()) else {
        return;
    };
    let run = database.app(["status"]).env("DATABASE_SSLMODE", "require").run().await.expect_exit(3);
    run.expect_error(&["server does not support TLS"]);
    database.app(["status"]).env("DATABASE_SSLMODE", "prefer").run().await.expect_exit(0);
}

#[tokio::test]
async fn a_bad_root_certificate_is_named() {
    let Some((database, _)) = with_tls().await else { return };
    let no_certificate = file("correct horse");
    for path in [no_certificate.path(), std::path::Path::new("/nowhere.pem")] {
        let program = to(&database, "localhost", "verify-full").env("DATABASE_SSLROOTCERT", path);
        let run = program.run().await.expect_exit(2);
        run.expect_error(&["read DATABASE_SSLROOTCERT", path.to_str().unwrap()]);
    }
}
