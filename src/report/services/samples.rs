//! Services of every verdict, for the renderers' tests.

use jiff::Timestamp;

use crate::diagnosis::{LastLines, diagnose};
use crate::document::LogTail;
use crate::ports::{Container, ServiceEvent, Task};
use crate::report::samples::HOSTILE;
use crate::report::{Cause, Moment, ServiceContent, ServiceReport, Stage};
use crate::verdict::service::{Deployed, Evidence, ServiceVerdict};

const TASK: &str =
    "arn:aws:ecs:us-east-1:123456789012:task/startupwebapp-cluster/7d1b3f0a4c5e46d2a1f09b8c7d6e5f40";

pub(in crate::report) fn deployed(service: &str) -> ServiceReport {
    let proof = proof(Evidence::ServiceDeployment);
    ServiceReport { verdict: Some(ServiceVerdict::Deployed(proof)), ..judged(service) }
}

pub(in crate::report) fn deployed_by_the_weaker_proof(service: &str) -> ServiceReport {
    let verdict = Some(ServiceVerdict::Deployed(proof(Evidence::Classic)));
    ServiceReport { verdict, deployment: None, evidence: Some(Evidence::Classic), ..judged(service) }
}

pub(in crate::report) fn went_back(service: &str) -> ServiceReport {
    let proof = proof(Evidence::ServiceDeployment);
    ServiceReport { verdict: Some(ServiceVerdict::WentBack(proof)), ..judged(service) }
}

pub(in crate::report) fn proof(evidence: Evidence) -> Deployed {
    Deployed::sample(&revision(13), 2, 2, evidence)
}

pub(in crate::report) fn of(service: &str, verdict: ServiceVerdict) -> ServiceReport {
    ServiceReport { verdict: Some(verdict), ..judged(service) }
}

pub(in crate::report) fn not_deployed(service: &str) -> ServiceReport {
    let why = "healthtech_experiment is not proved migrated".to_owned();
    ServiceReport {
        service: service.to_owned(),
        verdict: Some(ServiceVerdict::NotDeployed { why }),
        ..ServiceReport::default()
    }
}

/// The circuit breaker has taken it back: its tasks end with 1.
pub(in crate::report) fn rolled_back(service: &str) -> ServiceReport {
    let mut log = LogTail::default();
    ["listening on 8080", "error: DATABASE_URL is not set"].iter().for_each(|line| log.push(line));
    let container = Container { name: "web".to_owned(), exit_code: Some(1), ..Container::default() };
    let stopped = Task {
        arn: TASK.to_owned(),
        last_status: "STOPPED".into(),
        stop_code: Some("EssentialContainerExited".to_owned()),
        stopped_reason: Some("Essential container in task exited".to_owned()),
        started_at: Some(at(20)),
        execution_stopped_at: Some(at(22)),
        containers: vec![container],
        ..Task::default()
    };
    let why = "tasks failed to start".to_owned();
    let event = "(service web) (deployment ecs-svc/0123456789) deployment failed: tasks failed to start.";
    ServiceReport {
        verdict: Some(ServiceVerdict::RolledBack { why, to: Some(revision(12)), over: true }),
        stage: Some(Stage {
            status: "ROLLBACK_SUCCESSFUL".to_owned(),
            running: 0,
            wanted: 2,
            failed: 3,
            ..Stage::default()
        }),
        events: vec![
            ServiceEvent { id: "2".into(), created_at: Some(at(61)), message: event.to_owned() },
            ServiceEvent {
                id: "1".into(),
                created_at: Some(at(12)),
                message: format!("(service {service}) has started 2 tasks."),
            },
        ],
        cause: Some(Cause {
            events: vec![event.to_owned()],
            task_arn: Some(stopped.arn.clone()),
            container: Some("web".to_owned()),
            exit_code: Some(1),
            diagnosis: diagnose(&stopped, "web", &LastLines::default()),
            stop_code: stopped.stop_code,
            stopped_reason: stopped.stopped_reason,
            log,
            log_url: Some("https://us-east-1.console.aws.amazon.com/cloudwatch/home".to_owned()),
        }),
        ..judged(service)
    }
}

pub(in crate::report) fn under_way(service: &str) -> ServiceReport {
    let stage =
        Stage { status: "IN_PROGRESS".to_owned(), running: 1, pending: 1, wanted: 2, ..Stage::default() };
    ServiceReport {
        verdict: None,
        stage: Some(stage),
        finished_at: None,
        seen_at: None,
        ended_at: None,
        ..judged(service)
    }
}

