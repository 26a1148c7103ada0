use super::*;
use crate::document::{self, Colour, LogTail, printed};
use crate::failure::Failure;
use crate::ports::ServiceEvent;
use crate::report::samples as runs;
use crate::report::{Moment, Outputs, Report, annotations, outputs, result};
use crate::untrusted;
use crate::verdict::Verdict;
use crate::verdict::service::Evidence;
use crate::workflow_commands::SUMMARY_LIMIT;

fn of(services: Vec<ServiceReport>) -> Report {
    Report { services, ..runs::all_migrated() }
}

fn summary(report: &Report) -> String {
    document::markdown(&report.document(), SUMMARY_LIMIT)
}

fn terminal(report: &Report) -> String {
    document::text(&report.document(), Colour::Never)
}

fn output(report: &Report, wanted: &str) -> String {
    let Outputs { values, .. } = outputs(report);
    values.into_iter().find(|(name, _)| *name == wanted).expect("an output").1
}

/// Every verdict but those that are done.
fn not_done() -> Vec<(ServiceVerdict, u8)> {
    let why = || "why it is so".to_owned();
    vec![
        (ServiceVerdict::RolledBack { why: why(), to: None, over: false }, 1),
        (ServiceVerdict::RollbackFailed { why: why() }, 1),
        (ServiceVerdict::Failed { why: why() }, 1),
        (ServiceVerdict::Superseded { by: "web:14".into() }, 1),
        (ServiceVerdict::Paused { hook: "h".into(), expires_at: None, timeout_action: None }, 4),
        (ServiceVerdict::Unhealthy { why: why() }, 1),
        (ServiceVerdict::Unproved { why: why() }, 1),
        (ServiceVerdict::Unseen { why: why() }, 3),
        (ServiceVerdict::TimedOut { after_ms: 5, why: why() }, 4),
        (ServiceVerdict::Cancelled { rolled_back: true }, 130),
        (ServiceVerdict::Cancelled { rolled_back: false }, 130),
        (ServiceVerdict::NotDeployed { why: why() }, 1),
        (ServiceVerdict::Refused { why: why() }, 3),
    ]
}

fn done_ones() -> Vec<ServiceVerdict> {
    let proof = || samples::proof(Evidence::ServiceDeployment);
    vec![
        ServiceVerdict::Deployed(proof()),
        ServiceVerdict::Unchanged(proof()),
        ServiceVerdict::NoTasksWanted,
        ServiceVerdict::WentBack(proof()),
    ]
}

#[test]
fn the_headline_counts_databases_and_services() {
    let line = |report: &Report| {
        let text = summary(report);
        text.lines().next().expect("a title").to_owned()
    };
    let both = of(vec![samples::deployed("web"), samples::deployed("worker")]);
    assert_eq!(line(&both), "## ✅ 3 of 3 databases proved migrated, 2 of 2 services deployed");
    let one = of(vec![samples::rolled_back("web"), samples::deployed("worker")]);
    assert_eq!(line(&one), "## ❌ 3 of 3 databases proved migrated, 1 of 2 services deployed: 1 rolled back");
    let none = Report { services: vec![samples::not_deployed("web")], ..runs::fleet() };
    let said = line(&none);
    assert!(said.starts_with("## ❌ 1 of 4 databases proved migrated: "), "{said}");
    assert!(said.ends_with("; no service was deployed"), "{said}");
    let mut so_far = of(vec![samples::under_way("web"), samples::deployed("worker")]);
    so_far.ended_at = None;
    assert_eq!(
        line(&so_far),
        "## ⏳ 3 of 3 databases proved migrated so far, 1 of 2 services deployed so far: 1 under way"
    );
    let alone = Report { databases: vec![], no_migration: true, ..both };
    assert_eq!(line(&alone), "## ⚠️ 2 of 2 services deployed, without a migration");
    assert!(summary(&alone).contains("the databases were not looked at"));
    assert!(
        terminal(&alone).ends_with("2 of 2 services deployed, without a migration\n"),
        "{}",
        terminal(&alone)
    );
    let weaker = of(vec![samples::deployed_by_the_weaker_proof("web")]);
    assert_eq!(line(&weaker), "## ⚠️ 3 of 3 databases proved migrated, 1 of 1 service deployed");
    assert!(summary(&weaker).contains("1 service proved by DescribeServices alone, the weaker proof"));
    let idle = of(vec![samples::of("web", ServiceVerdict::NoTasksWanted)]);
    assert_eq!(
        line(&idle),
        "## ⚠️ 3 of 3 databases proved migrated, 0 of 1 service deployed: 1 deployed with no tasks wanted"
    );
    assert!(summary(&idle).contains("nothing proves that a task of the image starts"));
}

