use super::super::samples;
use super::*;
use crate::untrusted;

#[test]
fn a_run_has_its_documented_shape() {
    let mut report = samples::fleet();
    report.databases.truncate(2);
    insta::assert_snapshot!(serde_json::to_string_pretty(&result(&report)).unwrap(), @r#"
    {
      "version": 1,
      "exit_code": 1,
      "cluster": "startupwebapp-cluster",
      "region": "us-east-1",
      "account": "123456789012",
      "family": "startupwebapp-migration-task",
      "container": "migration",
      "image": {
        "reference": "123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "digest": "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
        "tag": "3f786850e387550fdab836ed7e6dc881de23001b",
        "source": "built"
      },
      "task_definition": {
        "arn": "arn:aws:ecs:us-east-1:123456789012:task-definition/startupwebapp-migration-task:13",
        "registered": true
      },
      "databases": [
        {
          "database": "startupwebapp_prod",
          "verdict": "migrated",
          "explanation": "startupwebapp_prod: 2 applied, now at 12, 57 tables",
          "task_arn": "arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8",
          "tag": "3f786850e387550fdab836ed7e6dc881de23001b",
          "image_digest": "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
          "exit_code": 0,
          "stop_code": "EssentialContainerExited",
          "stopped_reason": "Essential container in task exited",
          "diagnosis": null,
          "migration_report": {
            "version": 1,
            "database": "startupwebapp_prod",
            "applied": [
              {
                "version": "11",
                "name": "add_order_notes",
                "ms": 310
              },
              {
                "version": "12",
                "name": "index_client_events",
                "ms": 512
              }
            ],
            "pending": 0,
            "current": "12",
            "tables": 57,
            "ms": 840,
            "from": "10"
          },
          "durations": {
            "queue_ms": 12000,
            "pull_ms": 6000,
            "run_ms": 2000,
            "total_ms": 48000
          },
          "log": {
            "lines": 4,
            "note": null,
            "tail": [
              "connecting to the database",
              "applied V11 add_order_notes (310 ms)",
              "applied V12 index_client_events (512 ms)",
              "{\"migration_report\":{\"version\":1,\"database\":\"startupwebapp_prod\",\"from\":\"10\",\"current\":\"12\",\"pending\":0,\"tables\":57,\"ms\":840,\"applied\":[{\"version\":\"11\",\"name\":\"add_order_notes\",\"ms\":310},{\"version\":\"12\",\"name\":\"index_client_events\",\"ms\":512}]}}"
            ]
          },
          "task_url": "https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1",
          "log_url": "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8",
          "started_at": "2025-11-24T08:00:40Z",
          "ended_at": "2025-11-24T08:01:28Z"
        },
        {
          "database": "healthtech_experiment",
          "verdict": "failed",
          "explanation": "exit code 1",
          "task_arn": "arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/0f9de17a6465404e8b1b2356dc13c2f8",
          "tag": "3f786850e387550fdab836ed7e6dc881de23001b",
          "image_digest": "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
          "exit_code": 1,
          "stop_code": "EssentialContainerExited",
          "stopped_reason": "Essential container in task exited",
          "diagnosis": {
            "cause": "the program ended with an error of its own",
            "fix": "read the last lines of its log"
          },
          "migration_report": null,
          "durations": {
            "queue_ms": 12000,
            "pull_ms": 6000,
            "run_ms": 2000,
            "total_ms": 48000
          },
          "log": {
            "lines": 4,
            "note": null,
            "tail": [
              "connecting to the database",
              "applied V11 add_order_notes (295 ms)",
              "V12 index_client_events failed: relation \"client_events\" does not exist",
              "error: migration V12 failed; it was rolled back"
            ]
          },
          "task_url": "https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/tasks/0f9de17a6465404e8b1b2356dc13c2f8?region=us-east-1",
          "log_url": "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/$252Fecs$252Fstartupwebapp-migrations/log-events/migration$252Fmigration$252F0f9de17a6465404e8b1b2356dc13c2f8",
          "started_at": "2025-11-24T08:00:40Z",
          "ended_at": "2025-11-24T08:01:28Z"
        }
      ],
      "error": null,
      "notes": [
        "the log group /ecs/startupwebapp-migrations keeps events for 7 days"
      ],
      "started_at": "2025-11-24T08:00:00Z",
      "ended_at": "2025-11-24T08:01:37Z"
    }
    "#);
}

#[test]
fn a_run_that_ended_early_says_why() {
    let value = result(&samples::no_repository());
    insta::assert_snapshot!(serde_json::to_string_pretty(&value["error"]).unwrap(), @r#"
    {
      "message": "no ECR repository startupwebapp-backnd in us-east-1",
      "hint": "use one that exists: startupwebapp-backend, startupwebapp-frontend",
      "evidence": [
        "RepositoryNotFoundException"
      ]
    }
    "#);
    assert_eq!(value["exit_code"], 2);
    assert_eq!(value["image"], Value::Null);
    assert_eq!(value["databases"], json!([]));
}

#[test]
fn an_output_has_no_logs() {
    let value = output(&samples::fleet());
    assert_eq!(value["databases"][1]["log"], json!({"lines": 4, "note": null}));
}

#[test]
fn a_large_fleet_fits_into_an_output() {
    let mut report = samples::run();
    for (count, applied) in [(170, json!(2)), (1_000, Value::Null), (6_000, Value::Null)] {
        report.databases = (0..count).map(|number| samples::migrated(&format!("tenant_{number}"))).collect();
        report.databases[count - 1] = samples::failed("last");
        let value = output(&report);
        assert!(printed(&value).len() <= OUTPUT_LIMIT);
        let rows = value["databases"].as_array().unwrap();
        assert_eq!(rows.len() as u64 + value["databases_left_out"].as_u64().unwrap_or(0), count as u64);
        assert!(rows.iter().any(|row| row["database"] == "last" && row["verdict"] == "failed"));
        assert_eq!(rows[0].pointer("/migration_report/applied").cloned().unwrap_or_default(), applied);
    }
}

#[test]
fn hostile_text_survives_as_a_value_only() {
    let value = result(&samples::hostile());
    let line = printed(&value);
    assert!(!line.contains("##[") && !line.contains(untrusted::is_hidden), "{line}");
    assert!(!line.starts_with("::"));
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
}

#[test]
fn a_pack_has_its_log_beside_its_databases() {
    let report = samples::pack();
    let result = result(&report);
    assert_eq!(result["packs"][0]["log"]["lines"], 1);
    assert_eq!(result["databases"][2]["log"]["pack"], 0);
    assert_eq!(result["databases"][2]["log"]["file"], "pack-shop_a-and-2-more-0f9de17a6465.log");
    assert_eq!(result["databases"][2]["earlier_tasks"], serde_json::json!(["arn:1", "arn:2"]));
    assert!(output(&report).get("packs").is_none(), "logs are too much for an output");
}
