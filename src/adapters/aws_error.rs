//! What an SDK's error means to the person who reads it.

use std::error::Error;

use anyhow::anyhow;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::failure::Failure;
use crate::ports::Call;

/// None when AWS answers with this exception.
#[expect(clippy::result_large_err, reason = "the SDK's own error, on its way to `Aws::call`")]
pub fn unless<T, E: ProvideErrorMetadata>(
    exception: &str,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>, SdkError<E, HttpResponse>> {
    match answer {
        Err(error) if error.code() == Some(exception) => Ok(None),
        answer => answer.map(Some),
    }
}

/// The failure of `call`; `doing` is what we were doing with which resource ("describe cluster x").
pub fn failed<E>(call: Call, doing: &str, error: SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(_) => answered(call, doing, error.code(), error.message()).into(),
        SdkError::TimeoutError(_) => no_answer(call, doing, "no answer before the deadline"),
        _ => {
            // A session that could not be renewed, or a proxy, has said what is wrong itself.
            if let Some(failure) = said(&error) {
                return failure.clone().while_doing(doing).into();
            }
            if let Some(cause) = chain(&error).find(|cause| cause.is::<CredentialsError>()) {
                return credentials_failure([innermost(cause)]).into();
            }
            no_answer(call, doing, &innermost(&error))
        }
    }
}

/// What an exception that AWS answered with means.
fn answered(call: Call, doing: &str, code: Option<&str>, message: Option<&str>) -> Failure {
    let code = code.unwrap_or("an error without a name");
    let message = message.unwrap_or_default();
    match code {
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => {
            let resource = resource_in(message).unwrap_or_else(|| "*".to_owned());
            Failure::service(format!("{doing}: access denied"))
                .hint(format!("allow {} on {resource} for the role or user that runs this", call.action))
                .evidence([message.to_owned()])
        }
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            Failure::service(format!("{doing}: the AWS credentials have expired")).hint(
                "renew them and run again: what is migrated stays migrated. In GitHub Actions, --role-to-assume renews \
                 them while the run goes on; configure-aws-credentials can not, and has role-duration-seconds",
            )
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidClientTokenIdException"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException" => Failure::input(format!(
            "{doing}: AWS refuses the credentials ({code})"
        ))
        .hint("check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or sign in again"),
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" => {
            let failure = Failure::service(format!(
                "{doing}: {} still throttles us after retries",
                call.service
            ))
            .hint(format!(
                "other callers in this account use the quota of {}; lower --api-share and --max-parallel, or run \
                 again later",
                call.action
            ));
            Failure { throttled: true, ..failure.transient() }
        }
        "ServerException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => {
            Failure::service(format!("{doing}: {code}: {message}")).hint("AWS failed; run again").transient()
        }
        _ if message.is_empty() => Failure::service(format!("{doing}: {code}")),
        _ => Failure::service(format!("{doing}: {code}: {message}")),
    }
}

fn no_answer(call: Call, doing: &str, why: &str) -> anyhow::Error {
    Failure::service(format!("{doing}: {} did not answer: {why}", call.service))
        .hint(
            "check the network, the region, and AWS_ENDPOINT_URL if it is set; --call-timeout raises the deadline",
        )
        .transient()
        .into()
}

/// The resource that an AccessDeniedException names: "… is not authorized to perform: A on resource: R because …".
/// A policy for one log stream would be denied for the next: those of a group are allowed together.
fn resource_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("on resource: ")?;
    let resource = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    Some(match resource.split_once(":log-stream:") {
        Some((group, _)) => format!("{group}:*"),
        None => resource.to_owned(),
    })
}

/// The failure to find credentials, with what each provider said.
pub fn credentials_failure(why: impl IntoIterator<Item = String>) -> Failure {
    Failure::input("no AWS credentials found")
        .hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; in GitHub Actions pass --role-to-assume \
             (or run aws-actions/configure-aws-credentials first), with `permissions: id-token: write`",
        )
        .evidence(why)
}

/// What a person can fix, when something below the SDK has found it.
pub fn said<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Failure> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// The last cause of an error: the SDK's outer ones say "dispatch failure".
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// An answer that lacks what AWS documents as always there.
pub fn incomplete(call: Call, doing: &str, missing: &str) -> anyhow::Error {
    anyhow!("{doing}: the answer of {} has no {missing}", call.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_denied_names_the_action_and_the_resource() {
        let failure = answered(
            Call::GET_LOG_EVENTS,
            "read log stream a/b/c",
            Some("AccessDeniedException"),
            Some(
                "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: \
                 logs:GetLogEvents on resource: arn:aws:logs:us-east-1:123456789012:log-group:/ecs/x:log-stream:a \
                 because no identity-based policy allows the logs:GetLogEvents action",
            ),
        );
        assert_eq!(failure.message, "read log stream a/b/c: access denied");
        assert_eq!(
            failure.hint.as_deref(),
            Some(
                "allow logs:GetLogEvents on \
                 arn:aws:logs:us-east-1:123456789012:log-group:/ecs/x:* for the role or user that runs this"
            )
        );
    }

    #[test]
    fn each_family_of_errors_says_what_to_do() {
        for (code, expected) in [
            ("ExpiredTokenException", "the AWS credentials have expired"),
            ("UnrecognizedClientException", "AWS refuses the credentials"),
            ("ThrottlingException", "still throttles us"),
        ] {
            let failure = answered(Call::RUN_TASK, "run task", Some(code), Some("x"));
            assert!(failure.message.contains(expected), "{code}: {failure}");
            assert!(failure.hint.is_some(), "{code}");
        }
        assert_eq!(
            answered(Call::RUN_TASK, "run task", Some("ServerException"), Some("x")).message,
            "run task: ServerException: x"
        );
        assert!(answered(Call::RUN_TASK, "run task", Some("ServerException"), Some("x")).transient);
        assert!(!answered(Call::RUN_TASK, "run task", Some("ClientException"), Some("x")).transient);
    }
}
