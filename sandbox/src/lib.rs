//! ECS, ECR, CloudWatch Logs, Secrets Manager and STS on loopback, with tasks that really run; and GitHub's API.
//!
//! ```no_run
//! # async fn rehearse() -> anyhow::Result<()> {
//! use sandbox::{Options, Sandbox};
//! let sandbox = Sandbox::start(Options::default()).await?;
//! sandbox.create_cluster("startupwebapp-cluster");
//! for (name, value) in sandbox.environment() {
//!     println!("export {name}={value}");
//! }
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```

mod alarms;
pub mod answer;
mod calls;
pub mod clock;
pub mod ecr;
mod ecs;
mod engine;
mod faults;
mod figures;
mod github;
mod github_oidc;
mod ids;
pub mod images;
mod in_process;
mod lifecycle;
mod logs;
pub mod options;
mod paging;
pub mod postgres;
pub mod quotas;
pub mod real_parts;
mod region;
pub mod registry;
mod sandbox;
mod secrets;
pub mod seed;
mod server;
mod service;
pub mod sessions;
pub mod stand_in;
mod sts;
mod tagging;
pub mod world;

pub use calls::Call;
pub use clock::Pace;
pub use engine::{START_CONTAINER, Script, TaskContext, start_container};
pub use faults::{Disturbance, Fault, Faults, TaskFault, Weather};
pub use figures::Figures;
pub use github::{GitHub, GitHubFault};
pub use logs::Event;
pub use options::{Engine, Options};
pub use quotas::Quotas;
pub use registry::RepositorySettings;
pub use sandbox::{Resource, Sandbox};
pub use stand_in::StandIn;
