//! While a sandbox's requests are recorded (SANDBOX_RECORD), each run's own policy is recorded beside them.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use sandbox::seed;
use serde_json::{Value, json};

/// What `fargate-migrate iam` prints for the flags, inputs and configuration file of a run that is about to start. A
/// `build` makes fewer calls than a `migrate` with its flags, and `iam` itself looks at the task definition as that does.
///
/// Nobody asks AWS for it, so a task definition that is named by its family is not known: all of the stories' have the
/// roles, the log group and the repository of the seed's.
pub fn record(run: &Command) {
    let Some(record) = std::env::var_os("SANDBOX_RECORD") else { return };
    let variables: Vec<_> = run.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let endpoint = variables.iter().find(|(name, _)| *name == "AWS_ENDPOINT_URL");
    let Some(host) = endpoint.and_then(|(_, url)| url.to_str()?.strip_prefix("http://")) else { return };
    let mut arguments: Vec<&str> = run.get_args().filter_map(|argument| argument.to_str()).collect();
    match arguments.first() {
        None => {}
        Some(&"migrate" | &"build" | &"iam") => drop(arguments.remove(0)),
        Some(_) => return,
    }
    while let Some(at) = arguments.iter().position(|argument| argument.starts_with("--format")) {
        let value = usize::from(arguments[at] == "--format");
        arguments.drain(at..=at + value);
    }
    let mut command = Command::new(run.get_program());
    command.arg("iam").args(arguments).args(["--format=json", "--hints", "--account=123456789012"]);
    command.env_clear().envs(variables.iter().copied().filter(|(name, _)| {
        *name == "AWS_REGION" || !name.to_string_lossy().starts_with("AWS_") && *name != "INPUT_FORMAT"
    }));
    if let Some(directory) = run.get_current_dir() {
        command.current_dir(directory);
    }
    let output = command.output().expect("run fargate-migrate iam");
    // What the run itself refuses, iam refuses as well; it makes no call then.
    if !output.status.success() {
        return;
    }
    let definition = seed::task_definition().expect("the seed's task definition");
    let role = |key: &str| {
        let arn = definition["taskDefinition"][key].as_str().expect("a role");
        format!("role/{}", arn.rsplit('/').next().expect("a name"))
    };
    let mut printed = String::from_utf8(output.stdout).expect("UTF-8");
    for (placeholder, value) in [
        ("role/EXECUTION_ROLE", role("executionRoleArn")),
        ("role/TASK_ROLE", role("taskRoleArn")),
        ("LOG_GROUP", seed::LOG_GROUP.to_owned()),
        ("repository/REPOSITORY", format!("repository/{}", seed::REPOSITORY)),
    ] {
        printed = printed.replace(placeholder, &value);
    }
    let documents: Value = serde_json::from_str(&printed).expect("JSON");
    let line =
        json!({"service": "policy", "operation": "iam", "host": host, "policy": documents["permissions"]});
    let mut file = File::options().create(true).append(true).open(record).expect("open the record");
    file.write_all(format!("{line}\n").as_bytes()).expect("write the record");
}
