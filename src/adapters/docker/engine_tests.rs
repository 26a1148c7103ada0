//! A real Docker Engine and a real registry (Debian's docker-registry), both ways of pushing.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use sandbox::real_parts;
use tempfile::TempDir;

use super::*;
use crate::adapters::oci;
use crate::adapters::secret::Secret;
use crate::failure::Failure;
use crate::ports::{BinaryImage, Repository};
use crate::progress::Progress;

/// `htpasswd -Bbn AWS pw`
const PASSWORDS: &str = "AWS:$2y$05$ufNmWloLd6WJzcggECXL9eLdJMja8CspGSoC7u6yEolaIuO3YN40O\n";

/// Ends when dropped.
struct Registry {
    address: String,
    server: Child,
    _dir: TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Registry {
    /// `None` where docker-registry is not installed.
    fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("passwords"), PASSWORDS).unwrap();
        let settings = format!(
            "version: 0.1\nlog: {{level: info, formatter: json}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '127.0.0.1:0', secret: s}}\nauth: {{htpasswd: {{realm: r, path: {}}}}}\n",
            at("data").display(),
            at("passwords").display()
        );
        fs::write(at("config.yml"), settings).unwrap();
        let mut server = std::process::Command::new("docker-registry")
            .arg("serve")
            .arg(at("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        // It says which port it got, and goes on logging: a full pipe would stop it.
        let (tell, told) = std::sync::mpsc::channel();
        let log = BufReader::new(server.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    let _ = tell.send(rest.split(['"', ',']).next().unwrap_or_default().to_owned());
                }
            }
        });
        let mut registry = Self { address: String::new(), server, _dir: dir };
        registry.address = told.recv_timeout(Duration::from_secs(30)).expect("docker-registry listens");
        Some(registry)
    }

    fn login(&self, password: &str) -> RegistryLogin {
        RegistryLogin {
            registry: self.address.clone(),
            username: "AWS".into(),
            password: Secret::new(password),
            plain_http: true,
        }
    }

    fn tag(&self, tag: &str) -> ImageTag {
        let uri = format!("{}/shop/app", self.address);
        ImageTag { repository: Repository { name: "shop/app".into(), uri, registry: None }, tag: tag.into() }
    }

    /// What the registry itself says, asked without code of this repository.
    async fn digest(&self, tag: &str) -> String {
        // Fails when it is there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            Client::try_from(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() });
        let reference = Reference::with_tag(self.address.clone(), "shop/app".into(), tag.into());
        let auth = RegistryAuth::Basic("AWS".into(), "pw".into());
        client.unwrap().fetch_manifest_digest(&reference, &auth).await.unwrap()
    }
}

/// Docker and the registry; `None` where one is missing.
async fn real_parts() -> Option<(DockerCli, Registry)> {
    if !real_parts::docker_engine() {
        return None;
    }
    let registry = Registry::start()
        .or_else(|| real_parts::skip("docker-registry on PATH", "apt-get install docker-registry"))?;
    Some((DockerCli::find().await.unwrap(), registry))
}

async fn docker(cli: &DockerCli, config: &Path, arguments: &[&str]) -> bool {
    let mut command = cli.command(config);
    command.args(arguments);
    process::ask(command, Duration::from_secs(120)).await.unwrap().is_some_and(|answer| answer.success)
}

fn sample(context: &Path, dockerfile: &str) -> DockerBuild {
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    fs::write(context.join("hello"), "hello").unwrap();
    DockerBuild {
        context: context.into(),
        dockerfile: context.join("Dockerfile"),
        target: Some("production".into()),
        build_args: vec!["WHO=tests".into()],
        mounts: Default::default(),
        platform: "linux/amd64".into(),
    }
}

#[tokio::test]
async fn docker_builds_and_pushes() {
    let Some((cli, registry)) = real_parts().await else { return };
    let context = tempfile::tempdir().unwrap();
    let build = sample(context.path(), "FROM scratch AS production\nARG WHO\nLABEL who=$WHO\nCOPY hello /\n");
    let (to, login) = (registry.tag("one"), registry.login("pw"));
    let progress = Progress::silent();

    check(&build).await.unwrap();
    let digest = build_and_push(&build, &to, &login, &*progress).await.unwrap();
    assert_eq!(digest, registry.digest("one").await);
    assert_eq!(digest, build_and_push(&build, &to, &login, &*progress).await.unwrap(), "a second push");

    let error = build_and_push(&build, &to, &registry.login("wrong"), &*progress).await.unwrap_err();
    let failure = Failure::find(&error).unwrap();
    assert!(failure.message.contains("did not accept the credentials"), "{failure}");
    assert!(docker(&cli, context.path(), &["image", "rm", &to.reference()]).await);
}

