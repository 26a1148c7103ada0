//! `status` by the real binary: what is proved of databases and what services run, by reading calls alone.

use sandbox::{Disturbance, Fault, GitHub, Script, seed};
use serde_json::{Value, json};

use crate::rollback::Shop;
use crate::support::{FINTECH, Finished, HEALTH, PROD, Run, database, migrates};

/// Texts that try to be more.
mod hostile;
/// A run beside it.
mod running;
/// What is denied, or recorded nowhere.
mod unknown;

const TOKEN: &str = "ghs_q9Zx7TokenThatNobodyMaySee31";

/// All that a status may call.
const READS: [&str; 14] = [
    "GetCallerIdentity",
    "DescribeClusters",
    "DescribeTaskDefinition",
    "DescribeServices",
    "ListServiceDeployments",
    "DescribeServiceDeployments",
    "DescribeServiceRevisions",
    "ListTasks",
    "DescribeTasks",
    "BatchGetImage",
    "DescribeImages",
    "ListTaskDefinitionFamilies",
    "ListClusters",
    "DescribeRepositories",
];

/// A service, and a state file of what is migrated.
struct Fleet {
    shop: Shop,
    state: String,
}

impl Fleet {
    /// It runs `a`, with which PROD was migrated.
    async fn new() -> Self {
        let shop = Shop::after(&["a"]).await;
        let state = format!("--state={}", shop.world.directory.path().join("state.jsonl").display());
        let fleet = Self { shop, state };
        fleet.migrate("a", &["--database", PROD, &fleet.state]).finish().await.exits(0);
        fleet
    }

    fn migrate(&self, tag: &str, more: &[&str]) -> Run {
        let image = self.shop.image(tag);
        self.shop.world.migrate(&[&["--image", &image], more].concat())
    }

    fn status(&self, more: &[&str]) -> Run {
        let base = ["status", "--cluster", seed::CLUSTER, "--task-definition", seed::TASK_FAMILY];
        self.shop.world.command(&[&base[..], more].concat())
    }

    /// Of PROD and the service, by the state file.
    async fn of_both(&self, more: &[&str]) -> Finished {
        let both = ["--database", PROD, "--service", seed::SERVICE, &self.state];
        let before = self.shop.world.operations().len();
        let run = self.status(&[&both[..], more].concat()).finish().await;
        let calls = self.shop.world.operations().split_off(before);
        for call in &calls {
            assert!(READS.contains(&call.as_str()), "{call} is no read: {calls:?}");
        }
        run
    }

    async fn checked(&self) -> (Finished, Value) {
        let run = self.of_both(&["--check", "--format=json"]).await;
        let check = run.result()["check"][0].clone();
        (run, check)
    }

    fn denies(&self, call: &str) {
        self.shop.sandbox().faults().push(Fault::call(call, Disturbance::AccessDenied).always());
    }
}

#[tokio::test]
async fn what_is_proved_and_what_runs_are_one_commit() {
    let fleet = Fleet::new().await;
    let run = fleet.of_both(&[]).await;
    run.exits(0).says("1 of 1 database proved").says("1 of 1 service stable").says("report (state file)");
    let (run, check) = fleet.checked().await;
    run.exits(0);
    assert_eq!((&check["same"], &check["reasons"]), (&json!(true), &json!([])));
    let result = run.result();
    let (row, service) = (&result["databases"][0], &result["services"][0]);
    assert_eq!((&row["proved"]["image"]["commit"], &row["proved"]["by"]), (&json!("a"), &json!("report")));
    let container = &service["tasks"]["images"][0];
    assert_eq!(container["image"]["digest"], row["proved"]["image"]["digest"]);
    assert_eq!(container["image"]["commit"], "a");
    assert_eq!(service["tasks"]["running"], seed::SERVICE_TASKS);
    assert_eq!(service["deployments"][0]["status"], "SUCCESSFUL");
    assert_eq!((&service["rollout"], &row["running"]), (&Value::Null, &json!([])));

    let page = fleet.of_both(&["--format=markdown"]).await;
    page.exits(0).says("| database |").says("| service |");
    let action = ["--database", PROD, "--service", seed::SERVICE, &fleet.state, "--check"];
    let run = fleet.status(&action).in_actions().finish().await;
    run.exits(0);
    assert!(run.summary.contains("each runs the image that its databases are proved at"), "{}", run.summary);
    assert_eq!(run.outputs["exit-code"], "0");
}

#[tokio::test]
async fn another_commit_fails_the_check_and_nothing_else() {
    let fleet = Fleet::new().await;
    fleet.migrate("b", &["--database", PROD, &fleet.state]).finish().await.exits(0);
    fleet.of_both(&[]).await.exits(0);
    let (run, check) = fleet.checked().await;
    run.exits(1);
    assert_eq!((&check["same"], &check["reasons"][0]["differs"]), (&json!(false), &json!(true)));
    let why = check["reasons"][0]["why"].as_str().expect("a reason");
    assert!(why.contains("runs a (sha256:") && why.contains("proved at b (sha256:"), "{why}");
}

