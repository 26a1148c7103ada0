//! Volumes and mount points.

use serde_json::Value;

use super::{absent, client_error, containers, items};
use crate::answer::AwsError;

pub(super) fn check(input: &Value) -> Result<(), AwsError> {
    let volumes = items(&input["volumes"]);
    for volume in volumes {
        let kinds = [
            volume["dockerVolumeConfiguration"].is_object(),
            volume["efsVolumeConfiguration"].is_object(),
            volume["fsxWindowsFileServerVolumeConfiguration"].is_object(),
            volume["s3filesVolumeConfiguration"].is_object(),
            volume["configuredAtLaunch"] == true,
        ];
        if kinds.into_iter().filter(|is| *is).count() > 1 {
            return Err(client_error(
                "When the volume parameter is specified, only one volume configuration type should be used.",
            ));
        }
        check_efs(&volume["efsVolumeConfiguration"])?;
    }
    if volumes.iter().filter(|volume| volume["configuredAtLaunch"] == true).count() > 1 {
        // The wording is the sandbox's; the rule is that of Volume.
        return Err(client_error("A task definition may have one volume that is configuredAtLaunch."));
    }
    let named = |list: &[Value], name: &Value| list.iter().any(|one| one["name"] == *name);
    for container in containers(input) {
        for mount in items(&container["mountPoints"]) {
            let volume = &mount["sourceVolume"];
            if !absent(volume) && !named(volumes, volume) {
                let name = volume.as_str().unwrap_or_default();
                return Err(client_error(format!("Unknown volume '{name}'.")));
            }
        }
        for from in items(&container["volumesFrom"]) {
            let source = &from["sourceContainer"];
            if !absent(source) && !named(containers(input), source) {
                let name = source.as_str().unwrap_or_default();
                return Err(client_error(format!(
                    "Invalid 'volumesFrom' setting. Unknown container: '{name}'."
                )));
            }
        }
    }
    Ok(())
}

fn check_efs(efs: &Value) -> Result<(), AwsError> {
    let access = &efs["authorizationConfig"];
    let by_access_point = !absent(&access["accessPointId"]);
    if by_access_point && !absent(&efs["rootDirectory"]) && efs["rootDirectory"] != "/" {
        return Err(client_error(
            "When using an EFS access point, the root directory must either be set to \"/\" or be omitted",
        ));
    }
    if efs["transitEncryption"] == "ENABLED" {
        return Ok(());
    }
    if access["iam"] == "ENABLED" {
        return Err(client_error("EFS IAM authorization requires TransitEncryption to be enabled"));
    }
    if by_access_point {
        // The wording is the sandbox's; the rule is that of EFSAuthorizationConfig.
        return Err(client_error("EFS access points require TransitEncryption to be enabled"));
    }
    if efs["transitEncryptionPort"].is_number() {
        return Err(client_error("TransitEncryptionPort requires that TransitEncryption is enabled"));
    }
    Ok(())
}
