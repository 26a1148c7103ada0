use std::collections::BTreeSet;
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
    for (path, last) in [(".github/workflows/ci.yml", "ci"), (".github/workflows/migrate.yml", "summary")] {
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
fn the_dropdown_offers_what_the_configuration_file_lists() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_fargate-migrate"))
        .args(["workflow", "--check"])
        .env_remove("GITHUB_ACTIONS")
        .current_dir(root())
        .output()
        .expect("run fargate-migrate");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
