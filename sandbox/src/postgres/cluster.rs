//! A server that is started with the binaries of this machine.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::unistd::{Uid, User};

use super::binaries::Binaries;
use super::supervisor::{STOP_PROCESS, Service, Supervisor};
use super::{ADMINISTRATOR, Options, Postgres, free_port, random_hex};

/// A cold machine may need seconds; a server that needs a minute never comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Another process can take the free port before the server does.
const ATTEMPTS: u32 = 3;

/// Databases of the sandbox can be made again, so speed goes before safety against a power cut. Enough connections
/// for a test run with a pool per database. No socket file: the path of a state directory may be too long for one.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=300",
    "unix_socket_directories=",
    "listen_addresses=127.0.0.1",
    "timezone=UTC",
    "log_timezone=UTC",
];

pub(super) async fn start(binaries: &Binaries, options: &Options) -> anyhow::Result<Postgres> {
    let user = unprivileged_user()?;
    let mut attempt = 1;
    loop {
        let (home, temporary) = home(options.directory.as_deref(), user)?;
        let started = run(binaries, options, &home, temporary, user).await;
        match started {
            Err(error) if attempt < ATTEMPTS && format!("{error:#}").contains("could not bind") => {
                attempt += 1
            }
            other => return other,
        }
    }
}

async fn run(
    binaries: &Binaries,
    options: &Options,
    home: &Path,
    temporary: Option<tempfile::TempDir>,
    user: Option<(u32, u32)>,
) -> anyhow::Result<Postgres> {
    let data = home.join("data");
    let password = match fs::read_to_string(home.join("password")) {
        Ok(password) if data.join("PG_VERSION").exists() => password,
        _ => create(binaries, home, user).await?,
    };
    let port = free_port()?;
    let mut command = vec![binaries.postgres().into_os_string(), "-D".into(), data.clone().into_os_string()];
    command.extend(["-p".into(), port.to_string().into()]);
    let mut settings = SETTINGS.to_vec();
    if let Some(certificate) = &options.certificate {
        write_private(&home.join("server.crt"), &certificate.chain, user)?;
        write_private(&home.join("server.key"), &certificate.key, user)?;
        settings.extend(["ssl=on", "ssl_cert_file=../server.crt", "ssl_key_file=../server.key"]);
    }
    command.extend(settings.into_iter().flat_map(|setting| ["-c".into(), setting.into()]));
    let server = Supervisor::start(Service {
        command,
        stop: STOP_PROCESS,
        environment: Vec::new(),
        user,
        temporary,
        directory: Some(home),
    })?;
    let version = fs::read_to_string(data.join("PG_VERSION")).unwrap_or_default();
    let origin = format!("PostgreSQL {} from {}", version.trim(), binaries.0.display());
    Postgres::of(server, port, password, origin).ready(PATIENCE).await
}

/// Makes the cluster, and returns the administrator's password.
async fn create(binaries: &Binaries, home: &Path, user: Option<(u32, u32)>) -> anyhow::Result<String> {
    let data = home.join("data");
    if data.exists() {
        // Left by an initdb that did not finish; it refuses a directory with something in it.
        fs::remove_dir_all(&data).with_context(|| format!("remove {}", data.display()))?;
    }
    let password = random_hex(24)?;
    let file = home.join("password");
    write_private(&file, &password, user)?;
    let mut initdb = tokio::process::Command::new(binaries.initdb());
    initdb
        .args(["--username", ADMINISTRATOR, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
        .args(["--no-sync", "--pgdata"])
        .arg(&data)
        .arg("--pwfile")
        .arg(&file)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .current_dir(home);
    if let Some((uid, gid)) = user {
        initdb.uid(uid).gid(gid);
    }
    let output = initdb.output().await.with_context(|| format!("run {}", binaries.initdb().display()))?;
    if !output.status.success() {
        bail!("create a PostgreSQL cluster with initdb: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(password)
}

/// Writes a file that nobody but the server's user can read.
fn write_private(file: &Path, text: &str, user: Option<(u32, u32)>) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    own(file, user)
}

fn own(path: &Path, user: Option<(u32, u32)>) -> anyhow::Result<()> {
    let Some((uid, gid)) = user else { return Ok(()) };
    chown(path, Some(uid), Some(gid)).with_context(|| format!("chown {}", path.display()))
}

/// Finds the user and group id to run as, since PostgreSQL refuses to be root; `None` when this process is not root.
fn unprivileged_user() -> anyhow::Result<Option<(u32, u32)>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Ok(Some(user)) = User::from_name(name) {
            return Ok(Some((user.uid.as_raw(), user.gid.as_raw())));
        }
    }
    bail!("start PostgreSQL: it refuses to run as root, and there is no user postgres or nobody to run it as")
}

/// Makes the directory of the cluster, owned by the user that it runs as; and its guard, if it is to go with the
/// server.
fn home(
    kept: Option<&Path>,
    user: Option<(u32, u32)>,
) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let (home, temporary) = match kept {
        None => {
            let temporary = tempfile::Builder::new()
                .prefix("sandbox-postgres-")
                .tempdir()
                .context("create a directory")?;
            (temporary.path().to_owned(), Some(temporary))
        }
        Some(directory) => (kept_home(directory, user)?, None),
    };
    own(&home, user)?;
    Ok((home, temporary))
}

/// Makes the directory, or a place in /var/tmp when the server's user cannot reach it, as below /root.
fn kept_home(directory: &Path, user: Option<(u32, u32)>) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    let directory = directory.canonicalize().with_context(|| format!("open {}", directory.display()))?;
    let Some((uid, gid)) = user else { return Ok(directory) };
    if directory.ancestors().skip(1).all(|ancestor| may_enter(ancestor, uid, gid)) {
        return Ok(directory);
    }
    let name = crate::registry::Digest::of(directory.as_os_str().as_encoded_bytes());
    let elsewhere = Path::new("/var/tmp").join(format!("sandbox-postgres-{}", &name.as_str()[7..23]));
    match fs::create_dir(&elsewhere) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            // Everybody may write to /var/tmp: take only a directory that the server's user owns.
            let found = fs::symlink_metadata(&elsewhere)?;
            if !found.is_dir() || found.uid() != uid {
                bail!("use {}: another user owns it; remove it", elsewhere.display());
            }
        }
        other => other.with_context(|| format!("create {}", elsewhere.display()))?,
    }
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o700))?;
    Ok(elsewhere)
}

fn may_enter(directory: &Path, uid: u32, gid: u32) -> bool {
    fs::metadata(directory).is_ok_and(|found| {
        let bit = if found.uid() == uid {
            0o100
        } else if found.gid() == gid {
            0o010
        } else {
            0o001
        };
        found.mode() & bit != 0
    })
}

/// Forgets a kept cluster. Nothing there is fine.
pub(super) fn forget(directory: &Path) -> anyhow::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for home in [kept_home(directory, unprivileged_user()?)?, directory.to_owned()] {
        match fs::remove_dir_all(&home) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("remove {}", home.display()));
            }
            _ => {}
        }
    }
    Ok(())
}
