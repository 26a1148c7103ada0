//! What a registry's "no" means, whoever asked: docker prints `denied: <message>`, the registry itself answers
//! `{"errors": [{"code": "DENIED", "message": …}]}`, and both are read here in docker's form.

use std::time::Duration;

use anyhow::Result;

use crate::adapters::aws_error::denial::Denial;
use crate::adapters::aws_error::passing::without_names;
use crate::adapters::docker::output::harmless;
use crate::failure::{Failure, Recourse, is_transient};
use crate::ports::{ImageProgress, ImageTag, PUSH_ACTIONS};

/// How often a push is tried in all; each pause between tries is [`GROWTH`] times the one before.
const TRIES: u32 = 3;
const GROWTH: u32 = 3;

/// Before the second try.
pub const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Tries until it succeeds, fails for good, or has been tried three times. `attempt` gets its number, from 1.
pub async fn retrying<T>(
    progress: &dyn ImageProgress,
    what: &str,
    first_pause: Duration,
    mut attempt: impl AsyncFnMut(u32) -> Result<T>,
) -> Result<T> {
    let mut pause = first_pause;
    for number in 1..TRIES {
        match attempt(number).await {
            Err(error) if is_transient(&error) => {
                progress.note(&format!("{what} failed, next try in {pause:?}: {}", reason(&error)));
                tokio::time::sleep(pause).await;
                pause *= GROWTH;
            }
            ended => return ended,
        }
    }
    attempt(TRIES).await
}

/// Returns the evidence's last line, which says more than the failure's own sentence; without evidence that sentence.
fn reason(error: &anyhow::Error) -> String {
    let evidence = Failure::find(error).and_then(|failure| failure.evidence.last());
    evidence.cloned().unwrap_or_else(|| format!("{error:#}"))
}

/// Reads what docker printed, or a registry answered in docker's form, about a push to `to`.
///
/// Sources of the wordings: ECR's "Common errors with Docker commands", distribution's error codes, net/http.
pub fn read(text: &str, to: &ImageTag) -> Failure {
    let words = own_words(text, to);
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    let image = to.reference();
    let repository = &to.repository.name;

    const UNAUTHORIZED: &[&str] = &[
        "no basic auth credentials",
        "authentication required",
        "unauthorized",
        "incorrect username or password",
    ];
    let failure = if has(UNAUTHORIZED) {
        Failure::service(format!("push {image}: the registry did not accept the credentials"))
            .hint("check that the AWS credentials belong to the account and region of the repository")
    } else if has(&["token has expired"]) {
        Failure::service(format!("push {image}: the registry's login has expired"))
            .hint("run it again: each run logs in anew")
    } else if has(TAG_EXISTS) {
        Failure::service(format!(
            "push {image}: tag {} exists already and repository {repository} is immutable",
            to.tag
        ))
        .hint("use the image that is there with --image, or give another --tag")
        .recourse(Recourse::UseTag)
    } else if has(&["name unknown", "name_unknown", "does not exist in the registry"]) {
        Failure::service(format!("push {image}: repository {repository} does not exist")).hint(format!(
            "create it with `aws ecr create-repository --repository-name {repository}`, or give another \
             --repository"
        ))
    } else if has(&["denied", "not authorized", "forbidden", "not authorised"]) {
        Failure::service(format!("push {image}: denied")).hint(match Denial::read(text) {
            Some(denial) => denial.hint("in the IAM policy and the repository policy"),
            None => format!(
                "allow {} on repository {repository} in the IAM policy and the repository policy",
                PUSH_ACTIONS.join(", ")
            ),
        })
    } else if has(&["no space left on device"]) {
        Failure::service(format!("push {image}: no space left on the disk"))
            .hint("free space where the Docker Engine keeps its data, such as with `docker system prune`")
    } else if has(&["toomanyrequests", "too many requests", "rate exceeded"]) || is_passing(&words) {
        unreachable(to)
    } else if has(&["400 bad request", "http 400", "409 conflict", "412 precondition failed"]) {
        // BuildKit and containerd print the status and swallow the registry's words. Whether the tag is there is
        // looked up.
        Failure::service(format!("push {image}: refused"))
            .hint(format!("see whether repository {repository} is immutable and has tag {} already", to.tag))
            .recourse(Recourse::UseTag)
    } else {
        Failure::service(format!("push {image}: refused"))
            .hint("read the registry's words below; the same push by hand, with docker push, says more")
    };
    failure.evidence(lines(text))
}

