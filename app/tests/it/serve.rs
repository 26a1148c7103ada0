use crate::support::{Answer, DEADLINE, Database, Program, Run, Server};
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::Client;

#[tokio::test]
async fn readiness_follows_the_schema() {
    let Some(database) = Database::create().await else { return };
    let server = Server::of(&database).await;
    server.get("/health").await.expect(200);
    let behind = server.get("/ready").await.expect(503);
    assert_eq!((&behind["ready"], &behind["current"]), (&json!(false), &json!(null)));
    assert_eq!(behind["missing"].as_array().unwrap().last(), Some(&behind["expected"]));

    database.app(["migrate"]).run().await.expect_exit(0);
    let ready = server.get("/ready").await.expect(200);
    assert_eq!((&ready["ready"], &ready["missing"]), (&json!(true), &json!([])));

    let newest = ready["expected"].as_i64().unwrap() as i32;
    let client = database.connect().await;
    client.execute("DELETE FROM refinery_schema_history WHERE version = $1", &[&newest]).await.unwrap();
    let behind = server.get("/ready").await.expect(503);
    assert_eq!(behind["missing"], json!([newest]));
    assert_eq!(behind["reason"], format!("the schema is behind: version {newest} missing, run app migrate"));
}

#[tokio::test]
async fn a_newer_schema_is_ready_for_an_older_binary() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let newer = "INSERT INTO refinery_schema_history SELECT 999, 'later', applied_on, '1' FROM refinery_schema_history LIMIT 1";
    database.connect().await.execute(newer, &[]).await.unwrap();
    assert_eq!(server.get("/ready").await.expect(200)["current"], 999);
}

#[tokio::test]
async fn a_server_lives_without_its_database() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = Program::new(["serve", "--bind", "127.0.0.1:0"])
        .env("DATABASE_NAME", "shop")
        .env("DATABASE_USER", "shop");
    let server =
        Server::start(program.env("DATABASE_HOST", "127.0.0.1").env("DATABASE_PORT", closed.to_string()))
            .await;
    server.get("/health").await.expect(200);
    assert_eq!(server.get("/ready").await.expect(503)["reason"], "the database is not reachable");
    assert_eq!(server.get("/products").await.expect(503)["error"]["code"], "unavailable");

    let bind = server.url.trim_start_matches("http://").to_owned();
    Program::new(["healthcheck", "--bind", &bind]).run().await.expect_exit(0);
    server.signal(Signal::SIGTERM);
    server.end().await.expect_exit(0);
    Program::new(["healthcheck", "--bind", &bind]).run().await.expect_exit(1).expect_error(&["/health"]);
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    server.get("/products").await.expect(200);
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'app serve'";
    assert_eq!(database.value::<i64>(cut, &[]).await, 1);
    crate::support::poll("an answer on a new connection", async || {
        (server.get("/products").await.status == 200).then_some(())
    })
    .await;
}

/// A server with a request under way that cannot finish while the answered transaction lives.
async fn stuck_request(database: &Database, deadline: &str) -> (Server, JoinHandle<Answer>, Client) {
    let program = database.app(["serve", "--bind", "127.0.0.1:0", "--shutdown-deadline", deadline]);
    let server = Server::start(program).await;
    let blocker = database.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE carts").await.unwrap();
    let url = format!("{}/carts", server.url);
    let request = tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        match ureq::Agent::from(config).post(&url).send_json(json!({})) {
            Ok(mut answer) => {
                Answer { status: answer.status().as_u16(), body: answer.body_mut().read_json().unwrap() }
            }
            Err(error) => Answer { status: 0, body: json!(error.to_string()) },
        }
    });
    database.session_where("app serve", "wait_event_type = 'Lock'").await;
    (server, request, blocker)
}

async fn stop(mut server: Server) -> Run {
    server.signal(Signal::SIGTERM);
    server.line("SIGTERM: finishing requests under way").await;
    server.end().await
}

#[tokio::test]
async fn sigterm_lets_requests_finish() {
    let Some(database) = Database::migrated().await else { return };
    let (mut server, request, blocker) = stuck_request(&database, "30s").await;
    server.signal(Signal::SIGTERM);
    server.line("SIGTERM: finishing requests under way").await;
    blocker.batch_execute("COMMIT").await.unwrap();
    request.await.unwrap().expect(201);
    server.end().await.expect_exit(0);
}

#[tokio::test]
async fn sigterm_waits_no_longer_than_the_deadline() {
    let Some(database) = Database::migrated().await else { return };
    let (server, request, _blocker) = stuck_request(&database, "100ms").await;
    stop(server).await.expect_exit(1).expect_error(&["requests were cut off", "100ms after SIGTERM"]);
    assert_eq!(request.await.unwrap().status, 0);
}

#[tokio::test]
async fn a_statement_that_waits_too_long_is_unavailable() {
    let Some(database) = Database::migrated().await else { return };
    let (_server, request, _blocker) = stuck_request(&database, "0s").await;
    assert_eq!(request.await.unwrap().expect(503)["error"]["code"], "unavailable");
}

/// What the server answers to these bytes, up to the end of the connection.
async fn answer_to(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("the server ends it").unwrap();
    answer
}

#[tokio::test]
async fn a_client_that_goes_silent_is_let_go() {
    let program = Program::new(["serve", "--bind", "127.0.0.1:0", "--client-timeout", "100ms"])
        .env("DATABASE_NAME", "shop")
        .env("DATABASE_USER", "shop")
        .env("DATABASE_HOST", "127.0.0.1")
        .env("BODY_TIMEOUT", "100ms");
    let server = Server::start(program).await;
    for head in ["", "GET /hea", "GET /health HTTP/1.1\r\nHost: x\r\n"] {
        let answer = answer_to(&server, head.as_bytes()).await;
        assert!(!answer.contains("200 OK"), "{head:?}: {answer}");
    }
    let half =
        "POST /carts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = answer_to(&server, half.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("too_slow"), "{answer}");
    let kept = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = answer_to(&server, kept.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_half_request_does_not_hold_up_the_end() {
    let Some(database) = Database::create().await else { return };
    let program = database.app(["serve", "--bind", "127.0.0.1:0", "--shutdown-deadline", "50s"]);
    let mut server = Server::start(program).await;
    let mut open = Vec::new();
    for bytes in ["", "GET /health HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
        stream.write_all(bytes.as_bytes()).await.unwrap();
        open.push(stream);
    }
    server.get("/health").await.expect(200);
    server.signal(Signal::SIGTERM);
    server.line("SIGTERM: finishing requests under way").await;
    server.end().await.expect_exit(0);
}

#[tokio::test]
async fn a_database_that_takes_no_connections_is_unavailable() {
    let Some(database) = Database::migrated().await else { return };
    let server = Server::of(&database).await;
    let administrator = database.server.connect("postgres").await.unwrap();
    let close = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name);
    administrator.batch_execute(&close).await.unwrap();
    server.get("/ready").await.expect(503);
    assert_eq!(server.get("/products").await.expect(503)["error"]["code"], "unavailable");
    let open = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name);
    administrator.batch_execute(&open).await.unwrap();
    server.get("/products").await.expect(200);
}