#[tokio::test]
async fn a_failure_after_the_proof_puts_it_in_doubt() {
    let fleet = Fleet::new().await;
    fleet.shop.world.program(|_| Script::new().line("error: relation exists").exit(1));
    fleet.migrate("b", &["--database", PROD, &fleet.state]).finish().await.exits(1);
    let (run, check) = fleet.checked().await;
    run.exits(1);
    assert!(check["reasons"][0]["why"].as_str().is_some_and(|why| why.contains("may not hold")), "{check}");
    let row = run.result()["databases"][0].clone();
    assert_eq!((&row["proved"]["image"]["commit"], &row["later"]["what"]), (&json!("a"), &json!("failed")));
}

#[tokio::test]
async fn a_rollout_under_way_is_shown_with_its_stage() {
    let fleet = Fleet::new().await;
    let rules = json!({
        "alarms": {"alarmNames": ["errors"], "enable": true, "rollback": true},
        "bakeTimeInMinutes": 1440,
    });
    let runs = fleet.shop.runs();
    fleet.shop.update(&json!({
        "taskDefinition": runs, "forceNewDeployment": true, "deploymentConfiguration": rules,
    }));
    fleet.shop.until(|shop| shop.status() == "IN_PROGRESS").await;
    fleet.of_both(&[]).await.exits(0).says("IN_PROGRESS");
    let (run, check) = fleet.checked().await;
    run.exits(1);
    assert!(check["reasons"].to_string().contains("is under way"), "{check}");
    let rollout = run.result()["services"][0]["rollout"].clone();
    assert_eq!(rollout["tasks_wanted"], seed::SERVICE_TASKS, "{rollout}");
}

#[tokio::test]
async fn githubs_deployments_say_it_as_well() {
    let github = GitHub::start("octo/shop").await.expect("start GitHub's API");
    github.add_actions_token(TOKEN, &["deployments: write"]);
    let at = |run: Run| {
        run.in_actions().variable("GITHUB_API_URL", &github.api_url()).variable("GITHUB_TOKEN", TOKEN)
    };
    let fleet = Fleet::new().await;
    fleet.shop.world.program(|context| match database(context) {
        name if name == HEALTH => Script::new().line("error: relation exists").exit(1),
        name => migrates(name),
    });
    let recorded = ["--deployments", "--environment-prefix=db/"];
    let two = format!("{PROD},{HEALTH}");
    let migrate = [&["--database", &two, "--keep-going"], &recorded[..]].concat();
    at(fleet.migrate("a", &migrate)).finish().await.exits(1);
    let of = |more: &[&str]| at(fleet.status(&[&recorded[..], &["--format=json"], more].concat()));
    let run = of(&["--database", PROD, "--service", seed::SERVICE, "--check"]).finish().await;
    run.exits(0);
    let proved = run.result()["databases"][0]["proved"].clone();
    assert_eq!((&proved["image"]["commit"], &proved["from"]), (&json!("a"), &json!("GitHub's Deployments")));
    let run = of(&["--database", &format!("{PROD},{HEALTH},{FINTECH}")]).finish().await;
    run.exits(0);
    let rows = run.result()["databases"].clone();
    assert_eq!(rows[1]["later"]["what"], "its newest GitHub Deployment is not a success");
    assert_eq!(rows[2]["unknown"], "GitHub has no Deployment of it");
    let alone = ["--database", PROD, "--deployments"];
    fleet.status(&alone).finish().await.exits(0).says("GitHub's Deployments were not asked");
}

#[tokio::test]
async fn twenty_services_take_few_calls() {
    let fleet = Fleet::new().await;
    let revision = fleet.shop.runs();
    let mut names = vec![seed::SERVICE.to_owned()];
    for number in 1..20 {
        let name = format!("web-{number}");
        let service = json!({
            "cluster": seed::CLUSTER, "serviceName": name, "taskDefinition": revision, "desiredCount": 1,
            "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60001"],
                "securityGroups": ["sg-0a1b2c3d4e5f60001"]}},
        });
        fleet.shop.sandbox().create_service(&service).expect("a service");
        names.push(name);
    }
    let before = fleet.shop.world.operations().len();
    let services = names.join(",");
    let run = fleet.status(&["--service", &services, "--format=json"]).finish().await;
    run.exits(0);
    assert_eq!(run.result()["services"].as_array().map(Vec::len), Some(20));
    let calls = fleet.shop.world.operations().split_off(before);
    let of = |operation: &str| calls.iter().filter(|call| *call == operation).count();
    assert_eq!((of("DescribeServices"), of("ListTasks"), of("ListServiceDeployments")), (2, 20, 20));
    assert!(of("DescribeTasks") <= 1 && of("DescribeServiceRevisions") <= 3, "{calls:?}");
    assert!(calls.len() <= 55, "{}: {calls:?}", calls.len());
}
