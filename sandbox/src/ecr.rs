//! The ECR API over the sandbox's registry, in AWS JSON 1.1 terms.

mod errors;
mod images;
mod layers;
mod pull_through;
mod repositories;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{Answer, AwsError};
use crate::registry::Registry;

/// Answers one ECR operation (`AmazonEC2ContainerRegistry_V20150921.OPERATION`).
pub fn handle(registry: &Registry, operation: &str, input: &Value) -> Answer {
    if let Some(id) = input["registryId"].as_str().filter(|id| *id != registry.account()) {
        return Err(of_another_account(registry, id, operation, input));
    }
    match operation {
        "GetAuthorizationToken" => authorization_token(registry),
        "CreateRepository" => repositories::create(registry, input),
        "DeleteRepository" => repositories::delete(registry, input),
        "DescribeRepositories" => repositories::describe(registry, input),
        "CreatePullThroughCacheRule" => pull_through::create(registry, input),
        "DescribePullThroughCacheRules" => pull_through::describe(registry, input),
        "ListImages" => images::list(registry, input),
        "DescribeImages" => images::describe(registry, input),
        "BatchGetImage" => images::batch_get(registry, input),
        "PutImage" => images::put(registry, input),
        "BatchCheckLayerAvailability" => layers::check(registry, input),
        "InitiateLayerUpload" => layers::begin(registry, input),
        "UploadLayerPart" => layers::append(registry, input),
        "CompleteLayerUpload" => layers::finish(registry, input),
        "GetDownloadUrlForLayer" => layers::download_url(registry, input),
        _ => Err(AwsError::unknown_operation()),
    }
}

/// Refuses a call: another account's registry has none of the repositories that are here, and lists nothing to this
/// one.
fn of_another_account(registry: &Registry, id: &str, operation: &str, input: &Value) -> AwsError {
    let name = input["repositoryName"].as_str().or_else(|| strings(input, "repositoryNames").next());
    match name {
        Some(name) => AwsError::client(
            "RepositoryNotFoundException",
            format!("The repository with name '{name}' does not exist in the registry with id '{id}'"),
        ),
        None => AwsError::client(
            "AccessDeniedException",
            format!(
                "User: arn:aws:sts::{}:assumed-role/sandbox is not authorized to perform: ecr:{operation} on \
                 resource: arn:aws:ecr:{}:{id}:repository/* because no resource-based policy allows the \
                 ecr:{operation} action",
                registry.account(),
                registry.region()
            ),
        ),
    }
}

fn authorization_token(registry: &Registry) -> Answer {
    let password = registry.issue_password().map_err(|error| AwsError::server(error.to_string()))?;
    Ok(json!({"authorizationData": [{
        "authorizationToken": BASE64_STANDARD.encode(format!("AWS:{}", password.secret)),
        "expiresAt": epoch(password.expires_at),
        "proxyEndpoint": format!("http://{}", registry.host()),
    }]}))
}

/// Reads a required string member.
fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, AwsError> {
    input[member].as_str().ok_or_else(|| {
        invalid(format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"))
    })
}

fn repository_name(input: &Value) -> Result<&str, AwsError> {
    text(input, "repositoryName")
}

fn strings<'a>(input: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    input[member].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::client("InvalidParameterException", message)
}

/// Returns the seconds since 1970, as AWS JSON 1.1 writes a timestamp.
fn epoch(time: Timestamp) -> f64 {
    // Millisecond precision fits a double for the next 280,000 years.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
    let milliseconds = time.as_millisecond() as f64;
    milliseconds / 1000.0
}

/// Answers one page of `items` under `member`, with ECR's `nextToken` when there are more.
fn page(input: &Value, member: &str, items: Vec<Value>, default: usize) -> Answer {
    let from = match input["nextToken"].as_str() {
        None => 0,
        Some(token) => position(token).ok_or_else(|| {
            invalid("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid nextToken'")
        })?,
    };
    let limit = match input["maxResults"].as_u64() {
        None => default,
        Some(limit @ 1..=1000) => limit as usize,
        Some(_) => {
            return Err(invalid(
                "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must be between 1 and 1000'",
            ));
        }
    };
    let total = items.len();
    let page: Vec<Value> = items.into_iter().skip(from).take(limit).collect();
    let to = from + page.len();
    let mut answer = json!({member: page});
    if to < total {
        answer["nextToken"] = BASE64_STANDARD.encode(to.to_string()).into();
    }
    Ok(answer)
}

fn position(token: &str) -> Option<usize> {
    String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?.parse().ok()
}
