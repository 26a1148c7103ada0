//! The flags of services, as deploy and rollback take them. The doc comments here are the manual.

use clap::Args;

use crate::choices::{OnDeploying, OnFailure, ServiceBase};
use crate::values::{Period, answers};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Services")]
pub struct ServiceFlags {
    /// A service of the cluster; repeat it, or separate with commas
    #[arg(long, visible_alias = "services", value_name = "NAME", value_delimiter = ',')]
    pub service: Vec<String>,

    /// How long a deployment may take [default: 30m, with the bake times and steps of the service's strategy on top]
    #[arg(long, value_name = "DURATION")]
    pub deploy_timeout: Option<Period>,

    #[command(flatten)]
    pub health: HealthFlags,

    /// What happens to services that are done already, when another one is not, or when one is unhealthy
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_failure: OnFailure,

    /// Record a GitHub Deployment of the services in this environment; with {service} in it, one for each service, such
    /// as production/{service}. Needs GITHUB_TOKEN with deployments: write
    #[arg(long, value_name = "NAME")]
    pub service_environment: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct HealthFlags {
    /// Ask this address after the deployment, from where this program runs
    #[arg(long, value_name = "URL")]
    pub health_url: Option<String>,

    /// What the answer of --health-url must contain, in its body or a header, such as the commit. Without it any answer
    /// with a status of 200 to 299 counts, also one of the old image
    #[arg(long, value_name = "TEXT", requires = "health_url")]
    pub health_expect: Option<String>,

    /// How many answers in a row have to be good
    #[arg(long, value_name = "N", default_value = "5", requires = "health_url", value_parser = answers)]
    pub health_successes: u32,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Services")]
pub struct DeployServiceFlags {
    #[command(flatten)]
    pub services: ServiceFlags,

    /// Which revision a service's new one is made from
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub service_base: ServiceBase,

    /// The containers that get the image [default: those whose image is in the same repository]; repeat it
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub service_container: Vec<String>,

    /// What is done about another deployment of the service that is under way
    #[arg(long, value_name = "WHAT", value_enum, default_value_t)]
    pub on_deploying: OnDeploying,

    /// Deploy without a migration: the databases of this image are proved elsewhere
    #[arg(long)]
    pub no_migration: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Back to")]
pub struct BackFlags {
    /// What to go back to: a service revision or deployment (its ARN or id), family:revision, or a commit (the image's
    /// tag) [default: what ran before what runs now]
    #[arg(long, value_name = "WHAT")]
    pub to: Option<String>,

    /// Go back although databases were migrated since that ran: the old code meets a newer schema
    #[arg(long)]
    pub accept_newer_schema: bool,

    /// Do not ask, on a terminal, whether to do what the plan says
    #[arg(long)]
    pub yes: bool,
}
