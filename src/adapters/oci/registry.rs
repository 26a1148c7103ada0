//! The push: each blob that the registry lacks in one streamed upload, the manifest, and the registry's own word on
//! the digest. [`read`] reads a small blob.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciEnvelope};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::image::{Blob, PackagedImage};
use crate::adapters::call_log::{self, Answered};
use crate::adapters::proxy::Proxies;
use crate::adapters::push_error::{self, retrying};
use crate::adapters::registry_login::RegistryLogin;
use crate::ports::{ImageProgress, ImageTag, Repository};

mod doing;
mod read;

use doing::Doing;
pub(super) use read::read_blob;

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long a push waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For the answer to a request with a small body or none.
    request: Duration,
    /// An upload may take as long as it moves; a registry may take so long to store what it has received.
    stall: Duration,
    /// Before a second try.
    first_pause: Duration,
}

pub(super) const LIMITS: Limits = Limits {
    request: Duration::from_secs(60),
    stall: Duration::from_secs(120),
    first_pause: push_error::FIRST_PAUSE,
};

/// Bytes that are handed to the connection at a time, which is how finely progress is seen.
const PIECE: usize = 256 * 1024;

pub(super) async fn push(
    image: &PackagedImage,
    to: &ImageTag,
    login: &RegistryLogin,
    limits: &Limits,
    progress: &dyn ImageProgress,
) -> Result<String> {
    let session = Session::open(&to.repository, &to.tag, Doing::Push(to), login, *limits)?;
    let pause = limits.first_pause;
    let total = image.blobs.iter().map(Blob::size).sum();
    let what = |part: &str| format!("{part} of {}", to.reference());

    retrying(progress, &what("login for the push"), pause, async |attempt| session.log_in(attempt).await)
        .await?;
    let mut done = 0;
    for blob in &image.blobs {
        let part = what(&format!("push of blob {}", blob.digest));
        let show = |sent| progress.pushed(done + sent, total);
        retrying(progress, &part, pause, async |attempt| session.push_blob(blob, show, attempt).await)
            .await?;
        done += blob.size();
        progress.pushed(done, total);
    }
    retrying(progress, &what("push of the manifest"), pause, async |attempt| {
        session.push_manifest(image, attempt).await
    })
    .await?;
    let given =
        retrying(progress, &what("check"), pause, async |attempt| session.digest(attempt).await).await?;
    ensure!(
        given == image.manifest_digest,
        "push {}: the registry has {given} under this tag, and {} was pushed",
        to.reference(),
        image.manifest_digest
    );
    Ok(given)
}

/// A request, for the log of calls.
struct Call {
    name: &'static str,
    /// What it was answered with where it succeeded: the client takes no other status for a success.
    done: Answered,
    attempt: u32,
}

const OK: Answered = Answered::Status(200);
const CREATED: Answered = Answered::Status(201);

struct Session<'a> {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
    doing: Doing<'a>,
    limits: Limits,
    proxies: Proxies,
}

