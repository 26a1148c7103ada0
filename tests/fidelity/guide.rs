//! docs/by-hand.md and docs/everyday.md, followed to the letter: by bash and the AWS CLI at moto, then by the program; and
//! the everyday commands in the sandbox.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use sandbox::seed;
use serde_json::json;

use crate::elsewhere::Elsewhere;
use crate::moto::put_image;
use crate::python::{Python, python};
use crate::support::HEALTH;

/// A new tenant, and the everyday commands.
mod everyday;

/// What is made by hand, and the page that goes on with it.
const GUIDE: &str =
    concat!(include_str!("../../docs/by-hand.md"), "\n", include_str!("../../docs/everyday.md"));

/// The contents of the blocks in this language in a part of the guide, in order.
fn blocks(part: &'static str, language: &str) -> impl Iterator<Item = &'static str> {
    let opening = format!("\n```{language}\n");
    let parts: Vec<&str> = part.split(&opening).skip(1).collect();
    parts.into_iter().map(|part| part.split("\n```").next().unwrap_or_default())
}

/// Runs a script in the directory of `moto`, with the AWS CLI of the judges; answers what it printed.
#[track_caller]
fn with_aws_cli(python: &Python, moto: &Elsewhere, script: &str) -> String {
    let credentials = [
        ("AWS_ENDPOINT_URL", moto.endpoint()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
        ("AWS_DEFAULT_REGION", "us-east-1".into()),
    ];
    let aws = python.program("aws");
    let output = bash(moto.directory.path(), script)
        .env("PATH", path(aws.parent()))
        .envs(credentials)
        .output()
        .expect("run bash");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A script that is about to run in this directory, with nothing of this process's environment but `fargate-migrate` on
/// PATH.
fn bash(directory: &Path, script: &str) -> Command {
    let mut bash = Command::new("bash");
    bash.args(["-c", script]).env_clear().env("PATH", path(None)).env("HOME", directory);
    bash.current_dir(directory).stdin(Stdio::null());
    bash
}

/// PATH with the program under test, behind a directory that comes first.
fn path(first: Option<&Path>) -> OsString {
    let ours = Path::new(env!("CARGO_BIN_EXE_fargate-migrate")).parent();
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let directories = first.into_iter().chain(ours).map(Path::to_owned);
    std::env::join_paths(directories.chain(std::env::split_paths(&inherited))).expect("no colon in a path")
}

#[tokio::test]
async fn the_guide_leads_to_a_plan() {
    let Some(python) = python() else { return };
    let Some(moto) = Elsewhere::empty(python, "moto_server.py") else { return };

    // What the guide takes for granted: a network, and the security group of the databases.
    let granted = with_aws_cli(
        python,
        &moto,
        "set -eu
        vpc=$(aws ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text)
        for number in 1 2; do
          aws ec2 create-subnet --vpc-id $vpc --cidr-block 10.0.$number.0/24 --tag-specifications \
            \"ResourceType=subnet,Tags=[{Key=Name,Value=startupwebapp-private-subnet-$number}]\" >&2
        done
        group=$(aws ec2 create-security-group --vpc-id $vpc --group-name databases --description databases \
          --query GroupId --output text)
        echo $vpc $group",
    );
    let (vpc, group) = granted.split_once(' ').expect("two ids");

    let file = moto.directory.path().join(".github/fargate-migrate.yml");
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("make .github");
    let yaml =
        blocks(GUIDE, "yaml").find(|block| block.contains("databases:")).expect("the configuration file");
    std::fs::write(file, yaml).expect("write the configuration file");

    let script = blocks(GUIDE, "sh").collect::<Vec<_>>().join("\n");
    let filled = script.replace("vpc-0123456789abcdef0", vpc).replace("sg-0123456789abcdef0", group);
    assert_ne!(filled, script);
    with_aws_cli(python, &moto, &filled);

    roles_do_what_they_are_for(&moto);
    put_image(&moto);
    let run = moto
        .command(&["migrate", "--plan", "--format=json", "--tag=v1", "--database", HEALTH])
        .current_directory(moto.directory.path());
    let plan = run.finish().await.exits(0).result();
    assert_eq!((&plan["cluster"], &plan["image"]["action"]), (&json!(seed::CLUSTER), &json!("reuse")));
    let network = &plan["databases"][0]["run_task"]["networkConfiguration"]["awsvpcConfiguration"];
    assert_eq!(network["subnets"].as_array().map(Vec::len), Some(2), "{network}");
    assert_eq!(network["securityGroups"].as_array().map(Vec::len), Some(1), "{network}");
    let diff = plan["task_definition"]["diff"].as_str().expect("a diff");
    assert!(diff.contains("+ DATABASE_NAME = __set-by-fargate-migrate__"), "{diff}");
    let reused = "the repository has tag v1 already: its image is used as it is, and the tag does not say of which commit \
                  it is";
    assert_eq!(plan["notes"], json!([reused]), "the guide's task definition leaves something to say");
}

/// The roles of the pipeline: each has the policy of its job, and trusts that job alone.
#[track_caller]
fn roles_do_what_they_are_for(moto: &Elsewhere) {
    for (role, may, may_not, trusted) in [
        (
            "migrations-plan",
            "ecs:DescribeTaskDefinition",
            ["ecs:RunTask", "ecr:PutImage"],
            "environment:plan",
        ),
        (
            "migrations-build",
            "ecr:PutImage",
            ["ecs:RunTask", "ecs:RegisterTaskDefinition"],
            "ref:refs/heads/main",
        ),
        (
            "migrations-run",
            "ecs:RunTask",
            ["ecr:PutImage", "ecr:InitiateLayerUpload"],
            "environment:production",
        ),
        (
            "migrations-deploy",
            "ecs:UpdateService",
            ["ecr:PutImage", "ecs:StopServiceDeployment"],
            "environment:production",
        ),
        (
            "migrations-rollback",
            "ecs:StopServiceDeployment",
            ["ecr:PutImage", "ecs:RunTask"],
            "environment:production",
        ),
        (
            "migrations-admin",
            "ecs:RunTask",
            ["ecr:PutImage", "ecs:RegisterTaskDefinition"],
            "environment:production",
        ),
    ] {
        let name = json!({"RoleName": role, "PolicyName": role});
        let policy = moto.call("iam", "get_role_policy", &name)["PolicyDocument"].to_string();
        assert!(policy.contains(may), "{role}: {policy}");
        for action in may_not {
            assert!(!policy.contains(action), "{role} may {action}: {policy}");
        }
        let trust =
            moto.call("iam", "get_role", &json!({"RoleName": role}))["Role"]["AssumeRolePolicyDocument"]
                .to_string();
        for subject in ["repo:OWNER/NAME", "repo:OWNER@1001/NAME@2002"] {
            assert!(trust.contains(&format!("{subject}:{trusted}")), "{role}: {trust}");
        }
    }
}
