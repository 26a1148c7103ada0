use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// Runs the server, and ends it when standard input ends: at stop, at drop, and also when its owner was killed and
/// could run nothing any more, because the kernel closes the pipe.
const SCRIPT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
( while read -r _ <&3; do :; done; eval "$SANDBOX_STOP" ) &
reader=$!
wait "$server"
code=$?
kill "$reader" 2>/dev/null
[ -z "$SANDBOX_REMOVE" ] || rm -rf "$SANDBOX_REMOVE"
exit "$code"
"#;

/// Fast shutdown: open transactions are rolled back. The server was started by the shell that runs this.
pub(super) const STOP_PROCESS: &str = r#"kill -INT "$server""#;

/// How much of its log a server that did not start is quoted with.
const LAST_WORDS: i64 = 2_000;

/// A running server and the shell that ends it together with the sandbox.
pub(super) struct Supervisor {
    shell: Child,
    log: File,
    /// What must outlive the server, such as its directory.
    _kept: Option<tempfile::TempDir>,
}

/// What to run, as whom, and what to leave behind.
pub(super) struct Service<'a> {
    pub command: Vec<std::ffi::OsString>,
    /// Shell text that ends the server.
    pub stop: &'a str,
    /// Environment of the server, on top of PATH alone.
    pub environment: Vec<(&'a str, String)>,
    pub user: Option<(u32, u32)>,
    /// A directory to run in, removed at the end.
    pub temporary: Option<tempfile::TempDir>,
    pub directory: Option<&'a std::path::Path>,
}

impl Supervisor {
    pub(super) fn start(service: Service<'_>) -> anyhow::Result<Self> {
        let log = tempfile::tempfile().context("create the server's log")?;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "sandbox-postgres"]).args(&service.command);
        shell
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("LC_ALL", "C")
            .env("SANDBOX_STOP", service.stop)
            .envs(service.environment);
        if let Some(temporary) = &service.temporary {
            shell.env("SANDBOX_REMOVE", temporary.path());
        }
        if let Some((uid, gid)) = service.user {
            shell.uid(uid).gid(gid);
        }
        if let Some(directory) = service.directory {
            shell.current_dir(directory);
        }
        shell.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        // A group of its own: Ctrl-C reaches the sandbox only, which ends the server in order.
        shell.process_group(0);
        let shell = shell.spawn().context("start the server's supervisor /bin/sh")?;
        Ok(Self { shell, log, _kept: service.temporary })
    }

    /// Returns the end of the server's log, if the server is gone; `None` while it runs.
    pub(super) fn has_ended(&mut self) -> anyhow::Result<Option<String>> {
        if self.shell.try_wait().context("look after the server")?.is_none() {
            return Ok(None);
        }
        let size = i64::try_from(self.log.metadata()?.len()).unwrap_or(i64::MAX);
        self.log.seek(SeekFrom::End(-size.min(LAST_WORDS)))?;
        let mut words = Vec::new();
        self.log.read_to_end(&mut words)?;
        Ok(Some(String::from_utf8_lossy(&words).trim().to_owned()))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // Nothing to do about a failure here: the shell is gone already, which is what is wanted.
        let _ = self.shell.wait();
    }
}
