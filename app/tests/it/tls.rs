use crate::support::{Cluster, Database, Program, Run, Tls};

/// A database on a server with a certificate for `localhost`, and that server's authorities.
async fn with_tls() -> Option<(Database, &'static Tls)> {
    let cluster = Cluster::with_tls()?;
    Some((Database::create_on(cluster).await, cluster.tls.as_ref()?))
}

async fn status(database: &Database, host: &str, mode: &str, root: Option<&std::path::Path>) -> Run {
    let mut program: Program =
        database.app(["status"]).env("DATABASE_HOST", host).env("DATABASE_SSLMODE", mode);
    if let Some(root) = root {
        program = program.env("DATABASE_SSLROOTCERT", root);
    }
    program.run().await
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
    status(&database, "127.0.0.1", "require", None).await.expect_exit(0);
}

#[tokio::test]
async fn require_with_a_root_certificate_verifies_the_chain() {
    let Some((database, tls)) = with_tls().await else { return };
    status(&database, "127.0.0.1", "require", Some(&tls.authority)).await.expect_exit(0);
    status(&database, "127.0.0.1", "require", Some(&tls.stranger)).await.expect_exit(3);
}

#[tokio::test]
async fn verify_ca_verifies_the_chain_and_not_the_name() {
    let Some((database, tls)) = with_tls().await else { return };
    status(&database, "127.0.0.1", "verify-ca", Some(&tls.authority)).await.expect_exit(0);
    let run = status(&database, "127.0.0.1", "verify-ca", Some(&tls.stranger)).await.expect_exit(3);
    run.expect_error(&["UnknownIssuer", "hint: set DATABASE_SSLROOTCERT"]);
}

#[tokio::test]
async fn verify_full_verifies_the_chain_and_the_name() {
    let Some((database, tls)) = with_tls().await else { return };
    status(&database, "localhost", "verify-full", Some(&tls.authority)).await.expect_exit(0);
    // By address: a name may have a second one, whose error would be the last word.
    let stranger = status(&database, "127.0.0.1", "verify-full", Some(&tls.stranger)).await.expect_exit(3);
    stranger.expect_error(&["UnknownIssuer", "hint: set DATABASE_SSLROOTCERT"]);
    let other_name = status(&database, "127.0.0.1", "verify-full", Some(&tls.authority)).await.expect_exit(3);
    other_name.expect_error(&["not valid for name"]);
    // The system's authorities did not sign it either.
    let run = status(&database, "localhost", "verify-full", None).await;
    assert!(matches!(run.exit, Some(2 | 3)), "{run:#?}");
}

#[tokio::test]
async fn require_refuses_a_server_without_tls() {
    let Some(database) = Database::create().await.filter(|database| !database.cluster.foreign) else {
        return;
    };
    let run = database.app(["status"]).env("DATABASE_SSLMODE", "require").run().await.expect_exit(3);
    run.expect_error(&["server does not support TLS"]);
    database.app(["status"]).env("DATABASE_SSLMODE", "prefer").run().await.expect_exit(0);
}

#[tokio::test]
async fn a_bad_root_certificate_is_named() {
    let Some((database, tls)) = with_tls().await else { return };
    let key = tls.authority.with_file_name("password");
    for file in [key.as_path(), std::path::Path::new("/nowhere.pem")] {
        let run = status(&database, "localhost", "verify-full", Some(file)).await.expect_exit(2);
        run.expect_error(&["read DATABASE_SSLROOTCERT", file.to_str().unwrap()]);
    }
}
