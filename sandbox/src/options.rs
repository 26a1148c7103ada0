//! How a sandbox is to be.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Pace;
use crate::quotas::{Quotas, VCPUS};

/// What runs the containers of tasks that no script stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Processes of this machine, from unpacked images, in a root of their own where they need it. No isolation.
    #[default]
    Process,
    /// The docker CLI.
    Docker,
}

/// How a sandbox is to be. The default is an instant one with the process engine on a free port.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub pace: Pace,
    pub engine: Engine,
    /// The `sandbox` program. The process engine starts the containers with it that need a root of their own, and
    /// refuses them when it is absent.
    pub starter: Option<PathBuf>,
    /// On 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Twelve digits.
    pub account: String,
    pub region: String,
    /// Identifiers and fault schedules repeat with it.
    pub seed: u64,
    pub quotas: Quotas,
    /// Fargate's on-demand vCPU quota; it counts with [`Quotas::Documented`].
    pub vcpus: f64,
    /// Whether [`crate::Sandbox::calls`] keeps every request; figures are kept in any case. A fleet's requests are
    /// hundreds of megabytes.
    pub keep_calls: bool,
    /// How many DescribeTasks right after RunTask answer MISSING for each task.
    pub missing_reads: u32,
    /// How long ECS's stores take to agree on a new task: until then ListTasks leaves it out, and DescribeTasks
    /// answers MISSING.
    pub settles: Duration,
    /// A file that every request and answer is appended to, one JSON document a line. From SANDBOX_RECORD.
    pub record: Option<PathBuf>,
    /// `host:port` of the image registry in answers, for clients that reach it by a proxy; the sandbox's own when
    /// absent.
    pub registry_host: Option<String>,
    /// Where images are kept; a temporary directory when absent.
    pub images: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pace: Pace::Instant,
            engine: Engine::default(),
            starter: None,
            port: 0,
            account: "123456789012".into(),
            region: "us-east-1".into(),
            seed: 1,
            quotas: Quotas::default(),
            vcpus: VCPUS,
            keep_calls: true,
            missing_reads: 0,
            settles: Duration::ZERO,
            record: std::env::var_os("SANDBOX_RECORD").filter(|path| !path.is_empty()).map(Into::into),
            registry_host: None,
            images: None,
        }
    }
}
