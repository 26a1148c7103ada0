use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sandbox::real_parts::skip;
use sandbox::seed::{self, SeedSystem};
use sandbox::{Options, Script, TaskContext, postgres};
use serde_json::json;
use tempfile::TempDir;
use walkdir::WalkDir;

use super::{GUIDE, bash, blocks};
use crate::support::{FINTECH, HEALTH, PROD};

const ACME: &str = "acme_experiment";
/// What databases belong to, by the secret of step 2.
const OWNER: &str = "migrations";
const PASSWORD: &str = "of-migrations";

/// A new tenant from nothing to migrated, whether every tenant is up to date, and what runs: by the page's commands as
/// they stand, with the shop's own program and a real PostgreSQL.
#[tokio::test(flavor = "multi_thread")]
async fn the_everyday_commands_do_what_the_guide_says() {
    let Some(shop) = shop() else { return };
    let account = Account::start(shop).await;
    account.commit(&[]);
    for database in [PROD, HEALTH, FINTECH] {
        account.said(&format!("fargate-migrate migrate --database {database}"));
    }

    let chores = chores();
    let named = |words: &str| {
        let begins = format!("fargate-migrate {words}");
        let found = chores.iter().find(|chore| chore.command.starts_with(&begins));
        &found.unwrap_or_else(|| panic!("the page has no command {begins}")).command
    };
    let (migrate, check, status) = (named("migrate"), named("check"), named("status"));
    let mut said = HashMap::new();
    for Chore { command, prints } in &chores {
        if command == migrate {
            account.commit(&[ACME]);
            let asked = account.run(check);
            assert_eq!(asked.status.code(), Some(1), "nobody has migrated {ACME}: {asked:?}");
            assert!(String::from_utf8_lossy(&asked.stdout).contains("3 of 4 databases up to date: 1 behind"));
        }
        let printed = account.said(command);
        assert!(prints.is_empty() || printed == *prints, "{command}: {printed}");
        said.insert(command, printed);
    }

    assert!(account.system.postgres.count_tables(ACME).await.expect("count tables") > 50);
    assert!(said[check].contains("4 of 4 databases up to date"), "{}", said[check]);
    assert!(said[status].contains(&format!("{}  ✔", seed::SERVICE)), "{}", said[status]);
    assert!(said[status].contains("web serving") && said[status].contains(ACME), "{}", said[status]);
    let listed = std::fs::read_to_string(account.repository.path().join("healthtech")).expect("a listing");
    assert!(listed.lines().count() > 100, "{listed}");
}

/// What admin.yml offers, by this repository's own configuration file.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_that_the_form_offers_run() {
    let Some(shop) = shop() else { return };
    let account = Account::start(shop).await;
    account.configure(include_str!("../../../.github/fargate-migrate.yml"));
    // As the Action has its inputs.
    let run = |named: &str, database: &str| {
        let inputs = format!("INPUT_OPERATION=run INPUT_NAMED={named} INPUT_DATABASE={database}");
        account.said(&format!("GITHUB_ACTIONS=true {inputs} fargate-migrate"))
    };
    assert_eq!(run("create-demo", ""), "created database demo_experiment, owned by migrations");
    for (named, says) in [
        ("pending", "V1__create_users_and_members"),
        ("status", "database  healthtech_experiment"),
        ("schema", "schema public"),
    ] {
        let said = run(named, HEALTH);
        assert!(said.contains(says), "{named}: {said}");
    }
}

/// A command of the page, and what the page shows below it.
#[derive(Debug)]
struct Chore {
    command: String,
    prints: String,
}

fn chores() -> Vec<Chore> {
    let section = GUIDE.find("\n## A new tenant\n").expect("a new tenant");
    let lines = blocks(&GUIDE[section..], "console").flat_map(str::lines);
    let mut chores: Vec<Chore> = Vec::new();
    for line in lines {
        match (line.strip_prefix("$ "), chores.last_mut()) {
            (Some(command), _) => chores.push(Chore { command: command.to_owned(), prints: String::new() }),
            (None, Some(chore)) => chore.prints = format!("{}\n{line}", chore.prints).trim().to_owned(),
            (None, None) => panic!("{line} is the output of no command"),
        }
    }
    chores
}

/// The sandbox, where each task of the shop runs the shop's program, and a repository as the guide has it.
struct Account {
    system: SeedSystem,
    repository: TempDir,
}

