//! A running `app serve`, and requests to it.

use super::database::Database;
use super::program::{Program, Run, Running};
use nix::sys::signal::Signal;
use serde_json::Value;

pub struct Server {
    running: Running,
    pub url: String,
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Server {
    pub async fn of(database: &Database) -> Self {
        Self::start(database.app(["serve", "--bind", "127.0.0.1:0"])).await
    }

    pub async fn start(program: Program) -> Self {
        let mut running = program.start();
        let line = running.line("listening on ").await;
        let url = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { running, url }
    }

    pub fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// Reads stdout up to a line with `text` in it.
    pub async fn line(&mut self, text: &str) {
        self.running.line(text).await;
    }

    /// Waits for the end that a signal has asked for.
    pub async fn end(self) -> Run {
        self.running.end().await
    }

    pub async fn get(&self, path: &str) -> Answer {
        request("GET", format!("{}{path}", self.url), None, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        request("POST", format!("{}{path}", self.url), None, Some(body)).await
    }

    pub fn post_order(&self, key: &str, body: Value) -> impl Future<Output = Answer> + Send + 'static {
        request("POST", format!("{}/orders", self.url), Some(key.to_owned()), Some(body))
    }
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }
}

async fn request(method: &'static str, url: String, key: Option<String>, body: Option<Value>) -> Answer {
    tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(super::DEADLINE))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(url);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let mut answer = match body {
            Some(body) => {
                let request = request.header("Content-Type", "application/json");
                agent.run(request.body(body.to_string()).unwrap()).unwrap()
            }
            None => agent.run(request.body(()).unwrap()).unwrap(),
        };
        Answer { status: answer.status().as_u16(), body: answer.body_mut().read_json().unwrap() }
    })
    .await
    .unwrap()
}