impl<'a> Session<'a> {
    fn open(
        repository: &Repository,
        tag: &str,
        doing: Doing<'a>,
        login: &RegistryLogin,
        limits: Limits,
    ) -> Result<Self> {
        let proxies = Proxies::of_this_process()?;
        let config = ClientConfig {
            protocol: if login.plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
            // ECR refuses chunks below 5 MiB; one upload is what docker and containerd do too.
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_DEADLINE),
            ..proxies.registry()
        };
        let uri = &repository.uri;
        let (registry, repository) = uri.split_once('/').with_context(|| format!("read repository {uri}"))?;
        Ok(Self {
            client: Client::try_from(config).context("set up the registry client")?,
            reference: Reference::with_tag(registry.to_owned(), repository.to_owned(), tag.to_owned()),
            auth: RegistryAuth::Basic(login.username.clone(), login.password.expose().to_owned()),
            doing,
            limits,
            proxies,
        })
    }

    /// Finds out how the registry wants to be authenticated to. Without this the client would go on without
    /// credentials when the registry cannot be reached, and the refusal that follows would mislead.
    async fn log_in(&self, attempt: u32) -> Result<()> {
        let login = self.client.auth(&self.reference, &self.auth, self.doing.operation());
        // The client asks which login the registry wants, and where that is a token, for the token.
        self.answered(Call { name: "registry: login", done: Answered::Somehow, attempt }, login)
            .await
            .map(drop)
    }

    async fn push_blob(&self, blob: &Blob, show: impl Fn(u64), attempt: u32) -> Result<()> {
        // A refusal here has no body to explain it: the upload's has.
        let exists = self.client.blob_exists(&self.reference, &blob.digest);
        let began = Instant::now();
        let exists = timeout(self.limits.request, exists).await;
        let status = match &exists {
            Ok(Ok(true)) => OK,
            Ok(Ok(false)) => Answered::Status(404),
            Ok(Err(error)) => answer_of(error),
            Err(_) => Answered::Not,
        };
        call_log::told("registry: blob exists", status, began, attempt);
        if matches!(exists, Ok(Ok(true))) {
            return Ok(());
        }
        let began = Instant::now();
        let told = |status| call_log::told("registry: blob upload", status, began, attempt);
        let (sender, mut sent) = watch::channel(0);
        let data = blob.content.data.clone();
        let pieces = (0..data.len()).step_by(PIECE).map(move |start| {
            let end = data.len().min(start + PIECE);
            sender.send_replace(end as u64);
            Ok(data.slice(start..end))
        });
        let pieces = futures::stream::iter(pieces);
        let upload = self.client.push_blob_stream(&self.reference, pieces, &blob.digest, Some(blob.size()));
        tokio::pin!(upload);
        let mut sending = true;
        loop {
            tokio::select! {
                result = &mut upload => {
                    told(result.as_ref().map_or_else(answer_of, |_| CREATED));
                    return result.map(drop).map_err(|error| self.read(error));
                }
                moved = sent.changed(), if sending => match moved {
                    Ok(()) => show(*sent.borrow_and_update()),
                    Err(_) => sending = false,
                },
                () = sleep(self.limits.stall) => {
                    told(Answered::Not);
                    return Err(self.silent(self.limits.stall));
                }
            }
        }
    }

    async fn push_manifest(&self, image: &PackagedImage, attempt: u32) -> Result<()> {
        let (manifest, media_type) = (image.manifest.clone(), HeaderValue::from_str(&image.media_type)?);
        let push = self.client.push_manifest_raw(&self.reference, manifest, media_type);
        self.answered(Call { name: "registry: manifest", done: CREATED, attempt }, push).await.map(drop)
    }

    async fn digest(&self, attempt: u32) -> Result<String> {
        let digest = self.client.fetch_manifest_digest(&self.reference, &self.auth);
        self.answered(Call { name: "registry: digest", done: OK, attempt }, digest).await
    }

    async fn answered<T>(
        &self,
        call: Call,
        request: impl Future<Output = Result<T, OciDistributionError>>,
    ) -> Result<T> {
        let began = Instant::now();
        let result = timeout(self.limits.request, request).await;
        let status = match &result {
            Ok(Ok(_)) => call.done,
            Ok(Err(error)) => answer_of(error),
            Err(_) => Answered::Not,
        };
        call_log::told(call.name, status, began, call.attempt);
        match result {
            Ok(result) => result.map_err(|error| self.read(error)),
            Err(_) => Err(self.silent(self.limits.request)),
        }
    }

    fn silent(&self, deadline: Duration) -> anyhow::Error {
        self.passing(format!("no answer for {deadline:?}"))
    }

    fn passing(&self, evidence: String) -> anyhow::Error {
        self.doing.unreachable().evidence([evidence]).into()
    }

    fn read(&self, error: OciDistributionError) -> anyhow::Error {
        use OciDistributionError as Error;
        let refusal = |text: &str| self.doing.refused(text).into();
        match error {
            // The address of an upload may hold a signature.
            Error::RequestError(error) => match self.proxies.failure_of(&error) {
                Some(failure) => failure.while_doing(&self.doing.to_string()).into(),
                None => self.passing(format!("{:#}", anyhow!(error.without_url()))),
            },
            Error::ServerError { code, message, .. } => match code {
                401 => refusal(&with_code("unauthorized", &message)),
                403 => refusal(&with_code("denied", &message)),
                408 | 429 | 500.. => self.passing(format!("HTTP {code}: {}", words(&message))),
                _ => refusal(&format!("HTTP {code}: {}", words(&message))),
            },
            Error::UnauthorizedError { .. } => refusal("unauthorized: authentication required"),
            Error::AuthenticationFailure(reason) => refusal(&with_code("unauthorized", &reason)),
            Error::RegistryError { envelope, .. } => refusal(&said(&envelope)),
            // The connection broke off in a body.
            Error::IoError(error) => self.passing(error.to_string()),
            other => anyhow!(other).context(self.doing.to_string()),
        }
    }
}

/// Returns what an error of the client says about the registry's answer.
fn answer_of(error: &OciDistributionError) -> Answered {
    use OciDistributionError as Error;
    match error {
        Error::RequestError(error) => error.status().map(|status| status.as_u16()).into(),
        Error::ServerError { code, .. } => Answered::Status(*code),
        Error::UnauthorizedError { .. } => Answered::Status(401),
        _ => Answered::Somehow,
    }
}

/// Returns what a body says, beginning with the code that its status stands for.
fn with_code(code: &str, body: &str) -> String {
    let words = words(body);
    if words.starts_with(code) { words } else { format!("{code}: {words}") }
}

/// Returns the registry's errors in docker's form, or what it said when it is none of them.
fn words(body: &str) -> String {
    serde_json::from_str::<OciEnvelope>(body).map_or_else(|_| body.to_owned(), |envelope| said(&envelope))
}

fn said(envelope: &OciEnvelope) -> String {
    let one = |error: &oci_client::errors::OciError| {
        let code = serde_json::to_value(&error.code).ok();
        let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or("error").to_lowercase();
        format!("{}: {}", code.replace('_', " "), error.message)
    };
    envelope.errors.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