/// Makes the failure of the network, or of the registry itself: another try may succeed.
pub fn unreachable(to: &ImageTag) -> Failure {
    Failure::service(format!("push {}: the registry could not be reached, or failed", to.reference()))
        .hint("try again later")
        .transient()
}

/// Reads what a registry answered, in docker's form, to the read of a blob of `image` (`repository@sha256:…`).
pub fn read_refused(text: &str, image: &str) -> Failure {
    let words = without_names(text).to_lowercase();
    let has = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));
    let failure = if has(&["unauthorized", "authentication required"]) {
        Failure::service(format!("read {image}: the registry did not accept the credentials"))
            .hint("check that the AWS credentials belong to the account and region of the repository")
    } else if has(&["denied", "not authorized", "forbidden"]) {
        Failure::service(format!("read {image}: denied")).hint(match Denial::read(text) {
            Some(denial) => denial.hint("in the IAM policy and the repository policy"),
            None => "allow ecr:GetDownloadUrlForLayer on the repository in the IAM policy and the repository policy"
                .to_owned(),
        })
    } else if has(&["toomanyrequests", "too many requests", "rate exceeded"]) || is_passing(&words) {
        unreadable(image)
    } else {
        Failure::service(format!("read {image}: refused"))
            .hint("read the registry's words below; docker pull of the same image says more")
    };
    failure.evidence(lines(text))
}

/// Makes the failure of a read for which another try may succeed.
pub fn unreadable(image: &str) -> Failure {
    Failure::service(format!("read {image}: the registry could not be reached, or failed"))
        .hint("try again later")
        .transient()
}

/// Keeps the first 20 lines that are not blank: a proxy in between may answer with a whole page.
fn lines(text: &str) -> Vec<String> {
    const SHOWN: usize = 20;
    text.lines().filter(|line| !line.trim().is_empty()).take(SHOWN).map(harmless).collect()
}

