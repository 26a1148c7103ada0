use serde_json::{Value, json};

use super::policy::permissions;
use super::trust::trust;
use super::*;
use crate::cli::{Command, parse as parse_cli};

mod operations;

const FILE: &str = "sandbox/fixtures/describe-task-definition.json";

fn flags(arguments: &[&str]) -> cli::IamFlags {
    let arguments = ["fargate-migrate", "iam"].iter().chain(arguments).map(Into::into).collect();
    let cli = parse_cli(arguments, &|_| None, "/nowhere".as_ref()).expect("valid");
    let Command::Iam(flags) = cli.command else { panic!("iam") };
    *flags
}

fn scope(arguments: &[&str]) -> Scope {
    let flags = flags(arguments);
    let task_definition = flags
        .migrate
        .target
        .base
        .task_definition
        .as_ref()
        .map(|path| TaskDefinition::from_file(path.as_ref()).unwrap());
    let known = SeenInAws { task_definition, ..SeenInAws::default() };
    Scope::new(&flags, &|_| None, &known, None).expect("a scope")
}

fn made(arguments: &[&str]) -> (Value, Value, Vec<&'static str>) {
    let scope = scope(arguments);
    let names = scope.placeholders.iter().map(|placeholder| placeholder.name).collect();
    (permissions(&scope), trust(&scope), names)
}

fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .flat_map(|statement| match &statement["Action"] {
            Value::String(one) => vec![one.clone()],
            many => {
                many.as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect()
            }
        })
        .collect()
}

#[test]
fn what_a_run_does_not_do_is_not_allowed() {
    let base = ["--task-definition", FILE, "--cluster=c"];
    let of = |more: &[&str]| actions(&made(&[base.as_slice(), more].concat()).0);
    let has = |more: &[&str], action: &str| of(more).iter().any(|known| known == action);
    assert!(has(&[], "ecr:PutImage"));
    let own = "--image=123456789012.dkr.ecr.us-east-1.amazonaws.com/shop:1";
    assert!(!has(&[own], "ecr:PutImage") && has(&[own], "ecr:BatchGetImage"));
    assert!(!of(&["--image=ghcr.io/octo/shop:1"]).iter().any(|action| action.starts_with("ecr:")));
    assert!(has(&["--subnets=tag:Name=a-*"], "tag:GetResources"));
    assert!(!has(&["--subnets=subnet-1"], "tag:GetResources"));
    assert!(has(&["--network-from-service=web"], "ecs:DescribeServices"));
    let tags_tasks =
        |flag: &str| made(&[base.as_slice(), &[flag]].concat()).0.to_string().contains("TagsOfTheTask");
    for flag in ["--task-tag=Team=shop", "--propagate-tags", "--ecs-managed-tags"] {
        assert!(tags_tasks(flag), "{flag}");
    }
    assert!(!tags_tasks("--on-cancel=stop"));
    assert!(has(&["--on-cancel=leave"], "ecs:StopTask"));
    assert!(!has(&["--on-cancel=leave", "--on-timeout=leave"], "ecs:StopTask"));
    assert!(!has(&[], "ecs:ListClusters") && has(&["--hints"], "ecs:ListClusters"));
    let plan = of(&["--plan"]);
    assert_eq!(
        plan,
        [
            "ecs:DescribeTaskDefinition",
            "ecr:DescribeRepositories",
            "ecr:BatchGetImage",
            "ecs:DescribeClusters",
            "ecs:ListTasks",
            "ecs:DescribeTasks",
            "logs:GetLogEvents",
            "logs:FilterLogEvents"
        ]
    );
}

#[test]
fn the_repository_that_is_named_is_the_one_that_is_allowed() {
    let base = ["--task-definition", FILE, "--cluster=c"];
    for (flag, expected) in [
        ("--repository=shop", "arn:aws:ecr:us-east-1:123456789012:repository/shop"),
        (
            "--repository=999999999999.dkr.ecr.eu-west-1.amazonaws.com/tools/shop",
            "arn:aws:ecr:eu-west-1:999999999999:repository/tools/shop",
        ),
        (
            "--repository=999999999999.dkr-ecr.us-east-1.on.aws/shop",
            "arn:aws:ecr:us-east-1:999999999999:repository/shop",
        ),
        (
            "--image=999999999999.dkr.ecr.eu-west-1.amazonaws.com/shop:1",
            "arn:aws:ecr:eu-west-1:999999999999:repository/shop",
        ),
        (
            "--repository=999999999999.dkr.ecr.cn-north-1.amazonaws.com.cn/shop",
            "arn:aws-cn:ecr:cn-north-1:999999999999:repository/shop",
        ),
        ("--plan", "arn:aws:ecr:us-east-1:123456789012:repository/startupwebapp-backend"),
    ] {
        let policy = made(&[base.as_slice(), &[flag]].concat()).0;
        let images = policy["Statement"].as_array().unwrap().iter().find(|one| one["Sid"] == "Image");
        assert_eq!(images.unwrap()["Resource"], expected, "{flag}");
    }
}

