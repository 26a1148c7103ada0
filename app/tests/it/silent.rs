use crate::support::{Database, Program, Run, Server, poll};
use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// How far a server gets before it falls silent.
#[derive(Clone, Copy, Debug)]
enum Until {
    /// It accepts the connection.
    Accepted,
    /// It agrees to TLS.
    AgreedToTls,
    /// It has said part of a message after the client's first one.
    HalfAMessage,
    /// It asks for a password and gets it.
    Password,
    /// It is ready for a query.
    Ready,
}

/// The port of a server that never closes a connection.
async fn server(until: Until) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut ssl_request = [0; 8];
            let words: &[&[u8]] = match until {
                Until::Accepted => &[],
                Until::AgreedToTls => &[b"S"],
                Until::HalfAMessage => &[b"N", b"R\0\0\0"],
                Until::Password => &[b"N", b"R\0\0\0\x08\0\0\0\x03"],
                Until::Ready => &[b"N", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"],
            };
            if let Some((first, rest)) = words.split_first() {
                stream.read_exact(&mut ssl_request).await.unwrap();
                stream.write_all(first).await.unwrap();
                for word in rest {
                    // The start-up message: nothing in it matters here.
                    assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                    stream.write_all(word).await.unwrap();
                }
            }
            kept.push(stream);
        }
    });
    port
}

fn app(command: &str, port: u16) -> Program {
    Program::new([command])
        .env("DATABASE_HOST", "127.0.0.1")
        .env("DATABASE_PORT", port.to_string())
        .env("DATABASE_USER", "shop")
        .env("DATABASE_PASSWORD", "secret")
        .env("DATABASE_CONNECT_TIMEOUT", "300ms")
        .env("DATABASE_ANSWER_TIMEOUT", "300ms")
}

#[track_caller]
fn expect_silence(run: &Run, port: u16) {
    let host = format!("hint: check DATABASE_HOST (127.0.0.1) and DATABASE_PORT ({port})");
    run.expect_error(&[&format!("127.0.0.1:{port}: no answer within 300ms"), &host]);
}

#[tokio::test]
async fn a_silent_server_is_unreachable_at_every_step() {
    for until in [Until::Accepted, Until::AgreedToTls, Until::HalfAMessage, Until::Password, Until::Ready] {
        let port = server(until).await;
        for command in ["migrate", "status"] {
            let run = app(command, port).env("DATABASE_NAME", "shop").run().await;
            assert_eq!(run.exit, Some(3), "{until:?}: {run:#?}");
            expect_silence(&run, port);
            assert!(run.stdout.is_empty(), "{until:?}: {run:#?}");
        }
    }
}

#[tokio::test]
async fn a_silent_server_is_unreachable_with_tls_required() {
    for until in [Until::Accepted, Until::AgreedToTls] {
        let port = server(until).await;
        let program = app("migrate", port).env("DATABASE_NAME", "shop").env("DATABASE_SSLMODE", "require");
        expect_silence(&program.run().await.expect_exit(3), port);
    }
}

#[tokio::test]
async fn each_database_of_a_pack_is_said_to_be_unreachable() {
    for until in [Until::Accepted, Until::Ready] {
        let port = server(until).await;
        let run = app("migrate", port).env("DATABASE_NAMES", r#"["a","b","c"]"#).run().await.expect_exit(3);
        expect_silence(&run, port);
        run.expect_error(&["3 of 3 databases were not migrated"]);
        let reports: Vec<Value> = run.stdout.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut names: Vec<&Value> =
            reports.iter().map(|line| &line["migration_report"]["database"]).collect();
        names.sort_by_key(|name| name.to_string());
        assert_eq!(names, [&json!("a"), &json!("b"), &json!("c")]);
        for report in &reports {
            let error = report["migration_report"]["error"].as_str().unwrap();
            assert!(error.contains("no answer within 300ms"), "{error}");
            assert!(report["migration_report"]["pending"].as_u64() > Some(0));
        }
    }
}

#[tokio::test]
async fn a_server_serves_while_its_database_is_silent() {
    for until in [Until::Accepted, Until::HalfAMessage, Until::Password, Until::Ready] {
        let database = server(until).await;
        let program = app("serve", database).env("BIND", "127.0.0.1:0").env("DATABASE_NAME", "shop");
        let server = Server::start(program).await;
        server.get("/health").await.expect(200);
        assert_eq!(server.get("/ready").await.expect(503)["ready"], json!(false), "{until:?}");
        assert_eq!(server.get("/products").await.expect(503)["error"]["code"], "unavailable", "{until:?}");
    }
}

/// Passes bytes on to `server` until a client says `word`; from then on nothing arrives any more.
async fn tunnel(server: &'static sandbox::postgres::Postgres, word: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect((server.host(), server.port())).await.unwrap();
            let ((from_client, mut to_client), (mut from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            tokio::spawn(pass_until(word, from_client, to_server));
        }
    });
    port
}

async fn pass_until(word: &str, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if bytes[..count].windows(word.len()).any(|part| part == word.as_bytes()) {
            return std::future::pending().await;
        }
        to.write_all(&bytes[..count]).await.unwrap();
    }
}

async fn migrate_through(word: &'static str) -> Option<Run> {
    let database = Database::create().await?;
    let port = tunnel(database.server, word).await;
    let program = database
        .app(["migrate"])
        .env("DATABASE_PORT", port.to_string())
        .env("DATABASE_SSLMODE", "disable")
        .env("DATABASE_ANSWER_TIMEOUT", "2s");
    Some(program.run().await)
}

#[tokio::test]
async fn a_tunnel_that_breaks_in_the_middle_is_not_waited_for() {
    let words = ["current_database()", "to_regclass", "pg_try_advisory_lock", "SET lock_timeout"];
    for run in join_all(words.map(migrate_through)).await.into_iter().flatten() {
        run.expect_exit(3).expect_error(&["no answer within", "hint: check DATABASE_HOST"]);
    }
}

#[tokio::test]
async fn a_pooled_connection_that_went_silent_is_replaced() {
    let Some(database) = Database::migrated().await else { return };
    let port = tunnel(database.server, "FROM products").await;
    let program = database
        .app(["serve", "--bind", "127.0.0.1:0", "--pool-size", "1"])
        .env("DATABASE_PORT", port.to_string())
        .env("DATABASE_SSLMODE", "disable");
    let server = Server::start(program).await;
    server.get("/ready").await.expect(200);
    assert_eq!(server.get("/products").await.status, 503);
    poll("an answer on a new connection", async || (server.get("/ready").await.status == 200).then_some(()))
        .await;
}
