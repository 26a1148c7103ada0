//! A running sandbox: its address, its set-up, and what happened in it.

mod services;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use aws_types::SdkConfig;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::answer::AwsError;
use crate::calls::Call;
use crate::ecs;
use crate::engine::{Script, TaskContext};
use crate::faults::Faults;
use crate::figures::Figures;
use crate::github_oidc::Issuer;
use crate::in_process;
use crate::lifecycle;
use crate::logs::Event;
use crate::options::Options;
use crate::region::Region;
use crate::registry::{Registry, RepositorySettings};
use crate::server;
use crate::sessions::Sessions;
use crate::world::{ACCESS_KEY, SECRET_KEY, World};

/// A subnet or security group, with the tags that the Resource Groups Tagging API finds it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `subnet-…` or `sg-…`.
    pub id: String,
    pub tags: Vec<(String, String)>,
}

impl Resource {
    /// Makes one with a `Name` tag.
    pub fn named(id: &str, name: &str) -> Self {
        Self { id: id.into(), tags: vec![("Name".into(), name.into())] }
    }
}

/// The services on one loopback port. Dropping it kills what it started; [`Sandbox::stop`] also waits for that.
pub struct Sandbox {
    world: Arc<World>,
    home: Arc<Region>,
    /// None when it is reached in this process only.
    server: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts the services on a port of 127.0.0.1.
    ///
    /// # Errors
    /// The port is taken, the record file cannot be opened, or there is no room for images.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let listener =
            listen(options.port).await.with_context(|| format!("listen on 127.0.0.1:{}", options.port))?;
        let host = listener.local_addr().context("read address of listener")?.to_string();
        let world = World::new(options, host, lifecycle::spawn)?;
        let home = world.home()?;
        let router = server::router(world.clone());
        let server = tokio::spawn(async move {
            // Ends with the sandbox; a failed accept is retried inside.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { world, home, server: Some(server) })
    }

    /// Makes a sandbox without a port: AWS clients of this process reach it through [`Sandbox::sdk_config`], and
    /// images cannot be pushed. Nothing here waits for sockets, so a runtime whose time is paused runs through hours
    /// at once.
    ///
    /// # Errors
    /// The record file cannot be opened, or there is no room for images.
    pub fn in_process(options: Options) -> anyhow::Result<Self> {
        let world = World::new(options, "sandbox.invalid".into(), lifecycle::spawn)?;
        let home = world.home()?;
        Ok(Self { world, home, server: None })
    }

    /// Returns what AWS SDK clients of this process are made from: credentials, Region, and this sandbox instead of a
    /// network.
    pub fn sdk_config(&self) -> SdkConfig {
        in_process::sdk_config(&self.world)
    }

    /// Returns `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.world.host)
    }

    /// Returns what an AWS client needs in its environment to talk to this sandbox and to nothing else.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint().as_str()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", self.region()),
            ("AWS_DEFAULT_REGION", self.region()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_PAGER", ""),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Returns the environment of a job in GitHub Actions with `id-token: write`, with this sandbox in GitHub's
    /// place.
    pub fn github_environment(&self) -> [(String, String); 2] {
        self.world.issuer.environment(&self.world.host)
    }

    /// Returns the issuer of the OIDC tokens of jobs.
    pub fn issuer(&self) -> &Issuer {
        &self.world.issuer
    }

    /// Returns the roles and their sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.world.sessions
    }

    pub fn account(&self) -> &str {
        &self.world.options.account
    }

    pub fn region(&self) -> &str {
        &self.world.options.region
    }

    /// Returns ECR's registry of the sandbox's own Region.
    pub fn registry(&self) -> &Registry {
        &self.world.registry
    }

    pub fn create_cluster(&self, name: &str) {
        // CreateCluster refuses nothing.
        let _ = ecs::handle(&self.world, &self.home, "CreateCluster", &json!({ "clusterName": name }));
    }

    pub fn create_log_group(&self, name: &str) {
        self.home.logs.create_group(name, self.world.clock.now());
    }

    /// Creates an ECR repository; one that exists already keeps its settings.
    pub fn create_repository(&self, name: &str, settings: RepositorySettings) {
        // The only refusals are an existing repository and a name that ECR would refuse as well.
        let _ = self.world.registry.create_repository(name, settings);
    }

    /// Registers what RegisterTaskDefinition takes, or what DescribeTaskDefinition answered, which keeps its revision
    /// number. Returns the ARN.
    ///
    /// # Errors
    /// ClientException, as RegisterTaskDefinition answers it.
    pub fn register_task_definition(&self, document: &Value) -> Result<String, AwsError> {
        ecs::restore(&self.world, &self.home, document)
    }

    /// Lists every active task definition, by family and revision, as DescribeTaskDefinition answers it with its
    /// tags.
    pub fn task_definitions(&self) -> Vec<Value> {
        let ask =
            |operation: &str, input: Value| ecs::handle(&self.world, &self.home, operation, &input).ok();
        let (mut documents, mut input) = (Vec::new(), json!({}));
        while let Some(page) = ask("ListTaskDefinitions", input) {
            let arns = page["taskDefinitionArns"].as_array().into_iter().flatten();
            documents.extend(arns.filter_map(|arn| {
                ask("DescribeTaskDefinition", json!({ "taskDefinition": arn, "include": ["TAGS"] }))
            }));
            match page.get("nextToken") {
                Some(token) => input = json!({ "nextToken": token }),
                None => break,
            }
        }
        documents
    }

