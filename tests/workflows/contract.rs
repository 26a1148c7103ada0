use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::files::{jobs, root, steps, workflows, yaml};

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// The runner warns of an unknown input and goes on without it; an unknown output is empty.
#[test]
fn workflows_use_inputs_and_outputs_that_the_action_has() {
    let action = yaml(Path::new("action.yml"));
    let (inputs, outputs) = (keys(&action["inputs"]), keys(&action["outputs"]));
    let mut uses = 0;
    for path in workflows() {
        let workflow = yaml(&path);
        for (name, job) in jobs(&workflow) {
            let ours: Vec<&Value> = steps(job).iter().filter(|step| step["uses"] == "./").collect();
            for step in &ours {
                uses += 1;
                let unknown: Vec<_> = keys(&step["with"]).difference(&inputs).copied().collect();
                assert!(unknown.is_empty(), "{path:?}, job {name}: no input {unknown:?}");
                let Some(id) = step["id"].as_str() else { continue };
                let text = job.to_string();
                for used in text.split(&format!("steps.{id}.outputs.")).skip(1) {
                    let end =
                        used.find(|c: char| c != '-' && !c.is_ascii_alphanumeric()).unwrap_or(used.len());
                    let output = &used[..end];
                    assert!(outputs.contains(output), "{path:?}, job {name}: no output {output}");
                }
            }
        }
    }
    assert!(uses >= 5, "{uses} steps use the Action");
}

/// Least by default, and nothing runs for six hours.
#[test]
fn every_workflow_starts_without_permissions_and_every_job_ends() {
    for path in workflows() {
        let workflow = yaml(&path);
        assert_eq!(workflow["permissions"], json!({}), "{path:?}");
        assert!(workflow["concurrency"].is_object(), "{path:?} has no concurrency");
        for (name, job) in jobs(&workflow) {
            assert!(job["timeout-minutes"].is_u64(), "{path:?}, job {name} has no timeout");
            assert!(job["permissions"].is_object(), "{path:?}, job {name} has no permissions of its own");
        }
    }
}

/// What a run of migrate.yml or a pull request is judged by has to know of every job.
#[test]
fn the_last_job_waits_for_all_others() {
    for (path, last) in [
        (".github/workflows/ci.yml", "ci"),
        (".github/workflows/migrate.yml", "summary"),
        (".github/workflows/deploy.yml", "summary"),
        (".github/workflows/rollback.yml", "summary"),
        (".github/workflows/admin.yml", "summary"),
    ] {
        let workflow = yaml(Path::new(path));
        let others: BTreeSet<&str> =
            keys(&workflow["jobs"]).into_iter().filter(|name| *name != last).collect();
        let needs = workflow["jobs"][last]["needs"].as_array().expect("needs");
        let needs: BTreeSet<&str> = needs.iter().filter_map(Value::as_str).collect();
        assert_eq!(needs, others, "{path}");
    }
}

/// A migration that has begun is not cancelled for the next one.
#[test]
fn a_second_run_waits_for_the_first() {
    let workflow = yaml(Path::new(".github/workflows/migrate.yml"));
    assert_eq!(
        workflow["concurrency"],
        json!({"group": "migrate-${{ inputs.database }}", "cancel-in-progress": false, "queue": "max"})
    );
}

/// Two of them at once would supersede each other; and what waits is not dropped for what comes after it.
#[test]
fn deployments_and_rollbacks_wait_for_each_other() {
    let when_typed =
        "${{ inputs.confirm == inputs.service && 'deploy' || format('rollback-plan-{0}', github.run_id) }}";
    for (path, group) in
        [(".github/workflows/deploy.yml", "deploy"), (".github/workflows/rollback.yml", when_typed)]
    {
        let workflow = yaml(Path::new(path));
        let wanted = json!({"group": group, "cancel-in-progress": false, "queue": "max"});
        assert_eq!(workflow["concurrency"], wanted, "{path}");
    }
    let deploy = yaml(Path::new(".github/workflows/deploy.yml"));
    assert_eq!(deploy["on"]["push"]["branches"], json!(["main"]));
}

/// Only a name that was typed changes something, and the plan was made before.
#[test]
fn a_rollback_is_typed() {
    let workflow = yaml(Path::new(".github/workflows/rollback.yml"));
    let job = &workflow["jobs"]["rollback"];
    assert_eq!(
        (&job["if"], &job["needs"]),
        (&json!("${{ inputs.confirm == inputs.service }}"), &json!("plan"))
    );
    let others = jobs(&workflow).filter(|(name, _)| *name != "rollback");
    for (name, job) in others {
        let ours = steps(job).iter().filter(|step| step["uses"] == "./");
        assert!(ours.into_iter().all(|step| step["with"]["plan"] == true), "job {name} changes something");
    }
}

#[test]
fn the_rollback_offers_the_services_of_the_configuration_file() {
    let workflow = yaml(Path::new(".github/workflows/rollback.yml"));
    let offered = &workflow["on"]["workflow_dispatch"]["inputs"]["service"]["options"];
    assert_eq!(*offered, yaml(Path::new(".github/fargate-migrate.yml"))["services"]);
}

