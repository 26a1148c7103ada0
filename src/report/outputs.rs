//! What a workflow's later steps can use.

use super::{Report, data};
use crate::document::printed;

/// Every output, as action.yml declares them.
pub const OUTPUTS: &[&str] =
    &["image", "image-digest", "task-definition-arn", "migrated", "failed", "exit-code", "result"];

/// The Action's outputs, all of them each time: the runner keeps the last value that it was given of each.
///
/// `migrated` and `failed` are names with commas between them, which `contains()` and shells can use as they are:
/// no name has a comma.
pub fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let image = report.image.as_ref();
    let commas = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join(",");
    vec![
        ("image", image.map(|image| image.reference.clone()).unwrap_or_default()),
        ("image-digest", image.and_then(|image| image.digest.clone()).unwrap_or_default()),
        (
            "task-definition-arn",
            report.revision.as_ref().map(|revision| revision.arn.clone()).unwrap_or_default(),
        ),
        ("migrated", commas(&mut report.migrated())),
        ("failed", commas(&mut report.not_migrated())),
        ("exit-code", (report.exit_code() as u8).to_string()),
        ("result", printed(&data::output(report))),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_workflow_gets_every_output() {
        let names: Vec<&str> = outputs(&samples::fleet()).iter().map(|(name, _)| *name).collect();
        assert_eq!(names, OUTPUTS);
        let text: String =
            outputs(&samples::fleet()).iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        insta::assert_snapshot!(text, @r#"
        image=123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945
        image-digest=sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945
        task-definition-arn=arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:13
        migrated=startupwebapp_prod
        failed=healthtech_experiment,fintech_experiment,edtech_experiment
        exit-code=1
        result={"version":1,"exit_code":1,"cluster":"startupwebapp-cluster","region":"us-east-1","account":"123456789012","family":"startupwebapp-migration-task","container":"migration","image":{"reference":"123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","digest":"sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","tag":"3f786850e387550fdab836ed7e6dc881de23001b","source":"built"},"task_definition":{"arn":"arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:13","registered":true},"databases":[{"database":"startupwebapp_prod","verdict":"migrated","explanation":"startupwebapp_prod: 2 applied, now at 12, 57 tables","task_arn":"arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8","tag":"3f786850e387550fdab836ed7e6dc881de23001b","image_digest":"sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","exit_code":0,"stop_code":"EssentialContainerExited","stopped_reason":"Essential container in task exited","diagnosis":null,"migration_report":{"version":1,"database":"startupwebapp_prod","applied":[{"version":"11","name":"add_order_notes","ms":310},{"version":"12","name":"index_client_events","ms":512}],"pending":0,"current":"12","tables":57,"ms":840,"from":"10"},"durations":{"queue_ms":12000,"pull_ms":6000,"run_ms":2000,"total_ms":48000},"log":{"lines":4,"note":null},"task_url":"https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1","log_url":"https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8","started_at":"2025-11-24T08:00:40Z","ended_at":"2025-11-24T08:01:28Z"},{"database":"healthtech_experiment","verdict":"failed","explanation":"exit code 1","task_arn":"arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8","tag":"3f786850e387550fdab836ed7e6dc881de23001b","image_digest":"sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","exit_code":1,"stop_code":"EssentialContainerExited","stopped_reason":"Essential container in task exited","diagnosis":{"cause":"the program ended with an error of its own","fix":"read the last lines of its log"},"migration_report":null,"durations":{"queue_ms":12000,"pull_ms":6000,"run_ms":2000,"total_ms":48000},"log":{"lines":4,"note":null},"task_url":"https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1","log_url":"https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8","started_at":"2025-11-24T08:00:40Z","ended_at":"2025-11-24T08:01:28Z"},{"database":"fintech_experiment","verdict":"wrong database","explanation":"asked for fintech_experiment, but the task was connected to startupwebapp_prod (exit code 0)","task_arn":"arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8","tag":"3f786850e387550fdab836ed7e6dc881de23001b","image_digest":"sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","exit_code":0,"stop_code":"EssentialContainerExited","stopped_reason":"Essential container in task exited","diagnosis":null,"migration_report":{"version":1,"database":"startupwebapp_prod","applied":[],"pending":0,"current":"12","tables":57},"durations":{"queue_ms":12000,"pull_ms":6000,"run_ms":2000,"total_ms":48000},"log":{"lines":2,"note":null},"task_url":"https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1","log_url":"https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8","started_at":"2025-11-24T08:00:40Z","ended_at":"2025-11-24T08:01:28Z"},{"database":"edtech_experiment","verdict":"not run","explanation":"healthtech_experiment failed before it, and --keep-going is not set","task_arn":null,"tag":null,"image_digest":null,"exit_code":null,"stop_code":null,"stopped_reason":null,"diagnosis":null,"migration_report":null,"durations":{"queue_ms":null,"pull_ms":null,"run_ms":null,"total_ms":null},"log":{"lines":0,"note":null},"task_url":null,"log_url":null,"started_at":null,"ended_at":null}],"error":null,"notes":["the log group /ecs/startupwebapp-migrations keeps events for 7 days"],"started_at":"2025-11-24T08:00:00Z","ended_at":"2025-11-24T08:01:37Z"}
        "#);
    }

    #[test]
    fn a_run_that_failed_early_has_empty_outputs() {
        let outputs = outputs(&samples::no_repository());
        for (name, value) in &outputs {
            assert_eq!(value.is_empty(), !matches!(*name, "exit-code" | "result"), "{name}={value}");
        }
    }
}
