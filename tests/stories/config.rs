use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{FINTECH, HEALTH, IMAGE, PROD, Run, World};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sandbox/fixtures/describe-task-definition.json");

/// Everything that a run against the sandbox needs, except for which database.
pub const SHOP: &str = "
cluster: startupwebapp-cluster
task-definition: startupwebapp-migration-task
image: IMAGE
subnets: ['tag:Name=startupwebapp-private-subnet-*']
security-groups: ['tag:Name=startupwebapp-backend-sg']
proof: report
log-drain: 1s
databases:
- startupwebapp_prod
- healthtech_experiment
- fintech_experiment
groups:
  canary: [healthtech_experiment]
  experiments: ['*_experiment']
";

/// A repository with this configuration file.
pub fn repository(config: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join(".github")).expect("make it");
    let config = config.replace("IMAGE", IMAGE);
    std::fs::write(directory.path().join(".github/fargate-migrate.yml"), config).expect("write it");
    directory
}

/// `fargate-migrate migrate` in a repository, without AWS.
fn migrate(repository: &Path, more: &[&str]) -> Run {
    Run::new(repository, &[["migrate"].as_slice(), more].concat()).current_directory(repository)
}

fn planned(run: &crate::support::Finished) -> Vec<String> {
    let plan: Value = serde_json::from_str(&run.stdout).expect("a plan on stdout");
    let rows = plan["databases"].as_array().expect("rows");
    rows.iter().map(|row| row["database"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_workflow_says_which_database_and_the_file_says_the_rest() {
    let world = World::new().await;
    let repository = repository(SHOP);
    let run = world
        .command(&[])
        .current_directory(repository.path())
        .in_actions()
        .variable("INPUT_DATABASE", "canary")
        .finish()
        .await;
    run.exits(0);
    assert_eq!(run.outputs["migrated"], HEALTH);
    let input = &world.inputs("RunTask")[0];
    assert_eq!(input["cluster"], "startupwebapp-cluster");
    let subnets = &input["networkConfiguration"]["awsvpcConfiguration"]["subnets"];
    assert_eq!(subnets.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn all_of_them_run_in_the_files_order() {
    let world = World::new().await;
    let repository = repository(SHOP);
    let run = world
        .command(&["migrate", "--database=all", "--exclude=canary"])
        .current_directory(repository.path())
        .in_actions()
        .finish()
        .await;
    run.exits(0);
    assert_eq!(run.outputs["migrated"], format!("{PROD},{FINTECH}"));
}

#[tokio::test]
async fn an_input_overrides_the_file_and_a_flag_overrides_both() {
    let world = World::new().await;
    let wrong = SHOP.replace("startupwebapp-cluster", "of-the-file");
    let repository = repository(&wrong.replace("proof: report", "proof: report\nkeep-going: true"));
    let run = |flags: &[&str]| {
        world
            .command(&[["migrate", "--database=canary", "--plan"].as_slice(), flags].concat())
            .current_directory(repository.path())
            .in_actions()
    };
    run(&[]).finish().await.exits(2).says("of-the-file");
    let by_input = |run: Run| run.variable("INPUT_CLUSTER", "of-the-input").variable("INPUT_REGION", "");
    by_input(run(&[])).finish().await.exits(2).says("of-the-input").never_says("of-the-file");
    by_input(run(&["--cluster=startupwebapp-cluster"])).finish().await.exits(0);

    let flags = ["--cluster=startupwebapp-cluster", "--format=json"];
    for (run, expected) in [
        (run(&flags), true),
        (run(&flags).variable("INPUT_KEEP-GOING", "false"), false),
        (run(&[&flags[..], &["--keep-going=false"]].concat()), false),
    ] {
        assert_eq!(run.finish().await.exits(0).result()["keep_going"], expected);
    }
}

#[tokio::test]
async fn what_is_wrong_in_the_file_is_said_before_anything_is_asked() {
    for (config, message) in [
        ("clustr: x\n", ".github/fargate-migrate.yml:1: unknown key \"clustr\""),
        (
            "cluster: x\nmax-parallel: many\n",
            ".github/fargate-migrate.yml:2: a whole number from 1 to 1000 was expected",
        ),
        (
            "cluster: x\nmax-parallel: 5000\n",
            ".github/fargate-migrate.yml:2: a whole number from 1 to 1000 was expected for max-parallel, not",
        ),
        ("databases: [a, b, a]\n", ".github/fargate-migrate.yml:1: database a is listed twice"),
        ("databases: [a]\ngroups:\n  g: [b]\n", ".github/fargate-migrate.yml:3: b in group g is not among"),
        ("image: a\nbinary: b\n", ".github/fargate-migrate.yml:2: binary cannot be used with image"),
        (
            "databases: ['::error::x']\n",
            ".github/fargate-migrate.yml:1: \"::error::x\" is not a database name",
        ),
        ("- a\n", ".github/fargate-migrate.yml:1: a mapping of keys to values was expected"),
        ("cluster: 'x\n", ".github/fargate-migrate.yml:1: unclosed quote"),
    ] {
        let repository = repository(config);
        let run = migrate(repository.path(), &["--database=a", "--plan"]).in_actions().finish().await;
        run.exits(2).says(message);
        assert!(!run.stderr.lines().any(|line| line.starts_with("::error::x")), "{run:#?}");
    }
    let repository = repository(SHOP);
    migrate(repository.path(), &["--config=none.yml"]).finish().await.exits(2).says("none.yml: No such file");
}

#[tokio::test]
async fn a_name_that_a_workflow_was_sent_has_to_be_in_the_file() {
    let repository = repository(SHOP);
    for (name, words) in [
        ("fintech_experimint", "did you mean fintech_experiment?"),
        ("canaries", "did you mean canary?"),
        ("staging_*", "--database staging_* matches no database"),
        ("startupwebapp_prod,startupwebapp_prod", "is named twice"),
    ] {
        let run = migrate(repository.path(), &["--plan", "--database", name]).finish().await;
        run.exits(2).says(words);
    }
    let run = migrate(repository.path(), &["--plan"]).finish().await;
    run.exits(2).says("no database given").says("startupwebapp_prod");
}

#[tokio::test]
async fn ten_thousand_databases_are_chosen_by_group_pattern_file_and_standard_input() {
    let mut config =
        format!("cluster: c\nsubnets: [subnet-1]\nimage: IMAGE\ntask-definition: {FIXTURE}\ndatabases:\n");
    let names: Vec<String> = (0..10_000).map(|number| format!("tenant_{number:05}")).collect();
    for name in &names {
        config.push_str(&format!("- {name}\n"));
    }
    config.push_str("groups:\n  canary: ['tenant_000??']\n");
    let repository = repository(&config);
    let plan = async |more: &[&str]| {
        let flags = [["--plan", "--format=json"].as_slice(), more].concat();
        planned(migrate(repository.path(), &flags).finish().await.exits(0))
    };
    assert_eq!(plan(&["--database=all"]).await, names);
    assert_eq!(plan(&["--database=canary"]).await, names[..100]);
    assert_eq!(plan(&["--database=*", "--exclude=canary"]).await, names[100..]);
    assert_eq!(plan(&["--database=tenant_0999?"]).await, names[9_990..]);

    let mut listed = names.clone();
    listed.reverse();
    std::fs::write(repository.path().join("names"), format!("# mine\n{}\n", listed.join("\n")))
        .expect("write");
    assert_eq!(plan(&["--databases-file=names"]).await, listed);

    let flags = ["--plan", "--format=json", "--databases-file=-", "--database=canary"];
    let source = std::fs::File::open(repository.path().join("names")).expect("open");
    let run = migrate(repository.path(), &flags).standard_input(Stdio::from(source)).finish().await;
    let expected: Vec<String> = names[..100].iter().chain(listed[..9_900].iter()).cloned().collect();
    assert_eq!(planned(run.exits(0)), expected);
}

#[tokio::test]
async fn a_file_of_names_is_checked_before_anything_runs() {
    let repository = repository(SHOP);
    for (text, words) in [
        ("startupwebapp_prod\na b\n", "names:2: \"a b\" is not a database name"),
        ("startupwebapp_prod\nstartupwebapp_prod\n", "startupwebapp_prod is named twice"),
        ("canary\n", "--databases-file canary is not among the databases"),
        ("# none\n", "it names no database"),
        ("startupwebapp_pro\n", "did you mean startupwebapp_prod?"),
    ] {
        std::fs::write(repository.path().join("names"), text).expect("write");
        let run = migrate(repository.path(), &["--plan", "--databases-file=names"]).finish().await;
        run.exits(2).says(words);
    }
    migrate(repository.path(), &["--databases-file=none"]).finish().await.exits(2).says("No such file");
}

#[tokio::test]
async fn this_repositorys_own_file_fits_the_seeds_system() {
    let world = World::new().await;
    // Instead of its Dockerfile, which takes minutes to build.
    let flags = ["migrate", "--plan", "--format=json", "--database=all", "--image", IMAGE];
    let run = world.command(&flags).current_directory(Path::new(env!("CARGO_MANIFEST_DIR"))).finish().await;
    assert_eq!(planned(run.exits(0)), sandbox::seed::DATABASES);
    assert_eq!(world.called("RunTask"), 0);
}