/// Only names of the form reach the program, and no command of them runs beside another one or keeps a migration waiting.
#[test]
fn an_admin_command_is_one_of_the_configuration_file_and_waits_for_the_one_before() {
    let workflow = yaml(Path::new(".github/workflows/admin.yml"));
    let wanted = json!({"group": "admin", "cancel-in-progress": false, "queue": "max"});
    assert_eq!(workflow["concurrency"], wanted);
    let inputs = &workflow["on"]["workflow_dispatch"]["inputs"];
    assert_eq!(keys(inputs), BTreeSet::from(["database", "named"]));
    for (name, input) in inputs.as_object().expect("inputs") {
        assert_eq!((&input["type"], &input["required"]), (&json!("choice"), &json!(true)), "{name}");
    }
    let job = &workflow["jobs"]["run"];
    assert_eq!((&job["environment"], steps(job).len()), (&json!("production"), 2));
    let given = &steps(job)[1]["with"];
    assert_eq!((&given["operation"], &given["named"]), (&json!("run"), &json!("${{ inputs.named }}")));
    let words = "${{ inputs.database != 'none' && inputs.database || '' }}";
    assert_eq!(given["database"], words, "none is no database");
}

/// A fork's pull request gets a token that may read, and no AWS role: nothing here may give it more.
#[test]
fn no_workflow_runs_a_fork_with_our_rights() {
    for path in workflows() {
        let workflow = yaml(&path);
        let events = keys(&workflow["on"]);
        assert!(!events.is_empty(), "{path:?} has no events");
        for event in ["pull_request_target", "workflow_run", "issue_comment"] {
            assert!(!events.contains(event), "{path:?} runs on {event}");
        }
    }
}

/// A dropdown is static on GitHub, so it is written from the configuration file, and compared with it.
#[test]
fn the_dropdowns_offer_what_the_configuration_file_lists() {
    for path in [".github/workflows/migrate.yml", ".github/workflows/admin.yml"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_fargate-migrate"))
            .args(["workflow", "--check", path])
            .env_remove("GITHUB_ACTIONS")
            .current_dir(root())
            .output()
            .expect("run fargate-migrate");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// As the runner runs it: `bash -e -o pipefail`, in the workspace, with programs that note what they are asked.
#[test]
fn the_revision_that_runs_is_recorded_and_nothing_else() {
    for (path, job) in [("deploy.yml", "deploy"), ("rollback.yml", "rollback")] {
        let workflow = yaml(&Path::new(".github/workflows").join(path));
        let step = steps(&workflow["jobs"][job])
            .iter()
            .find(|step| step["name"] == "Record the revision that runs")
            .unwrap_or_else(|| panic!("{path} has the step"));
        let script = step["run"].as_str().expect("a script");
        let revision = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-web:7";
        let over = format!("{revision}\t1\tCOMPLETED");
        let answers = [
            (over.clone(), true),
            // The old tasks drain.
            (format!("{revision}\t2\tIN_PROGRESS\n{over}"), true),
            (format!("{revision}\t2\tIN_PROGRESS"), false),
            (format!("{revision}\t1\tFAILED"), false),
            ("None\t1\tCOMPLETED".to_owned(), false),
            (String::new(), false),
        ];
        for (answer, recorded) in answers {
            let directory = tempfile::tempdir().expect("a directory");
            let write = |name: &str, text: &str| {
                let path = directory.path().join(name);
                std::fs::create_dir_all(path.parent().expect("a parent")).expect("make it");
                std::fs::write(&path, text).expect("write it");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a program");
            };
            write(".github/fargate-migrate.yml", "cluster: x\nregion: eu-west-1\n");
            write("bin/curl", "#!/bin/sh\necho '{\"value\": \"token\"}'\n");
            write("bin/jq", "#!/bin/sh\ncat > /dev/null; echo token\n");
            write(
                "bin/aws",
                "#!/bin/sh\necho \"$AWS_REGION $(cat \"$AWS_WEB_IDENTITY_TOKEN_FILE\") $*\" >> calls\n\
                 case $2 in describe-services) n=$(grep -c describe calls); \
                 echo \"$ANSWER\" | sed -n \"${n}p;\\$p\" | head -n 1 ;; esac\n",
            );
            let system = std::env::var("PATH").expect("a PATH");
            let status = std::process::Command::new("bash")
                .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
                .current_dir(directory.path())
                .env("PATH", format!("{}:{system}", directory.path().join("bin").display()))
                .envs([("PARAMETER", "/shop/service-revision"), ("ANSWER", answer.as_str()), ("PAUSE", "0")])
                .envs([("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "u?")])
                .env("AWS_WEB_IDENTITY_TOKEN_FILE", directory.path().join("token"))
                .stdout(std::process::Stdio::null())
                .status();
            assert!(status.expect("run bash").success(), "{path}: {answer:?}");
            let calls = std::fs::read_to_string(directory.path().join("calls")).expect("calls");
            let put = format!(
                "eu-west-1 token ssm put-parameter --name /shop/service-revision --value {revision} --overwrite\n"
            );
            let asked = "eu-west-1 token ecs describe-services --cluster shop-cluster --services shop-web ";
            assert!(calls.starts_with(asked), "{path}: {calls}");
            assert_eq!(
                calls.lines().filter(|line| !line.starts_with(asked)).count(),
                usize::from(recorded),
                "{calls}"
            );
            assert_eq!(calls.ends_with(&put), recorded, "{path}: {answer:?}: {calls}");
        }
    }
}
