//! One HTTP port for all services.

mod answers;
mod denial;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::{self, HeaderMap, StatusCode};
use axum::middleware;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;

use crate::answer::{Answer, AwsError};
use crate::calls::{Call, Wire};
use crate::faults::Disturbance;
use crate::region::Region;
use crate::world::World;
use crate::{ecr, ecs, github_oidc, logs, registry, secrets, sts, tagging};
use request::{Protocol, Request};

/// UploadLayerPart carries 20 MiB in base64.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// Serves the AWS APIs at `/`, the registry at `/v2/`, and GitHub's OIDC tokens at `/github/idtoken`.
pub fn router(world: Arc<World>) -> Router {
    let note = middleware::from_fn_with_state(world.clone(), note_registry);
    let registry = registry::router(world.registry.clone()).layer(note);
    let github = github_oidc::router(world.clone());
    Router::new()
        .route("/", post(aws).layer(DefaultBodyLimit::max(LARGEST_BODY)))
        .route("/health", get(|| async { "ok" }))
        .with_state(world)
        .merge(registry)
        .merge(github)
}

/// What comes back for one request.
pub(crate) enum Reply {
    Answer(http::Response<String>),
    /// The connection ends without a full answer.
    Dropped,
    /// No answer, ever.
    Silence,
}

async fn note_registry(
    State(world): State<Arc<World>>,
    request: extract::Request,
    next: middleware::Next,
) -> Response {
    world.calls.note_registry(request.method().as_str(), request.uri().path(), request.headers());
    next.run(request).await
}

async fn aws(State(world): State<Arc<World>>, headers: HeaderMap, body: Bytes) -> Response {
    match reply(&world, &headers, &body) {
        Reply::Answer(answer) => answer.map(Body::from),
        Reply::Dropped => dropped(),
        Reply::Silence => std::future::pending().await,
    }
}

/// Answers a request of one of the AWS APIs, however it came here.
pub(crate) fn reply(world: &Arc<World>, headers: &HeaderMap, body: &[u8]) -> Reply {
    let request_id = world.ids.uuid();
    let request = match Request::read(headers, body) {
        Ok(request) => request,
        Err(error) => return Reply::Answer(answers::json(Err(error), &request_id)),
    };
    let note = |status: u16, error_code: Option<String>, answer: Option<&http::Response<String>>| {
        let call = Call {
            service: request.service.clone(),
            operation: request.operation.clone(),
            input: request.input.clone(),
            status,
            error_code,
            at: world.clock.now(),
        };
        world.calls.add(call, world.clock.elapsed(), &Wire { headers, body, answer });
    };
    let disturbance = world.faults.on_call(&request.action());
    let answer = match &disturbance {
        Some(Disturbance::Hang) => {
            note(0, None, None);
            return Reply::Silence;
        }
        Some(Disturbance::DropBefore) => {
            note(0, None, None);
            return Reply::Dropped;
        }
        disturbance => match authenticate(world, headers, &request) {
            Err(error) => Err(error),
            Ok(caller) => match disturbed(world, &caller, &request, disturbance.as_ref()) {
                Some(error) => Err(error),
                None => dispatch(world, &caller, &request, &request_id),
            },
        },
    };
    let status = answer.as_ref().map_or_else(|error| error.status, |_| 200);
    let error_code = answer.as_ref().err().map(|error| error.code.clone());
    if disturbance == Some(Disturbance::DropAfter) {
        note(0, error_code, None);
        return Reply::Dropped;
    }
    if disturbance == Some(Disturbance::MalformedBody) {
        note(status, error_code, None);
        let output = answer.unwrap_or_else(|error| answers::error_document(&error));
        return Reply::Answer(answers::malformed(&output, &request_id));
    }
    let response = match request.protocol {
        Protocol::Json => answers::json(answer, &request_id),
        Protocol::Query => answers::query(answer, &request_id),
    };
    note(status, error_code, Some(&response));
    Reply::Answer(response)
}

/// Makes a response that ends before its body does.
fn dropped() -> Response {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let stream = futures::stream::once(async move { Err::<Bytes, _>(broken) });
    let mut response = Response::new(Body::from_stream(stream));
    *response.status_mut() = StatusCode::OK;
    response
}

