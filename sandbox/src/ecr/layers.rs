use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::errors::exception;
use super::{invalid, repository_name, strings, text};
use crate::answer::{Answer, AwsError};
use crate::registry::{Digest, Registry, RegistryError, UploadId};

/// What InitiateLayerUpload asks clients to send at a time: 10 MiB.
const PART_SIZE: u64 = 10 * 1024 * 1024;

pub(super) fn check(registry: &Registry, input: &Value) -> Answer {
    let name = repository_name(input)?;
    registry.repository(name).map_err(exception(registry.account()))?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for text in strings(input, "layerDigests") {
        match Digest::parse(text) {
            Err(_) => failures.push(json!({
                "layerDigest": text,
                "failureCode": "InvalidLayerDigest",
                "failureReason": "Invalid layer digest",
            })),
            Ok(digest) => layers.push(match registry.layer_size(name, &digest) {
                Ok(size) => json!({
                    "layerDigest": digest,
                    "layerAvailability": "AVAILABLE",
                    "layerSize": size,
                }),
                Err(_) => json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}),
            }),
        }
    }
    Ok(json!({"layers": layers, "failures": failures}))
}

pub(super) fn begin(registry: &Registry, input: &Value) -> Answer {
    let id = registry.begin_upload(repository_name(input)?).map_err(exception(registry.account()))?;
    Ok(json!({"uploadId": id.to_string(), "partSize": PART_SIZE}))
}

pub(super) fn append(registry: &Registry, input: &Value) -> Answer {
    let (name, id) = session(input)?;
    let byte = |member| {
        input[member]
            .as_u64()
            .ok_or_else(|| invalid(format!("Invalid parameter at '{member}': not a position")))
    };
    let (first, last) = (byte("partFirstByte")?, byte("partLastByte")?);
    let bytes = BASE64_STANDARD
        .decode(text(input, "layerPartBlob")?)
        .map_err(|_| invalid("Invalid parameter at 'layerPartBlob': not base64"))?;
    if last.checked_sub(first).map(|span| span + 1) != Some(bytes.len() as u64) {
        return Err(invalid("Invalid parameter at 'layerPartBlob': not the bytes from first to last"));
    }
    let size = registry.append(name, &id, Some(first), &bytes).map_err(exception(registry.account()))?;
    Ok(json!({
        "registryId": registry.account(),
        "repositoryName": name,
        "uploadId": id.to_string(),
        "lastByteReceived": size.saturating_sub(1),
    }))
}

pub(super) fn finish(registry: &Registry, input: &Value) -> Answer {
    let failed = exception(registry.account());
    let (name, id) = session(input)?;
    let digest = strings(input, "layerDigests").next().unwrap_or_default();
    let digest = Digest::parse(digest).map_err(&failed)?;
    if registry.append(name, &id, None, &[]).map_err(&failed)? == 0 {
        return Err(failed(RegistryError::EmptyUpload { id: id.to_string() }));
    }
    if registry.layer_size(name, &digest).is_ok() {
        registry.cancel_upload(name, &id).map_err(&failed)?;
        return Err(failed(RegistryError::LayerExists { repository: name.to_owned(), digest }));
    }
    registry.finish_upload(name, &id, &digest).map_err(|error| match error {
        RegistryError::DigestMismatch { .. } => {
            AwsError::client("InvalidLayerException", format!("The layer is not valid: {error}"))
        }
        other => failed(other),
    })?;
    Ok(json!({
        "registryId": registry.account(),
        "repositoryName": name,
        "uploadId": id.to_string(),
        "layerDigest": digest,
    }))
}

/// Answers an address that needs no login: S3's address on AWS needs none.
pub(super) fn download_url(registry: &Registry, input: &Value) -> Answer {
    let failed = exception(registry.account());
    let name = repository_name(input)?;
    let digest = Digest::parse(text(input, "layerDigest")?).map_err(&failed)?;
    registry.layer_size(name, &digest).map_err(failed)?;
    let path = registry.signed_layer_path(name, &digest);
    Ok(json!({"downloadUrl": format!("http://{}{path}", registry.host()), "layerDigest": digest}))
}

fn session(input: &Value) -> Result<(&str, UploadId), AwsError> {
    Ok((repository_name(input)?, UploadId::from_text(text(input, "uploadId")?)))
}
