//! The read of a small blob: the configuration of an image.

use anyhow::{Result, bail, ensure};
use futures::StreamExt as _;
use oci_client::client::{AsLayerDescriptor, LayerDescriptor};

use super::{Call, Doing, Limits, OK, Session};
use crate::adapters::push_error::retrying;
use crate::adapters::registry_login::RegistryLogin;
use crate::ports::{ImageProgress, Repository};
use crate::witness::layer::digest as digest_of;

/// Reads a blob of at most so many bytes, and checks its digest.
pub(in super::super) async fn read_blob(
    repository: &Repository,
    digest: &str,
    most: u64,
    login: &RegistryLogin,
    limits: &Limits,
    progress: &dyn ImageProgress,
) -> Result<Vec<u8>> {
    let image = format!("{}@{digest}", repository.uri);
    // Which tag the session has makes no difference: a blob is asked for by its digest.
    let session = Session::open(repository, "latest", Doing::Read(&image), login, *limits)?;
    let pause = limits.first_pause;
    let (log_in, read) = (format!("login to read {image}"), format!("read of {image}"));
    retrying(progress, &log_in, pause, async |attempt| session.log_in(attempt).await).await?;
    retrying(progress, &read, pause, async |attempt| session.read_blob(digest, most, attempt).await).await
}

/// A blob by its digest alone.
struct ByDigest<'a>(&'a str);

impl AsLayerDescriptor for ByDigest<'_> {
    fn as_layer_descriptor(&self) -> LayerDescriptor<'_> {
        LayerDescriptor { digest: self.0, urls: &None }
    }
}

impl Session<'_> {
    /// Reads a blob; no more of it than `most` bytes.
    async fn read_blob(&self, digest: &str, most: u64, attempt: u32) -> Result<Vec<u8>> {
        let read = async {
            let mut blob = self.client.pull_blob_stream(&self.reference, ByDigest(digest)).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = blob.next().await {
                bytes.extend_from_slice(&piece?);
                if bytes.len() as u64 > most {
                    return Ok(None);
                }
            }
            Ok(Some(bytes))
        };
        let bytes = self.answered(Call { name: "registry: blob", done: OK, attempt }, read).await?;
        let Some(bytes) = bytes else { bail!("{}: it is larger than {most} bytes", self.doing) };
        let found = digest_of(&bytes);
        ensure!(found == digest, "{}: the registry answered with {found}", self.doing);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::image::PackagedImage;
    use super::super::fake::{Fault, Registry};
    use super::super::tests::{QUICK, failure, login, packaged, push_to, pushed};
    use super::*;
    use crate::progress::Progress;
    use crate::witness::image::StoredContent;
    use crate::witness::layer::Layer;

    async fn read(registry: &Registry, digest: &str, most: u64) -> Result<Vec<u8>> {
        let address = &registry.address;
        let repository = Repository { name: "app".into(), uri: format!("{address}/app"), registry: None };
        let login = login(address, &registry.password);
        read_blob(&repository, digest, most, &login, &QUICK, &*Progress::silent()).await
    }

    #[tokio::test]
    async fn a_blob_is_read_whole_or_not_at_all() {
        let registry = Registry::start().await;
        let image = packaged(100);
        pushed(&registry, &image).await.unwrap();
        let configuration = image.blobs.last().unwrap();
        for fault in [None, Some(Fault::HangUp), Some(Fault::Answer(503, "busy"))] {
            fault.into_iter().for_each(|fault| registry.fault("GET /v2/app/blobs/", fault));
            let read = read(&registry, &configuration.digest, 4096).await.unwrap();
            assert_eq!(read, configuration.content.data);
        }
        let error = read(&registry, &configuration.digest, 10).await.unwrap_err();
        assert!(error.to_string().contains("it is larger than 10 bytes"), "{error:#}");
        for _ in 0..3 {
            registry.fault("GET /v2/app/blobs/", Fault::Answer(200, "another blob"));
        }
        assert!(read(&registry, &configuration.digest, 4096).await.is_err());
    }

    #[tokio::test]
    async fn refusals_say_which_permission_is_missing() {
        let registry = Registry::start().await;
        let denied = r#"{"errors":[{"code":"DENIED","message":"not authorized"}]}"#;
        let digest = format!("sha256:{}", "0".repeat(64));
        for (status, body, message, hint) in [
            (403, denied, "denied", "ecr:GetDownloadUrlForLayer"),
            (401, "Not Authorized", "did not accept the credentials", "account"),
            (400, "strange", "refused", "docker pull"),
        ] {
            registry.fault("GET /v2/app/blobs/", Fault::Answer(status, body));
            let error = read(&registry, &digest, 4096).await.unwrap_err();
            let failure = failure(&error);
            assert!(failure.message.contains(message), "{status}: {failure}");
            assert!(failure.hint.as_deref().unwrap().contains(hint), "{status}: {:?}", failure.hint);
        }
        registry.fault("GET /v2/app/blobs/", Fault::Silence);
        let repository =
            Repository { name: "app".into(), uri: format!("{}/app", registry.address), registry: None };
        let login = login(&registry.address, &registry.password);
        let limits = Limits { request: std::time::Duration::from_millis(300), ..QUICK };
        for _ in 0..2 {
            registry.fault("GET /v2/app/blobs/", Fault::Silence);
        }
        let silent =
            read_blob(&repository, &digest, 1, &login, &limits, &*Progress::silent()).await.unwrap_err();
        assert!(failure(&silent).message.contains("could not be reached"), "{silent:#}");
    }

    /// The layers of an image are in its repository: only what is new is sent.
    #[tokio::test]
    async fn the_witness_is_one_more_blob_and_a_configuration() {
        let registry = Registry::start().await;
        let image = packaged(5000);
        pushed(&registry, &image).await.unwrap();
        let content = StoredContent {
            media_type: image.media_type.clone(),
            manifest: registry.manifest("abc"),
            configuration: image.blobs.last().unwrap().content.data.to_vec(),
        };
        let with = content.with(&Layer::of(b"witness").unwrap(), "app:abc").unwrap();
        let uploads = registry.count("POST /v2/app/blobs/uploads/");
        let pushed = push_to(&registry.address, &registry.password, &PackagedImage::from(&with)).await;
        assert_eq!(pushed.unwrap(), with.digest);
        assert_eq!(registry.count("POST /v2/app/blobs/uploads/"), uploads + 2);
        assert_eq!(registry.manifest("abc"), with.manifest);
    }
}
