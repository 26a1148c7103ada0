use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Router;
use axum::http::{Method, StatusCode, header};
use axum::response::IntoResponse as _;
use sandbox::Options;
use sandbox::real_parts::skip;
use tokio::net::TcpListener;

use super::definition::register;
use super::told::Told;
use crate::image::a_working_tree;
use crate::support::program::static_program;
use crate::support::{HEALTH, Run, World};

fn packaged(world: &World, more: &[&str]) -> Run {
    let program = static_program().display().to_string();
    world.migrate(&[&["--binary", &program, "--database", HEALTH], more].concat())
}

/// A registry that knows who asks, and lets nobody upload.
pub async fn denied_push() -> Told {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    let body = r#"{"errors":[{"code":"DENIED","message":"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:us-east-1:123456789012:repository/startupwebapp-backend because no identity-based policy allows the ecr:InitiateLayerUpload action"}]}"#;
    let answer = async move |method: Method| match method {
        Method::GET => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"ecr\"")]).into_response()
        }
        Method::HEAD => StatusCode::NOT_FOUND.into_response(),
        _ => (StatusCode::FORBIDDEN, body).into_response(),
    };
    let registry = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let world = World::with(Options { registry_host: Some(host), ..Options::default() }).await;
    let run = packaged(&world, &["--tag=v1"]).finish().await;
    registry.abort();
    Told::of(&run, 3, "error: ")
}

pub async fn another_registry() -> Told {
    let world = World::new().await;
    let run = packaged(&world, &["--tag=v1", "--repository=ghcr.io/octo/shop"]).finish().await;
    Told::of(&run, 2, "error: ")
}

/// The repository is that of the container's image.
pub async fn docker_hub() -> Told {
    let world = World::new().await;
    register(&world, |definition| definition["containerDefinitions"][0]["image"] = "octo/shop:1".into());
    let run = packaged(&world, &["--tag=v1"]).finish().await;
    Told::of(&run, 2, "error: ")
}

pub async fn changed_working_tree() -> Told {
    let world = World::new().await;
    let tree = a_working_tree(&world);
    fs::write(tree.join("a"), "2").expect("write");
    let run = packaged(&world, &[]).current_directory(&tree).finish().await;
    Told::of(&run, 2, "error: ")
}

/// A build of a Dockerfile with this PATH alone.
fn built_by(world: &World, path: &Path) -> Run {
    let context = world.directory.path().join("context");
    fs::create_dir(&context).expect("a directory");
    fs::write(context.join("Dockerfile"), "FROM scratch\n").expect("a Dockerfile");
    let context = context.display().to_string();
    let run = world.migrate(&["--context", &context, "--tag=v1", "--database", HEALTH]);
    run.variable("PATH", &path.display().to_string())
}

/// Hides the docker commands of this machine that are found without PATH: nothing is a file there for this run.
/// `None` where nothing can be mounted.
fn without_dockers(world: &World, run: Run) -> Option<Run> {
    let dockers =
        ["/usr/bin/docker", "/usr/local/bin/docker"].into_iter().filter(|path| Path::new(path).exists());
    let mounts: String = dockers.map(|path| format!("/bin/mount --bind /dev/null {path} && ")).collect();
    if mounts.is_empty() {
        return Some(run);
    }
    let hide = |then: &str| {
        format!("exec /usr/bin/unshare --mount --map-root-user /bin/sh -c '{mounts}{then}' - \"$@\"")
    };
    let can_hide = Command::new("/bin/sh").args(["-c", &hide("true")]).output();
    if !can_hide.is_ok_and(|output| output.status.success()) {
        return skip("mounts in a namespace of its own, to hide this machine's docker", "sudo cargo test");
    }
    let path = program(world, "hide", &hide("exec \"$@\""));
    Some(run.through(&path.display().to_string()))
}

/// A directory with a `docker` that says this.
fn docker(world: &World, script: &str) -> PathBuf {
    let path = program(world, "docker", &format!("case \"$*\" in\n{script}\nesac"));
    path.parent().expect("a directory").to_owned()
}

/// A shell script in a directory of its own.
fn program(world: &World, name: &str, script: &str) -> PathBuf {
    let directory = world.directory.path().join(format!("{name}-program"));
    fs::create_dir(&directory).expect("a directory");
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    path
}

/// The words are those of docker 28.2.2; the story in docker.rs asks the docker of this machine.
pub async fn engine_that_does_not_answer() -> Told {
    let world = World::new().await;
    let said =
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
    let script = format!(
        "'buildx version') echo 'github.com/docker/buildx v0.24.0' ;;\n--version) echo 'Docker version 28.2.2, build \
         e6534b4' ;;\n*) echo '{said}' >&2; exit 1 ;;"
    );
    let path = docker(&world, &script);
    Told::of(&built_by(&world, &path).finish().await, 3, "error: ")
}

pub async fn no_docker() -> Option<Told> {
    let world = World::new().await;
    let run = built_by(&world, &world.directory.path().join("nothing"));
    Some(Told::of(&without_dockers(&world, run)?.finish().await, 3, "error: "))
}

pub async fn no_buildkit() -> Option<Told> {
    let world = World::new().await;
    let path = docker(&world, "--version) echo 'Docker version 28.2.2, build e6534b4' ;;\n*) exit 1 ;;");
    let run = without_dockers(&world, built_by(&world, &path))?;
    Some(Told::of(&run.finish().await, 3, "error: "))
}

pub async fn dynamic_executable() -> Told {
    let world = World::new().await;
    let dynamic = world.directory.path().join("app");
    fs::copy(env!("CARGO_BIN_EXE_fargate-migrate"), &dynamic).expect("a copy");
    let dynamic = dynamic.display().to_string();
    let run = world.migrate(&["--binary", &dynamic, "--tag=v1", "--database", HEALTH]).finish().await;
    Told::of(&run, 2, "error: ")
}
