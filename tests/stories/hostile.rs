use sandbox::{Disturbance, Fault, Script, TaskFault, seed};
use serde_json::{Value, json};

use crate::support::{FINTECH, Finished, HEALTH, PROD, World, database, report};

pub mod forms;
mod page;
mod runner;

/// Panics when a run's streams, files or Markdown did anything but our own. Answers all that a person sees.
#[track_caller]
pub fn harmless(run: &Finished) -> String {
    for streams in [[&run.stderr, &run.stdout], [&run.stdout, &run.stderr]] {
        let effects = runner::replay(streams.map(String::as_str));
        assert_eq!(effects.stopped, None, "commands are on again at the end");
        let mut errors = 0;
        for command in &effects.executed {
            let title = command.properties.get("title").map_or("", String::as_str);
            match command.name.as_str() {
                "stop-commands" => assert_eq!(command.data.len(), 32, "{command:?}"),
                "group" => {
                    let steps = [
                        "observe",
                        "image: ",
                        "build image",
                        "push image",
                        "revision",
                        "migrate",
                        "deploy",
                        "health",
                        "check",
                        "run",
                    ];
                    assert!(steps.iter().any(|step| command.data.starts_with(step)), "{command:?}");
                    assert!(!command.data.contains(char::is_control), "{command:?}");
                }
                "endgroup" => assert_eq!(command.data, ""),
                "add-mask" => assert!(command.data.len() > 30 && !command.data.contains("pwned")),
                "error" => {
                    errors += 1;
                    let known = ["fargate-migrate", PROD, HEALTH, FINTECH, STRANGE, "web", "run"];
                    assert!(known.iter().any(|known| title.starts_with(known)), "{command:?}");
                    assert!(!title.contains("pwned"), "{command:?}");
                    assert!(!command.properties.contains_key("file"), "{command:?}");
                    assert_eq!(command.properties.len(), 1, "{command:?}");
                    let hidden =
                        |char: char| char.is_control() && !matches!(char, '\n' | '\t') || char == '\u{202e}';
                    assert!(!command.data.contains(hidden), "{command:?}");
                }
                _ => panic!("{command:?}"),
            }
        }
        assert!(errors <= 10, "{errors} errors");
        let hidden = |char: char| {
            char.is_control() && char != '\n' && char != '\t'
                || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(
            !effects.shown.contains(hidden),
            "{:?}",
            effects.shown.lines().find(|line| line.contains(hidden))
        );
    }
    let outputs = [
        "image",
        "image-digest",
        "task-definition-arn",
        "migrated",
        "not-proved",
        "failed",
        "service",
        "deployed",
        "rolled-back-to",
        "exit-code",
        "result",
        "result-file",
    ];
    for name in run.outputs.keys() {
        assert!(outputs.contains(&name.as_str()), "output {name}");
    }
    for name in ["migrated", "image-digest", "exit-code", "result-file"] {
        let value = run.outputs.get(name).map_or("", String::as_str);
        assert!(!value.contains("pwned"), "{name} = {value}");
    }
    for (key, value) in &run.state {
        let ours = match key.as_str() {
            "ended" => value == "true",
            "run" | "services" => {
                serde_json::from_str::<Value>(value).is_ok_and(|run| run["started_by"].is_string())
            }
            _ => false,
        };
        assert!(ours, "{key} = {value}");
    }
    assert_eq!((run.environment.as_str(), run.path.as_str()), ("", ""), "nothing of ours writes them");
    let summary = page::seen(&run.summary);
    format!("{}\n{}\n{summary}", run.stdout, run.stderr).replace('\u{200b}', "")
}

/// The words of a form, which are left of it wherever it stands.
fn words(form: &str) -> impl Iterator<Item = &str> {
    form.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| word.len() > 4 && *word != "https")
}

#[track_caller]
pub fn visible(seen: &str, form: &str) {
    for word in words(form) {
        assert!(seen.contains(word), "{word:?} of {form:?} is not to be seen in {seen}");
    }
}

/// A name that PostgreSQL and we allow.
const STRANGE: &str = "$x$_ünï.cödé-1__b__";

#[tokio::test]
async fn container_logs_are_text() {
    let world = World::new().await;
    world.program(|context| {
        let name = database(context);
        Script::new().lines(forms::all()).line(report(&name)).exit(if name == PROD { 0 } else { 1 })
    });
    for (format, attempt) in [("--format=text", "1"), ("--format=json", "2"), ("--format=markdown", "3")] {
        let flags = ["--database", PROD, "--database", STRANGE, "--keep-going", format];
        let run = world.migrate(&flags).in_actions().variable("GITHUB_RUN_ATTEMPT", attempt).finish().await;
        run.exits(1);
        assert_eq!((run.outputs["migrated"].as_str(), run.outputs["failed"].as_str()), (PROD, STRANGE));
        let seen = harmless(&run);
        forms::all().for_each(|form| visible(&seen, form));
    }
}

