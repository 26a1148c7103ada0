use serde_json::{Value, json};

use super::*;
use crate::document::{self, Colour};
use crate::plan::tests::{document as migration_document, observed as migration_observed};
use crate::plan::{RevisionPlan, TagSource, UnderWay, Update, update};
use crate::ports::{Caller, Deployment, DeploymentRules, Repository, Service, StoredImage, Strategy};
use crate::settings::deploy_samples::{migrating, without_migration};
use crate::workflow_commands::SUMMARY_LIMIT;

const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const DIGEST: &str = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";
const OLD: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn arn(family: &str, revision: u64) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{family}:{revision}")
}

fn ours() -> String {
    format!("{ECR}/shop@{DIGEST}")
}

/// As DescribeTaskDefinition answers it: two containers of our repository, and two that are not.
fn web(revision: u64, image: &str) -> Value {
    json!({"taskDefinition": {
        "taskDefinitionArn": arn("web", revision), "family": "web", "revision": revision, "status": "ACTIVE",
        "networkMode": "awsvpc", "cpu": "256", "memory": "512", "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [
            {"name": "warm", "image": image, "essential": false, "command": ["app", "warm"]},
            {"name": "web", "image": image, "essential": true,
                "environment": [{"name": "DATABASE_NAME", "value": "shop"}, {"name": "TOKEN", "value": "hunter2"}],
                "secrets": [{"name": "PASSWORD", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:x"}]},
            {"name": "proxy", "image": format!("{ECR}/shop-proxy:1"), "essential": true},
            {"name": "agent", "image": "public.ecr.aws/agent:1", "essential": false},
        ],
    }})
}

fn definition(document: Value) -> TaskDefinition {
    TaskDefinition::from_json(document, "test").expect("a definition")
}

fn runs(name: &str, running: &TaskDefinition, rollout: &str) -> Service {
    let task_definition = running.arn().map(str::to_owned);
    Service {
        name: name.into(),
        status: "ACTIVE".into(),
        task_definition: task_definition.clone(),
        desired: 2,
        rules: DeploymentRules { breaker: true, breaker_rolls_back: true, ..DeploymentRules::default() },
        deployments: vec![Deployment {
            id: "ecs-svc/1".into(),
            status: "PRIMARY".into(),
            task_definition,
            rollout: Some(rollout.into()),
            ..Deployment::default()
        }],
        ..Service::default()
    }
}

fn observed(running: Value) -> ObservedService {
    let running = definition(running);
    ObservedService {
        service: runs("web", &running, "COMPLETED"),
        newest: Some(running.clone()),
        running,
        under_way: None,
    }
}

fn old() -> ObservedService {
    observed(web(3, &format!("{ECR}/shop@{OLD}")))
}

fn seen() -> ObservedAlone {
    let caller = Caller { account: "123456789012".into(), arn: "arn:aws:sts::123456789012:x".into() };
    let repository = Repository { name: "shop".into(), uri: format!("{ECR}/shop"), registry: None };
    let stored = StoredImage { digest: DIGEST.into(), index: None, tags: Vec::new() };
    ObservedAlone {
        account: Account { caller, region: "us-east-1".into() },
        image: ObservedImage::Tagged {
            repository,
            tag: "v2".into(),
            named_by: TagSource::CheckedOut { github: None },
            stored: Some(stored),
        },
        notes: Vec::new(),
    }
}

fn planned(
    flags: &[&str],
    services: Vec<ObservedService>,
    image: ObservedAlone,
) -> Result<DeployPlan, Failure> {
    let settings = without_migration(flags);
    let crate::settings::First::ProvedElsewhere { image: wanted, .. } = &settings.first else { panic!() };
    DeployPlan::alone(wanted, &settings, image, ObservedServices { services, notes: Vec::new() })
}

fn plan(flags: &[&str], service: ObservedService) -> DeployPlan {
    planned(flags, vec![service], seen()).expect("a plan")
}

fn refused(flags: &[&str], service: ObservedService) -> Failure {
    let failure = planned(flags, vec![service], seen()).expect_err("refused");
    assert_eq!(failure.exit_code, crate::failure::ExitCode::BadInput);
    assert!(failure.hint.is_some(), "{failure}");
    failure
}

/// Of one service, which gets a new revision.
pub(crate) fn deploy_plan() -> DeployPlan {
    plan(&[], old())
}

pub(crate) fn service_plan() -> ServicePlan {
    deploy_plan().services.remove(0)
}

fn data(plan: &DeployPlan) -> Value {
    plan.document().expect("a document").data
}

#[test]
fn every_container_of_the_repository_gets_the_image_and_nothing_else_changes() {
    let plan = plan(&[], old());
    let service = &plan.services[0];
    assert_eq!(service.containers, ["warm", "web"]);
    let RevisionPlan::Register(wanted) = service.revision(&ours()).expect("a revision") else {
        panic!("new")
    };
    let mut expected = service.running.register_input().clone();
    for index in [0, 1] {
        expected["containerDefinitions"][index]["image"] = json!(ours());
    }
    assert_eq!(*wanted.register_input(), expected, "DATABASE_NAME and the command are as they were");
    assert_eq!(
        data(&plan)["services"][0]["update_service"],
        json!({"cluster": "c", "service": "web", "taskDefinition": "web:<new revision>"})
    );
}

#[test]
fn a_container_that_is_named_gets_it_and_no_other() {
    let one = plan(&["--service-container=web"], old());
    assert_eq!(one.services[0].containers, ["web"]);
    let moved = plan(&["--service-container=agent"], old());
    assert_eq!(moved.services[0].containers, ["agent"]);
    assert!(
        moved.notes.iter().any(|note| note.contains("has an image of public.ecr.aws/agent")),
        "{:?}",
        moved.notes
    );
    let failure = refused(&["--service-container=web,nginx"], old());
    assert!(failure.message.contains("no service has a container nginx"), "{failure}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("agent, proxy, warm, web")));
    let mut other = old();
    let mut document = web(3, "nginx:1");
    document["taskDefinition"]["containerDefinitions"] = json!([{"name": "alone", "image": "nginx:1"}]);
    other.running = definition(document);
    let failure = planned(&["--service-container=web"], vec![old(), other], seen()).expect_err("refused");
    assert!(failure.message.contains("has none of the containers of --service-container"), "{failure}");
}

#[test]
fn a_service_without_our_repository_is_refused_with_those_that_it_has() {
    let failure = refused(&[], observed(web(3, "registry.example/other:1")));
    assert!(failure.message.contains(&format!("has an image of repository {ECR}/shop")), "{failure}");
    let hint = failure.hint.expect("a hint");
    for said in
        ["warm (registry.example/other)", "web (registry.example/other)", "agent (public.ecr.aws/agent)"]
    {
        assert!(hint.contains(said), "{hint}");
    }
}

#[test]
fn what_a_service_runs_already_is_proved_and_not_deployed_again() {
    let of = |rollout: &str, flags: &[&str], status: &str| {
        let mut document = web(3, &ours());
        document["taskDefinition"]["status"] = status.into();
        let mut service = observed(document);
        service.service = runs("web", &service.running, rollout);
        let plan = plan(flags, service);
        let data = data(&plan);
        let [action, input] =
            ["task_definition", "update_service"].map(|key| data["services"][0][key].clone());
        (action["action"].clone(), input)
    };
    assert_eq!(of("COMPLETED", &[], "ACTIVE"), (json!("keep"), Value::Null));
    assert_eq!(of("COMPLETED", &[], "INACTIVE"), (json!("keep"), Value::Null), "ECS goes on running it");
    let forced = json!({"cluster": "c", "service": "web", "taskDefinition": arn("web", 3), "forceNewDeployment": true});
    assert_eq!(of("FAILED", &[], "ACTIVE"), (json!("reuse"), forced));
    let (action, input) = of("FAILED", &[], "INACTIVE");
    assert_eq!(action, "register", "ECS deploys no INACTIVE revision: {input}");
}

#[test]
fn a_revision_that_an_earlier_run_has_registered_is_used() {
    let mut service = old();
    service.newest = Some(definition(web(4, &ours())));
    let plan = plan(&[], service);
    let data = data(&plan);
    assert_eq!(data["services"][0]["task_definition"]["arn"], arn("web", 4));
    assert_eq!(
        data["services"][0]["update_service"],
        json!({"cluster": "c", "service": "web", "taskDefinition": arn("web", 4)})
    );
    assert!(!plan.notes.iter().any(|note| note.contains("is newer than")), "{:?}", plan.notes);
    assert!(
        data["services"][0]["task_definition"]["diff"].as_str().is_some_and(|diff| diff.contains(DIGEST))
    );
}

#[test]
fn a_newer_revision_of_the_family_is_drift() {
    let drifted = || {
        let mut service = old();
        let mut newest = web(5, &format!("{ECR}/shop@{OLD}"));
        newest["taskDefinition"]["cpu"] = "1024".into();
        service.newest = Some(definition(newest));
        service
    };
    let running = plan(&[], drifted());
    assert!(
        running.notes.iter().any(|note| note.contains("web:5 is newer than web:3")),
        "{:?}",
        running.notes
    );
    let RevisionPlan::Register(wanted) = running.services[0].revision(&ours()).expect("one") else {
        panic!()
    };
    assert_eq!(wanted.register_input()["cpu"], "256");
    let latest = plan(&["--service-base=latest"], drifted());
    assert!(latest.notes.iter().any(|note| note.contains("made from web:5")), "{:?}", latest.notes);
    let RevisionPlan::Register(wanted) = latest.services[0].revision(&ours()).expect("one") else { panic!() };
    assert_eq!(wanted.register_input()["cpu"], "1024");
    assert!(latest.services[0].diff(&ours()).expect("a diff").contains("+ cpu = 1024"));
}

#[test]
fn a_migrations_own_revision_is_no_base() {
    let placeholder = |revision| {
        let mut document = web(revision, &format!("{ECR}/shop@{OLD}"));
        document["taskDefinition"]["containerDefinitions"][1]["environment"][0]["value"] =
            crate::database_name::PLACEHOLDER.into();
        document
    };
    let failure = refused(&[], observed(placeholder(3)));
    assert!(failure.message.contains("web:3, which is a migration's own"), "{failure}");
    // As the newest of the family it is not a drift; as the base that is asked for it is refused.
    let mut service = old();
    service.newest = Some(definition(placeholder(4)));
    let notes = plan(&[], service.clone()).notes;
    assert!(!notes.iter().any(|note| note.contains("newer")), "{notes:?}");
    let failure = refused(&["--service-base=latest"], service.clone());
    assert!(failure.message.contains("web:4, which is a migration's own"), "{failure}");

    // A tenant's name in the newest is not told from a migration's.
    let mut tenant = web(4, &format!("{ECR}/shop@{OLD}"));
    tenant["taskDefinition"]["containerDefinitions"][1]["environment"][0]["value"] = "tenant".into();
    service.newest = Some(definition(tenant));
    let settings = migrating(&["--service-base=latest"]);
    let migration = Plan::new(migration_settings(&settings), migration_observed(migration_document()));
    let services = ObservedServices { services: vec![service], notes: Vec::new() };
    let failure = DeployPlan::after(migration.expect("a plan"), &settings, services).expect_err("refused");
    assert!(failure.message.contains("another DATABASE_NAME than web:3 does"), "{failure}");
}

fn migration_settings(settings: &DeploySettings) -> &crate::settings::Settings {
    let crate::settings::First::Migrate(migrate) = &settings.first else { panic!("a migration") };
    migrate
}

#[test]
fn a_deployment_under_way_is_refused_waited_for_or_superseded() {
    let of = |image: &str| {
        let mut service = observed(web(3, image));
        service.service = runs("web", &service.running, "IN_PROGRESS");
        service.under_way = UnderWay::of(&service.service, None);
        service
    };
    let before = format!("{ECR}/shop@{OLD}");
    let failure = refused(&[], of(&before));
    assert!(
        failure.message.contains("deployment ecs-svc/1 (IN_PROGRESS) of web:3 of service web is under way")
    );
    assert!(failure.hint.is_some_and(|hint| hint.contains("--on-deploying supersede")));
    let same = plan(&[], of(&ours()));
    assert!(same.notes.iter().any(|note| note.contains("so it is followed")), "{:?}", same.notes);
    assert!(
        document::text(&same.document().expect("one"), Colour::Never)
            .contains("a deployment of it is under way")
    );
    for (flag, said) in [("wait", "its end is waited for"), ("supersede", "ECS stops it for this one")] {
        let plan = plan(&[&format!("--on-deploying={flag}")], of(&before));
        assert!(plan.notes.iter().any(|note| note.contains(said)), "{:?}", plan.notes);
    }
    let waiting = plan(&["--on-deploying=wait"], of(&ours()));
    assert_eq!(data(&waiting)["services"][0]["update_service"], Value::Null);
    let superseding = plan(&["--on-deploying=supersede"], of(&ours()));
    assert_eq!(data(&superseding)["services"][0]["update_service"]["forceNewDeployment"], true);
}

#[test]
fn an_image_for_another_platform_or_without_a_digest_is_refused() {
    let mut image = seen();
    let ObservedImage::Tagged { stored: Some(stored), .. } = &mut image.image else { panic!() };
    let platform = crate::ports::ImagePlatform { os: "linux".into(), architecture: "amd64".into() };
    stored.index = Some(vec![crate::ports::IndexedImage { platform, digest: OLD.into() }]);
    let arm = || {
        let mut document = web(3, &format!("{ECR}/shop@{OLD}"));
        document["taskDefinition"]["runtimePlatform"] = json!({"cpuArchitecture": "ARM64"});
        observed(document)
    };
    assert!(planned(&[], vec![old()], image.clone()).is_ok());
    let failure = planned(&[], vec![old(), arm()], image).expect_err("refused");
    assert!(failure.message.starts_with("deploy service web: image"), "{failure}");
    assert!(failure.message.contains("runs on linux/arm64"), "{failure}");

    // One that is made here is made for the first of them.
    let mut made = seen();
    let ObservedImage::Tagged { stored, .. } = &mut made.image else { panic!() };
    *stored = None;
    assert!(planned(&[], vec![old()], made.clone()).is_ok());
    assert!(planned(&[], vec![old(), arm()], made).is_err());

    let mut tagged = seen();
    tagged.image = ObservedImage::Reference {
        reference: "registry.example/shop:2".into(),
        digest: None,
        platforms: None,
        unseen: None,
    };
    let services = vec![observed(web(3, "registry.example/shop:1"))];
    let failure = planned(&["--image=registry.example/shop:2"], services, tagged).expect_err("refused");
    assert!(failure.message.contains("is named by a tag"), "{failure}");
    assert!(failure.hint.is_some_and(|hint| hint.contains("@sha256:")));
}

#[test]
fn what_a_person_should_know_is_said() {
    for (change, said) in [
        ((|one| one.desired = 0) as fn(&mut Service), "wants no tasks"),
        (|one| one.rules.breaker = false, "has no deployment circuit breaker: ECS starts"),
        (|one| one.rules.breaker_rolls_back = false, "does not roll back"),
        (
            |one| one.rules.alarms = vec!["errors".into()],
            "1 alarm can end a deployment of service web: errors",
        ),
        (|one| one.deployments[0].rollout = Some("FAILED".into()), "ECS has nothing to go back to"),
        (|one| one.rules.early_success = true, "early success"),
        (|one| one.rules.has_hooks = true, "lifecycle hooks"),
        (
            |one| {
                one.rules.strategy = Strategy::BlueGreen;
                one.rules.bake = std::time::Duration::from_secs(3600);
            },
            "may take 1 h 30 min, and the credentials are not renewed",
        ),
        (|_| {}, "scheduled tasks (EventBridge)"),
    ] {
        let mut service = old();
        change(&mut service.service);
        let notes = plan(&[], service).notes;
        assert!(notes.iter().any(|note| note.contains(said)), "{said}: {notes:?}");
    }
    assert_eq!(plan(&[], old()).notes.len(), 1);
}

#[test]
fn update_service_is_called_where_it_changes_something() {
    let revision = arn("web", 3);
    let service = |rollout: &str| runs("web", &definition(web(3, "x")), rollout);
    for (service, supersedes, expected) in [
        (service("COMPLETED"), false, Update::None),
        (service("COMPLETED"), true, Update::None),
        (service("FAILED"), false, Update::Force),
        (service("IN_PROGRESS"), false, Update::None),
        (service("IN_PROGRESS"), true, Update::Force),
        (Service { deployments: Vec::new(), ..service("COMPLETED") }, false, Update::Send),
        (Service { task_definition: Some(arn("web", 2)), ..service("COMPLETED") }, false, Update::Send),
    ] {
        assert_eq!(update(&service, Some(&revision), supersedes), expected, "{service:?}");
    }
    assert_eq!(update(&service("COMPLETED"), Some(&arn("web", 4)), false), Update::Send);
    assert_eq!(update(&service("FAILED"), None, false), Update::Send);
}

#[test]
fn a_plan_reads_whole() {
    let settings = migrating(&[]);
    let mut observed = migration_observed(migration_document());
    observed.image = ObservedImage::Reference {
        reference: ours(),
        digest: Some(DIGEST.into()),
        platforms: None,
        unseen: None,
    };
    let migration = Plan::new(migration_settings(&settings), observed).expect("a plan");
    let services = ObservedServices { services: vec![old()], notes: Vec::new() };
    let plan = DeployPlan::after(migration, &settings, services).expect("a plan");
    let document = plan.document().expect("a document");
    let text = document::text(&document, Colour::Never);
    let page = document::markdown(&document, SUMMARY_LIMIT);
    for said in ["migrate 1 database, then deploy web on c", "Nothing has been changed.", "shop"] {
        assert!(text.contains(said) && page.contains(said), "{said}: {text}\n{page}");
    }
    let service = text.split_once("Service web").expect("the service").1.trim();
    let short = service.replace(OLD, "OLD").replace(DIGEST, "NEW").replace(ECR, "ECR");
    insta::assert_snapshot!(short, @r#"
    from         web:3
      to           register a new revision of web, made from web:3
      container    warm, now ECR/shop@OLD
      container    web, now ECR/shop@OLD
      strategy     rolling, between 100 % and 200 % of the wanted tasks, circuit breaker with rollback
      wanted       2 tasks
      timeout      30 min from UpdateService on

      --- web:3
      +++ web (next revision)
      @@ container warm @@
        command = (hidden)
        essential = false
      - image = ECR/shop@OLD
      + image = ECR/shop@NEW
      @@ container web @@
        essential = true
      - image = ECR/shop@OLD
      + image = ECR/shop@NEW

    UpdateService for web
      {
        "cluster": "c",
        "service": "web",
        "taskDefinition": "web:<new revision>"
      }
    "#);
    assert!(!text.contains("hunter2") && !page.contains("hunter2"), "{text}");
    let data = document.data;
    assert_eq!((&data["operation"], &data["no_migration"]), (&json!("deploy"), &json!(false)));
    assert_eq!(data["migration"]["operation"], "migrate");
    assert_eq!(data["migration"]["databases"][0]["database"], "shop");
    assert_eq!(data["services"][0]["containers"][1]["container"], "web");
    assert_eq!(data["services"][0]["timeout_seconds"], 1800);
}

#[test]
fn without_a_migration_the_plan_says_so() {
    let plan = plan(&[], old());
    let document = plan.document().expect("a document");
    for text in [document::text(&document, Colour::Never), document::markdown(&document, SUMMARY_LIMIT)] {
        assert!(text.contains("deploy web on c without a migration"), "{text}");
        assert!(text.contains("proved elsewhere"), "{text}");
    }
    assert_eq!((&document.data["no_migration"], &document.data["migration"]), (&json!(true), &Value::Null));
}