#[test]
fn a_run_that_failed_early_names_each_service_and_why_it_was_not_deployed() {
    let mut report = of(vec![
        ServiceReport { service: "web".into(), ..ServiceReport::default() },
        ServiceReport { verdict: None, ..samples::under_way("worker") },
    ]);
    report.databases.iter_mut().for_each(|row| *row = runs::not_run(&row.database));
    let early = {
        let mut report = report.clone();
        report.services.truncate(1);
        report.end(Some(Failure::input("no cluster c")));
        report
    };
    assert_eq!(early.services[0].verdict, Some(ServiceVerdict::NotDeployed { why: "no cluster c".into() }));
    assert_eq!(early.exit_code().number(), 2);
    assert!(early.ended_before_all());
    let said = terminal(&early);
    assert_eq!(said, "no task was started for 3 databases, no service was deployed\nerror: no cluster c\n");
    // A deployment that was started is not said to be none.
    report.end(Some(Failure::service("the network is gone")));
    let Some(ServiceVerdict::Unproved { why }) = &report.services[1].verdict else { panic!("{report:?}") };
    assert!(why.ends_with("the network is gone"), "{why}");
    assert!(!report.ended_before_all());
}

#[test]
fn the_exit_code_is_that_of_the_databases_and_then_of_the_services() {
    for verdict in done_ones() {
        assert_eq!(of(vec![samples::of("web", verdict.clone())]).exit_code().number(), 0, "{verdict:?}");
    }
    for (verdict, code) in not_done() {
        let service = samples::of("web", verdict.clone());
        let report = of(vec![samples::deployed("worker"), service.clone()]);
        assert_eq!(report.exit_code().number(), code, "{verdict:?}");
        let alone = Report { databases: vec![], no_migration: true, ..report };
        assert_eq!(alone.exit_code().number(), code, "{verdict:?}");
        let mut databases = of(vec![service]);
        databases.databases[0].verdict = Some(Verdict::TimedOut { stopped: true });
        assert_eq!(databases.exit_code().number(), 4, "a database first: {verdict:?}");
        databases.databases[0].verdict = None;
        assert_ne!(databases.exit_code(), ExitCode::Done, "{verdict:?}");
        assert_ne!(mark_of_all(&databases.services), document::Mark::Good);
    }
    // One that was started decides, not those that never were.
    let timed_out = ServiceVerdict::TimedOut { after_ms: 1, why: "w".into() };
    let after = of(vec![samples::of("web", timed_out), samples::not_deployed("worker")]);
    assert_eq!(after.exit_code().number(), 4);
    let unseen = samples::of("web", ServiceVerdict::Unseen { why: "w".into() });
    let after = of(vec![samples::deployed("cron"), unseen, samples::not_deployed("worker")]);
    assert_eq!(after.exit_code().number(), 3);
    let page = summary(&after);
    assert!(page.contains("1 of 3 services deployed: 1 unproved, 1 not deployed"), "{page}");
    let rows = &crate::report::result(&after)["services"];
    assert_eq!((&rows[1]["verdict"], &rows[1]["done"]), (&"unproved".into(), &false.into()));
    assert_eq!(rows[1]["explanation"], "w");
    assert_ne!(of(vec![samples::under_way("web")]).exit_code(), ExitCode::Done);
    let refused =
        Report { error: Some(Failure::service("denied")), ..of(vec![samples::not_deployed("web")]) };
    assert_eq!(refused.exit_code().number(), 3);
    let interrupted = Failure { exit_code: ExitCode::Cancelled, ..Failure::service("interrupted") };
    let cancelled = Report { error: Some(interrupted), ..of(vec![samples::rolled_back("web")]) };
    assert_eq!(cancelled.exit_code().number(), 130);
}