/// A program that exits with 0 where the secret is mounted, and makes the build fail where it is not.
const HAS_SECRET: &str = r#"
fn main() {
    let secret = std::fs::read_to_string("/run/secrets/npm").expect("the secret is mounted");
    assert_eq!(secret.len(), 20);
}
"#;

#[tokio::test]
async fn a_secret_is_there_during_the_build_and_in_no_layer() {
    let Some((cli, registry)) = real_parts().await else { return };
    let context = tempfile::tempdir().unwrap();
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "hunter2-of-the-build").unwrap();
    fs::write(context.path().join("main.rs"), HAS_SECRET).unwrap();
    let made = std::process::Command::new("rustc")
        .args(["--edition=2024", "-Ctarget-feature=+crt-static", "-o", "check", "main.rs"])
        .current_dir(context.path())
        .status()
        .unwrap();
    assert!(made.success());
    let dockerfile =
        "FROM scratch AS production\nARG WHO\nCOPY check /\nRUN --mount=type=secret,id=npm [\"/check\"]\n";
    let mut build = sample(context.path(), dockerfile);
    // Another one in each run: the engine keeps layers, and a secret is not a part of their names.
    build.build_args = vec![format!("WHO={}", context.path().display())];
    let (to, login) = (registry.tag("secret"), registry.login("pw"));
    let progress = Progress::silent();

    let error = build_and_push(&build, &to, &login, &*progress).await.unwrap_err();
    assert!(Failure::find(&error).unwrap().message.contains("RUN"), "{error}");

    build.mounts.secrets = vec![format!("id=npm,src={}", secret.path().display())];
    // What an image without a cache in it says, the build goes on without.
    build.mounts.cache_from = vec![registry.tag("secret").reference()];
    build_and_push(&build, &to, &login, &*progress).await.unwrap();
    let archive = context.path().join("image.tar").display().to_string();
    assert!(docker(&cli, context.path(), &["save", "--output", &archive, &to.reference()]).await);
    let saved = fs::read(&archive).unwrap();
    assert!(!saved.windows(20).any(|window| window == b"hunter2-of-the-build"));
    assert!(docker(&cli, context.path(), &["image", "rm", &to.reference()]).await);
}

#[tokio::test]
async fn a_build_that_fails_says_where() {
    let Some((_cli, registry)) = real_parts().await else { return };
    let context = tempfile::tempdir().unwrap();
    let build = sample(context.path(), "FROM scratch AS production\nCOPY nowhere /\n");
    let error = build_and_push(&build, &registry.tag("two"), &registry.login("pw"), &*Progress::silent())
        .await
        .unwrap_err();
    let failure = Failure::find(&error).unwrap();
    assert!(
        failure.message.contains("[1/1] COPY nowhere /") || failure.message.contains("nowhere"),
        "{failure}"
    );
    assert!(failure.hint.as_deref().unwrap().contains(".dockerignore"), "{failure:?}");
    assert!(failure.evidence.iter().any(|line| line.contains("nowhere")), "{failure:?}");
}

#[tokio::test]
async fn docker_pulls_what_was_packaged_without_it() {
    let Some((cli, registry)) = real_parts().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app");
    fs::write(&path, oci::tiny_static(62, b"program")).unwrap();
    let image = oci::package(&BinaryImage { path, platform: "linux/amd64".into() }).unwrap();
    let (to, login) = (registry.tag("three"), registry.login("pw"));

    let digest = oci::push(&image, &to, &login, &*Progress::silent()).await.unwrap();
    assert_eq!(digest, registry.digest("three").await);

    let config = private_config::create(None, &login).unwrap();
    let by_digest = format!("{}@{digest}", to.repository.uri);
    assert!(docker(&cli, config.path(), &["pull", &by_digest]).await);
    assert!(docker(&cli, config.path(), &["image", "rm", &by_digest]).await);
}
