use std::path::PathBuf;
use std::process::{Output, Stdio};

use sandbox::{real_parts, seed};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::account;
use super::aws_cli::AwsCli;
use crate::python::python;

/// A docker client with a login of its own. The images of its repository go with it.
struct Docker {
    home: tempfile::TempDir,
    repository: String,
}

impl Docker {
    /// `None` where no Docker Engine answers.
    fn of(repository: String) -> Option<Self> {
        real_parts::docker_engine()
            .then(|| Self { home: tempfile::tempdir().expect("a directory"), repository })
    }

    async fn run(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new("docker");
        command.args(arguments).env("DOCKER_CONFIG", self.home.path()).env("DOCKER_BUILDKIT", "0");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("start docker");
        let mut pipe = child.stdin.take().expect("piped");
        // A docker that does not read says so by its status.
        let _ = pipe.write_all(stdin.as_bytes()).await;
        drop(pipe);
        child.wait_with_output().await.expect("wait for docker")
    }

    async fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "").await;
        assert!(output.status.success(), "docker {arguments:?}: {}", error_of(&output));
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    async fn log_in(&self, registry: &str, password: &str) -> Output {
        self.run(&["login", "--username", "AWS", "--password-stdin", registry], password).await
    }

    /// An image with one file.
    async fn build(&self, name: &str) {
        let context: PathBuf = self.home.path().join("context");
        std::fs::create_dir_all(&context).expect("a directory");
        std::fs::write(context.join("Dockerfile"), "FROM scratch\nCOPY file /file\nENTRYPOINT [\"/file\"]\n")
            .expect("write");
        // Nobody else's image: it may be removed.
        std::fs::write(context.join("file"), &self.repository).expect("write");
        self.says(&["build", "--quiet", "--tag", name, context.to_str().expect("UTF-8")]).await;
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let docker = |arguments: &[&str]| std::process::Command::new("docker").args(arguments).output();
        let Ok(listed) = docker(&["images", "--quiet", "--no-trunc", &self.repository]) else { return };
        for id in String::from_utf8_lossy(&listed.stdout).lines() {
            let _ = docker(&["rmi", "--force", id]);
        }
    }
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_there_and_back_with_the_login_of_the_cli() {
    let Some(python) = python() else { return };
    let world = account().await;
    let aws = AwsCli::new(python.program("aws"), &world.sandbox);
    let uri = ["--query", "repositories[0].repositoryUri", "--output", "text"];
    let repository = aws.says(&[&["ecr", "describe-repositories"], &uri[..]].concat()).await;
    let Some(docker) = Docker::of(repository.clone()) else { return };
    let registry = repository.split('/').next().expect("a host");

    let refused = docker.log_in(registry, "wrong").await;
    assert!(!refused.status.success(), "{refused:?}");
    let password = aws.says(&["ecr", "get-login-password"]).await;
    let welcome = docker.log_in(registry, &password).await;
    assert!(String::from_utf8_lossy(&welcome.stdout).contains("Login Succeeded"), "{}", error_of(&welcome));

    let name = format!("{repository}:1234");
    docker.build(&name).await;
    let pushed = docker.says(&["push", &name]).await;
    let digest = ["--query", "imageDetails[0].imageDigest", "--output", "text"];
    let which = ["--repository-name", seed::REPOSITORY, "--image-ids", "imageTag=1234"];
    let digest = aws.says(&[&["ecr", "describe-images"], &which[..], &digest].concat()).await;
    assert!(pushed.contains(&digest), "{pushed} has not {digest}");
    let image = aws.json(&[&["ecr", "batch-get-image"], &which[..]].concat()).await;
    assert_eq!(image["images"][0]["imageId"]["imageDigest"], digest.as_str());

    docker.says(&["rmi", "--force", &name]).await;
    let by_digest = format!("{repository}@{digest}");
    docker.says(&["pull", &by_digest]).await;
    let entry = docker.says(&["inspect", "--format", "{{json .Config.Entrypoint}}", &by_digest]).await;
    assert_eq!(entry, r#"["/file"]"#);
    let missing = error_of(&docker.run(&["pull", &format!("{repository}:never")], "").await);
    assert!(missing.contains("not found") || missing.contains("manifest unknown"), "{missing}");
}
