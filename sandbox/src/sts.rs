//! STS, which still speaks the AWS Query protocol: form in, XML out.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::answer::AwsError;
use crate::github_oidc::{Claims, ISSUER};
use crate::world::World;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// DurationSeconds (AssumeRoleWithWebIdentity); the most is the role's, an hour unless it says more.
const DURATIONS: std::ops::RangeInclusive<u64> = 900..=3600;
const DEFAULT_DURATION: u64 = 3600;

/// Returns whether nobody signs the operation.
pub fn is_unsigned(operation: &str) -> bool {
    operation == "AssumeRoleWithWebIdentity"
}

/// Answers `principal`, the ARN of the caller, with the XML of a successful answer.
pub fn handle(
    world: &World,
    principal: &str,
    operation: &str,
    input: &Value,
    request_id: &str,
) -> Result<String, AwsError> {
    let result = match operation {
        "GetCallerIdentity" => format!(
            "<Arn>{}</Arn><UserId>AROASANDBOXSANDBOX000:{}</UserId><Account>{}</Account>",
            escape(principal),
            escape(principal.rsplit('/').next().unwrap_or_default()),
            world.options.account,
        ),
        "AssumeRoleWithWebIdentity" => assume_role(world, input)?,
        _ => {
            return Err(AwsError::client(
                "InvalidAction",
                format!("Could not find operation {operation} for version 2011-06-15"),
            ));
        }
    };
    Ok(format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ))
}

fn assume_role(world: &World, input: &Value) -> Result<String, AwsError> {
    let text = |member: &str| input[member].as_str().unwrap_or_default();
    let (arn, name, token) = (text("RoleArn"), text("RoleSessionName"), text("WebIdentityToken"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(20..=2048).contains(&arn.len()) || !(2..=64).contains(&name.len()) || !name.chars().all(allowed) {
        let message = "Value at 'roleArn' or 'roleSessionName' failed to satisfy constraint";
        return Err(AwsError::client("ValidationError", message));
    }
    let duration = match input["DurationSeconds"].as_str() {
        None => DEFAULT_DURATION,
        Some(text) => text.parse().ok().filter(|seconds| DURATIONS.contains(seconds)).ok_or_else(|| {
            AwsError::client(
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )
        })?,
    };
    let claims = checked(world, token)?;
    let role = arn.strip_prefix(&format!("arn:aws:iam::{}:role/", world.options.account)).unwrap_or_default();
    if !world.sessions.trusts(role, &claims.subject) {
        // STS does not distinguish a role that is not there from one that does not trust the token.
        let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
        return Err(AwsError { status: 403, ..AwsError::client("AccessDenied", message) });
    }
    let now = world.clock.now();
    let session = world.sessions.begin(&world.ids, role, name, Duration::from_secs(duration), now);
    let expiration = Timestamp::from_second(session.expires_at / 1000).unwrap_or_default();
    Ok(format!(
        "<SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken><Audience>{}</Audience>\
         <AssumedRoleUser><AssumedRoleId>AROASANDBOXSANDBOX000:{name}</AssumedRoleId><Arn>{}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         <Provider>arn:aws:iam::{}:oidc-provider/{ISSUER}</Provider>",
        escape(&claims.subject),
        escape(&claims.audience),
        escape(&world.assumed_role(&session.principal)),
        session.access_key,
        session.secret_key,
        session.token,
        world.options.account,
    ))
}

/// Returns the claims of a token that GitHub issued for STS, and that still lasts.
fn checked(world: &World, token: &str) -> Result<Claims, AwsError> {
    let invalid = |message: &str| Err(AwsError::client("InvalidIdentityToken", message));
    match world.issuer.claims(token) {
        None => invalid(
            "Couldn't retrieve verification key from your identity provider, or the token is not valid",
        ),
        Some(claims) if claims.audience != "sts.amazonaws.com" => invalid("Incorrect token audience"),
        Some(claims) if claims.expires_at * 1000 <= world.clock.now() => {
            Err(AwsError::client("ExpiredTokenException", "Token expired"))
        }
        Some(claims) => Ok(claims),
    }
}

/// Renders an error as Query services send it.
pub fn error(error: &AwsError, request_id: &str) -> String {
    let fault = if error.status < 500 { "Sender" } else { "Receiver" };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type>\
         <Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(&error.code),
        escape(&error.message),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
