use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{Finished, Run, World};
use crate::terminal::answered;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const NEW: [&str; 3] = ["--databases=shop_prod,shop_test", "--network=public", "--region=eu-west-1"];

/// A repository of a Django application, cloned from GitHub.
fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    for (path, text) in [("Dockerfile", "FROM scratch\n"), ("manage.py", "")] {
        fs::write(directory.path().join(path), text).expect("write it");
    }
    git(directory.path(), &["init", "--quiet"]);
    git(directory.path(), &["remote", "add", "origin", "git@github.com:Acme/Web_Shop.git"]);
    directory
}

fn git(directory: &Path, words: &[&str]) {
    let identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-C"];
    let status = std::process::Command::new("git").args(identity).arg(directory).args(words).status();
    assert!(status.expect("run git").success(), "git {words:?}");
}

fn init(repository: &Path, flags: &[&str]) -> Run {
    let scratch = repository.parent().expect("a parent");
    Run::new(scratch, &[["init"].as_slice(), flags].concat()).current_directory(repository)
}

async fn done(repository: &Path, flags: &[&str]) -> Finished {
    let pinned = format!("--action={COMMIT}");
    init(repository, &[&NEW, flags, &[&pinned]].concat()).finish().await
}

fn read(repository: &Path, path: &str) -> String {
    fs::read_to_string(repository.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[tokio::test]
async fn a_repository_gets_its_files_and_what_is_there_stays() {
    let repository = repository();
    let path = repository.path();
    let planned = done(path, &["--plan"]).await;
    planned.exits(0).says("would write .github/fargate-migrate.yml");
    assert!(!path.join(".github").exists() && !path.join("infra").exists(), "a plan writes nothing");

    let first = done(path, &[]).await;
    first.exits(0).says("wrote      .github/workflows/migrate.yml");
    first.says(
        "infra/up --name web-shop --region eu-west-1 --network public --database --databases shop_prod,shop_test \
         --github Acme/Web_Shop --witness\n",
    );
    let config = read(path, ".github/fargate-migrate.yml");
    for line in ["cluster: web-shop-cluster", "witness-history: django", "databases: [shop_prod, shop_test]"]
    {
        assert!(config.lines().any(|one| one == line), "{line} in {config}");
    }
    let migrate = read(path, ".github/workflows/migrate.yml");
    assert!(migrate.contains("          - shop_prod\n          - shop_test\n          - all\n"), "{migrate}");
    assert!(migrate.contains(&format!("uses: fargate-migrate/fargate-migrate@{COMMIT}\n")), "{migrate}");
    for ours in ["startupwebapp", "uses: ./", "cargo", "needs: test", "skip-tests", "TEST"] {
        assert!(!migrate.contains(ours), "{ours} in {migrate}");
    }
    let mode = fs::metadata(path.join("infra/up")).expect("infra/up").permissions().mode();
    assert_eq!(mode & 0o111, 0o111, "a program");

    // Again, with more databases and a service.
    let own = format!("{config}# mine\n");
    fs::write(path.join(".github/fargate-migrate.yml"), &own).expect("write it");
    let pinned = format!("--action={COMMIT}");
    let again = init(path, &["--service=web-shop-web", "--test-command=make test", &pinned]).finish().await;
    again.exits(0).says("kept       .github/fargate-migrate.yml").never_says("infra/up");
    again.says("These lines are not in .github/fargate-migrate.yml:\n  services: [web-shop-web]\n");
    assert_eq!(read(path, ".github/fargate-migrate.yml"), own);
    assert_eq!(read(path, ".github/workflows/migrate.yml"), migrate);
    assert!(read(path, ".github/workflows/deploy.yml").contains("        run: |\n          make test\n"));
    assert!(read(path, ".github/workflows/rollback.yml").contains("          - web-shop-web\n"));
    let fewer = init(path, &["--network=public", "--databases=shop_prod", &pinned]).finish().await;
    fewer
        .exits(0)
        .says("unchanged  infra/up")
        .says("not in .github/fargate-migrate.yml:\n  databases: [shop_prod]\n");
    Run::new(path, &["workflow", "--check"]).current_directory(path).finish().await.exits(0);

    let without = init(path, &["--no-witness", "--network=public", &pinned]).finish().await;
    without.exits(0).says("It has witness: true, which --no-witness does not take away");
}

#[tokio::test]
async fn what_nobody_says_is_named_at_once_and_nothing_is_written() {
    let repository = repository();
    let path = repository.path();
    let run = init(path, &[]).finish().await;
    run.exits(2).says("init does not know --region, --databases, --network (or --vpc with --subnets)");
    let below = path.join("below");
    fs::create_dir(&below).expect("a directory");
    init(&below, &NEW).finish().await.exits(2).says("not the root of its repository");
    git(path, &["remote", "set-url", "origin", "https://notgithub.com/acme/shop"]);
    init(path, &NEW).finish().await.exits(2).says("init does not know --github, --name");
    fs::write(path.join("alembic.ini"), "").expect("write it");
    done(path, &[]).await.exits(2).says("of several frameworks: django, alembic").says("--framework");
    for (flags, says) in [
        (&["--dockerfile=../Dockerfile"][..], "is not below this directory"),
        (&["--dockerfile=x/Dockerfile"], "there is no file x/Dockerfile"),
        (&["--framework=django", "--github=a/b", "--name=B"], "invalid value 'B' for '--name"),
        (
            &["--framework=django", "--github=a/b", "--name=abc", "--subnets=subnet-1"],
            "with a network that infra/up makes",
        ),
        (
            &["--framework=django", "--github=a/b", "--name=abc", "--databases=shop_prod"],
            "shop_prod is listed twice",
        ),
        (&["--test-command=a\n${{ github.token }}"], "write one line"),
        (&["--github=a/b;c"], "write OWNER/NAME"),
        (&["--test-command=a\u{2028}b"], "write one line"),
        (&["--database-secret=x y"], "write the ARN of a secret"),
    ] {
        done(path, flags).await.exits(2).says(says);
    }
    assert!(!path.join(".github").exists() && !path.join("infra").exists());
}

#[tokio::test]
async fn a_file_that_cannot_be_read_or_written_is_named() {
    let repository = repository();
    let path = repository.path();
    let config = path.join(".github/fargate-migrate.yml");
    fs::create_dir(path.join(".github")).expect("a directory");
    fs::write(&config, "cluster: [").expect("write it");
    done(path, &[]).await.exits(2).says(".github/fargate-migrate.yml:1");
    fs::remove_file(&config).expect("remove it");
    fs::create_dir_all(path.join(".github/workflows/plan.yml")).expect("a directory");
    let half = done(path, &[]).await;
    half.exits(2).says("read .github/workflows/plan.yml");
    half.says("written before it: .github/fargate-migrate.yml, .github/workflows/migrate.yml");
    let tagged =
        ["init", "--vpc=vpc-1", "--subnets=tag:Name=x-*", "--region=eu-west-1", "--databases=shop_prod"];
    let tagged = Run::new(path, &tagged).current_directory(path).finish().await;
    tagged.exits(2).says("--vpc is given, and --subnets names tag:Name=x-*");
    fs::remove_dir(path.join(".github/workflows/plan.yml")).expect("remove it");
    fs::write(path.join("infra"), "a file").expect("write it");
    done(path, &[]).await.exits(2).says("write infra/up");
    assert_eq!(read(path, "infra"), "a file");
    fs::remove_file(path.join("infra")).expect("remove it");
    // A program of the repository's own would be the next command.
    fs::create_dir(path.join("infra")).expect("a directory");
    fs::write(path.join("infra/up"), "echo mine\n").expect("write it");
    done(path, &[]).await.exits(2).says("infra/up is there, and is another program");
    assert_eq!(fs::read_dir(path.join("infra")).expect("infra").count(), 1);
}

#[tokio::test]
async fn nothing_is_written_where_a_link_leads() {
    let (repository, elsewhere) = (repository(), tempfile::tempdir().expect("a directory"));
    std::os::unix::fs::symlink(elsewhere.path(), repository.path().join(".github")).expect("a link");
    for more in [&[][..], &["--plan"]] {
        let run = done(repository.path(), more).await;
        run.exits(2).says(".github is a symbolic link").never_says("written before it");
    }
    assert_eq!(fs::read_dir(elsewhere.path()).expect("read it").count(), 0);
}

#[tokio::test]
async fn on_a_terminal_it_asks_for_what_is_missing() {
    let repository = repository();
    let path = repository.path();
    let pinned = format!("--action={COMMIT}");
    // The repository and the name as they are; a Region after one that is none; two databases; the network; the command.
    let typed = b"\n\nEurope\neu-west-1\nshop_a, shop_b\nnat\n\n";
    let run = answered(init(path, &[&pinned]), typed).await;
    run.exits(0)
        .says("[Acme/Web_Shop]")
        .says("[web-shop]")
        .says("write a Region")
        .says("infra/up --name web-shop");
    let config = read(path, ".github/fargate-migrate.yml");
    assert!(config.contains("databases: [shop_a, shop_b]\n"), "{config}");
    assert!(config.contains("tag:Name=web-shop-private-subnet-*"), "{config}");
    // The end of the input is no answer.
    let other = self::repository();
    answered(init(other.path(), &[&pinned]), b"\x04").await.exits(2).says("init does not know --github");
}

#[tokio::test]
async fn the_action_is_pinned_to_its_newest_commit() {
    let action = tempfile::tempdir().expect("a directory");
    git(action.path(), &["init", "--quiet"]);
    git(action.path(), &["commit", "--quiet", "--allow-empty", "--message", "x"]);
    let head = fs::read_to_string(action.path().join(".git/HEAD")).expect("HEAD");
    let head = head.trim().trim_start_matches("ref: ");
    let commit = fs::read_to_string(action.path().join(".git").join(head)).expect("the branch");
    let configuration = action.path().join("gitconfig");
    let text = format!(
        "[url \"{}\"]\n  insteadOf = https://github.com/fargate-migrate/fargate-migrate\n",
        action.path().display()
    );
    fs::write(&configuration, text).expect("write it");

    let repository = repository();
    let run = |configuration: &Path| {
        init(repository.path(), &NEW).variable("GIT_CONFIG_GLOBAL", &configuration.display().to_string())
    };
    // The repository's own configuration has no say, and starts nothing.
    let owned = repository.path().join("owned");
    let own = format!(
        "[protocol \"ext\"]\n\tallow = always\n[url \"ext::sh -c touch%% {}%% %%S%% \"]\n\tinsteadOf = https://github.com/\n",
        owned.display()
    );
    let mut config =
        fs::OpenOptions::new().append(true).open(repository.path().join(".git/config")).expect("a file");
    std::io::Write::write_all(&mut config, own.as_bytes()).expect("write it");
    let nowhere = action.path().join("nowhere");
    fs::write(&nowhere, "[url \"/nonexistent\"]\n  insteadOf = https://github.com\n").expect("write it");
    run(&nowhere).finish().await.exits(3).says("read the newest commit of").says("pass --action COMMIT");
    run(&configuration).finish().await.exits(0);
    let migrate = read(repository.path(), ".github/workflows/migrate.yml");
    assert!(migrate.contains(&format!("fargate-migrate@{}\n", commit.trim())), "{migrate}");
    assert!(!owned.exists(), "a program of the repository's configuration has run");
}

/// The sandbox is what infra/up makes with the name startupwebapp.
#[tokio::test]
async fn what_it_writes_leads_to_a_plan_in_the_sandbox() {
    let world = World::new().await;
    let repository = repository();
    let path = repository.path();
    let pinned = format!("--action={COMMIT}");
    let flags =
        ["--name=startupwebapp", "--network=none", "--subnets=tag:Name=startupwebapp-private-subnet-*"];
    let more =
        ["--region=us-east-1", "--databases=healthtech_experiment", "--no-witness", "--command=app migrate"];
    let run = init(path, &[&flags[..], &more, &[&pinned]].concat()).finish().await;
    run.exits(0).never_says("infra/up");
    assert!(!path.join("infra").exists());
    let image = ["--image", crate::support::IMAGE];
    let plan = world
        .command(&[&["migrate", "--plan", "--database=all"][..], &image].concat())
        .current_directory(path);
    let plan = plan.finish().await;
    plan.exits(0).says("healthtech_experiment").says("startupwebapp-cluster");
}
