use std::process::{Command, Output, Stdio};

use sandbox::images::Images as _;
use sandbox::real_parts;
use sandbox::registry::{Registry, RegistrySettings, RepositorySettings, router};

use crate::image::ACCOUNT;

/// A registry that really listens, and a docker client with its own configuration and login.
struct Served {
    registry: Registry,
    home: tempfile::TempDir,
    image: String,
    server: tokio::task::JoinHandle<()>,
}

impl Served {
    /// `None` when no Docker Engine answers.
    async fn start(immutable: bool) -> Option<Self> {
        if !real_parts::docker_engine() {
            return None;
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let registry = Registry::new(RegistrySettings::new(ACCOUNT, "us-east-1", &host)).unwrap();
        registry.create_repository("shop", RepositorySettings { immutable, ..Default::default() }).unwrap();
        let routes = router(registry.clone());
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let image = registry.repository_uri("shop");
        Some(Self { registry, home: tempfile::tempdir().unwrap(), image, server })
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        let mut docker = Command::new("docker");
        docker.env("DOCKER_CONFIG", self.home.path()).env("DOCKER_BUILDKIT", "0");
        docker.args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.docker(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "docker {arguments:?}: {text}{}", stderr(&output));
        text.trim().to_owned()
    }

    fn log_in(&self) {
        let password = self.registry.issue_password().unwrap().secret;
        let mut login = Command::new("docker")
            .env("DOCKER_CONFIG", self.home.path())
            .args(["login", "--username", "AWS", "--password-stdin", self.registry.host()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut login.stdin.take().unwrap(), password.as_bytes()).unwrap();
        let output = login.wait_with_output().unwrap();
        assert!(output.status.success(), "docker login: {}", stderr(&output));
    }

    fn build(&self, tag: &str, content: &str) -> String {
        let context = self.home.path().join("context");
        std::fs::create_dir_all(&context).unwrap();
        std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY file /file\nENTRYPOINT [\"/file\"]\n")
            .unwrap();
        std::fs::write(context.join("file"), content).unwrap();
        let name = format!("{}:{tag}", self.image);
        self.succeeds(&["build", "--quiet", "--tag", &name, context.to_str().unwrap()]);
        name
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
        let names = self.docker(&["images", "--quiet", &self.image]);
        for id in String::from_utf8_lossy(&names.stdout).lines() {
            self.docker(&["rmi", "--force", id]);
        }
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_pushes_and_pulls_and_everybody_agrees_on_the_digest() {
    let Some(served) = Served::start(false).await else { return };
    let name = served.build("v1", "hello");
    assert!(stderr(&served.docker(&["push", &name])).contains("no basic auth credentials"));
    served.log_in();
    let pushed = served.succeeds(&["push", &name]);
    let digest = served.registry.resolve(&name).unwrap();
    assert!(pushed.contains(&digest), "{pushed}");

    served.succeeds(&["rmi", "--force", &name]);
    let by_digest = format!("{}@{digest}", served.image);
    served.succeeds(&["pull", &by_digest]);
    let known = served.succeeds(&["inspect", "--format", "{{index .RepoDigests 0}}", &by_digest]);
    assert_eq!(known, by_digest);

    let root = tempfile::tempdir().unwrap();
    let config = served.registry.unpack(&by_digest, root.path()).unwrap();
    assert_eq!(config.entrypoint, ["/file"]);
    assert_eq!(std::fs::read_to_string(root.path().join("file")).unwrap(), "hello");
    // The same tag again costs nothing and changes nothing.
    served.succeeds(&["tag", &by_digest, &name]);
    served.succeeds(&["push", &name]);
    assert_eq!(served.registry.resolve(&name).unwrap(), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_hears_the_words_of_ecr() {
    let Some(served) = Served::start(true).await else { return };
    served.log_in();
    let name = served.build("v1", "first");
    served.succeeds(&["push", &name]);
    served.build("v1", "second");
    let refused = stderr(&served.docker(&["push", &name]));
    let words = "tag invalid: The image tag 'v1' already exists in the 'shop' repository and cannot be overwritten \
                 because the tag is immutable.";
    assert!(refused.contains(words), "{refused}");

    let elsewhere = name.replace("/shop:", "/nothing:");
    served.succeeds(&["tag", &name, &elsewhere]);
    let refused = stderr(&served.docker(&["push", &elsewhere]));
    let words = "name unknown: The repository with name 'nothing' does not exist in the registry with id \
                 '123456789012'";
    assert!(refused.contains(words), "{refused}");
    served.succeeds(&["rmi", "--force", &elsewhere]);
}
