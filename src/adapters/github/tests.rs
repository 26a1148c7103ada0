use super::*;

fn github(directory: &Path) -> GitHub {
    GitHub::from_environment(&|name| {
        Some(match name {
            "GITHUB_ACTIONS" => "true".to_owned(),
            "GITHUB_RUN_ID" => "1658821493".to_owned(),
            "GITHUB_RUN_ATTEMPT" => "2".to_owned(),
            "GITHUB_SHA" => "3f786850e387550fdab836ed7e6dc881de23001b".to_owned(),
            "GITHUB_REPOSITORY" => "startup/web-app".to_owned(),
            "GITHUB_SERVER_URL" => "https://github.com".to_owned(),
            "GITHUB_OUTPUT" => directory.join("output").display().to_string(),
            "GITHUB_STEP_SUMMARY" => directory.join("summary").display().to_string(),
            "GITHUB_STATE" => directory.join("state").display().to_string(),
            _ => return None,
        })
    })
    .unwrap()
}

/// Reads a command file as the runner does (actions/runner, FileCommandManager.cs): the last value of a key wins.
fn read(path: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (key, value) = match (line.find('='), line.find("<<")) {
            (equals, Some(heredoc)) if equals.is_none_or(|equals| heredoc < equals) => {
                let delimiter = &line[heredoc + 2..];
                let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
                (&line[..heredoc], value.join("\n"))
            }
            (Some(equals), _) => (&line[..equals], line[equals + 1..].to_owned()),
            _ => panic!("the runner fails the step for: {line}"),
        };
        pairs.retain(|(known, _)| known != key);
        pairs.push((key.to_owned(), value));
    }
    pairs
}

#[test]
fn a_step_knows_its_run() {
    let github = github(Path::new("/nowhere"));
    assert_eq!(
        github.run_url().as_deref(),
        Some("https://github.com/startup/web-app/actions/runs/1658821493")
    );
    assert_eq!(github.run_attempt.as_deref(), Some("2"));
    assert!(github.reads_commands);
}

#[test]
fn a_terminal_is_no_runner() {
    assert_eq!(GitHub::from_environment(&|_| None), None);
    assert_eq!(GitHub::from_environment(&|_| Some(String::new())), None);
    let files_only = GitHub::from_environment(&|name| (name == "GITHUB_OUTPUT").then(|| "x".to_owned()));
    assert!(!files_only.unwrap().reads_commands);
}

#[test]
fn outputs_are_read_back_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let github = github(directory.path());
    let smuggled = "x\nEOF\nmigrated=everything\n::set-output name=a::b\n";
    std::fs::write(directory.path().join("output"), "migrated=smuggled in before\n").unwrap();
    let outputs =
        [("migrated", "a,b".to_owned()), ("result", smuggled.to_owned()), ("failed", String::new())];
    github.write_outputs(&outputs).unwrap();
    let expected: Vec<(String, String)> = outputs.map(|(key, value)| (key.to_owned(), value)).to_vec();
    assert_eq!(read(&directory.path().join("output")), expected);
}

#[test]
fn state_is_saved_at_once_and_adds_up() {
    let directory = tempfile::tempdir().unwrap();
    let github = github(directory.path());
    github.save_state("tasks", "one").unwrap();
    github.save_state("tasks", "one\ntwo").unwrap();
    assert_eq!(read(&directory.path().join("state")), [("tasks".to_owned(), "one\ntwo".to_owned())]);
}

#[test]
fn a_summary_replaces_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let github = github(directory.path());
    github.write_summary("a long first summary").unwrap();
    github.write_summary("short").unwrap();
    assert_eq!(std::fs::read_to_string(directory.path().join("summary")).unwrap(), "short");
    let error = github.write_summary(&"x".repeat(GitHub::SUMMARY_LIMIT + 1)).unwrap_err();
    insta::assert_snapshot!(error, @"write the job summary: 1048577 bytes are more than GitHub's limit of 1048576");
    assert_eq!(std::fs::read_to_string(directory.path().join("summary")).unwrap(), "short");
}

#[test]
fn a_file_that_can_not_be_written_is_named() {
    let github = github(Path::new("/nowhere"));
    insta::assert_snapshot!(format!("{:#}", github.write_summary("x").unwrap_err()), @"write the job summary to /nowhere/summary: No such file or directory (os error 2)");
    insta::assert_snapshot!(format!("{:#}", github.write_outputs(&[("a", String::new())]).unwrap_err()), @"write the step's outputs to /nowhere/output: No such file or directory (os error 2)");
    insta::assert_snapshot!(format!("{:#}", github.save_state("a", "b").unwrap_err()), @"write the step's state to /nowhere/state: No such file or directory (os error 2)");
}

#[test]
fn without_files_there_is_nothing_to_write() {
    let github = GitHub { reads_commands: true, ..GitHub::default() };
    github.write_summary("x").unwrap();
    github.write_outputs(&[("a", "b".to_owned())]).unwrap();
    github.save_state("a", "b").unwrap();
}

#[test]
fn another_run_is_known_by_the_name_of_its_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let github = github(directory.path());
    let page = |run: &str| Some(format!("https://github.com/startup/web-app/actions/runs/{run}"));
    let named =
        crate::settings::RunIdentity::of_github("77", "3", "migrate-all", Some("runner 1")).started_by;
    for (started_by, url) in [
        (named.as_str(), page("77/attempts/3")),
        ("fargate-migrate/gha-77-3-", page("77/attempts/3")),
        ("fargate-migrate/gha-77-x-migrate", None),
        ("fargate-migrate/gha--3-migrate", None),
        ("fargate-migrate/gha-7%2F..-3-migrate", None),
        ("fargate-migrate/local-12-99", None),
        ("ecs-svc/1234", None),
    ] {
        assert_eq!(github.url_of_run(started_by), url, "{started_by}");
    }
    assert_eq!(GitHub::default().url_of_run(&named), None);
}