#[test]
fn revisions_are_allowed_in_the_family_that_they_go_into() {
    let base = ["--task-definition", FILE, "--cluster=c"];
    let family = |name: &str| format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{name}:*");
    let own = "startupwebapp-migration-task";
    let resources = |more: &[&str], runs_in_service: Option<bool>| {
        let flags = flags(&[base.as_slice(), more].concat());
        let task_definition = Some(TaskDefinition::from_file(FILE.as_ref()).unwrap());
        let known = SeenInAws { task_definition, runs_in_service, ..SeenInAws::default() };
        let policy = permissions(&Scope::new(&flags, &|_| None, &known, None).unwrap());
        let statements = policy["Statement"].as_array().unwrap().clone();
        let of = |sid: &str| statements.iter().find(|one| one["Sid"] == sid).unwrap()["Resource"].clone();
        assert_eq!(of("Revision"), of("Run"));
        of("Run")
    };
    let beside = family(&format!("{own}-migration"));
    assert_eq!(resources(&[], None), json!(family(own)));
    assert_eq!(resources(&[], Some(false)), json!(family(own)));
    assert_eq!(resources(&[], Some(true)), json!(beside));
    assert_eq!(resources(&["--network-from-service=web"], None), json!([beside, family(own)]));
    assert_eq!(resources(&["--network-from-service=web"], Some(false)), json!(family(own)));
    assert_eq!(resources(&["--family=shop"], Some(true)), json!(family("shop")));
}

#[test]
fn every_placeholder_is_said_and_with_everything_given_there_is_none() {
    let (policy, trust, names) = made(&[]);
    let text = format!("{policy}{trust}");
    for name in &names {
        assert!(text.contains(name), "{name} is said and not there");
    }
    assert!(names.contains(&"ACCOUNT_ID") && names.contains(&"OWNER_ID"), "{names:?}");
    let given = [
        "--task-definition",
        FILE,
        "--cluster=c",
        "--github-repository=octo/shop",
        "--github-owner-id=1",
        "--github-repository-id=2",
        "--github-environment=production",
    ];
    assert_eq!(made(&given).2, Vec::<&str>::new());
}

#[test]
fn both_forms_of_the_sub_claim_are_trusted_for_each_context() {
    let (_, trust, _) = made(&[
        "--github-repository=octo/shop",
        "--github-owner-id=1",
        "--github-repository-id=2",
        "--github-environment=prod:eu",
        "--github-ref=refs/heads/main",
    ]);
    assert_eq!(
        trust["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"],
        json!([
            "repo:octo/shop:environment:prod%3Aeu",
            "repo:octo@1/shop@2:environment:prod%3Aeu",
            "repo:octo/shop:ref:refs/heads/main",
            "repo:octo@1/shop@2:ref:refs/heads/main",
        ])
    );
}

#[test]
fn what_would_let_more_jobs_in_is_refused() {
    for flag in [
        "--github-repository=octo/*",
        "--github-repository=octo",
        "--github-environment=*",
        "--github-ref=refs/heads/*",
        "--github-owner-id=x",
        "--account=1",
    ] {
        let scope = Scope::new(&flags(&[flag]), &|_| None, &SeenInAws::default(), None);
        assert!(scope.is_err(), "{flag}");
    }
}

#[test]
fn each_partition_has_its_arns_and_its_audience() {
    for (region, partition, audience) in [
        ("eu-central-1", "aws", "sts.amazonaws.com"),
        ("cn-north-1", "aws-cn", "sts.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "sts.amazonaws.com"),
    ] {
        let (policy, trust, _) = made(&["--region", region, "--account=123456789012", "--cluster=c"]);
        let text = policy.to_string();
        assert!(text.contains(&format!("arn:{partition}:ecs:{region}:123456789012:cluster/c")), "{text}");
        assert_eq!(
            text.matches("\"arn:").count(),
            text.matches(&format!("\"arn:{partition}:")).count(),
            "{text}"
        );
        let statement = &trust["Statement"][0];
        assert!(
            statement["Principal"]["Federated"]
                .as_str()
                .unwrap()
                .starts_with(&format!("arn:{partition}:iam::"))
        );
        assert_eq!(
            statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:aud"],
            audience
        );
    }
}

#[test]
fn the_longest_names_fit_into_a_managed_policy() {
    let cluster = format!("--cluster={}", "c".repeat(255));
    let family = format!("--task-definition={}", "f".repeat(255));
    let repository = format!("--repository={}", "r".repeat(256));
    let flags = flags(
        &[&cluster, &family, &repository, "--hints", "--network-from-service=s", "--subnets=tag:a=b"][..5]
            .iter()
            .map(|flag| flag.as_ref())
            .collect::<Vec<&str>>(),
    );
    let scope = Scope::new(&flags, &|_| None, &SeenInAws::default(), None).unwrap();
    let size = permissions(&scope).to_string().len();
    assert!(size > 3_000 && size <= policy::MAX_POLICY, "{size}");
}

#[test]
fn statements_are_of_iams_grammar() {
    let arguments = ["--task-definition", FILE, "--cluster=c", "--hints", "--subnets=tag:a=b"];
    let (policy, _, _) = made(&arguments);
    let explained: Vec<_> = policy::statements(&scope(&arguments)).map(|one| (one.sid, one.reason)).collect();
    assert_eq!(policy["Version"], "2012-10-17");
    let mut sids = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        for key in statement.as_object().unwrap().keys() {
            assert!(["Sid", "Effect", "Action", "Resource", "Condition"].contains(&key.as_str()), "{key}");
        }
        let sid = statement["Sid"].as_str().unwrap();
        assert!(sid.chars().all(|c| c.is_ascii_alphanumeric()) && !sids.contains(&sid), "{sid}");
        assert!(explained.iter().any(|(of, reason)| *of == sid && !reason.is_empty()), "{sid} is explained");
        sids.push(sid);
    }
}