    /// Returns clusters, log groups, secrets and parameters, for [`Sandbox::restore`].
    pub fn keep(&self) -> Value {
        let clusters: Vec<Value> = self.home.ecs.state().clusters.values().map(ecs::creation).collect();
        let log_groups = self.home.logs.group_names();
        json!({ "clusters": clusters, "logGroups": log_groups, "secrets": self.home.secrets.keep() })
    }

    /// Makes again what [`Sandbox::keep`] returned; null is nothing.
    ///
    /// # Errors
    /// The secrets cannot be read.
    pub fn restore(&self, kept: &Value) -> anyhow::Result<()> {
        for cluster in kept["clusters"].as_array().into_iter().flatten() {
            // CreateCluster refuses nothing.
            let _ = ecs::handle(&self.world, &self.home, "CreateCluster", cluster);
        }
        for name in kept["logGroups"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            self.create_log_group(name);
        }
        match kept.get("secrets") {
            Some(secrets) => {
                self.home.secrets.restore(secrets).context("read the secrets of the sandbox's state")
            }
            None => Ok(()),
        }
    }

    /// Gives a secret a current value. An ARN keeps its six-character suffix; a name gets one. Returns the ARN.
    pub fn put_secret(&self, arn_or_name: &str, value: &Value) -> String {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.home.secrets.put(&self.world, arn_or_name, &text)
    }

    /// Sets an SSM parameter that tasks may have injected.
    pub fn put_parameter(&self, name: &str, value: &str) {
        self.home.secrets.put_parameter(name, value);
    }

    /// Adds subnets and security groups. From then on, RunTask refuses those that were not added.
    pub fn create_network(&self, resources: impl IntoIterator<Item = Resource>) {
        for resource in resources {
            self.home.networks.add(&resource.id, resource.tags);
        }
    }

    /// Starts tasks, as RunTask would.
    ///
    /// # Errors
    /// As RunTask answers.
    pub fn run_task(&self, input: &Value) -> Result<Value, AwsError> {
        ecs::handle(&self.world, &self.home, "RunTask", input)
    }

    /// Lets a script stand in for the containers of a family, `family/container`, or repository.
    pub fn set_program(&self, key: &str, program: impl Fn(&TaskContext) -> Script + Send + Sync + 'static) {
        self.world.programs.set(key, Arc::new(program));
    }

    /// Returns the faults that are still to come.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// Lists every request so far, in the order of its answers.
    pub fn calls(&self) -> Vec<Call> {
        self.world.calls.all()
    }

    /// Returns calls, throttles, peaks and tasks so far, in numbers.
    pub fn figures(&self) -> Figures {
        Figures {
            calls: self.world.calls.figures(),
            buckets: self.world.quotas.used(),
            tasks: self.home.ecs.state().figures(),
            seconds: self.world.clock.elapsed() as f64 / 1000.0,
        }
    }

    /// Lets others in the account use up this part of every API bucket from now on; see
    /// [`crate::Quotas::Documented`].
    pub fn set_neighbour(&self, share: f64) {
        self.world.quotas.set_neighbour(share);
    }

    /// Returns the present time of the sandbox's timestamps, in milliseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.world.clock.now()
    }

    /// Lists every task so far, as DescribeTasks would answer it with its tags.
    pub fn tasks(&self) -> Vec<Value> {
        self.home.ecs.state().tasks.values().map(|task| task.render(true)).collect()
    }

    /// Returns when DescribeTasks first showed the exit code of a task's essential container, as [`Sandbox::now`]
    /// counts; `None` while it shows none.
    pub fn exit_shown(&self, task_arn: &str) -> Option<i64> {
        self.home.ecs.state().task(ecs::short_name(task_arn))?.times.exit_shown
    }

    /// Lists the events of a log stream, in the order of their time; none when there is no such stream.
    pub fn log_events(&self, group: &str, stream: &str) -> Vec<Event> {
        self.home.logs.events(group, stream)
    }

    /// Ends every task, kills every process and container that was started, and closes the port.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            // The port is free once the task is gone, not once it is told to go.
            let _ = server.await;
        }
        self.world.end_lives().await;
        let world = self.world.clone();
        // Removing containers blocks; a panic in there has nobody to report to.
        let _ = tokio::task::spawn_blocking(move || world.runtime.kill_all()).await;
    }
}

/// Waits a little for a port that is taken: a sandbox that has just ended may share it, for the moment between fork and
/// exec, with a process that was being started.
///
/// # Errors
/// It is still taken, or may not be listened on.
async fn listen(port: u16) -> std::io::Result<TcpListener> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_millis(50);
    let until = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(("127.0.0.1", port)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < until => {
                tokio::time::sleep(PAUSE).await;
            }
            listener => return listener,
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
        self.world.shut_down();
    }
}
