//! docker's configuration for one run: the user's, plus the registry's login, in a directory of the run's own.
//!
//! `docker login` would leave the password in the user's home. A bare DOCKER_CONFIG would hide what the user has
//! there: logins for private base images, proxies, contexts, the buildx plugin. So the settings are copied and the
//! directories linked.

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::adapters::registry_login::RegistryLogin;
use crate::bounded_file;

/// The settings in the user's config.json that a build and a push depend on.
const KEPT: &[&str] = &[
    "auths",
    "credHelpers",
    "credsStore",
    "proxies",
    "HttpHeaders",
    "currentContext",
    "cliPluginsExtraDirs",
];

/// The parts of the user's directory that are linked.
const LINKED: &[&str] = &["cli-plugins", "contexts"];

/// Makes a directory for DOCKER_CONFIG, 0700, removed when dropped. `user` is the user's own, which may not exist.
pub(super) fn create(user: Option<&Path>, login: &RegistryLogin) -> Result<TempDir> {
    let dir = tempfile::Builder::new()
        .prefix("fargate-migrate-docker-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .context("create a private directory for docker's configuration")?;
    let settings = with_login(user.map_or(Ok(Map::new()), settings)?, login);
    let file = dir.path().join("config.json");
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut file| file.write_all(settings.to_string().as_bytes()))
        .context("write docker's private configuration")?;
    for name in LINKED {
        let Some(Ok(theirs)) = user.map(|user| user.join(name).canonicalize()) else { continue };
        symlink(&theirs, dir.path().join(name))
            .with_context(|| format!("link docker's {name} from {}", theirs.display()))?;
    }
    Ok(dir)
}

/// Returns where docker keeps the user's configuration: DOCKER_CONFIG, else `~/.docker`.
pub(super) fn user_dir() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("DOCKER_CONFIG").or_else(|| named("HOME").map(|home| home.join(".docker")))
}

/// Reads the user's settings that are kept; none when there is no file.
fn settings(user: &Path) -> Result<Map<String, Value>> {
    let file = user.join("config.json");
    let read = match bounded_file::read(&file, bounded_file::TEXT) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Map::new()),
        read => read.map_err(anyhow::Error::new).and_then(|text| Ok(serde_json::from_slice(&text)?)),
    };
    let mut settings: Map<String, Value> =
        read.with_context(|| format!("read docker's configuration {}", file.display()))?;
    settings.retain(|name, _| KEPT.contains(&name.as_str()));
    Ok(settings)
}

/// Adds the login of one registry to `settings`.
fn with_login(mut settings: Map<String, Value>, login: &RegistryLogin) -> Value {
    // docker asks a credential store, or a helper for this registry, before `auths`; the empty helper's name says
    // that this registry is in `auths`.
    let asks_others = settings.contains_key("credsStore") || settings.contains_key("credHelpers");
    let mut insert = |section: &str, value: Value| {
        let section = settings.entry(section).or_insert_with(|| json!({}));
        if !section.is_object() {
            *section = json!({});
        }
        section[&login.registry] = value;
    };
    insert("auths", json!({ "auth": login.basic().expose() }));
    if asks_others {
        insert("credHelpers", json!(""));
    }
    Value::Object(settings)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::adapters::secret::Secret;

    fn login() -> RegistryLogin {
        RegistryLogin {
            registry: "127.0.0.1:5000".into(),
            username: "AWS".into(),
            password: Secret::new("pw"),
            plain_http: true,
        }
    }

    fn read(config: &TempDir) -> Value {
        serde_json::from_str(&fs::read_to_string(config.path().join("config.json")).unwrap()).unwrap()
    }

    #[test]
    fn only_we_can_read_it_and_it_goes_away() {
        let config = create(None, &login()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(config.path()), 0o700);
        assert_eq!(mode(&config.path().join("config.json")), 0o600);
        assert_eq!(read(&config), json!({"auths": {"127.0.0.1:5000": {"auth": "QVdTOnB3"}}}));
        let path = config.path().to_owned();
        drop(config);
        assert!(!path.exists());
    }

    #[test]
    fn the_users_logins_proxies_contexts_and_plugins_stay() {
        let user = tempfile::tempdir().unwrap();
        fs::create_dir(user.path().join("cli-plugins")).unwrap();
        let theirs = json!({
            "auths": {"registry.example": {"auth": "eDp5"}},
            "credsStore": "desktop",
            "currentContext": "remote",
            "proxies": {"default": {"httpProxy": "http://proxy.example:3128"}},
            "psFormat": "table",
        });
        fs::write(user.path().join("config.json"), theirs.to_string()).unwrap();

        let config = create(Some(user.path()), &login()).unwrap();
        assert_eq!(
            read(&config),
            json!({
                "auths": {"registry.example": {"auth": "eDp5"}, "127.0.0.1:5000": {"auth": "QVdTOnB3"}},
                "credsStore": "desktop",
                "currentContext": "remote",
                "proxies": {"default": {"httpProxy": "http://proxy.example:3128"}},
                "credHelpers": {"127.0.0.1:5000": ""},
            })
        );
        assert_eq!(
            fs::read_link(config.path().join("cli-plugins")).unwrap(),
            user.path().join("cli-plugins").canonicalize().unwrap()
        );
        assert!(!config.path().join("contexts").exists());

        drop(config);
        assert!(user.path().join("cli-plugins").is_dir(), "the link goes, not what it leads to");
    }

    #[test]
    fn a_broken_configuration_is_named() {
        let user = tempfile::tempdir().unwrap();
        fs::write(user.path().join("config.json"), "{oops").unwrap();
        let error = create(Some(user.path()), &login()).unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error}");
        fs::write(user.path().join("config.json"), r#"{"auths": null}"#).unwrap();
        assert!(create(Some(user.path()), &login()).is_ok());
    }
}
