use serde_json::json;

use super::super::service::Progress;
use super::*;
use crate::choices::Proof;
use crate::document::{Colour, markdown, text};
use crate::plan::{Orders, UnderWay};
use crate::ports::{
    Container, DeploymentStatus, RevisionImage, ServiceDeployment, ServiceDeploymentBrief, Task,
};
use crate::report::HOSTILE;

#[test]
fn tasks_that_ecs_counts_and_does_not_show_are_not_known() {
    let counted = Service { running: 2, desired: 2, ..Service::default() };
    assert!(SeenTasks::new(&counted, &[], &Named::new()).is_err_and(|why| why.contains("2 running tasks")));
    let task = |health: &str, desired: &str| Task {
        last_status: "RUNNING".into(),
        desired_status: desired.into(),
        containers: vec![Container {
            name: "web".into(),
            image_digest: Some(A.into()),
            health: Some(health.into()),
            ..Container::default()
        }],
        ..Task::default()
    };
    let tasks = [
        task("HEALTHY", "RUNNING"),
        task("UNHEALTHY", "RUNNING"),
        task("UNKNOWN", "RUNNING"),
        task("HEALTHY", "STOPPED"),
    ];
    let seen = SeenTasks::new(&counted, &tasks, &Named::new()).expect("tasks");
    assert_eq!((seen.running, seen.healthy, seen.unhealthy, seen.images[0].tasks), (3, 1, 1, 3));
    let why = "ECS does not say which task definition its task has";
    assert_eq!(seen.images[0].image.unread.as_deref(), Some(why));
}

#[test]
fn what_a_container_runs_is_named_by_the_definition_of_its_own_task() {
    let task = |definition: &str| Task {
        last_status: "RUNNING".into(),
        task_definition: Some(definition.into()),
        containers: ["web", "agent"]
            .map(|name| Container { name: name.into(), ..Container::default() })
            .into(),
        ..Task::default()
    };
    let web = |image: &str| {
        let (container, image) = ("web".to_owned(), image.to_owned());
        Ok(vec![RevisionImage { container, image, digest: None }])
    };
    let named = Named::from([
        ("web:1".to_owned(), web("app")),
        ("web:2".to_owned(), web("other")),
        ("web:3".to_owned(), Err("denied".to_owned())),
    ]);
    let seen = SeenTasks::new(&Service::default(), &["web:1", "web:2", "web:3"].map(task), &named);
    let said = |one: &RunningImage| {
        let Image { reference, unread, .. } = &one.image;
        format!("{} {reference:?} {unread:?} {}", one.container, one.tasks)
    };
    let said: Vec<String> = seen.expect("tasks").images.iter().map(said).collect();
    assert_eq!(
        said,
        [
            "agent None None 2",
            "agent None Some(\"denied\") 1",
            "web Some(\"app\") None 1",
            "web Some(\"other\") None 1",
            "web None Some(\"denied\") 1",
        ]
    );
}

fn status() -> Status {
    Status {
        account: account(),
        cluster: "c".into(),
        databases: Vec::new(),
        services: Vec::new(),
        in_use: false,
        check: None,
        notes: Vec::new(),
        at: at(10),
    }
}

fn under_way() -> UnderWay {
    UnderWay { deployment: "d".into(), status: "IN_PROGRESS".into(), task_definition: None }
}

fn brief(arn: &str, status: DeploymentStatus) -> ServiceDeploymentBrief {
    let target = Some(format!("{arn}-revision"));
    ServiceDeploymentBrief { arn: arn.into(), status, target, ..ServiceDeploymentBrief::default() }
}

#[test]
fn a_rollout_says_its_stage_or_why_that_is_not_known() {
    let listed = Ok(vec![brief("d", DeploymentStatus::InProgress)]);
    let whole = |arn: &str| ServiceDeployment {
        arn: arn.into(),
        stage: Some("BAKE_TIME".into()),
        ..ServiceDeployment::default()
    };
    let denied = || "denied".to_owned();
    for (listed, described, expected) in [
        (listed.clone(), Ok(vec![whole("d")]), Ok("BAKE_TIME")),
        (listed.clone(), Ok(vec![whole("e")]), Err("ECS does not describe it")),
        (listed.clone(), Err(denied()), Err("denied")),
        (Err(denied()), Ok(Vec::new()), Err("denied")),
        (Ok(Vec::new()), Ok(Vec::new()), Err("ECS lists no service deployment of it")),
    ] {
        let rollout = Rollout::new(&under_way(), &listed, &described);
        assert_eq!(rollout.what, "deployment d (IN_PROGRESS)");
        let stage = rollout.progress.as_ref().map(|progress| progress.stage.as_deref().unwrap_or_default());
        assert_eq!(stage.map_err(String::as_str), expected);
    }
}