/// Every text that can come from outside, hostile.
pub(in crate::report) fn hostile() -> Vec<ServiceReport> {
    let all = HOSTILE.join("\n");
    let content = ServiceContent {
        task_definition: all.clone(),
        image: Some(all.clone()),
        digest: Some(all.clone()),
        tag: Some(all.clone()),
    };
    let mut row = rolled_back(&all);
    row.verdict = Some(ServiceVerdict::RolledBack { why: all.clone(), to: Some(all.clone()), over: true });
    row.from = Some(content.clone());
    row.to = Some(ServiceContent { tag: None, digest: None, ..content });
    row.diff = HOSTILE.iter().map(|line| format!("+{line}\n")).collect();
    row.deployment = Some(all.clone());
    row.timeline = HOSTILE.iter().map(|line| Moment { at: at(1), what: (*line).to_owned() }).collect();
    let event = |line: &&str| ServiceEvent { id: all.clone(), created_at: None, message: (*line).to_owned() };
    row.events = HOSTILE.iter().map(event).collect();
    row.health = Some(all.clone());
    row.url = Some("javascript:alert(1)".to_owned());
    row.stage = Some(Stage {
        status: all.clone(),
        stage: Some(all.clone()),
        waits_for: Some(all.clone()),
        traffic: Some(5.0),
        ..Stage::default()
    });
    if let Some(cause) = &mut row.cause {
        cause.events = vec![all.clone()];
        cause.task_arn = Some(all.clone());
        cause.container = Some(all.clone());
        cause.stop_code = Some(all.clone());
        cause.stopped_reason = Some(all.clone());
        cause.log.note = Some(all.clone());
        HOSTILE.iter().for_each(|line| cause.log.push(line));
        cause.log_url = Some(format!("https://example.com/{all}"));
    }
    let paused = ServiceVerdict::Paused {
        hook: all.clone(),
        expires_at: Some(at(90)),
        timeout_action: Some(all.clone()),
    };
    let mut linked = of(&all, paused);
    linked.url = Some(format!("https://example.com/{all}"));
    let superseded = of(&all, ServiceVerdict::Superseded { by: all.clone() });
    let not_deployed = of(&all, ServiceVerdict::NotDeployed { why: all.clone() });
    vec![row, linked, superseded, not_deployed]
}

/// A row whose deployment took a minute, without its verdict.
fn judged(service: &str) -> ServiceReport {
    let content = |tag: &str, digest: &str, number| ServiceContent {
        task_definition: revision(number),
        image: Some(format!(
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/startupwebapp-backend@sha256:{digest}"
        )),
        digest: Some(format!("sha256:{digest}")),
        tag: Some(tag.to_owned()),
    };
    let moment = |seconds, what: &str| Moment { at: at(seconds), what: what.to_owned() };
    ServiceReport {
        service: service.to_owned(),
        from: Some(content("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", &"c0ffee".repeat(11)[..64], 12)),
        to: Some(content("3f786850e387550fdab836ed7e6dc881de23001b", &"4f53cda1".repeat(8), 13)),
        registered: true,
        diff: "--- web:12\n+++ web:13\n@@ -4,1 +4,1 @@\n-\"image\": \"old\"\n+\"image\": \"new\"\n"
            .to_owned(),
        deployment: Some(format!(
            "arn:aws:ecs:us-east-1:123456789012:service-deployment/startupwebapp-cluster/{service}/tK0vVuzHfCuzz24AG3pQf"
        )),
        evidence: Some(Evidence::ServiceDeployment),
        timeline: vec![
            moment(10, "UpdateService"),
            moment(12, "PENDING"),
            moment(13, "IN_PROGRESS"),
            moment(70, "SUCCESSFUL"),
        ],
        finished_at: Some(at(70)),
        seen_at: Timestamp::from_millisecond(at(70).as_millisecond() + 600).ok(),
        url: Some(format!(
            "https://us-east-1.console.aws.amazon.com/ecs/v2/clusters/startupwebapp-cluster/services/{service}?region=us-east-1"
        )),
        started_at: Some(at(10)),
        ended_at: Some(at(71)),
        ..ServiceReport::default()
    }
}

fn revision(number: u32) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:task-definition/web:{number}")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_971_300 + seconds).expect("a second of the year 2025")
}
