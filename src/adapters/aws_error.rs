//! What an SDK's error means to the person who reads it.

use std::error::Error;

use anyhow::anyhow;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use self::passing::Passing;
use crate::failure::{Failure, Recourse};
use crate::ports::{Call, Lookup};

pub(super) mod denial;
pub(super) mod passing;
mod refusals;

/// Returns `None` when AWS answers with this exception and its message has one of these texts, which are lowercase.
/// The exception alone says little: the same name stands over "slow down".
#[expect(clippy::result_large_err, reason = "the SDK's own error, on its way to `Aws::call`")]
pub fn unless_said<T, E: ProvideErrorMetadata>(
    exception: &str,
    texts: &[&str],
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Option<T>, SdkError<E, HttpResponse>> {
    let says = |error: &SdkError<E, HttpResponse>| {
        let message = error.message().unwrap_or_default().to_lowercase();
        passing::passing(&message).is_none() && texts.iter().any(|text| message.contains(text))
    };
    match answer {
        Err(error) if error.code() == Some(exception) && says(&error) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Turns the exception `absent` and a denial into a [`Lookup`]; other errors stay errors.
#[expect(clippy::result_large_err, reason = "the SDK's own error, on its way to `Aws::call`")]
pub fn looked_up<T, E>(
    call: Call,
    doing: &str,
    absent: &str,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<Lookup<T>, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Lookup::Found(answer)),
        Err(error) => match error.code() {
            Some(code) if code == absent => Ok(Lookup::Absent),
            Some("AccessDeniedException") => Ok(Lookup::Denied(failed(call, doing, error))),
            _ => Err(error),
        },
    }
}

/// Returns `None` when AWS answers with this exception.
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

/// Makes the failure of `call`; `doing` says what was done with which resource ("describe cluster x").
pub fn failed<E>(call: Call, doing: &str, error: SdkError<E, HttpResponse>) -> anyhow::Error
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let is_server_error = answer.raw().status().is_server_error();
            answered(call, doing, Answer { code: error.code(), message: error.message(), is_server_error })
                .into()
        }
        SdkError::TimeoutError(_) => no_answer(call, doing, "no answer before the deadline"),
        SdkError::ResponseError(_) => unreadable(call, doing, &innermost(&error)).into(),
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

/// An exception that AWS answered with.
#[derive(Clone, Copy)]
struct Answer<'a> {
    code: Option<&'a str>,
    message: Option<&'a str>,
    /// HTTP 500 and above.
    is_server_error: bool,
}

/// Makes the failure of an exception, by its message where AWS has one name for many things.
fn answered(call: Call, doing: &str, answer: Answer<'_>) -> Failure {
    let code = answer.code.unwrap_or("an error without a name");
    let message = answer.message.unwrap_or_default();
    let said = || match message {
        "" => code.to_owned(),
        message => format!("{code}: {message}"),
    };
    match code {
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => denied(call, doing, message),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            Failure::service(format!("{doing}: the AWS credentials have expired")).hint(
                "renew them and run again: what is migrated stays migrated. In GitHub Actions, --role-to-assume renews \
                 them while the run goes on; configure-aws-credentials cannot, and has role-duration-seconds",
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
        _ if passing::is_throttling(code) => throttled(call, doing, said()),
        // Whether such a call had an effect is not known, whatever its text says.
        "ServerException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => server_error(doing, &said()),
        _ if answer.is_server_error => server_error(doing, &said()),
        _ if denial::is_denial(message) => denied(call, doing, message),
        _ => match passing::passing(message) {
            Some(Passing::Throttled) => throttled(call, doing, said()),
            Some(Passing::Busy) => busy(doing, &said()),
            None => Failure::service(format!("{doing}: {}", said())).hint(refusals::hint(call, code, message)),
        },
    }
}

/// Makes the failure of a refusal that AWS answers as a text, without an exception. Returns `None` for a refusal that
/// would be the same the next time.
pub fn passing_failure(call: Call, doing: &str, text: &str) -> Option<Failure> {
    Some(match passing::passing(text)? {
        Passing::Throttled => throttled(call, doing, text.to_owned()),
        Passing::Busy => busy(doing, text),
    })
}

fn busy(doing: &str, said: &str) -> Failure {
    Failure::service(format!("{doing}: {said}")).hint("run again a little later").transient()
}

fn denied(call: Call, doing: &str, message: &str) -> Failure {
    Failure::service(format!("{doing}: access denied"))
        .hint(denial::hint(call, message))
        .evidence([message.to_owned()])
}

fn server_error(doing: &str, said: &str) -> Failure {
    Failure::service(format!("{doing}: {said}")).hint("run again: AWS failed").transient()
}

fn throttled(call: Call, doing: &str, said: String) -> Failure {
    Failure::service(format!("{doing}: {} still throttles this run after retries", call.service))
        .hint(format!(
            "other callers in this account use the quota of {}; lower --api-share and --max-parallel, or run again later",
            call.action
        ))
        .evidence([said])
        .recourse(Recourse::SlowDown)
}

/// Makes the failure of a call whose answer cannot be read: the call may have had its effect.
fn unreadable(call: Call, doing: &str, why: &str) -> Failure {
    Failure::service(format!("{doing}: the answer of {} cannot be read: {why}", call.service))
        .hint(
            "check what stands between: a proxy, or what AWS_ENDPOINT_URL names; where the answer is AWS's own, try a newer \
             version of fargate-migrate",
        )
        .transient()
}

fn no_answer(call: Call, doing: &str, why: &str) -> anyhow::Error {
    Failure::service(format!("{doing}: {} did not answer: {why}", call.service))
        .hint(
            "check the network, the region, and AWS_ENDPOINT_URL if it is set; --call-timeout raises the deadline",
        )
        .transient()
        .into()
}

/// Makes the failure to find credentials, with what each provider said.
pub fn credentials_failure(why: impl IntoIterator<Item = String>) -> Failure {
    Failure::input("no AWS credentials found")
        .hint(
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; in GitHub Actions pass --role-to-assume \
             (or run aws-actions/configure-aws-credentials first), with `permissions: id-token: write`",
        )
        .evidence(why)
}

/// Finds the failure that something below the SDK has made, if there is one: it says what a person can fix.
pub fn said<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Failure> {
    chain(error).find_map(|cause| cause.downcast_ref())
}

/// Returns the text of an error's last cause: the SDK's outer ones say "dispatch failure".
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

pub(super) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Makes the error of an answer that lacks what AWS documents as always there.
pub fn incomplete(call: Call, doing: &str, missing: &str) -> anyhow::Error {
    anyhow!("{doing}: the answer of {} has no {missing}", call.action)
}

#[cfg(test)]
mod tests;
