use super::super::samples;
use super::*;
use crate::untrusted;

#[test]
fn a_run_has_its_documented_shape() {
    let mut report = samples::fleet();
    report.databases.truncate(2);
    insta::assert_snapshot!(serde_json::to_string_pretty(&result(&report)).unwrap());
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
    let (value, is_whole) = output(&samples::fleet());
    assert!(is_whole, "logs are no part of it");
    assert_eq!(value["databases"][1]["log"], json!({"lines": 4, "note": null}));
}

#[test]
fn the_file_has_what_an_output_of_a_small_run_has() {
    let report = samples::fleet();
    let mut file = Vec::new();
    write_result(&report, &mut file).unwrap();
    let (whole, is_whole) = output(&report);
    assert!(is_whole);
    assert_eq!(String::from_utf8(file).unwrap(), whole.to_string(), "the same, in the same order");
}

#[test]
fn a_large_fleet_fits_into_an_output() {
    let mut report = samples::run();
    for (count, applied) in [(85, json!(2)), (500, Value::Null), (6_000, Value::Null)] {
        report.databases = (0..count).map(|number| samples::migrated(&format!("tenant_{number}"))).collect();
        report.databases[count - 1] = samples::failed("last");
        let (value, is_whole) = output(&report);
        assert!(!is_whole && printed(&value).len() <= OUTPUT_LIMIT);
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
    assert!(output(&report).0.get("packs").is_none(), "logs are too much for an output");
}