#[tokio::test]
async fn migration_reports_are_text() {
    let world = World::new().await;
    world.program(|context| {
        let all = forms::joined();
        let mut report = json!({
            "version": 1, "database": database(context), "from": all, "current": all, "pending": 0,
            "applied": [{"version": all, "name": all, "ms": 1}],
        });
        match database(context).as_str() {
            HEALTH => report["database"] = json!(all),
            FINTECH => {
                report["failed"] = json!({"version": all, "name": all, "file": all, "line": 1, "error": all});
            }
            _ => {}
        }
        let code = i32::from(database(context) == FINTECH);
        Script::new().line(json!({"migration_report": report}).to_string()).exit(code)
    });
    for (format, attempt) in [("--format=text", "1"), ("--format=json", "2")] {
        let flags = ["--database", PROD, "--database", HEALTH, "--database", FINTECH, "--keep-going", format];
        let run = world.migrate(&flags).in_actions().variable("GITHUB_RUN_ATTEMPT", attempt).finish().await;
        run.exits(1);
        let result: Value = serde_json::from_str(&run.outputs["result"]).expect("JSON");
        let verdicts: Vec<&str> = result["databases"]
            .as_array()
            .expect("rows")
            .iter()
            .filter_map(|row| row["verdict"].as_str())
            .collect();
        assert_eq!(verdicts, ["migrated", "wrong database", "failed"]);
        harmless(&run);
    }
}

#[tokio::test]
async fn errors_of_aws_are_text() {
    let all = forms::joined();
    // STS answers in XML, which has no control characters.
    let in_xml: String =
        all.chars().filter(|char| !char.is_control() || matches!(char, '\t' | '\n')).collect();
    let reading =
        ["sts:GetCallerIdentity", "ecs:DescribeTaskDefinition", "ecs:DescribeClusters", "ecs:ListTasks"];
    let changing = ["ecs:RegisterTaskDefinition", "ecs:RunTask", "logs:GetLogEvents"];
    for operation in reading.into_iter().chain(changing) {
        let world = World::new().await;
        let (code, message) = match operation.starts_with("sts:") {
            true => ("ValidationError", in_xml.clone()),
            false => ("InvalidParameterException", all.clone()),
        };
        let error = Disturbance::Error { code: code.into(), message };
        world.sandbox.faults().push(Fault::call(operation, error).always());
        let run = world.migrate(&["--database", PROD]).in_actions().finish().await;
        assert_ne!(run.code, 0, "{operation}");
        let seen = harmless(&run);
        assert!(seen.contains("pwned"), "{operation}: what AWS says is shown: {seen}");
    }
}

#[tokio::test]
async fn reasons_of_ecs_are_text() {
    let forms: Vec<&'static str> = forms::all().collect();
    // A reason has at most 1,024 characters.
    let stories = forms.chunks(6).map(async |forms| {
        let all: &'static str = Box::leak(forms.join("\n").into_boxed_str());
        let world = World::new().await;
        world.sandbox.faults().push(Fault::task(TaskFault::FailToStart(all.into())));
        world.sandbox.faults().push(Fault::run_task(all).after(1));
        world.program(move |_| Script::new().no_exit_code(all));
        let flags = ["--database", PROD, "--database", HEALTH, "--database", FINTECH, "--keep-going"];
        let run = world.migrate(&flags).in_actions().finish().await;
        assert_ne!(run.code, 0);
        let seen = harmless(&run);
        forms.iter().for_each(|form| visible(&seen, form));
    });
    futures::future::join_all(stories).await;
}

#[tokio::test]
async fn task_definitions_and_flags_are_text_in_plans_and_summaries() {
    let world = World::new().await;
    let mut definition = seed::task_definition().expect("the seed's task definition");
    let all = forms::joined();
    let container = &mut definition["taskDefinition"]["containerDefinitions"][0];
    container["environment"] =
        json!([{"name": all, "value": all}, {"name": "A", "value": "##[add-mask]pwned"}]);
    container["dockerLabels"] = json!({ all.clone(): all });
    container["command"] = forms::all().collect();
    world.sandbox.register_task_definition(&definition).expect("register it");
    let value = format!("PWNED={}", all.replace('\0', ""));
    let branch = "::add-mask::pwned";
    let flags = ["--database", PROD, "--database", STRANGE, "--env", &value, "--tag=v1"];
    for more in [
        ["--plan", "--format=text"],
        ["--plan", "--format=json"],
        ["--plan", "--format=markdown"],
        ["--keep-going", "--format=text"],
    ] {
        let run = world.migrate(&[flags.as_slice(), &more].concat()).in_actions();
        let run = [
            "GITHUB_REF",
            "GITHUB_REF_NAME",
            "GITHUB_HEAD_REF",
            "GITHUB_WORKFLOW",
            "GITHUB_ACTOR",
            "GITHUB_JOB",
        ]
        .into_iter()
        .fold(run, |run, name| run.variable(name, branch));
        let run = run.finish().await;
        run.exits(0);
        let seen = harmless(&run);
        assert!(seen.contains("pwned") && seen.contains(STRANGE), "{seen}");
    }
}

#[tokio::test]
async fn refused_input_is_text() {
    let world = World::new().await;
    let all = forms::joined();
    // No argument has a NUL, and one that begins with a dash is a flag.
    let mut forms: Vec<&str> =
        forms::all().filter(|form| !form.contains('\0') && !form.starts_with('-')).collect();
    let all = all.replace('\0', "");
    forms.push(&all);
    for (number, form) in forms.into_iter().enumerate() {
        let flags: &[&str] = match number % 6 {
            0 => &["--database", form],
            1 => &["--database", PROD, "--tag", form],
            2 => &["--database", PROD, "--image", form],
            3 => &["--database", PROD, "--timeout", form],
            4 => &["--database", PROD, "--subnets", form],
            _ => &["--database", PROD, form],
        };
        let run = world.migrate(flags).in_actions().finish().await;
        // Whether an image exists is for ECS to say.
        assert!(run.code != 0 || flags.contains(&"--image"), "{flags:?}");
        let seen = harmless(&run);
        // A comma ends a name, and the first that is none is told.
        // A long one is cut.
        if form != all {
            visible(&seen, form.split(',').next().unwrap_or(form));
        }
    }
}
