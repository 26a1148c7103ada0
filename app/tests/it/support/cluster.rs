//! A PostgreSQL server: the one of TEST_DATABASE_URL, or one of our own that ends with this process.

use nix::unistd::{Uid, User, chown};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, fs, io, net, thread};

const SKIPPED: &str = "skipped: needs PostgreSQL's initdb and postgres, get them with: apt-get install postgresql \
                       (or name a server in TEST_DATABASE_URL)\n";

pub struct Cluster {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<String>,
    /// A server of somebody else, who wants it back as it was.
    pub foreign: bool,
    pub tls: Option<Tls>,
    /// Closed when this process ends, however it ends: the shell at the other end then ends the server.
    _alive: Option<ChildStdin>,
}

/// A server certificate for `localhost`, not for 127.0.0.1, and the authority that signed it.
pub struct Tls {
    pub authority: PathBuf,
    /// An authority that signed nothing.
    pub stranger: PathBuf,
}

impl Cluster {
    /// The server that this test binary shares. None, after saying why, on a machine without PostgreSQL.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| named().or_else(|| own(false))).as_ref().or_else(skip)
    }

    /// A server with `ssl = on`, always our own.
    pub fn with_tls() -> Option<&'static Self> {
        static WITH_TLS: OnceLock<Option<Cluster>> = OnceLock::new();
        WITH_TLS.get_or_init(|| own(true)).as_ref().or_else(skip)
    }
}

/// Says that this test proves nothing here. Like `sandbox::real_parts`, which the shop does not know: past the capture
/// of what a passing test prints.
fn skip<T>() -> Option<T> {
    assert!(env::var_os("REQUIRE_REAL_PARTS").is_none(), "{SKIPPED}");
    let _ = io::stderr().write_all(SKIPPED.as_bytes());
    None
}

fn named() -> Option<Cluster> {
    let url = env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())?;
    let config: tokio_postgres::Config = url.parse().expect("TEST_DATABASE_URL is a connection string");
    let host = match config.get_hosts() {
        [tokio_postgres::config::Host::Tcp(host)] => host.clone(),
        other => panic!("TEST_DATABASE_URL names one host, not {other:?}"),
    };
    Some(Cluster {
        host,
        port: config.get_ports().first().copied().unwrap_or(5432),
        user: config.get_user().expect("TEST_DATABASE_URL names a user").to_owned(),
        password: config.get_password().map(|password| String::from_utf8(password.to_vec()).unwrap()),
        foreign: true,
        tls: None,
        _alive: None,
    })
}

fn own(tls: bool) -> Option<Cluster> {
    let programs = programs()?;
    // Somebody else may take the port between our asking for a free one and the server's binding it.
    let started = (0..3).find_map(|_| start(&programs, tls));
    Some(started.expect("one of three free ports is still free when the server binds it"))
}

fn start(programs: &Path, tls: bool) -> Option<Cluster> {
    let owner = owner();
    let home = tempfile::Builder::new().prefix("app-test-").tempdir().unwrap().keep();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
    let password = "correct horse";
    fs::write(home.join("password"), password).unwrap();
    let tls = tls.then(|| certificates(&home));
    if let Some(owner) = &owner {
        for path in fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().path()).chain([home.clone()]) {
            chown(&path, Some(owner.uid), Some(owner.gid)).unwrap();
        }
    }
    let initialised = as_owner(Command::new(programs.join("initdb")), owner.as_ref())
        .args(["--no-sync", "--username=shop", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
        .arg(format!("--pwfile={}", home.join("password").display()))
        .arg(home.join("data"))
        .current_dir(&home)
        .output()
        .unwrap();
    assert!(initialised.status.success(), "initdb: {}", String::from_utf8_lossy(&initialised.stderr));
    let (port, alive) = run_server(programs, &home, owner.as_ref(), tls.is_some())?;
    Some(Cluster {
        host: "127.0.0.1".to_owned(),
        port,
        user: "shop".to_owned(),
        password: Some(password.to_owned()),
        foreign: false,
        tls,
        _alive: Some(alive),
    })
}

/// Starts the server under a shell that waits for our end, and waits until it accepts connections. None when
/// the port was taken: the shell then removes `home`, as it does after our end.
#[expect(clippy::zombie_processes, reason = "the shell outlives this process, that is what it is for")]
fn run_server(programs: &Path, home: &Path, owner: Option<&User>, ssl: bool) -> Option<(u16, ChildStdin)> {
    let port = net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // In a group of its own, so that Ctrl-C reaches the tests only, and this after them.
    let mut shell = as_owner(Command::new("/bin/sh"), owner)
        .args(["-c", r#""$@" >>log 2>&1 & cat >/dev/null; kill -QUIT $!; wait $!; rm -rf "$PWD""#, "sh"])
        .arg(programs.join("postgres"))
        .args(["-D", "data", "-k", ".", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
        .args(["-c", &format!("port={port}"), "-c", if ssl { "ssl=on" } else { "ssl=off" }])
        .args(["-c", "ssl_cert_file=../server.crt", "-c", "ssl_key_file=../server.key"])
        .current_dir(home)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let alive = shell.stdin.take().unwrap();
    let deadline = Instant::now() + super::DEADLINE;
    while Instant::now() < deadline {
        // The last line of a server that is up; another one's answer on the port would prove nothing.
        let log = fs::read_to_string(home.join("log")).unwrap_or_default();
        if log.contains("database system is ready to accept connections") {
            return Some((port, alive));
        }
        if log.contains("could not create any TCP/IP sockets") {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!(
        "no server after {:?}: {}",
        super::DEADLINE,
        fs::read_to_string(home.join("log")).unwrap_or_default()
    );
}

/// The directory with initdb and postgres: of PATH, else Debian's newest.
fn programs() -> Option<PathBuf> {
    let of_path =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut of_debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    of_debian.sort();
    of_path
        .into_iter()
        .chain(of_debian.into_iter().rev())
        .find(|directory| ["initdb", "postgres"].iter().all(|program| directory.join(program).exists()))
}

/// Whom to be when we are root, which PostgreSQL refuses to run as.
fn owner() -> Option<User> {
    let find = |name| User::from_name(name).ok().flatten();
    Uid::effective()
        .is_root()
        .then(|| find("postgres").or_else(|| find("nobody")).expect("a user for PostgreSQL"))
}

fn as_owner(mut command: Command, owner: Option<&User>) -> Command {
    if let Some(owner) = owner {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
    command
}

fn certificates(home: &Path) -> Tls {
    let authority = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let path = home.join(format!("{name}.crt"));
        fs::write(&path, params.self_signed(&key).unwrap().pem()).unwrap();
        (Issuer::new(params, key), path)
    };
    let (issuer, authority_path) = authority("authority");
    let (_, stranger) = authority("stranger");
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(home.join("server.crt"), certificate.pem()).unwrap();
    fs::write(home.join("server.key"), key.serialize_pem()).unwrap();
    fs::set_permissions(home.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    Tls { authority: authority_path, stranger }
}
