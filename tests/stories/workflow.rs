use crate::config::{SHOP, repository};
use crate::support::Run;

#[tokio::test]
async fn the_dropdown_is_printed_checked_and_written() {
    let repository = repository(SHOP);
    let run = |flags: &[&str]| {
        Run::new(repository.path(), &[["workflow"].as_slice(), flags].concat())
            .current_directory(repository.path())
    };
    let printed = run(&[]).finish().await;
    let options =
        ["startupwebapp_prod", "healthtech_experiment", "fintech_experiment", "canary", "experiments", "all"];
    for option in options {
        printed.exits(0).says(&format!("          - {option}\n"));
    }

    let path = repository.path().join(".github/workflows/migrate.yml");
    run(&["--check"]).finish().await.exits(2).says("read the workflow .github/workflows/migrate.yml");
    std::fs::create_dir(path.parent().expect("a parent")).expect("make it");
    let mine = printed.stdout.replace("          - canary\n", "          - staging # gone\n")
        + "jobs: {}   # mine\n";
    std::fs::write(&path, &mine).expect("write");
    let checked = run(&["--check"]).in_actions().finish().await;
    checked.exits(2).says("does not offer what the configuration file lists").says("--write");
    checked.says("-          - staging # gone").says("+          - canary");
    run(&["--check", "--write"]).finish().await.exits(2);
    assert_eq!(std::fs::read_to_string(&path).expect("read"), mine, "a check changes nothing");

    run(&["--write"]).finish().await.exits(0).says("now offers");
    let expected = format!("{}jobs: {{}}   # mine\n", printed.stdout);
    assert_eq!(std::fs::read_to_string(&path).expect("read"), expected);
    run(&["--check", ".github/workflows/migrate.yml"]).finish().await.exits(0);
    run(&["--write"]).finish().await.exits(0).says("nothing to write");
}

#[tokio::test]
async fn the_dropdown_of_commands_is_checked_and_written() {
    let repository = repository(&format!("{SHOP}commands:\n  'yes': [app]\n  vacuum: [app, 'a b']\n"));
    let path = repository.path().join(".github/admin.yml");
    let run = |flag: &str| {
        Run::new(repository.path(), &["workflow", flag, ".github/admin.yml"])
            .current_directory(repository.path())
    };
    let text = "on:\n  workflow_dispatch:\n    inputs:\n      named:\n        type: choice\n        options:\n\
                \u{20}         - vacuum\n          - '::warning::gone'\njobs: {}   # mine\n";
    std::fs::write(&path, text).expect("write");
    let checked = run("--check").in_actions().finish().await;
    checked
        .exits(2)
        .says(".github/admin.yml does not offer what the configuration file lists")
        .says("--write");
    checked.says("-          - '::warning::gone'").says("+          - 'yes'");
    run("--write").finish().await.exits(0).says("now offers");
    let expected = text.replace("          - '::warning::gone'\n", "          - 'yes'\n");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), expected);
    run("--check").finish().await.exits(0);

    let config = repository.path().join(".github/fargate-migrate.yml");
    for (commands, says) in [
        ("", "no configuration file lists commands"),
        (
            "commands: {\"::error::x\": [app]}\n",
            "fargate-migrate.yml:1: \"::error::x\" is not a command's name",
        ),
        ("commands: {\"a\\n- b\": [app]}\n", "is not a command's name"),
    ] {
        std::fs::write(&config, commands).expect("write");
        run("--write").in_actions().finish().await.exits(2).says(says);
        assert_eq!(std::fs::read_to_string(&path).expect("read"), expected, "nothing is written");
    }
}

#[tokio::test]
async fn a_dropdown_in_brackets_is_compared_and_the_lines_to_paste_are_printed() {
    let repository = repository(SHOP);
    let path = repository.path().join("flow.yml");
    let run = |flag: &str| {
        Run::new(repository.path(), &["workflow", flag, "flow.yml"]).current_directory(repository.path())
    };
    let text = "on:\n  workflow_dispatch:\n    inputs:\n      database:\n        type: choice\n        options: \
                [startupwebapp_prod, staging, all]\n";
    std::fs::write(&path, text).expect("write");
    let checked = run("--check").finish().await;
    insta::assert_snapshot!(checked.exits(2).stderr, @"
    error: flow.yml does not offer what the configuration file lists
      input database: too many: staging
      input database: missing: healthtech_experiment, fintech_experiment, canary, experiments
    hint: run fargate-migrate workflow --write flow.yml: it cannot edit this list, and prints the lines to paste
    ");
    let refused = run("--write").finish().await;
    insta::assert_snapshot!(refused.exits(2).stderr, @"
    error: edit the options of flow.yml: its list is not written plainly
            database:
              options:
                - startupwebapp_prod
                - healthtech_experiment
                - fintech_experiment
                - canary
                - experiments
                - all
    hint: replace the options by these lines: one option a line, each as - name, and nothing else but comments
    ");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), text, "nothing is written");

    let (start, _) = text.split_once("        options:").expect("options");
    let lines = refused.stderr.lines().skip_while(|line| !line.ends_with("options:"));
    let block: Vec<&str> =
        lines.take_while(|line| !line.starts_with("hint")).filter_map(|line| line.get(2..)).collect();
    std::fs::write(&path, format!("{start}{}\n", block.join("\n"))).expect("write");
    run("--check").finish().await.exits(0);
}

#[tokio::test]
async fn without_databases_there_is_no_dropdown() {
    let repository = repository("cluster: x\n");
    let run = Run::new(repository.path(), &["workflow"]).current_directory(repository.path()).finish().await;
    run.exits(2).says("no configuration file lists databases");
}
