//! An address that a deployed service answers at: one GET, by the proxies of this process.

use std::time::Duration;

use anyhow::Result;
use reqwest::Url;
use reqwest::redirect::{Action, Attempt, Policy};
use tokio::time::Instant;

use super::aws_error::innermost;
use super::proxy::Proxies;
use super::{Aws, call_log};
use crate::failure::Failure;
use crate::ports::{AddressReads, HttpAnswer};
use crate::untrusted::phrase;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The whole of an answer, redirects included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;
/// Bytes of a body that are read: a commit stands in it early.
const MAX_ANSWER: usize = 64 * 1024;

impl AddressReads for Aws {
    async fn get(&self, url: &str) -> Result<HttpAnswer> {
        get(&Proxies::of_this_process()?, url).await
    }
}

/// Asks `url` once, over a connection of its own: behind one address there may be many tasks.
async fn get(proxies: &Proxies, url: &str) -> Result<HttpAnswer> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or_else(|| {
        Failure::input("the address to ask is not an http:// or https:// address")
            .hint("correct --health-url")
    })?;
    let host = phrase(url.host_str().unwrap_or_default());
    let client = proxies
        .reqwest()?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(ANSWER_TIMEOUT)
        .redirect(Policy::custom(redirected))
        // It would pass the query of one address on to the next.
        .referer(false)
        .pool_max_idle_per_host(0)
        .build()?;
    let failed = |error: reqwest::Error| -> anyhow::Error {
        if let Some(failure) = proxies.failure_of(&error) {
            return failure.into();
        }
        let is_redirect = error.is_redirect();
        let what = match () {
            () if is_redirect => "redirects",
            () if error.is_connect() => "cannot be reached from here:",
            () if error.is_timeout() => "did not answer in time:",
            () => "gave no answer that can be read:",
        };
        let why = phrase(&innermost(&error.without_url()));
        let failure = Failure::service(format!("{host} {what} {why}"));
        if is_redirect {
            return failure
                .hint("let --health-url be an address that the service itself answers, such as one without a login")
                .transient()
                .into();
        }
        failure
            .hint("check --health-url, and that this network reaches it: a private address does not answer a hosted runner")
            .transient()
            .into()
    };
    let began = Instant::now();
    let answer = client.get(url).send().await;
    let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    call_log::told("--health-url", status, began, 1);
    let mut answer = answer.map_err(failed)?;
    let headers = answer.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    let mut body = Vec::new();
    while body.len() < MAX_ANSWER
        && let Some(chunk) = answer.chunk().await.map_err(failed)?
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(MAX_ANSWER);
    Ok(HttpAnswer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Follows up to five redirects, to the same host alone and never from https to http: another host's answer, such as
/// that of a login page, says nothing about the service.
fn redirected(attempt: Attempt<'_>) -> Action {
    let (to, from) = (attempt.url(), attempt.previous().first());
    let is_same_host = from.is_some_and(|from| from.host_str() == to.host_str());
    let is_weaker = from.is_some_and(|from| from.scheme() == "https") && to.scheme() != "https";
    if !is_same_host {
        let host = phrase(to.host_str().unwrap_or_default());
        return attempt.error(format!("to another host, {host}"));
    }
    if is_weaker {
        return attempt.error("from https:// to http://");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too often");
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::http::HeaderMap;
    use axum::response::Redirect;
    use axum::routing;
    use tokio::net::TcpListener;

    use super::*;

    async fn served() -> SocketAddr {
        let routes = Router::new()
            .route("/ready", routing::get(|| async { ([("x-commit", "abc")], "fine") }))
            .route("/long", routing::get(|| async { "x".repeat(3 * MAX_ANSWER) }))
            .route("/moved", routing::get(|| async { Redirect::temporary("/ready") }))
            .route(
                "/referer",
                routing::get(|headers: HeaderMap| async move { format!("{:?}", headers.get("referer")) }),
            )
            .route("/refers", routing::get(|| async { Redirect::temporary("/referer") }))
            .route(
                "/login",
                routing::get(|headers: HeaderMap| async move {
                    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
                    let port = host.rsplit(':').next().unwrap_or_default();
                    Redirect::temporary(&format!("http://localhost:{port}/ready?then=hunter2"))
                }),
            )
            .route("/round", routing::get(|| async { Redirect::temporary("/round") }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { drop(axum::serve(listener, routes).await) });
        address
    }

    async fn asked(url: &str) -> Result<HttpAnswer, String> {
        let proxies = Proxies::from_environment(&|_| None).expect("no proxies");
        get(&proxies, url).await.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn an_answer_has_status_headers_and_the_beginning_of_its_body() {
        let address = served().await;
        let ready = asked(&format!("http://{address}/moved")).await.expect("an answer");
        assert_eq!((ready.status, ready.body.as_str()), (200, "fine"));
        assert!(ready.headers.contains(&("x-commit".into(), "abc".into())), "{ready:?}");
        let long = asked(&format!("http://{address}/long")).await.expect("an answer");
        assert_eq!(long.body.len(), MAX_ANSWER);
        assert_eq!(asked(&format!("http://{address}/nothing")).await.expect("an answer").status, 404);
        let round = asked(&format!("http://{address}/round?token=hunter2")).await.expect_err("a circle");
        assert!(round.contains("redirects too often") && !round.contains("hunter2"), "{round}");
    }

    #[tokio::test]
    async fn a_redirect_stays_on_its_host_and_tells_nothing_of_where_it_is_from() {
        let address = served().await;
        let login = asked(&format!("http://{address}/login?token=hunter3")).await.expect_err("a login page");
        assert!(login.starts_with("127.0.0.1 redirects to another host, localhost"), "{login}");
        assert!(!login.contains("hunter"), "{login}");
        let seen = asked(&format!("http://{address}/refers?token=hunter2")).await.expect("an answer");
        assert_eq!((seen.status, seen.body.as_str()), (200, "None"));
    }

    #[tokio::test]
    async fn what_cannot_be_reached_is_said_and_no_secret_of_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let said = asked(&format!("http://user:hunter2@{address}/?token=hunter3"))
            .await
            .expect_err("nobody is there");
        assert!(said.contains("127.0.0.1 cannot be reached from here"), "{said}");
        assert!(!said.contains("hunter"), "{said}");
        let refused = asked("file:///etc/passwd").await.expect_err("no address");
        assert!(refused.contains("not an http:// or https:// address"), "{refused}");
    }
}
