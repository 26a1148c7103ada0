//! The flags of `init`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::choices::Framework;
use crate::database_name::DatabaseName;
use crate::values::Words;

/// Where the tasks run. infra/up makes all of these but the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// A new VPC; tasks get public addresses
    Public,
    /// A new VPC; private tasks, one NAT gateway
    Nat,
    /// A new VPC; private tasks without the internet
    Endpoints,
    /// Nothing is to be made: cluster, repository and task definition are there
    None,
}

#[derive(Debug, Clone, Args)]
pub struct InitFlags {
    /// Print what would be written, and write nothing
    #[arg(long)]
    pub plan: bool,

    /// What all names in AWS begin with, such as shop of shop-cluster [default: the repository's name]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<String>,

    /// The repository on GitHub [default: the one that the remote origin names]
    #[arg(long, value_name = "OWNER/NAME", value_parser = repository)]
    pub github: Option<String>,

    /// The AWS Region [default: AWS_REGION]
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub region: Option<String>,

    /// The databases, with commas between them
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub databases: Vec<DatabaseName>,

    /// The network that infra/up makes; none where everything is there
    #[arg(long, value_name = "WAY", value_enum, conflicts_with = "vpc")]
    pub network: Option<Way>,

    /// A VPC that is there, for infra/up
    #[arg(long, value_name = "ID", requires = "subnets", value_parser = vpc)]
    pub vpc: Option<String>,

    /// The subnets of the tasks, with --vpc or --network none: ids, or tag:KEY=PATTERN
    #[arg(long, value_name = "SUBNETS", value_delimiter = ',')]
    pub subnets: Vec<String>,

    /// The subnets are public, so tasks need a public address
    #[arg(long)]
    pub public_ip: bool,

    /// The secret of a database server that is there [default: infra/up makes a server]
    #[arg(long, value_name = "ARN", value_parser = secret)]
    pub database_secret: Option<String>,

    /// The security group of that server, which gets a rule for the tasks
    #[arg(long, value_name = "ID", requires = "database_secret", value_parser = security_group)]
    pub database_security_group: Option<String>,

    /// The Dockerfile [default: Dockerfile]
    #[arg(long, value_name = "PATH")]
    pub dockerfile: Option<PathBuf>,

    /// The framework whose migrations the image has, for the witness [default: what the files here say]
    #[arg(long, value_name = "NAME", value_enum, conflicts_with = "no_witness")]
    pub framework: Option<Framework>,

    /// The image prints a migration report itself: no witness
    #[arg(long)]
    pub no_witness: bool,

    /// The image's command that migrates [default: the framework's]
    #[arg(long, value_name = "COMMAND")]
    pub command: Option<Words>,

    /// The ECS service that runs the image: with it, deploy.yml and rollback.yml are written
    #[arg(long, value_name = "NAME", value_parser = service)]
    pub service: Option<String>,

    /// The command that tests, before anything is migrated [default: the workflows have no job test]
    #[arg(long, value_name = "COMMAND", value_parser = one_line)]
    pub test_command: Option<String>,

    /// The commit of fargate-migrate that the workflows run [default: the newest]
    #[arg(long, value_name = "COMMIT", value_parser = commit)]
    pub action: Option<String>,
}

/// Checks a name as infra/up does.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_one = (3..=30).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(inner)
        && !text.ends_with('-')
        && !["aws", "ssm", "sg-"].iter().any(|begin| text.starts_with(begin))
        && !text.contains("--");
    is_one.then(|| text.to_owned()).ok_or_else(|| {
        "use three to thirty lower-case letters, digits and single dashes; begin with a letter, but not with aws, ssm or sg-"
            .to_owned()
    })
}

pub(crate) fn repository(text: &str) -> Result<String, String> {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    match text.split_once('/') {
        Some((owner, name)) if is_part(owner) && is_part(name) => Ok(text.to_owned()),
        _ => Err("write OWNER/NAME".to_owned()),
    }
}

pub(crate) fn region(text: &str) -> Result<String, String> {
    let is_one = text.split('-').count() >= 3
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    is_one.then(|| text.to_owned()).ok_or_else(|| "write a Region, such as us-east-1".to_owned())
}

fn service(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    is_one.then(|| text.to_owned()).ok_or_else(|| "use letters, digits, _ and -".to_owned())
}

fn one_line(text: &str) -> Result<String, String> {
    // Line breaks to a reader of YAML as well.
    let breaks = ['\u{2028}', '\u{2029}', '\u{feff}'];
    let is_plain = |c: char| !c.is_control() && !breaks.contains(&c);
    let is_one = !text.trim().is_empty() && text.chars().all(is_plain) && !text.contains("${{");
    let why = "write one line without control characters and without ${{: name a script for more";
    is_one.then(|| text.trim().to_owned()).ok_or_else(|| why.to_owned())
}

fn commit(text: &str) -> Result<String, String> {
    let is_one = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| text.to_ascii_lowercase()).ok_or_else(|| "write all forty digits of a commit".to_owned())
}

fn vpc(text: &str) -> Result<String, String> {
    id("vpc-", text).ok_or_else(|| "write the id of a VPC, such as vpc-0123456789abcdef0".to_owned())
}

fn security_group(text: &str) -> Result<String, String> {
    id("sg-", text).ok_or_else(|| "write the id of a security group, such as sg-0123456789abcdef0".to_owned())
}

fn id(kind: &str, text: &str) -> Option<String> {
    let rest = text.strip_prefix(kind)?;
    let is_one = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric());
    is_one.then(|| text.to_owned())
}

fn secret(text: &str) -> Result<String, String> {
    let is_one = text.starts_with("arn:")
        && text.contains(":secretsmanager:")
        && text.chars().all(|c| c.is_ascii_graphic());
    is_one.then(|| text.to_owned()).ok_or_else(|| {
        "write the ARN of a secret, such as arn:aws:secretsmanager:us-east-1:123456789012:secret:name-AbCdEf".to_owned()
    })
}
