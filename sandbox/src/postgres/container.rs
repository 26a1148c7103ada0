//! A server from the official image, where there is a Docker Engine and no server on this machine.

use std::process::Stdio;
use std::time::Duration;

use super::supervisor::{Service, Supervisor};
use super::{Options, Postgres, free_port, random_hex};

const IMAGE: &str = "postgres:16-alpine";
/// Includes pulling the image.
const PATIENCE: Duration = Duration::from_secs(300);
const STOP: &str = r#"docker rm --force --volumes "$SANDBOX_CONTAINER" >/dev/null 2>&1"#;

pub(super) async fn engine_answers() -> bool {
    let mut docker = tokio::process::Command::new("docker");
    docker.args(["version", "--format", "{{.Server.Version}}"]).stdin(Stdio::null());
    docker.output().await.is_ok_and(|output| output.status.success())
}

pub(super) async fn start(options: &Options) -> anyhow::Result<Postgres> {
    (options.announce)(&format!("starting {IMAGE} with docker"));
    let (password, port) = (random_hex(24)?, free_port()?);
    let name = format!("sandbox-postgres-{}", random_hex(6)?);
    let publish = format!("127.0.0.1:{port}:5432");
    let mut command: Vec<std::ffi::OsString> =
        ["docker", "run", "--rm", "--name", &name, "--publish", &publish].map(Into::into).into();
    // The password travels in the environment: arguments are for everybody to see.
    command.extend(["--env", "POSTGRES_PASSWORD"].map(Into::into));
    if let Some(directory) = &options.directory {
        std::fs::create_dir_all(directory)?;
        let mount = format!("{}:/var/lib/postgresql/data", directory.canonicalize()?.display());
        command.extend(["--volume".into(), mount.into()]);
    }
    command.extend([IMAGE, "-c", "fsync=off", "-c", "max_connections=300"].map(Into::into));
    // A kept cluster has the password of its first start.
    let password = match &options.directory {
        None => password,
        Some(directory) => kept_password(directory, password)?,
    };
    let mut environment = vec![("POSTGRES_PASSWORD", password.clone()), ("SANDBOX_CONTAINER", name)];
    // How docker finds its engine and its settings.
    for variable in ["HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT"] {
        environment.extend(std::env::var(variable).ok().map(|value| (variable, value)));
    }
    let server = Supervisor::start(Service {
        command,
        stop: STOP,
        environment,
        user: None,
        temporary: None,
        directory: None,
    })?;
    Postgres::of(server, port, password, format!("{IMAGE} in Docker")).ready(PATIENCE).await
}

fn kept_password(directory: &std::path::Path, new: String) -> std::io::Result<String> {
    // Next to the data directory, which must be empty for the image's first start.
    let file = directory.with_extension("password");
    if file.exists() {
        return std::fs::read_to_string(file);
    }
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.write(true).create_new(true).open(file)?, new.as_bytes())?;
    Ok(new)
}
