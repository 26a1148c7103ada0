use super::*;
use crate::document::{self, Colour};
use crate::report::OUTPUTS;
use crate::report::services::samples;
use crate::verdict::service::ServiceVerdict;
use crate::workflow_commands::SUMMARY_LIMIT;

fn of(services: Vec<ServiceReport>) -> BackReport {
    BackReport {
        cluster: "startupwebapp-cluster".to_owned(),
        region: Some("us-east-1".to_owned()),
        account: Some("123456789012".to_owned()),
        services,
        started_at: Timestamp::UNIX_EPOCH,
        ended_at: Timestamp::from_second(97).ok(),
        ..BackReport::default()
    }
}

#[test]
fn a_rollback_says_where_the_services_are() {
    let report = of(vec![samples::went_back("web"), samples::rolled_back("worker")]);
    let page = document::markdown(&report.document(), SUMMARY_LIMIT);
    assert!(page.starts_with("## ❌ 1 of 2 services went back: 1 rolled back\n"), "{page}");
    assert!(page.contains("### ❌ worker: rolled back") && !page.contains("### ✅"), "{page}");
    assert!(page.contains("| cluster | <code>startupwebapp-cluster</code> |"), "{page}");
    let said = document::text(&report.document(), Colour::Never);
    assert!(
        said.contains("web     ✔ rolled back  it runs what it was to go back to: web:13 in 2 running tasks"),
        "{said}"
    );
    assert!(said.ends_with("1 of 2 services went back: 1 rolled back\n"), "{said}");
}

#[test]
fn it_is_done_only_where_all_are_back() {
    assert_eq!(of(vec![samples::went_back("web")]).exit_code(), ExitCode::Done);
    let timed_out = ServiceVerdict::TimedOut { after_ms: 1, why: "w".into() };
    for (rows, code) in [
        (vec![samples::went_back("web"), samples::rolled_back("worker")], 1),
        (vec![samples::went_back("web"), samples::not_deployed("worker")], 1),
        (vec![samples::of("web", timed_out), samples::not_deployed("worker")], 4),
        (vec![samples::under_way("web")], 3),
        (vec![], 3),
    ] {
        let report = of(rows);
        assert_eq!(report.exit_code().number(), code, "{:?}", report.services);
    }
    let mut refused = BackReport::new("c", None, &["web".to_owned()]);
    refused.end(Some(Failure::input("databases are newer")));
    assert_eq!(refused.exit_code().number(), 2);
    let said = document::text(&refused.document(), Colour::Never);
    assert_eq!(said, "no service went back\nerror: databases are newer\n");
    assert_eq!(refused.annotations().len(), 1);
}

#[test]
fn a_workflow_gets_every_output() {
    let report = of(vec![samples::went_back("web"), samples::rolled_back("worker")]);
    let Outputs { values, shortened } = report.outputs();
    assert!(shortened.is_empty());
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    assert_eq!([names.as_slice(), &["result-file"]].concat(), OUTPUTS);
    let of = |wanted: &str| values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    assert_eq!(of("service"), Some("web,worker"));
    assert_eq!(of("deployed"), Some("web"));
    assert_eq!(of("rolled-back-to"), Some("web=web:13,worker=web:12"));
    assert_eq!((of("exit-code"), of("migrated"), of("failed")), (Some("1"), Some(""), Some("")));
    let result: Value = serde_json::from_str(of("result").expect("the result")).expect("JSON");
    assert_eq!(result, report.data_without_logs());
    assert_eq!(report.data()["services"][1]["cause"]["log"]["tail"][1], "error: DATABASE_URL is not set");
}

#[test]
fn hostile_services_stay_text_and_many_stay_below_the_limits() {
    let report = of(samples::hostile());
    crate::report::document::tests::is_text(&document::markdown(&report.document(), SUMMARY_LIMIT));
    let many = of((0..1_000).map(|number| samples::rolled_back(&format!("{number:0>200}"))).collect());
    let page = document::markdown(&many.document(), SUMMARY_LIMIT);
    assert!(page.len() <= SUMMARY_LIMIT, "{}", page.len());
    let Outputs { values, shortened } = many.outputs();
    assert_eq!(shortened, ["service", "rolled-back-to", "result"]);
    assert!(values.iter().all(|(_, value)| value.len() <= OUTPUT_LIMIT));
}