/// Who asks, and in which Region.
struct Caller {
    principal: String,
    region: Arc<Region>,
}

fn authenticate(world: &World, headers: &HeaderMap, request: &Request) -> Result<Caller, AwsError> {
    let region = |name: &str| world.region(name).map_err(|error| AwsError::server(format!("{error:#}")));
    if request.service == "sts" && sts::is_unsigned(&request.operation) {
        return Ok(Caller { principal: "anonymous".into(), region: region(&world.options.region)? });
    }
    let scope = request::Scope::read(headers)?;
    let principal = if scope.access_key == crate::world::ACCESS_KEY {
        world.principal()
    } else {
        match world.sessions.of_call(&scope.access_key, scope.session_token.as_deref()) {
            None => {
                let code = match request.protocol {
                    Protocol::Json => "UnrecognizedClientException",
                    Protocol::Query => "InvalidClientTokenId",
                };
                return Err(bad_token(request, code, "invalid."));
            }
            Some(session) if session.expires_at <= world.clock.now() => {
                return Err(bad_token(request, common(request, "ExpiredTokenException"), "expired"));
            }
            Some(session) => world.assumed_role(&session.principal),
        }
    };
    Ok(Caller { principal, region: region(&scope.region)? })
}

fn bad_token(request: &Request, code: &str, what: &str) -> AwsError {
    let error = AwsError::client(code, format!("The security token included in the request is {what}"));
    let status = if request.protocol == Protocol::Query { 403 } else { error.status };
    AwsError { status, ..error }
}

/// Returns the name of a common error: those of the Query protocol are without `Exception`.
fn common(request: &Request, code: &'static str) -> &'static str {
    match request.protocol {
        Protocol::Json => code,
        Protocol::Query => code.trim_end_matches("Exception"),
    }
}

fn disturbed(
    world: &World,
    caller: &Caller,
    request: &Request,
    disturbance: Option<&Disturbance>,
) -> Option<AwsError> {
    let name = |code| common(request, code);
    let throttled = || AwsError::client(name("ThrottlingException"), "Rate exceeded");
    match disturbance {
        Some(Disturbance::Throttle) => Some(throttled()),
        Some(Disturbance::ServerError) => Some(server_error(&request.service)),
        Some(Disturbance::ExpiredToken) => Some(AwsError::client(
            name("ExpiredTokenException"),
            "The security token included in the request is expired",
        )),
        Some(Disturbance::AccessDenied) => {
            let denied = denial::access_denied(&caller.principal, &caller.region, request);
            Some(AwsError { code: name("AccessDeniedException").into(), ..denied })
        }
        Some(Disturbance::Error { code, message }) => Some(AwsError::client(code, message)),
        _ if !world.quotas.admit(&request.action()) => Some(throttled()),
        _ => None,
    }
}

/// Makes a service's error for what is its own fault: each service has a name of its own for it.
fn server_error(service: &str) -> AwsError {
    let (code, status) = match service {
        "logs" => ("ServiceUnavailableException", 503),
        "secretsmanager" => ("InternalServiceError", 500),
        "tag" => ("InternalServiceException", 500),
        "sts" => ("InternalFailure", 500),
        _ => ("ServerException", 500),
    };
    AwsError { status, code: code.into(), ..AwsError::server("An internal error occurred.") }
}

fn dispatch(world: &Arc<World>, caller: &Caller, request: &Request, request_id: &str) -> Answer {
    let (operation, input, region) = (request.operation.as_str(), &request.input, &caller.region);
    match request.service.as_str() {
        "ecs" => ecs::handle(world, region, operation, input),
        "logs" => logs::handle(world, region, operation, input),
        "ecr" => ecr::handle(&region.registry, operation, input),
        "secretsmanager" => secrets::handle(world, region, operation, input),
        "tag" => tagging::handle(region, operation, input),
        "sts" => sts::handle(world, &caller.principal, operation, input, request_id).map(Value::String),
        _ => Err(AwsError::unknown_operation()),
    }
}