#[test]
fn what_failed_has_its_cause_its_log_and_its_rollout() {
    let report = of(vec![samples::deployed("worker"), samples::rolled_back("web")]);
    insta::assert_snapshot!("a_service_that_was_rolled_back", summary(&report));
    insta::assert_snapshot!("the_same_in_a_terminal", terminal(&report));
}

#[test]
fn a_service_under_way_says_how_far_it_is() {
    let mut report = of(vec![samples::under_way("web")]);
    report.ended_at = None;
    let stage = report.services[0].stage.as_mut().expect("a stage");
    (stage.stage, stage.traffic) = (Some("BAKE_TIME".to_owned()), Some(10.0));
    stage.waits_for = Some("the bake time of 10 min".to_owned());
    let page = summary(&report);
    for said in [
        "| ⏳ under way |",
        "### ⏳ web: under way",
        "- **Tasks:** 1 of 2 running, 1 pending",
        "- **lifecycleStage:** <code>BAKE",
        "- **Waits for:** the bake time of 10 min",
        "- **Traffic:** 10 % on the new revision",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("**Next:**"), "nothing is to be done yet");
}

#[test]
fn without_a_migration_a_refusal_says_nothing_of_databases() {
    let mut report = of(vec![ServiceReport { service: "web".into(), ..ServiceReport::default() }]);
    (report.databases, report.no_migration) = (vec![], true);
    report.end(Some(Failure::input("service web does not exist").hint("check --service")));
    let said = terminal(&report);
    assert_eq!(said, "no service was deployed\nerror: service web does not exist\nhint: check --service\n");
    assert!(!summary(&report).contains("| container |"), "no migration has one");
}

#[test]
fn every_verdict_has_its_row_and_section() {
    for (verdict, _) in not_done() {
        let report = of(vec![samples::of("web", verdict.clone())]);
        let (page, said) = (summary(&report), terminal(&report));
        let word = verdict.word();
        assert!(page.contains(&format!("❌ {word} |")), "{page}");
        assert!(
            said.contains(&format!("web   ✖ {word}")) || said.contains(&format!("web  ✖ {word}")),
            "{said}"
        );
        let explained = verdict.explain();
        assert!(said.contains(&explained), "{said}");
        assert!(said.contains("next: fix the cause"), "{said}");
        let is_section = page.contains(&format!("### ❌ web: {word}"));
        assert_eq!(is_section, !verdict.is_not_begun(), "{page}");
    }
}

#[test]
fn a_workflow_gets_the_names_and_what_runs_after_a_rollback() {
    let report = of(vec![
        samples::deployed("web"),
        samples::rolled_back("worker"),
        samples::of("cron", ServiceVerdict::NoTasksWanted),
        samples::not_deployed("admin"),
    ]);
    assert_eq!(output(&report, "service"), "web,worker,cron,admin");
    assert_eq!(output(&report, "deployed"), "web,cron");
    assert_eq!(output(&report, "rolled-back-to"), "worker=web:12");
    for to in [
        None,
        Some("x".to_owned()),
        Some("a,b=c:1\n".to_owned()),
        Some("arn:aws:ecs:service-revision/c/s/1".into()),
    ] {
        let verdict = ServiceVerdict::RolledBack { why: "w".into(), to, over: true };
        assert_eq!(output(&of(vec![samples::of("web", verdict)]), "rolled-back-to"), "");
    }
    let going = ServiceVerdict::RolledBack { why: "w".into(), to: Some("web:12".into()), over: false };
    assert_eq!(output(&of(vec![samples::of("web", going)]), "rolled-back-to"), "", "it is not there yet");
    assert_eq!(output(&runs::all_migrated(), "service"), "");
}

#[test]
fn a_program_gets_everything_of_a_service_and_migrate_nothing() {
    let report = of(vec![samples::rolled_back("web"), samples::deployed("worker")]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&result(&report)["services"][0]).unwrap());
    let worker = &result(&report)["services"][1];
    assert_eq!((&worker["done"], &worker["evidence"]), (&true.into(), &"service deployment".into()));
    let migrate = result(&runs::all_migrated());
    for name in ["services", "no_migration"] {
        assert!(migrate.get(name).is_none(), "{name}");
    }
    let mut file = Vec::new();
    crate::report::write_result(&report, &mut file).unwrap();
    assert_eq!(String::from_utf8(file).unwrap(), output(&report, "result"), "the same, in the same order");
}

