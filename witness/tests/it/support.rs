use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sandbox::postgres::{Options, Postgres};
use sandbox::real_parts::skip;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_postgres::Client;

const DEADLINE: Duration = Duration::from_secs(60);

/// A server with one database, and the folder of an image with two migrations of dbmate.
pub struct World {
    pub server: &'static Postgres,
    pub name: String,
    pub folder: TempDir,
}

impl World {
    /// None on a machine without PostgreSQL: the test has said so and is over.
    pub async fn new() -> Option<Self> {
        let world = Self::empty().await?;
        world.file("db/migrations/001_users.sql", "create table users (id int)");
        world.file("db/migrations/002_orders.sql", "create table orders (id int)");
        Some(world)
    }

    /// The same with the folder of an application in `apps/`.
    pub async fn with(application: &str) -> Option<Self> {
        let world = Self::empty().await?;
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/apps").join(application),
            world.folder.path(),
        );
        Some(world)
    }

    async fn empty() -> Option<Self> {
        static SHARED: OnceCell<Option<Postgres>> = OnceCell::const_new();
        let start = async || Postgres::start(&Options::default()).await.expect("start PostgreSQL");
        let server = SHARED.get_or_init(start).await.as_ref();
        let server =
            server.or_else(|| skip("PostgreSQL's initdb and postgres", "apt-get install postgresql"))?;
        let folder = tempfile::tempdir().expect("a folder");
        let world = Self { server, name: name(), folder };
        world.server.create_database(&world.name).await.expect("create the database");
        Some(world)
    }

    pub fn file(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("write a file");
    }

    /// Replaces a text that the file has.
    pub fn replace(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.folder.path().join(path)).expect("a file");
        assert!(text.contains(old), "no {old:?} in {path}");
        self.file(path, &text.replace(old, new));
    }

    pub async fn another_database(&self) -> String {
        let name = name();
        self.server.create_database(&name).await.expect("create a database");
        name
    }

    /// The witness in the folder of the image, told of the database as libpq is.
    pub fn witness(&self, arguments: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_witness"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let variables = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("PGHOST", self.server.host().to_owned()),
            ("PGPORT", self.server.port().to_string()),
            ("PGUSER", self.server.user().to_owned()),
            ("PGPASSWORD", self.server.password().to_owned()),
            ("PGDATABASE", self.name.clone()),
        ];
        command.envs(variables);
        Program(command)
    }

    /// The same, in front of a script of a shell.
    pub fn before(&self, flags: &[&str], script: &str) -> Program {
        self.witness(&[flags, &["--", "sh", "-c", script]].concat())
    }

    pub async fn connect(&self, database: &str) -> Client {
        self.server.connect(database).await.expect("connect")
    }

    /// Waits until a program of this name has a session in the database.
    pub async fn session(&self, application: &str) {
        let client = self.connect(&self.name).await;
        let query =
            "select from pg_stat_activity where datname = current_database() and application_name = $1";
        let looking =
            async { while client.query_opt(query, &[&application]).await.expect("look").is_none() {} };
        timeout(DEADLINE, looking).await.unwrap_or_else(|_| panic!("no session of {application}"));
    }

    pub async fn execute(&self, sql: &str) {
        self.connect(&self.name).await.batch_execute(sql).await.expect("execute");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to)
        } else {
            assert!(fs::copy(&path, &to).is_ok(), "{}", path.display())
        }
    }
}

fn name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("witness_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What dbmate does, in psql: each file that the table does not have, in a transaction with its row.
pub const DBMATE: &str = r#"
set -e
psql -qX -v ON_ERROR_STOP=1 -c 'create table if not exists schema_migrations (version varchar primary key)'
for file in db/migrations/*.sql; do
    version=$(basename "$file" | cut -d_ -f1)
    if [ -z "$(psql -qXtA -c "select 1 from schema_migrations where version = '$version'")" ]; then
        echo "Applying: $file"
        psql -qX1 -v ON_ERROR_STOP=1 -f "$file" -c "insert into schema_migrations values ('$version')"
    fi
done
"#;

pub struct Program(Command);

impl Program {
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    pub fn start(mut self) -> Running {
        Running(self.0.spawn().expect("start the witness"))
    }

    pub async fn run(self) -> Run {
        self.start().end().await
    }
}

pub struct Running(Child);

impl Running {
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id().expect("it runs")).expect("an id");
        kill(Pid::from_raw(id), signal).expect("a signal");
    }

    pub async fn end(self) -> Run {
        let output =
            timeout(DEADLINE, self.0.wait_with_output()).await.expect("it ends").expect("its output");
        Run { exit: output.status.code(), stdout: output.stdout, stderr: output.stderr }
    }
}

pub struct Run {
    pub exit: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Run {
    pub fn said(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr))
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, Some(code), "{}", self.said());
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.said().contains(text), "no {text:?} in {}", self.said());
        self
    }

    /// Every report, by its line.
    pub fn reports(&self) -> Vec<Value> {
        let stdout = String::from_utf8_lossy(&self.stdout).into_owned();
        let lines = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter_map(|line| line.get("migration_report").cloned()).collect()
    }

    /// The only report, which is the last line.
    #[track_caller]
    pub fn report(&self) -> Value {
        let reports = self.reports();
        let last = String::from_utf8_lossy(&self.stdout).lines().last().unwrap_or_default().to_owned();
        assert!(reports.len() == 1 && last.starts_with("{\"migration_report\""), "{}", self.said());
        reports.into_iter().next().expect("a report")
    }
}

/// Waits for a file that a command leaves.
pub async fn file(path: &Path) {
    timeout(DEADLINE, async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("no {}", path.display()));
}