/// Returns the registry's and docker's own words, lowercase: what is quoted and the image's name are the user's, and
/// a repository may be called anything.
fn own_words(text: &str, to: &ImageTag) -> String {
    let words = without_names(text);
    let own = words.split(' ').filter(|word| !word.contains(&to.repository.uri));
    own.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// ECR: "tag invalid: The image tag 'x' already exists in the 'y' repository and cannot be overwritten because the
/// repository is immutable." (or "the tag is immutable"), and its exception's name.
const TAG_EXISTS: &[&str] = &[
    "cannot be overwritten because",
    "because the repository is immutable",
    "because the tag is immutable",
    "tag is immutable",
    "imagetagalreadyexistsexception",
    "tag invalid: the image tag _ already exists",
];

/// Recognizes network trouble and 5xx, in the words of Go's net/http and of docker.
fn is_passing(words: &str) -> bool {
    const KNOWN: &[&str] = &[
        "timeout",
        "timed out",
        "deadline exceeded",
        "connection refused",
        "connection reset",
        "broken pipe",
        "eof",
        "no such host",
        "temporary failure in name resolution",
        "network is unreachable",
        "server misbehaving",
        "internal server error",
        "bad gateway",
        "service unavailable",
        // docker: "received unexpected HTTP status: 503 Service Unavailable"
        "status code 5",
        "status: 5",
    ];
    KNOWN.iter().any(|known| words.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Repository;
    use crate::progress::Progress;

    const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

    fn to() -> ImageTag {
        let uri = format!("{HOST}/shop/app");
        ImageTag {
            repository: Repository { name: "shop/app".into(), uri, registry: None },
            tag: "abc123".into(),
        }
    }

    fn final_failure(text: &str) -> Failure {
        let failure = read(text, &to());
        assert!(!failure.is_transient(), "{text} is taken for passing: {failure}");
        failure
    }

    #[test]
    fn refusals_have_a_cause_and_a_fix() {
        let denied = "denied: User: arn:aws:sts::123456789012:assumed-role/deploy/x is not authorized to \
                      perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:123456789012:repository/shop/app";
        for (text, message, hint) in [
            ("no basic auth credentials", "did not accept the credentials", "AWS credentials"),
            ("unauthorized: authentication required", "did not accept the credentials", "AWS credentials"),
            (
                "denied: Your authorization token has expired. Reauthenticate and try again.",
                "expired",
                "run it again",
            ),
            (
                "tag invalid: The image tag 'abc123' already exists in the 'shop/app' repository and cannot be \
                 overwritten because the repository is immutable.",
                "tag abc123 exists already",
                "--image",
            ),
            (
                "name unknown: The repository with name 'shop/app' does not exist in the registry with id '1'",
                "repository shop/app does not exist",
                "aws ecr create-repository --repository-name shop/app",
            ),
            (denied, "denied", "allow ecr:InitiateLayerUpload on"),
            ("denied: requested access to the resource is denied", "denied", "ecr:PutImage"),
            ("write /var/lib/docker/tmp: no space left on device", "no space left", "docker system prune"),
        ] {
            let failure = final_failure(text);
            assert!(failure.message.contains(message), "{text}: {}", failure.message);
            assert!(failure.hint.as_deref().unwrap().contains(hint), "{text}: {:?}", failure.hint);
            assert_eq!(failure.evidence, [text]);
        }
    }

    /// docker, BuildKit and the push of this program alike.
    #[test]
    fn a_tag_that_is_there_is_told_from_other_refusals() {
        let named = ImageTag {
            repository: Repository {
                name: "immutable/denied".into(),
                uri: format!("{HOST}/immutable/denied"),
                registry: None,
            },
            tag: "immutable".into(),
        };
        let at = named.reference();
        for (text, expected) in [
            (
                "tag invalid: The image tag 'abc123' already exists in the 'shop/app' repository and cannot be \
                 overwritten because the repository is immutable."
                    .to_owned(),
                Recourse::UseTag,
            ),
            (
                "tag invalid: The image tag 'abc123' already exists in the 'shop/app' repository and cannot be \
                 overwritten because the tag is immutable."
                    .to_owned(),
                Recourse::UseTag,
            ),
            (format!("ERROR: failed to push {at}: unexpected status: 400 Bad Request"), Recourse::UseTag),
            (
                format!(
                    "failed to push {at}: unexpected status from PUT request to https://{HOST}/v2/x/manifests/1: 400 Bad \
                     Request"
                ),
                Recourse::UseTag,
            ),
            (format!("failed to push {at}: manifest invalid"), Recourse::None),
            (
                "denied: User: arn:aws:sts::1:assumed-role/immutable/x is not authorized to perform: ecr:PutImage on \
                 resource: arn:aws:ecr:us-east-1:1:repository/immutable/denied"
                    .to_owned(),
                Recourse::None,
            ),
            (
                "name unknown: The repository with name 'immutable/denied' does not exist in the registry with id '1'"
                    .to_owned(),
                Recourse::None,
            ),
        ] {
            assert_eq!(read(&text, &named).recourse, expected, "{text}");
        }
    }

    #[test]
    fn a_denial_of_the_organization_is_no_matter_of_allowing() {
        let text = "denied: User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: ecr:PutImage on resource: \
                    arn:aws:ecr:us-east-1:1:repository/shop/app with an explicit deny in a service control policy";
        let hint = read(text, &to()).hint.unwrap();
        assert!(hint.contains("does not help") && hint.contains("organization"), "{hint}");
    }

    #[test]
    fn network_trouble_and_5xx_pass() {
        for text in [
            "Put \"https://x/v2/\": dial tcp 10.0.0.1:443: i/o timeout",
            "dial tcp 127.0.0.1:1: connect: connection refused",
            "read tcp: connection reset by peer",
            "unexpected EOF",
            "net/http: TLS handshake timeout",
            "lookup x on 127.0.0.53:53: no such host",
            "received unexpected HTTP status: 500 Internal Server Error",
            "received unexpected HTTP status: 599 Odd",
            "toomanyrequests: Rate exceeded",
        ] {
            assert!(read(text, &to()).is_transient(), "{text}");
        }
        assert_eq!(final_failure("manifest invalid").message, format!("push {}: refused", to().reference()));
    }

    #[tokio::test(start_paused = true)]
    async fn passing_failures_are_tried_three_times() {
        let mut tries = 0;
        let error = retrying::<()>(&*Progress::silent(), "push", FIRST_PAUSE, async |_| {
            tries += 1;
            Err(Failure::service(format!("try {tries}")).transient().into())
        })
        .await
        .unwrap_err();
        assert_eq!((tries, error.to_string().as_str()), (3, "try 3"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_try_can_succeed_and_a_refusal_has_none() {
        let progress = Progress::silent();
        let mut tries = 0;
        let value = retrying(&*progress, "push", FIRST_PAUSE, async |_| {
            tries += 1;
            if tries == 2 { Ok(tries) } else { Err(Failure::service("busy").transient().into()) }
        });
        assert_eq!(value.await.unwrap(), 2);

        let mut tries = 0;
        let refused = retrying::<()>(&*progress, "push", FIRST_PAUSE, async |_| {
            tries += 1;
            Err(anyhow::anyhow!("denied"))
        });
        refused.await.unwrap_err();
        assert_eq!(tries, 1);
    }
}