impl Account {
    async fn start(shop: PathBuf) -> Self {
        let own_server = postgres::Options { url: None, ..postgres::Options::default() };
        let system =
            SeedSystem::start(Options::default(), own_server, None).await.expect("start the seed's system");
        system.sandbox.set_program(seed::TASK_FAMILY, move |context| runs(&shop, context));
        system.sandbox.set_program(seed::SERVICE_FAMILY, |_| Script::new().until_stopped());
        let image = seed::push_image(&system.sandbox, "serving").expect("push an image");
        seed::create_service(&system.sandbox, &image).expect("create the service");

        let owns = seed::DATABASES.map(|name| format!("alter database {name} owner to {OWNER};")).concat();
        let administrator =
            system.postgres.connect(system.postgres.default_database()).await.expect("connect");
        let setup = format!("create role {OWNER} login createdb password '{PASSWORD}'; {owns}");
        administrator.batch_execute(&setup).await.expect("make the owner");
        put_secret(&system);

        let repository = tempfile::tempdir().expect("a directory");
        std::fs::write(repository.path().join("Dockerfile"), "FROM scratch\n").expect("write the Dockerfile");
        let account = Self { system, repository };
        account.said("git init --quiet");
        account
    }

    /// Commits the guide's configuration file with these databases added, and has the commit's image in the repository,
    /// where the job `build` has pushed it.
    fn commit(&self, added: &[&str]) {
        let list = "databases: [";
        let [listing, services] = [list, "services:"].map(|key| {
            blocks(GUIDE, "yaml").find(|block| block.contains(key)).expect("a configuration file")
        });
        let names: String = added.iter().map(|name| format!("{name}, ")).collect();
        self.configure(&format!("{}\n{services}\n", listing.replace(list, &format!("{list}{names}"))));
        let commit = self.said(
            "git add --all && git -c user.name=a -c user.email=a@b.example commit --quiet --message a && git rev-parse HEAD",
        );
        seed::push_image(&self.system.sandbox, &commit).expect("push the commit's image");
    }

    /// Writes the configuration file. The sandbox has a task's last line when the task ends, so nothing is waited for.
    fn configure(&self, text: &str) {
        let file = self.repository.path().join(".github/fargate-migrate.yml");
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("make .github");
        std::fs::write(file, format!("{text}\nlog-drain: 1s\n")).expect("write the configuration file");
    }

    fn run(&self, script: &str) -> Output {
        bash(self.repository.path(), script).envs(self.system.environment()).output().expect("run bash")
    }

    /// Standard output of a script that has to succeed.
    #[track_caller]
    fn said(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// The secret of step 2, in place of the administrator's.
fn put_secret(system: &SeedSystem) {
    let definition = seed::task_definition().expect("the seed's task definition");
    let password = &definition["taskDefinition"]["containerDefinitions"][0]["secrets"][0]["valueFrom"];
    let arn = password.as_str().and_then(|value| value.strip_suffix(":password::")).expect("a secret's ARN");
    let server = &system.postgres;
    let login =
        json!({"host": server.host(), "port": server.port(), "username": OWNER, "password": PASSWORD});
    system.sandbox.put_secret(arn, &login);
}

/// What a container of the shop's image does: its command, as a process of this machine.
fn runs(shop: &Path, context: &TaskContext) -> Script {
    let Some(words) = context.command.strip_prefix(&["app".to_owned()]) else {
        let why = format!("exec: {:?}: executable file not found in $PATH: unknown", context.command);
        return Script::new().cannot_start(&why);
    };
    let ran =
        Command::new(shop).args(words).env_clear().envs(&context.environment).output().expect("run the shop");
    let lines = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    Script::new().lines(lines).exit(ran.status.code().unwrap_or(137))
}

/// The shop's program, which `cargo test` has built beside this one. `None` where it is not there, or older than its
/// source: then another package was tested alone.
fn shop() -> Option<PathBuf> {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let shop = Path::new(env!("CARGO_BIN_EXE_fargate-migrate")).with_file_name("app");
    // What cargo looks at as well: it builds the program again when one of these files has changed.
    let source = ["src", "migrations"]
        .map(|name| WalkDir::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("app").join(name)));
    let files = source.into_iter().flatten().map(|entry| entry.expect("list app"));
    let files = files.filter(|entry| entry.file_type().is_file());
    let newest = files.filter_map(|entry| changed(entry.path())).max();
    if changed(&shop).is_some_and(|built| Some(built) >= newest) {
        return Some(shop);
    }
    skip("the shop's program, as app/ is now", "cargo test --workspace --locked --no-run")
}