#[test]
fn what_is_not_told_of_deployments_is_said_where_it_is_missing() {
    let denied = |what: &str| format!("{what} is denied");
    let (deployments, revisions) = (Err(denied("one")), Err(denied("two")));
    let listed = Ok(vec![brief("d", DeploymentStatus::InProgress)]);
    let briefs = [brief("c", DeploymentStatus::RollbackSuccessful), brief("b", DeploymentStatus::Successful)];
    let mut row = service(&[("web", Some(A), Some(APP), 2)]);
    let seen = row.seen.as_mut().expect("seen");
    seen.deployments = Ok(briefs.iter().map(|one| Ended::new(one, &deployments, &revisions)).collect());
    seen.rollout = Some(Rollout::new(&under_way(), &listed, &deployments));
    let status = Status { services: vec![row], ..status() };
    let document = document(Some(&status), None, &[]);
    for shown in [text(&document, Colour::Never), markdown(&document, 100_000)] {
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in ["how far it is is not known: one is denied", "task definitions not known: two is denied"]
        {
            assert!(shown.contains(said), "{said}: {shown}");
        }
        assert!(shown.contains("reasons not known: one is denied"), "{shown}");
    }
    let service = &data(&status)["services"][0];
    assert_eq!(service["rollout"]["progress_unknown"], "one is denied");
    let [back, done] = [0, 1].map(|place| &service["deployments"][place]);
    assert_eq!(
        (&back["task_definition_unknown"], &back["reason_unknown"]),
        (&json!("two is denied"), &json!("one is denied"))
    );
    assert_eq!(done["reason_unknown"], json!(null), "a success needs none");
}

#[test]
fn texts_from_outside_stay_texts() {
    let all = HOSTILE.join("\n");
    let mut row = database(Some(A));
    if let Ok(standing) = &mut row.standing {
        standing.later = Some(Later { at: None, what: all.clone() });
        standing.proved.as_mut().expect("proved").image.tags = vec![all.clone()];
    }
    let mut other = row.clone();
    row.running = Err(all.clone());
    other.running = Ok(vec![RunningTask {
        arn: all.clone(),
        task_definition: Some(all.clone()),
        started_by: Some(all.clone()),
        told: Err(all.clone()),
        orders: Orders::default(),
        ours: false,
        alike: false,
        ending: true,
    }]);
    let mut hostile = service(&[(&all, Some(&all), Some(&all), 1)]);
    hostile.name = all.clone();
    let seen = hostile.seen.as_mut().expect("seen");
    (seen.service.status, seen.service.task_definition) = (all.clone(), Some(all.clone()));
    let progress = Progress { stage: Some(all.clone()), paused_at: Some(all.clone()), ..Progress::default() };
    seen.rollout = Some(Rollout { what: under_way().words(), progress: Ok(progress) });
    let ended = |reason: Result<Option<String>, String>| Ended {
        deployment: all.clone(),
        status: all.clone(),
        task_definition: reason.clone().map(|_| all.clone()),
        at: None,
        reason,
    };
    seen.deployments = Ok(vec![ended(Ok(Some(all.clone()))), ended(Err(all.clone()))]);
    let check = compared(&[row.clone(), other.clone()], std::slice::from_ref(&hostile), Proof::Report, false);
    let status = Status {
        databases: vec![row, other],
        services: vec![hostile],
        check: Some(check),
        notes: vec![all.clone()],
        ..status()
    };
    let document = document(Some(&status), None, &[]);
    let (text, page) = (text(&document, Colour::Never), markdown(&document, 100_000));
    assert!(page.lines().all(|line| !line.trim_start().starts_with("::")), "{page}");
    for line in text.lines().chain(page.lines()) {
        assert!(!line.contains(['\u{1b}', '\r']), "{line:?}");
    }
    assert!(
        super::super::document::is_calm(&service(&[]))
            && !super::super::document::is_clear(&status.databases[0])
    );
    assert_eq!(data(&status)["check"][0]["same"], false);
}
