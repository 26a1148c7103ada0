//! Volumes, and who mounts them.

use std::collections::HashSet;

use serde_json::Value;

use super::{Broken, Judged, given, is_name, name_of, objects, shown, text};
use crate::untrusted::printable;

/// Members of a volume that say what it is; ECS takes one.
const KINDS: [&str; 5] = [
    "dockerVolumeConfiguration",
    "efsVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
    "s3filesVolumeConfiguration",
    "configuredAtLaunch",
];

/// Refuses a volume that is configured at launch. ECS refuses each RunTask without `volumeConfigurations`: "Task
/// definition has configuredAtLaunch volume but no volume configuration provided at runtime".
pub(super) fn configured_at_launch(judged: &Judged<'_>) -> Option<Broken> {
    let volume = objects(judged.task, "volumes").find(|volume| given(volume, "configuredAtLaunch"))?;
    Some(Broken {
        what: format!(
            "has volume {}, which is configured at launch: each RunTask would have to bring its volumeConfigurations \
             and is sent without",
            printable(name_of(volume).unwrap_or_default(), 255)
        ),
        fix: "give the migration a task definition without it: ephemeralStorage has up to 200 GiB, and an EFS volume \
              has no limit"
            .into(),
    })
}

/// Refuses what Fargate does not mount: "Fargate compatible task definitions do not support
/// dockerVolumeConfiguration", "… do not support sourcePath"; and "When the volume parameter is specified, only one
/// volume configuration type should be used."
pub(super) fn kinds(judged: &Judged<'_>) -> Option<Broken> {
    objects(judged.task, "volumes").find_map(|volume| {
        let name = printable(name_of(volume).unwrap_or_default(), 255);
        let broken = |what: &str, fix: &str| {
            Some(Broken { what: format!("has volume {name}, {what}"), fix: fix.into() })
        };
        let host = volume.get("host").and_then(Value::as_object);
        let host = host.is_some_and(|host| text(host, "sourcePath").is_some());
        if given(volume, "dockerVolumeConfiguration") {
            return broken(
                "a Docker volume, which Fargate does not have",
                "remove its dockerVolumeConfiguration, or use EFS",
            );
        }
        if host {
            return broken(
                "a directory of its host, which Fargate does not share",
                "remove its host.sourcePath, or use EFS",
            );
        }
        if KINDS.iter().filter(|kind| given(volume, kind)).count() > 1 {
            return broken("which is of more than one kind", "leave one configuration of it");
        }
        (name_of(volume).is_some_and(|name| !is_name(name))).then(|| Broken {
            what: format!("has a volume with the name {name}"),
            fix: "name it with 1 to 255 letters, digits, hyphens and underscores".into(),
        })
    })
}

/// Checks EFSVolumeConfiguration and EFSAuthorizationConfig (ECS API reference): "When using an EFS access point, the
/// root directory must either be set to "/" or be omitted", "EFS IAM authorization requires TransitEncryption to be
/// enabled", "TransitEncryptionPort requires that TransitEncryption is enabled".
pub(super) fn efs(judged: &Judged<'_>) -> Option<Broken> {
    objects(judged.task, "volumes").find_map(|volume| {
        let efs = volume.get("efsVolumeConfiguration")?.as_object()?;
        let access = efs.get("authorizationConfig").and_then(Value::as_object);
        let access = |key: &str| access.and_then(|access| text(access, key));
        let name = printable(name_of(volume).unwrap_or_default(), 255);
        let broken = |what: &str, fix: &str| {
            Some(Broken { what: format!("has EFS volume {name} {what}"), fix: fix.into() })
        };
        let encrypted = text(efs, "transitEncryption") == Some("ENABLED");
        let by_access_point = access("accessPointId").is_some();
        if text(efs, "fileSystemId").is_none() {
            return broken("without a fileSystemId", "set its fileSystemId");
        }
        if by_access_point && text(efs, "rootDirectory").is_some_and(|path| path != "/") {
            return broken(
                "with an access point and a rootDirectory",
                "remove its rootDirectory: the access point has one",
            );
        }
        let wants = access("iam") == Some("ENABLED")
            || by_access_point
            || efs.get("transitEncryptionPort").is_some_and(|port| !port.is_null());
        if wants && !encrypted {
            return broken(
                "with an access point, IAM or a transitEncryptionPort, and without transit encryption",
                "set its transitEncryption to ENABLED",
            );
        }
        None
    })
}

/// Refuses mounts of what is not there. ECS: "Unknown volume '…'", "Invalid 'volumesFrom' setting. Unknown container:
/// '…'".
pub(super) fn mounts(judged: &Judged<'_>) -> Option<Broken> {
    let volumes: HashSet<&str> = objects(judged.task, "volumes").filter_map(name_of).collect();
    judged.containers.iter().find_map(|container| {
        let broken = |what: String, fix: &str| {
            Some(Broken {
                what: format!("has a container {} that {what}", shown(container)),
                fix: fix.into(),
            })
        };
        let mut mounted = objects(container, "mountPoints").filter_map(|mount| text(mount, "sourceVolume"));
        if let Some(name) = mounted.find(|name| !volumes.contains(name)) {
            let what = format!("mounts volume {}, which is not there", printable(name, 255));
            return broken(what, "add it to volumes, or remove the mount point");
        }
        let mut taken = objects(container, "volumesFrom").filter_map(|from| text(from, "sourceContainer"));
        let name = taken.find(|name| judged.container(name).is_none())?;
        let what = format!("takes the volumes of container {}, which is not there", printable(name, 255));
        broken(what, "name a container of the task definition in its volumesFrom")
    })
}