#[test]
fn a_failed_service_has_an_annotation() {
    let report =
        of(vec![samples::deployed("worker"), samples::rolled_back("web"), samples::not_deployed("x")]);
    let found = annotations(&report);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].title, "web: rolled back");
    assert!(found[0].message.starts_with("ECS went back to "), "{}", found[0].message);
    assert!(found[0].message.contains("\nTo fix it: "), "{}", found[0].message);
    let many = of((0..30).map(|number| samples::rolled_back(&format!("s{number}"))).collect());
    let found = annotations(&many);
    assert_eq!(found.len(), 10);
    assert!(found[9].message.ends_with("And 20 more failures: the job summary has all of them."));
}

#[test]
fn hostile_services_stay_text() {
    let report = Report { services: samples::hostile(), ..runs::hostile() };
    crate::report::document::tests::is_text(&summary(&report));
    let said = terminal(&report);
    assert!(!said.contains(|char: char| char.is_control() && char != '\n'), "{said:?}");
    // Each row of the table keeps its five cells.
    let page = summary(&Report { services: samples::hostile(), ..runs::all_migrated() });
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line.contains("| ❌ ")).collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!(row.matches('|').count(), 6, "{row}");
    }
    let line = printed(&result(&report));
    assert!(!line.contains("##[") && !line.contains(untrusted::is_hidden), "{line}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), result(&report));
    for name in ["deployed", "rolled-back-to"] {
        assert_eq!(output(&report, name), "", "{name}");
    }
}

#[test]
fn many_services_with_much_to_say_stay_below_the_limits() {
    let mut report =
        of((0..1_000).map(|number| samples::rolled_back(&format!("service-{number:04}"))).collect());
    let event = |number: i64| ServiceEvent {
        id: number.to_string(),
        created_at: jiff::Timestamp::from_second(number).ok(),
        message: format!("(service web) <&'\"> {}", "'".repeat(900)),
    };
    for row in report.services.iter_mut().take(40) {
        row.events = (0..100).map(event).collect();
        row.timeline = vec![Moment { at: jiff::Timestamp::UNIX_EPOCH, what: "|".repeat(500) }; 200];
        let cause = row.cause.as_mut().expect("a cause");
        cause.log = LogTail::default();
        (0..300).for_each(|_| cause.log.push(&"<".repeat(500)));
        cause.events = row.events.iter().map(|event| event.message.clone()).collect();
    }
    let page = summary(&report);
    assert!(page.len() <= SUMMARY_LIMIT, "{}", page.len());
    assert!(
        page.contains(
            "0 of 1,000 services deployed: 1000 rolled back
"
        ),
        "{}",
        &page[..300]
    );
    assert!(page.contains("\n| service-0000 "), "{}", &page[..3_000]);
    assert!(page.contains("### ❌ service-0000: rolled back"));
    let Outputs { values, shortened } = outputs(&report);
    assert_eq!(shortened, ["result"]);
    for (name, value) in &values {
        assert!(value.len() <= 100 * 1024, "{name}: {}", value.len());
    }
    let result = output(&report, "result");
    let value: serde_json::Value = serde_json::from_str(&result).unwrap();
    assert_eq!(value["services"].as_array().map(Vec::len), Some(1_000), "each has its verdict");
    let long = of((0..1_000).map(|number| samples::deployed(&format!("{number:0>255}"))).collect());
    let Outputs { values, shortened } = outputs(&long);
    assert_eq!(shortened, ["service", "deployed", "result"]);
    for (name, value) in &values {
        assert!(value.len() <= 100 * 1024, "{name}: {}", value.len());
    }
    let value: serde_json::Value = serde_json::from_str(&output(&long, "result")).unwrap();
    let kept = value["services"].as_array().map(Vec::len).unwrap_or_default();
    assert_eq!(kept as u64 + value["services_left_out"].as_u64().expect("a count"), 1_000);
}
