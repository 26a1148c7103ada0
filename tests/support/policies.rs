//! While a sandbox's requests are recorded (SANDBOX_RECORD), each run's own policy is recorded beside them.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use sandbox::seed;
use serde_json::{Value, json};

/// The families and log groups of what services run.
const OF_SERVICES: [(&str, &str); 4] = [
    (seed::TASK_FAMILY, seed::LOG_GROUP),
    (seed::SERVICE_FAMILY, seed::SERVICE_LOG_GROUP),
    ("shop", "/ecs/shop"),
    ("cron", "/ecs/shop"),
];

/// What `fargate-migrate iam` prints for the operation, the flags, inputs and configuration file of a run that is about to
/// start. `iam` itself looks at what the operation does that it is for.
///
/// Nobody asks AWS for it, so a task definition that is named by its family, or that a service runs, is not known: all of
/// the stories' have the roles and the repository of the seed's, and services have one of [`OF_SERVICES`].
pub fn record(run: &Command) {
    let Some(record) = std::env::var_os("SANDBOX_RECORD") else { return };
    let variables: Vec<_> = run.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let endpoint = variables.iter().find(|(name, _)| *name == "AWS_ENDPOINT_URL");
    let Some(host) = endpoint.and_then(|(_, url)| url.to_str()?.strip_prefix("http://")) else { return };
    let mut arguments: Vec<&str> = run.get_args().filter_map(|argument| argument.to_str()).collect();
    let input = variables.iter().find(|(name, _)| *name == "INPUT_OPERATION");
    let operation = match arguments.first() {
        None => input.and_then(|(_, value)| value.to_str()).unwrap_or("migrate"),
        Some(&"iam") => "",
        Some(known @ (&"migrate" | &"deploy" | &"rollback" | &"build" | &"check" | &"run" | &"status")) => {
            known
        }
        Some(_) => return,
    };
    let operation = (!operation.is_empty()).then(|| format!("--for={operation}"));
    if !arguments.is_empty() {
        arguments.remove(0);
    }
    // What stands behind a `--` are the words of a command.
    let end = arguments.iter().position(|argument| *argument == "--").unwrap_or(arguments.len());
    let words = arguments.split_off(end);
    while let Some(at) = arguments.iter().position(|argument| argument.starts_with("--format")) {
        let value = usize::from(arguments[at] == "--format");
        arguments.drain(at..=at + value);
    }
    // It asks AWS for nothing more.
    arguments.retain(|argument| *argument != "--check" || operation.as_deref() != Some("--for=status"));
    arguments.extend(operation.as_deref());
    arguments.extend(["--format=json", "--hints", "--account=123456789012"]);
    arguments.extend(words);
    let mut command = Command::new(run.get_program());
    command.arg("iam").args(arguments);
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
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let of_services = if printed.contains("SERVICE_FAMILY") { &OF_SERVICES[..] } else { &OF_SERVICES[..1] };
    for (family, log_group) in of_services {
        let mut printed = printed.clone();
        for (placeholder, value) in [
            ("SERVICE_FAMILY", (*family).to_owned()),
            ("role/SERVICE_EXECUTION_ROLE", role("executionRoleArn")),
            ("role/SERVICE_TASK_ROLE", role("taskRoleArn")),
            ("SERVICE_LOG_GROUP", (*log_group).to_owned()),
            ("role/EXECUTION_ROLE", role("executionRoleArn")),
            ("role/TASK_ROLE", role("taskRoleArn")),
            ("LOG_GROUP", seed::LOG_GROUP.to_owned()),
            ("repository/REPOSITORY", format!("repository/{}", seed::REPOSITORY)),
        ] {
            printed = printed.replace(placeholder, &value);
        }
        let documents: Value = serde_json::from_str(&printed).expect("JSON");
        let line = json!({"service": "policy", "operation": "iam", "host": host, "policy": documents["permissions"]});
        let mut file = File::options().create(true).append(true).open(&record).expect("open the record");
        file.write_all(format!("{line}\n").as_bytes()).expect("write the record");
    }
}
